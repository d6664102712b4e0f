"""Base code of all packages: configs, errors, registries, text files, locks, processes."""
