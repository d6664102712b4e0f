"""Simulated thermal images of annotated photos."""
