"""The steps that many jobs take at once, each a statement or two, and each the only one of its kind."""
