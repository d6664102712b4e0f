"""Imported by each process that runs tests: two workers share two cores, and more threads would wait."""

import torch

torch.set_num_threads(1)
