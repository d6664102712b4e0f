"""One validated config in, one run directory out: a module a stage."""
