"""The training loop, checkpoints and run directories.

`loop.fit` is the only training loop; it trains any `distillation.objective.Objective`.
"""

from mlcmkd.utils.processes import forget_unusable_ranks

forget_unusable_ranks()  # before the modules here import Lightning, which fails at `RANK=`
