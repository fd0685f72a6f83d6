"""One channel: the same five files in each."""
