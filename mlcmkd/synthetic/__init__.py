"""Procedural, seeded pairs of RGB and thermal faces with exact landmarks."""
