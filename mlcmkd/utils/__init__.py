"""What every other package may use: errors, text files, locks, processes."""
