"""A parametric head (mesh, identity modes, 52 expressions), and facial landmarks by definition on it."""

from mlcmkd.synthetic.head.basis import HeadBasis, Material, load_head

__all__ = ["HeadBasis", "Material", "load_head"]
