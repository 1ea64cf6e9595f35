"""Where a model comes from, and how large it is."""
