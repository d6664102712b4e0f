"""Which rows make a batch, and the random state that decides it."""

from collections.abc import Iterator

import torch
from torch import Tensor


class Shuffled(Iterator[Tensor]):
    """An endless sequence of batches of row numbers; every epoch has each row once, in a new order.

    A batch may contain rows of two epochs, so that all batches have the same size.

    Args:
        count: number of rows.
        batch: rows per batch.
        generator: random state for the orders.

    Attributes:
        queue: the remaining rows of the epochs that have begun.
    """

    def __init__(self, count: int, batch: int, generator: torch.Generator):
        self.count, self.batch, self.generator = count, batch, generator
        self.queue = torch.empty(0, dtype=torch.long)

    def __next__(self) -> Tensor:
        while len(self.queue) < self.batch:
            epoch = torch.randperm(self.count, generator=self.generator)
            self.queue = torch.cat((self.queue, epoch))
        rows, self.queue = self.queue[: self.batch], self.queue[self.batch :]
        return rows


class Stream:
    """The batches of one process, or of one accumulated part of a process's steps.

    The number of streams is the number of processes times the number of parts per step. Each stream has
    its own random state, so two processes use the same batches as one process with two parts.

    Args:
        count: number of rows.
        batch: rows per batch.
        seed: seed of the training.
        number: index of the stream, over all processes.

    Attributes:
        generator: random state of the orders and of the augmentation.
        batches: the rows.
    """

    def __init__(self, count: int, batch: int, seed: int, number: int = 0):
        # A large fixed stride keeps the seeds of different streams and trainings distinct.
        self.generator = torch.Generator().manual_seed(seed + 1_000_003 * number)
        self.batches = Shuffled(count, batch, self.generator)

    def __next__(self) -> Tensor:
        return next(self.batches)
