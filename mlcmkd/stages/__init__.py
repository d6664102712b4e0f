"""Stages: one validated config in, one run directory out; one module per stage."""
