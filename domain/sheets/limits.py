"""How large a sheet may be: of the file, of its rows, and of one row."""

from typing import Final

MEGABYTE: Final = 1024 * 1024
MAX_FILE_BYTES: Final = 200 * MEGABYTE
MAX_ROWS: Final = 100_000
# From the row's first byte to its line end, quoted line breaks included.
MAX_ROW_BYTES: Final = MEGABYTE
MAX_ROW_ID_CHARACTERS: Final = 200
