"""Pure rules of Darkroom: no I/O, no framework, no database."""
