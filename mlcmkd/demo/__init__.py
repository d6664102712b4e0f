"""A page on which prediction is tried: files or rendered examples in; drawings, tables and a zip out."""
