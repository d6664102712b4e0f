"""A parametric head (mesh, identity modes, 52 expressions), and facial landmarks by definition on it."""

from mlcmkd.synthetic.head.basis import HeadBasis, Material, load_head
from mlcmkd.synthetic.head.landmarks import ProjectedLandmarks, locate

__all__ = ["HeadBasis", "Material", "ProjectedLandmarks", "load_head", "locate"]
