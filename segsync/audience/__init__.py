"""The data path of pushes: sources, filters, windows, identifiers, changes, ledger and plan."""
