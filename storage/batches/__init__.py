"""Batches in the database: counts, turns, rows going in and results coming out."""
