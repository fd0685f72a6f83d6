"""The data path of a sync: who is meant, what a channel is to be told, and what it was told before."""
