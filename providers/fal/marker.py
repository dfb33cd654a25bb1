"""The field of our own in fal's input: the attempt's name, by which a lost request is found in fal's list."""

from typing import Final

MARKER: Final = "darkroom_attempt"
