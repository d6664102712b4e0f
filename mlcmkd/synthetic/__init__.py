"""Synthetic faces: seeded RGB-thermal pairs of rendered 3-D heads with exact landmarks."""
