"""The outside world: how each channel is spoken to. Knows nothing of the product."""
