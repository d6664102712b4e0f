"""Seeded pairs of RGB and thermal faces with exact landmarks, without any data file."""

from mlcmkd.synthetic.drawn.faces import SyntheticFaces, make_faces

__all__ = ["SyntheticFaces", "make_faces"]
