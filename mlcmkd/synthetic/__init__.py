"""Synthetic faces: procedural, seeded pairs of RGB and thermal images with exact landmarks."""
