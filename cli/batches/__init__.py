"""``darkroom batch``: many jobs from one sheet, from its upload to the folder that its files end up in."""
