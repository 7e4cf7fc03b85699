"""Faults of a data set by kind, so that one report shows all kinds and not a thousand lines of the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from yolow.data.dataset_types import printable

_SHOWN_OF_A_KIND = 20
_SHOWN_IN_A_SENTENCE = 3
_Item = TypeVar("_Item")


class Faults:
    """Collects faults; the same text counts once, since one file may serve two splits."""

    def __init__(self) -> None:
        self._shown: dict[str, list[str]] = {}
        self._seen: dict[str, dict[str, int]] = {}

    def add(self, kind: str, text: str, *, count: int = 1) -> None:
        """Note a fault; `count` where one line stands for several."""
        seen = self._seen.setdefault(kind, {})
        if text in seen:
            return
        seen[text] = count
        shown = self._shown.setdefault(kind, [])
        if len(shown) < _SHOWN_OF_A_KIND:
            shown.append(text)

    @property
    def total(self) -> int:
        """How many faults there are, shown or not."""
        return sum(sum(seen.values()) for seen in self._seen.values())

    def lines(self) -> tuple[str, ...]:
        """The first faults of each kind, and how many more there are."""
        lines: list[str] = []
        for kind, shown in self._shown.items():
            lines.extend(map(printable, shown))
            if more := sum(self._seen[kind].values()) - len(shown):
                lines.append(f"... and {more:,} more of this kind")
        return tuple(lines)


def some(items: Sequence[_Item], say: Callable[[_Item], str] = str) -> str:
    """`a, b, c and 12 more`; only what is shown is put into words."""
    more = len(items) - _SHOWN_IN_A_SENTENCE
    listed = ", ".join(say(item) for item in items[:_SHOWN_IN_A_SENTENCE])
    return listed + (f" and {more:,} more" if more > 0 else "")


def counted(number: int, noun: str) -> str:
    """`1 image`, `1,200 images`, `2 classes`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
