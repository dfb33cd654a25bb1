"""Measures Darkroom on this machine: ``python -m bench`` prints a table of figures, each beside its bar."""
