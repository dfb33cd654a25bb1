"""What was spent: summed by day, asked for in groups, and proven against the ledger."""
