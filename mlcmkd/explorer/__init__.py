"""The explorer: a view of pairs and models, what it computes, its figure and its widget."""
