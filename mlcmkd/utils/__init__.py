"""What every other package may use: errors, registries, text files, locks, processes."""
