"""Numbers and foreign text as people read them."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone

MISSING = "-"
# Below so many seconds: the unit's seconds and its name. 60 days are still days, two years still months.
_AGES = (
    (60, 1, "s"),
    (3600, 60, "min"),
    (172_800, 3600, "h"),
    (5_184_000, 86_400, "d"),
    (63_113_904, 2_629_746, "months"),
)

# Names and paths come from strangers' files. Control characters could move the cursor or hide text, and
# direction marks could reorder it.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def visible(text: str) -> str:
    r"""The text on one line, with characters that a terminal would obey written as `\x1b`."""
    return _UNSEEN.sub(lambda match: _escape(match.group()), text)


def visible_lines(text: str) -> list[str]:
    """As `visible`, for text that may have several lines."""
    return [visible(line) for line in text.splitlines()] or [""]


def ratio(value: float | None) -> str:
    """A value in [0, 1] with three decimals."""
    return MISSING if value is None or not math.isfinite(value) else f"{value:.3f}"


def points(this: float | None, before: float | None) -> str:
    """The difference of two values in [0, 1] in points of a hundred, signed."""
    if this is None or before is None or not math.isfinite(this - before):
        return MISSING
    text = f"{(this - before) * 100:+.2f}"
    return "0.00" if text in {"+0.00", "-0.00"} else text


def loss(value: float | None) -> str:
    """A training loss, with as many digits as a change of it needs."""
    if value is None:
        return MISSING
    if abs(value) >= 1 or not math.isfinite(value):
        return f"{value:.2f}"
    return f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


def exact(value: float) -> str:
    """Enough digits to see on which side of a limit a value lies."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def megabytes(size_bytes: int) -> str:
    """Bytes in units of 10^6."""
    return f"{size_bytes / 1e6:.1f} MB"


def millions(count: int) -> str:
    """A count in units of 10^6 once it is that large."""
    return f"{count / 1e6:.2f} M" if count >= 1_000_000 else f"{count:,}"


def duration(seconds: float) -> str:
    """A measured time: `0.8 s`, `3 min 12 s`, `2 h 05 min`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def age(seconds: float) -> str:
    """How long ago, in the one unit that says enough: `40 s`, `3 h`, `2 d`, `5 months`, `2 years`."""
    for limit, unit_s, unit in _AGES:
        if seconds < limit:
            return f"{max(0, int(seconds // unit_s))} {unit}"
    return f"{int(seconds // 31_556_952)} years"


def age_of(moment: str | None, now: str) -> str:
    """The age of one ISO 8601 moment at another; `-` for what is no moment."""
    try:
        then, at = (_utc(datetime.fromisoformat(text)) for text in (moment or "", now))
        return age((at - then).total_seconds())
    except (ValueError, OverflowError):
        return MISSING


def minute(moment: str | None) -> str:
    """`2026-01-01 12:00` of an ISO 8601 moment, in UTC; `-` for what is no moment."""
    try:
        return f"{_utc(datetime.fromisoformat(moment or '')).astimezone(timezone.utc):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return MISSING


def time_left(seconds: float | None) -> str:
    """An estimate, as coarse as it is uncertain; empty where there is none."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 60:
        return f"{max(0, round(seconds))} s left"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min left"
    return f"{minutes // 60} h {minutes % 60:02d} min left"


def counted(number: int, noun: str) -> str:
    """`1 image`, `12 images`, `60 more classes`."""
    if number != 1:
        noun += "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}"


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
