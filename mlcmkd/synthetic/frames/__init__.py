"""Whole frames of both cameras: none to several people, and things that are warm but no faces."""
