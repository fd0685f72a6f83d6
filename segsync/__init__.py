"""Keeps customer segments in step with audiences in ad accounts."""
