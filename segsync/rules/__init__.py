"""Decisions: pure functions and tables, no input or output."""
