"""Spreadsheets as people make them: CSV read as a stream, rows turned into job requests, results written."""
