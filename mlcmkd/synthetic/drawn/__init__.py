"""The drawn faces that the rendered ones replace."""
