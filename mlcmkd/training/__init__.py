"""The training loop, with sampling, checkpoints, run directories and step times."""
