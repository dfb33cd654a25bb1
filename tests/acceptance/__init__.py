"""Darkroom as a whole, against emulators: a package, so that its stacks end with the last of its tests."""
