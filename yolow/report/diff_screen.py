"""What changed between two sets of weights: who they are, records, metrics, layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from yolow.report import facts
from yolow.report.console import print_line, print_pairs
from yolow.report.formats import MISSING, counted, megabytes, points, ratio, visible
from yolow.report.tables import Column, Row, Table, print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console

MOST_ROWS = 20
_BAR_WIDTH = 14
_MOST_NAMES = 5
_MOST_ONE_SIDED = 4
# Data are told of by their fingerprints, in words.
_SAID_IN_WORDS = frozenset({"data.fingerprint"})


def render(report: RunReport, console: Console) -> None:
    """Print both sides and how they are related, then what differs, the greatest change first."""
    details = report.details
    view = details["view"]
    most = view["top"] or (MOST_ROWS if console.is_terminal else None)
    short = tuple(facts.short_reference(details[side]["reference"]) for side in "ab")
    print_line(console, f"{visible(short[0])} -> {visible(short[1])}", "bold")
    print_pairs(console, _sides(details))
    _print_metrics(console, report, most)
    _print_differences(console, details, short, most)
    _print_layers(console, details, most)
    _print_reshaped(console, details["tensors"], most)
    print_pairs(console, _tensor_lines(details))


def _sides(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    for side in "ab":
        one = details[side]
        facts_of = (one["format"], megabytes(one["size_bytes"]), f"sha256 {one['sha256'][:12]}")
        pairs.append((side, f"{one['reference']}  ({', '.join(facts_of)})"))
    pairs.append(("lineage", _relation(details)))
    if (data := details["data"]) is not None:
        pairs.append(("data", _data(data)))
        if not data["same"] and data["images"] is not None:
            pairs.append(("images", _images(data["images"])))
    return [*pairs, ("classes", _classes(details["classes"]))]


def _relation(details: Mapping[str, Any]) -> str:
    relation = details["relation"]
    a, b = (facts.short_reference(details[side]["reference"]) for side in "ab")
    steps = relation["steps"]
    match relation["kind"]:
        case "same":
            return "the same file, byte by byte"
        case "ancestor":
            return f"b was made from a{_by_steps(steps)}"
        case "descendant":
            return f"a was made from b{_by_steps(steps)}"
        case "related":
            return f"both come from {relation['common']}"
    return f"no common origin of {a} and {b} is known"


def _by_steps(steps: int) -> str:
    return "" if steps == 1 else f", {counted(steps, 'step')} apart"


def _data(data: Mapping[str, Any]) -> str:
    if data["same"]:
        return f"the same images and labels (fingerprint {data['a']['fingerprint'][:12]})"
    told = [
        f"{data[side]['name']}, {counted(data[side]['train_images'] + data[side]['val_images'], 'image')}"
        for side in "ab"
    ]
    return f"different: {told[0]} -> {told[1]}"


def _images(difference: Mapping[str, int]) -> str:
    """`12 images added, 3 labels changed`."""
    wording = {
        "added": ("image", "added"),
        "removed": ("image", "removed"),
        "changed": ("image", "changed"),
        "relabelled": ("label", "changed"),
        "moved": ("image", "moved or renamed"),
    }
    told = [
        f"{counted(difference[kind], noun)} {what}"
        for kind, (noun, what) in wording.items()
        if difference[kind]
    ]
    return ", ".join(told) or "the same images and labels, other classes"


def _classes(classes: Mapping[str, Any]) -> str:
    if classes["same"]:
        return "the same"
    told = [
        f"{len(names)} {state} ({_first(names)})"
        for state in ("added", "removed")
        if (names := classes[state])
    ]
    if renamed := classes["renamed"]:
        names = [f"{one['a']} -> {one['b']}" for one in renamed]
        told.append(f"{len(names)} renamed ({_first(names)})")
    if moved := classes["moved"]:
        told.append(f"{len(moved)} under another id ({_first([one['name'] for one in moved])})")
    return ", ".join(told)


def _first(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown}, ..."


def _print_metrics(console: Console, report: RunReport, most: int | None) -> None:
    if report.metrics is None:
        return
    print_line(console)
    print_table(console, facts.metric_table(report.metrics, report))
    print_line(console, facts.measured_on(report.metrics))
    classes = report.details["class_points"]
    if len(classes) < 2:
        return
    columns = (
        Column(title="class", folds=True),
        *(Column(title=title, right=True) for title in ("a", "b", "points")),
    )
    rows = [
        Row(cells=(entry["name"], ratio(entry["a"]), ratio(entry["b"]), points(entry["b"], entry["a"])))
        for entry in classes
    ]
    print_line(console)
    _print_rows(console, columns, rows, most, "class")


def _print_differences(
    console: Console, details: Mapping[str, Any], short: Sequence[str], most: int | None
) -> None:
    shown = [
        entry
        for entry in details["differences"]
        if (entry["state"] != "equal" or details["view"]["equal"]) and entry["key"] not in _SAID_IN_WORDS
    ]
    if not shown:
        return
    what = "record" if details["a"]["is_version"] and details["b"]["is_version"] else "file"
    columns = (
        Column(title=what),
        *(Column(title=reference, folds=True) for reference in short),
    )
    sections = groupby(shown, key=lambda entry: str(entry["key"]).partition(".")[0])
    rows = [row for section, entries in sections for row in _section_rows(section, list(entries))]
    print_line(console)
    _print_rows(console, columns, rows, most, "difference")


def _section_rows(section: str, entries: Sequence[Mapping[str, Any]]) -> list[Row]:
    """One row a difference; one for all where a whole section of many is on one side only."""
    states = {entry["state"] for entry in entries}
    if len(entries) > _MOST_ONE_SIDED and states in ({"only_a"}, {"only_b"}):
        held = counted(len(entries), "value")
        cells = (held, MISSING) if states == {"only_a"} else (MISSING, held)
        return [Row(cells=(f"{section}.*", *cells))]
    return [
        Row(
            cells=(
                str(entry["key"]),
                MISSING if entry["state"] == "only_b" else _value(entry["a"]),
                MISSING if entry["state"] == "only_a" else _value(entry["b"]),
            )
        )
        for entry in entries
    ]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or value in ([], {}, ()):
        return "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return str(value)


def _print_layers(console: Console, details: Mapping[str, Any], most: int | None) -> None:
    shown = [
        layer
        for layer in details["layers"]
        if details["view"]["equal"] or layer["state"] not in ("equal", "rounded")
    ]
    if not shown:
        return
    same_format = details["a"]["format"] == details["b"]["format"]
    columns = (
        Column(title="layer"),
        Column(title="type"),
        Column(title="changed", right=True),
        Column(title="rel. L2", right=True),
        Column(title="", folds=False),
        Column(title="max", right=True),
        Column(title="cosine" if same_format else "SNR dB", right=True),
    )
    largest = max((layer["relative_l2"] or 0.0 for layer in shown), default=0.0)
    is_unicode = console.encoding.startswith("utf")
    rows = [Row(cells=_layer_cells(layer, largest, same_format, is_unicode)) for layer in shown]
    print_line(console)
    _print_rows(console, columns, rows, most, "layer")


def _layer_cells(
    layer: Mapping[str, Any], largest: float, same_format: bool, is_unicode: bool
) -> tuple[str, ...]:
    states, relative = layer["tensors"], layer["relative_l2"]
    changed = sum(count for state, count in states.items() if state not in ("equal", "rounded"))
    if layer["state"] in ("added", "removed"):
        bar = f"only in {'b' if layer['state'] == 'added' else 'a'}"
    else:
        bar = text_bar((relative or 0.0) / largest if largest else 0.0, _BAR_WIDTH, is_unicode=is_unicode)
    last = layer["cosine"] if same_format else layer["signal_to_noise_db"]
    return (
        layer["path"],
        layer["kind"] or MISSING,
        f"{changed}/{sum(states.values())}",
        _small(relative),
        bar,
        _small(layer["max_difference"]),
        MISSING if last is None else f"{last:.4f}" if same_format else f"{last:.1f}",
    )


def text_bar(share: float, width: int, *, is_unicode: bool) -> str:
    """A bar of up to `width` characters, in eighths of one where the encoding has such blocks.

    Args:
        share: in [0, 1]; anything above zero shows.
    """
    if not is_unicode:
        return "#" * (max(1, round(share * width)) if share > 0 else 0)
    eighths = max(1, round(share * width * 8)) if share > 0 else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")


def _small(value: float | None) -> str:
    """A magnitude whose digits matter down to tiny ones."""
    if value is None:
        return MISSING
    return "0" if value == 0 else f"{value:.4f}" if 0.001 <= value < 1000 else f"{value:.1e}"


def _print_reshaped(console: Console, tensors: Sequence[Mapping[str, Any]], most: int | None) -> None:
    rows = [
        Row(cells=(tensor["name"], _shape(tensor["shape_a"]), _shape(tensor["shape_b"])))
        for tensor in tensors
        if tensor["state"] == "reshaped"
    ]
    if rows:
        columns = (Column(title="reshaped", folds=True), Column(title="a"), Column(title="b"))
        print_line(console)
        _print_rows(console, columns, rows, most, "tensor")


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "single value"


def _tensor_lines(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    counts = {state: count for state, count in details["counts"].items() if count}
    lines = [
        ("bit-equal", ", ".join(map(_range, details["bit_equal"])) or "no layer"),
        ("rounded", ", ".join(map(_range, details["rounded"]))),
        ("tensors", ", ".join(f"{count:,} {state}" for state, count in counts.items())),
    ]
    if details["fused"]:
        side = details["fused"][0]
        lines.append(("fused", f"{side}'s batch normalisation was folded in, as it is in the other"))
    if details["recognised"]:
        lines.append(("matched", f"{counted(details['recognised'], 'tensor')} by shape and values"))
    return [(label, text) for label, text in lines if text]


def _range(one: Mapping[str, Any]) -> str:
    if one["layers"] == 1:
        return str(one["first"])
    return f"{one['first']} to {one['last']} ({counted(one['layers'], 'layer')})"


def _print_rows(
    console: Console, columns: tuple[Column, ...], rows: Sequence[Row], most: int | None, noun: str
) -> None:
    """A table of the first rows, and how many were left out."""
    print_table(console, Table(columns=columns, rows=tuple(rows[:most])))
    if most is not None and (more := len(rows) - most) > 0:
        print_line(console, f"... and {counted(more, f'more {noun}')}, `--json` has all")
