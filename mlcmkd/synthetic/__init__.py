"""Synthetic faces: seeded RGB-thermal pairs of rendered 3-D heads with exact landmarks."""

RENDERER_VERSION = 1
"""Increase it whenever the faces of a seed change: completed runs on other faces are not reused."""
