"""What people and workers do: one module per noun, each use case a plain function."""
