"""The history of a name, one line an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from yolow.report.formats import minute, points, ratio
from yolow.report.pages import on_screen, print_more
from yolow.report.tables import Column, Row, Table, Tone, print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console


def render(report: RunReport, console: Console) -> None:
    """Print the events in the given order."""
    events = on_screen(report.details["events"], report.details, console)
    columns = (Column(title="when (UTC)"), Column(title="what"), Column(title="event", folds=True))
    rows = tuple(_row(event) for event in events)
    print_table(console, Table(columns=columns, rows=rows))
    print_more(console, report.details, shown=len(events), noun="event")


def _row(event: Mapping[str, Any]) -> Row:
    tone: Tone = "strong" if event["kind"] == "version" else "bad" if event["kind"] == "removal" else ""
    subject = str(event["alias"] if event["kind"] == "alias" else event["reference"])
    return Row(cells=(minute(event["when"]), subject, _TEXTS[event["kind"]](event)), tone=tone)


def _version(event: Mapping[str, Any]) -> str:
    text = str(event["operation"])
    if event["parent"]:
        text += f" of {event['parent']}"
    if event["main_value"] is not None:
        text += f", {event['main_metric']} {ratio(event['main_value'])}"
        if event["baseline_value"] is not None:
            text += f" ({points(event['main_value'], event['baseline_value'])} points)"
    return f"{text}; removed since" if event["removed"] else text


def _alias(event: Mapping[str, Any]) -> str:
    before, after = (
        "nothing" if number is None else f"v{number}" for number in (event["previous"], event["number"])
    )
    return _with_reason(f"{before} -> {after}", event)


def _removal(event: Mapping[str, Any]) -> str:
    return _with_reason("removed", event)


def _note(event: Mapping[str, Any]) -> str:
    return f"note: {' '.join(event['text'].split())}"


def _with_reason(text: str, event: Mapping[str, Any]) -> str:
    return f"{text}: {event['reason']}" if event["reason"] else text


_TEXTS = {"version": _version, "alias": _alias, "removal": _removal, "note": _note}
