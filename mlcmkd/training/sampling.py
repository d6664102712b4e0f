"""Which rows make a batch, and by which dice."""

from collections.abc import Iterator

import torch
from torch import Tensor


class Shuffled(Iterator[Tensor]):
    """Batches of row numbers without end: every row once an epoch, each epoch in a new order.

    A batch may reach over the border of two epochs, so that all have one size.

    Args:
        count: number of rows.
        batch: rows a batch.
        generator: of the orders.

    Attributes:
        queue: the rows of the epochs begun that are still to come.
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
    """The batches that one process sees, or one of the parts that it takes one after the other.

    A training has as many streams as processes times parts a step. Each has seeds of its own, so who
    takes which stream makes no difference: two processes see what one sees that accumulates two parts.

    Args:
        count: number of rows.
        batch: rows a batch.
        seed: of the training.
        number: of the stream, over all processes.

    Attributes:
        generator: of the orders and of the augmentation.
        batches: the rows.
    """

    def __init__(self, count: int, batch: int, seed: int, number: int = 0):
        # A fixed stride apart, seeds stay distinct for streams and trainings alike.
        self.generator = torch.Generator().manual_seed(seed + 1_000_003 * number)
        self.batches = Shuffled(count, batch, self.generator)

    def __next__(self) -> Tensor:
        return next(self.batches)
