"""Which identities each split of the synthetic faces has: no person is in two splits."""

FIRST_IDENTITY = {"train": 0, "val": 1_000_000, "test": 2_000_000}
