"""Step 6: the ledger books a unit."""
