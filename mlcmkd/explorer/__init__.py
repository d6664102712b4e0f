"""The explorer: a view of pairs and models, its computed results, its figure and its widget."""
