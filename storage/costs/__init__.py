"""What jobs cost, in sums that are kept as jobs end, and the proof that the ledger adds up."""
