"""Which rows make a batch."""

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
