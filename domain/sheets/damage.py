"""What spreadsheets do to cells without being asked: errors in their place, times, rounded numbers."""

import re
from typing import Final

from domain.sheets.problems import CellError, ProblemCode

# As Excel and LibreOffice write them in English, German, French, Spanish and Portuguese.
_ERRORS: Final = re.compile(
    r"#(?:REF!|NAME\?|VALUE!|DIV/0!|N/A|NULL!|NUM!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|BUSY!|UNKNOWN!"
    r"|GETTING_DATA|BEZUG!|WERT!|ZAHL!|NV|NOM\?|VALEUR!|NUL!|NOMBRE!"
    r"|¡REF!|¿NOMBRE\?|¡VALOR!|¡DIV/0!|¡NUM!|¡NULO!|NOME\?|VALOR!|NÚM!)|Err:\d{3}"
)
_TOO_NARROW: Final = re.compile(r"#{3,}")
# As spreadsheets write numbers that they hold in 15 digits at most and show in fewer.
_ROUNDED: Final = re.compile(r"[+-]?\d(?:[.,]\d{1,20})?E\+\d{2,3}")
_TIME: Final = re.compile(r"(\d{1,2}):(\d{1,2})(?::\d{2})?(?:\s*[AP]M)?", re.IGNORECASE)
_RATIO: Final = re.compile(r"[1-9]\d?:[1-9]\d?")


def refuse_error_value(cell: str) -> None:
    """Raise CellError where a spreadsheet shows an error of its own in the cell."""
    if _ERRORS.fullmatch(cell):
        raise CellError(
            ProblemCode.SPREADSHEET_ERROR,
            f"the spreadsheet shows its error {cell} there",
            "correct the formula in the spreadsheet, or format the column as text and write the value again",
        )
    if _TOO_NARROW.fullmatch(cell):
        raise CellError(
            ProblemCode.SPREADSHEET_ERROR,
            "the spreadsheet shows #### there, as it does where a column is too narrow for the value",
            "widen the column in the spreadsheet, or format it as text, and save the sheet again",
        )


def refuse_rounded(cell: str) -> None:
    """Raise CellError where a spreadsheet has written a long number shortened, with an exponent."""
    if _ROUNDED.fullmatch(cell):
        raise CellError(
            ProblemCode.ROUNDED,
            f"the spreadsheet has rounded the number to {cell}, and its other digits are lost",
            "format the column as text in the spreadsheet, then write all digits again",
        )


def refuse_time(cell: str) -> None:
    """Raise CellError where a spreadsheet has turned a ratio such as 16:9 into a time of day."""
    time = _TIME.fullmatch(cell)
    if time is None or _RATIO.fullmatch(cell):
        return
    raise CellError(
        ProblemCode.TURNED_INTO_TIME,
        f"the spreadsheet has turned the ratio into the time {cell}",
        f"format the column as text in the spreadsheet, then write {int(time[1])}:{int(time[2])}",
    )
