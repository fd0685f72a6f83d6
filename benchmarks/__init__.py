"""How fast the product is, measured through its own code: `python -m benchmarks`. Nothing here is a test."""
