"""Batches: many jobs from one file, from its upload to its results."""
