"""Raw downloads to one manifest; the only place that knows a data set by its name."""
