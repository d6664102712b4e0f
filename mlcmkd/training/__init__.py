"""The training loop, checkpoints and run directories.

`loop.fit` is the only training loop; it trains any `distillation.objective.Objective`.
"""
