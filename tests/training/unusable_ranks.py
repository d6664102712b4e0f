"""A command that makes a Fabric. Lightning is imported anew: it reads the ranks while it is imported."""

import sys

for name in [name for name in sys.modules if name.startswith(("lightning", "mlcmkd"))]:
    del sys.modules[name]

from mlcmkd.training.config import FitConfig  # noqa: E402
from mlcmkd.training.fabric import make_fabric  # noqa: E402

make_fabric(FitConfig(accelerator="cpu"))
