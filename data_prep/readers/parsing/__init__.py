"""Annotation formats that several data sets share, parsed as data."""
