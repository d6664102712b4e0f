"""How good predictions are: metrics, scores of a split, statistics over seeds, invariance, cost."""
