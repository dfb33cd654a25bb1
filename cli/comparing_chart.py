"""The picture of a comparison: what each generation cost, and what a month would come to.

Here alone amounts become floats: pixels need no nano-dollars. Every number written is made from whole ones.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from textwrap import fill, shorten
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from domain.comparing_verdict import rounded_usd
from domain.money import NANO_PER_USD

_INK: Final = "#1d2430"
_QUIET: Final = "#5b6472"
_LINE: Final = "#d9dde3"
_COLOURS: Final = {"linkmodel": "#1f6feb", "fal": "#d9480f"}
_OTHER: Final = "#6f42c1"
_LOOK: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _LINE,
    "xtick.color": _QUIET,
    "ytick.color": _INK,
    "svg.fonttype": "none",
    # What a customer named a model is text, never a formula.
    "text.parse_math": False,
    "axes.unicode_minus": False,
}
_WIDTH: Final = 12.0
_ROW: Final = 0.95
_AROUND: Final = 2.35
_WIDEST: Final = 150
_LONGEST: Final = 34
_TITLE: Final = 85
_HEADROOM: Final = 1.18
_WORDS: Final = {"minimum": "min", "median": "median", "maximum": "max"}

Row = Mapping[str, Any]


def picture(found: Mapping[str, Any], kind: str) -> bytes:
    """A comparison, as the API answers it, as a picture of this kind: ``png``, ``svg`` or ``pdf``."""
    rows = [row for row in found["data"] if row["minimum"] is not None]
    said = [fill(one, _WIDEST) for one in (*found["verdicts"], *found["advice"])]
    lines = sum(one.count("\n") + 1 for one in said)
    height = _AROUND + _ROW * max(len(rows), 1) + 0.22 * lines
    with rc_context(_LOOK):
        figure = Figure(figsize=(_WIDTH, height), facecolor="white")
        FigureCanvasAgg(figure)
        _head(figure, found, height)
        foot = (0.22 * lines + 0.75) / height
        top = 1 - 1.25 / height
        each = figure.add_axes((0.235, foot, 0.355, top - foot))
        month = figure.add_axes((0.625, foot, 0.355, top - foot))
        _frame(each, rows, "One generation, $", names=True)
        _frame(month, rows, f"{found['monthly']:,} a month, $", names=False)
        for place, row in enumerate(rows):
            _paid(each, place, row)
            _projected(month, place, row)
        for axes, widest in ((each, _dearest(rows)), (month, _dearest_month(rows))):
            axes.set_xlim(0, (_usd(widest) or 1) * _HEADROOM)
            axes.xaxis.set_major_formatter(lambda value, _: f"${value:,.10g}")
        figure.text(0.02, 0.18 / height, "\n".join(said), va="bottom", fontsize=9.5, color=_INK)
        drawn = BytesIO()
        figure.savefig(drawn, format=kind, dpi=150, facecolor="white")
    return drawn.getvalue()


def _head(figure: Figure, found: Mapping[str, Any], height: float) -> None:
    rows = found["data"]
    title = shorten(f"What {', '.join(found['models'])} really cost", _TITLE, placeholder=" …")
    figure.text(0.02, 1 - 0.28 / height, title, va="top", fontsize=15, weight="bold", color=_INK)
    jobs = sum(row["n"] for row in rows)
    unknown = sum(row["unknown"] for row in rows)
    told = [
        f"{jobs:,} succeeded jobs",
        f"{unknown:,} more of unknown cost, left out" if unknown else "every cost known",
        f"{found['from'] or 'the first day'} to {found['to'] or 'today'}, UTC",
        *(["on the sandbox"] if any(row["sandbox"] for row in rows) else []),
    ]
    figure.text(0.02, 1 - 0.66 / height, "  ·  ".join(told), va="top", fontsize=10, color=_QUIET)


def _frame(axes: Axes, rows: Sequence[Row], title: str, *, names: bool) -> None:
    axes.set_title(title, loc="left", fontsize=11, weight="bold", color=_INK, pad=8)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [_name(row) for row in rows] if names else [""] * len(rows))
    axes.tick_params(length=0, labelsize=10)
    axes.tick_params(axis="x", labelsize=9)
    axes.grid(axis="x", color=_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    if not rows:
        axes.text(0.5, 0.5, "nothing known yet", transform=axes.transAxes, ha="center", color=_QUIET)


def _paid(axes: Axes, place: int, row: Row) -> None:
    """From the cheapest to the dearest, with a mark at the median."""
    low, middle, high = (row[name]["nano_usd"] for name in _WORDS)
    ends, colour = [_usd(low), _usd(high)], _colour(row)
    axes.plot(ends, [place, place], color=colour, linewidth=7, alpha=0.3, solid_capstyle="butt")
    axes.plot(ends, [place, place], "|", color=colour, markersize=13, markeredgewidth=2)
    axes.plot([_usd(middle)], [place], "o", color=colour, markersize=9)
    if low == high:
        _above(axes, place, f"always ${row['median']['usd']}")
        return
    amounts = [f"{word} ${row[name]['usd']}" for name, word in _WORDS.items()]
    spread = row["spread_percent"]
    _above(axes, place, "   ".join([*amounts, *([] if spread is None else [f"(+{spread:g} %)"])]))


def _projected(axes: Axes, place: int, row: Row) -> None:
    """A bar to the projected month, with the ends between which it lies."""
    month = row["projected"]
    nano = month["monthly"]["nano_usd"]
    axes.barh([place], [_usd(nano)], height=0.3, color=_colour(row), alpha=0.85)
    if month["low"] is None or month["high"] is None:
        _above(axes, place, f"about ${rounded_usd(nano)}, from too few payments ({row['n']})")
        return
    low, high = month["low"]["nano_usd"], month["high"]["nano_usd"]
    if low == high:
        exact = month["certainty"] == "exact"
        told = "exactly: all payments alike" if exact else "as far as is known"
        _above(axes, place, f"${rounded_usd(nano)} {told}")
        return
    reach = [[_usd(nano - low)], [_usd(high - nano)]]
    axes.errorbar([_usd(nano)], [place], xerr=reach, fmt="none", ecolor=_INK, capsize=5, elinewidth=1.6)
    told = f"95 % sure, from {row['n']:,} payments"
    _above(axes, place, f"${rounded_usd(low)} to ${rounded_usd(high)}, {told}")


def _above(axes: Axes, place: int, text: str) -> None:
    """A line of text above a row's mark, from the frame's left edge, with nothing behind it."""
    at = axes.get_yaxis_transform()
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.text(0.008, place - 0.29, text, transform=at, ha="left", va="center", fontsize=9, bbox=box)


def _name(row: Row) -> str:
    where = f"{row['provider']}{' (sandbox)' if row['sandbox'] else ''}"
    path = [] if row["endpoint"] == row["model"] else [_short(row["endpoint"])]
    return "\n".join([_short(row["model"]), where, *path])


def _short(name: str) -> str:
    """A name that fits; of a path the end tells more."""
    return name if len(name) <= _LONGEST else f"…{name[-_LONGEST + 1 :]}"


def _colour(row: Row) -> str:
    return _COLOURS.get(row["provider"], _OTHER)


def _dearest(rows: Sequence[Row]) -> int:
    return max((row["maximum"]["nano_usd"] for row in rows), default=0)


def _dearest_month(rows: Sequence[Row]) -> int:
    months = [row["projected"] for row in rows]
    return max((one[end]["nano_usd"] for one in months for end in ("monthly", "high") if one[end]), default=0)


def _usd(nano: int) -> float:
    return nano / NANO_PER_USD
