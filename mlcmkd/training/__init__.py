"""The training loop and what it needs: sampling, checkpoints, run directories, step times."""
