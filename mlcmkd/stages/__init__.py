"""The stages: each takes one validated config and writes one run directory.

One module per stage. `common` has what the training stages share, `objective.train_objective` their
training, also for an objective of your own.
"""
