"""The stages: each takes one validated config and writes one run directory.

There is one module per stage. `common` contains the code that the training stages share.
`objective.train_objective` is their training, also for a user-defined objective.
"""
