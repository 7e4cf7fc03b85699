"""Long lists on a terminal: one page of them, and how to see the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from yolow.errors import UsageError
from yolow.report.console import print_line
from yolow.report.formats import counted, visible

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")

PAGE_SIZE = 50


def paged(items: Sequence[T], page: int | None, command: str) -> tuple[list[T], dict[str, Any]]:
    """The items of one page, or all where none is asked for, and what the report's details say about it.

    Args:
        items: all of them.
        page: from 1; None: a terminal shows the first page, everything else gets all.
        command: shows page 1 again, such as `yolow weights list --name solar`.

    Raises:
        UsageError: there is no such page.
    """
    pages = max(1, -(-len(items) // PAGE_SIZE))
    if page is not None and not 1 <= page <= pages:
        raise UsageError(
            f"there is no page {page}", context=[f"pages: 1 to {pages}"], hint=f"{command} --page {pages}"
        )
    following = (page or 1) + 1
    details = {
        "total": len(items),
        "page": page,
        "next_page": f"{command} --page {following}" if following <= pages else None,
    }
    if page is None:
        return list(items), details
    return list(items[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]), details


def on_screen(items: Sequence[T], details: Mapping[str, Any], console: Console) -> Sequence[T]:
    """What to show of the items of a report: on a terminal one page."""
    return items[:PAGE_SIZE] if console.is_terminal else items


def print_more(console: Console, details: Mapping[str, Any], *, shown: int, noun: str) -> None:
    """Say which part of all this is, and how to see the next, where it is not all."""
    total, page = details["total"], details["page"]
    if shown < total and (console.is_terminal or page):
        first = ((page or 1) - 1) * PAGE_SIZE + 1
        more = f", more with: {visible(details['next_page'])}" if details["next_page"] else ""
        print_line(console)
        print_line(console, f"{first:,} to {first + shown - 1:,} of {counted(total, noun)}{more}")
