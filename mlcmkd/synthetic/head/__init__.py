"""A parametric head (mesh, identity modes, 52 expressions), and facial landmarks defined on it."""

from mlcmkd.synthetic.head.basis import Material, load_head
from mlcmkd.synthetic.head.landmarks import locate

__all__ = ["Material", "load_head", "locate"]
