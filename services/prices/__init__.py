"""Prices: what is known of them for quotes, how they are learned, and how they are read anew."""
