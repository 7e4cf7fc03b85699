"""The screen of `inspect`: what a file is, what it has learned, how healthy it is, and what it could do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yolow.report.console import print_line, print_pairs
from yolow.report.export_facts import export_pairs
from yolow.report.facts import short_reference
from yolow.report.formats import MISSING, counted, megabytes, visible
from yolow.report.health_tables import print_health, print_tensors
from yolow.report.listing import listing_lines
from yolow.report.module_tree import dtype_text, module_tree
from yolow.report.prose import print_facts, print_prose
from yolow.report.tables import Column, Row, Table, print_table
from yolow.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console

_MOST_CLASSES = 8
_MOST_FINDINGS = 20
_MOST_FLOAT_LAYERS = 8
# Of up to a hundred training arguments those that say what was learned from what; `--stats` shows all.
_TELLING_ARGUMENTS = ("data", "model", "epochs", "batch", "imgsz", "optimizer", "lr0", "freeze", "seed")
_PRECISIONS = {
    "layers_int8": "int8",
    "layers_int8_weights": "with int8 weights alone",
    "layers_float": "float",
}
_VERDICT_STYLES = {"dangerous": "bold red", "unknown": "yellow"}

File = Mapping[str, Any]


def render(report: RunReport, console: Console, *, depth: int | None = None, stats: bool = False) -> None:
    """Print a section for each file.

    Args:
        report: of `inspect`.
        console: where.
        depth: levels of the module tree; None: what fits a screen.
        stats: show every layer, every tensor and every global.
    """
    files = report.details["files"]
    for index, file in enumerate(files):
        if file["path"] is None and len(files) == 1:
            continue  # the error says it all
        if index:
            print_line(console)
            print_line(console)
        _print_title(console, file)
        print_facts(console, list(_identity(file)))
        if stats:
            _print_arguments(console, file)
        if file["parameters"]:
            _print_parameters(console, file["parameters"])
            _print_precision(console, file["facts"], stats=stats)
            _print_tree(console, file["modules"], depth)
        if file["health"]:
            print_health(console, file["health"], stats=stats)
        if stats and file["tensors"]:
            print_tensors(console, file["tensors"])
        _print_unusual(console, file["unusual"])
        _print_safety(console, file, stats=stats)
    print_pairs(console, [(artifact.kind, artifact.path) for artifact in report.artifacts])


def _print_title(console: Console, file: File) -> None:
    facts = file["facts"] or {}
    said = [str(facts[key]) for key in ("task", "architecture") if facts.get(key)]
    said += [counted(len(facts["names"]), "class")] if facts.get("names") else []
    words = [file["status"]] if file["status"] != "clean" else []
    words += [", ".join(said)] if said else []
    reference = str(file["reference"])
    title = short_reference(reference) if reference == file["path"] else reference
    print_line(console, visible("  ".join([title, *words])), "bold")


def _identity(file: File) -> Iterator[tuple[str, str]]:
    facts = file["facts"] or {}
    if file["path"]:
        yield "file", str(file["path"])
    size = megabytes(file["size_bytes"]) if file["size_bytes"] is not None else ""
    if told := ", ".join(filter(None, (file["format"], size))):
        yield ("format" if file["format"] else "size"), told
    if file["sha256"]:
        yield "sha256", str(file["sha256"])
    yield from _store_pairs(file)
    if names := facts.get("names"):
        yield "classes", _class_names(names)
    if facts.get("imgsz"):
        yield "image size", str(facts["imgsz"])
    if traits := list(_traits(facts)):
        yield "network", ", ".join(traits)
    if written := _written(facts):
        yield "written", written
    yield from export_pairs(facts)
    if git := [f"{key} {value}" for key, value in (facts.get("git") or {}).items() if value]:
        yield "git", ", ".join(git)
    arguments = facts.get("train_args") or {}
    if chosen := [f"{key} {arguments[key]}" for key in _TELLING_ARGUMENTS if arguments.get(key) is not None]:
        yield "trained with", ", ".join(chosen)
    if metrics := facts.get("train_metrics"):
        yield "its own claim", ", ".join(_metrics(metrics))


def _print_arguments(console: Console, file: File) -> None:
    arguments = (file["facts"] or {}).get("train_args")
    if not arguments:
        return
    print_line(console)
    for line in listing_lines({"train_args": arguments}):
        print_line(console, line)


def _store_pairs(file: File) -> Iterator[tuple[str, str]]:
    if not (store := file["store"]):
        return
    aliases = f" ({', '.join(store['aliases'])})" if store["aliases"] else ""
    yield "version", f"{store['version']}{aliases}"
    if len(store["lineage"]) > 1:
        yield "lineage", " <- ".join(_step(step) for step in store["lineage"])


def _step(step: Mapping[str, Any]) -> str:
    gone = f" ({step['state']})" if step["state"] in ("removed", "missing") else ""
    return f"{step['reference']}{gone}"


def _class_names(names: Mapping[str, str]) -> str:
    values = [str(name) for name in names.values()]
    shown = ", ".join(values[:_MOST_CLASSES])
    more = len(values) - _MOST_CLASSES
    return f"{shown}, ... and {more:,} more" if more > 0 else shown


def _traits(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts.get("layers"):
        yield counted(facts["layers"], "layer")
    if facts.get("backbone_layers"):
        yield f"{facts['backbone_layers']} of them the backbone"
    if facts.get("end2end"):
        yield "a head that needs no NMS"
    if facts.get("kpt_shape"):
        yield f"{facts['kpt_shape'][0]} keypoints"
    if facts.get("fused"):
        yield "fused"
    if facts.get("epoch") is not None:
        yield f"can be resumed after epoch {facts['epoch'] + 1}"


def _written(facts: Mapping[str, Any]) -> str:
    parts = [str(facts["date"]).partition(".")[0]] if facts.get("date") else []
    parts += [f"by Ultralytics {facts['version']}"] if facts.get("version") else []
    parts += [str(facts["license"])] if facts.get("license") else []
    return ", ".join(parts)


def _metrics(metrics: Mapping[str, Any]) -> Iterator[str]:
    for key, value in metrics.items():
        name = str(key).removeprefix("metrics/")
        if isinstance(value, int | float) and name != "fitness" and not name.endswith("_loss"):
            yield f"{name} {value:.3f}"


def _print_parameters(console: Console, parameters: Mapping[str, Any]) -> None:
    """Weights and biases apart, those of normalisations apart from the rest, and what fusing leaves."""
    has_norm = bool(parameters["norm_weights"] or parameters["norm_biases"])
    weights, biases = parameters["weights"], parameters["biases"]
    norm_weights, norm_biases = parameters["norm_weights"], parameters["norm_biases"]
    rows = [
        ("layers", weights, biases, weights + biases),
        ("normalisations", norm_weights, norm_biases, norm_weights + norm_biases),
    ]
    lines = [Row(cells=(name, *map(_thousands, values))) for name, *values in rows] if has_norm else []
    total = (weights + norm_weights, biases + norm_biases, parameters["total"])
    lines.append(Row(cells=("parameters", *map(_thousands, total)), tone="strong"))
    if parameters["fused"] is not None:
        lines.append(Row(cells=("once fused", "", "", _thousands(parameters["fused"]))))
    if parameters["buffers"]:
        lines.append(Row(cells=("buffers", "", "", _thousands(parameters["buffers"]))))
    titles = ("", "weights", "biases", "all")
    columns = tuple(Column(title=title, right=bool(title)) for title in titles)
    print_line(console)
    print_table(console, Table(columns=columns, rows=tuple(lines)))


def _print_precision(console: Console, facts: Mapping[str, Any], *, stats: bool) -> None:
    """Of an export with small integers: how many layers compute with them, and which stayed float."""
    counts, layers = facts.get("quantization") or {}, facts.get("precision") or {}
    if not counts.get("layers_int8") and not counts.get("layers_int8_weights"):
        return
    told = [f"{number} {_PRECISIONS[key]}" for key, number in counts.items() if number and key in _PRECISIONS]
    pairs = [("precision", f"layers: {', '.join(told)}")]
    stayed = [name for name, layer in layers.items() if str(layer["weights"]).startswith(("float", "bfloat"))]
    if stayed:
        more = len(stayed) - _MOST_FLOAT_LAYERS
        shown = ", ".join(stayed[:_MOST_FLOAT_LAYERS])
        pairs.append(("stayed float", f"{shown}, ... and {more:,} more" if more > 0 else shown))
    print_facts(console, pairs)
    if stats:
        titles = ("layer", "kind", "weights", "input", "kB")
        columns = tuple(Column(title=title, right=title == "kB") for title in titles)
        rows = tuple(Row(cells=tuple(_precision_cells(*item))) for item in layers.items())
        print_line(console)
        print_table(console, Table(columns=columns, rows=rows))


def _precision_cells(name: str, layer: Mapping[str, Any]) -> Iterator[str]:
    yield name
    yield from (str(layer[key]) for key in ("kind", "weights", "activations"))
    yield f"{layer['size_bytes'] / 1e3:,.1f}"


def _print_tree(console: Console, modules: Sequence[Mapping[str, Any]], depth: int | None) -> None:
    tree = module_tree(modules, depth=depth)
    if not tree.deepest:
        return  # the parameters alone say it all
    dtypes = dtype_text(modules[0]["dtypes"])
    print_line(console)
    print_line(console, f"modules, level {tree.depth} of {tree.deepest}; weights are {dtypes}", "bold")
    print_table(console, tree.table)
    if tree.left_out:
        print_line(
            console, f"... and {counted(tree.left_out, 'more module')}, `--depth {tree.depth}` shows all"
        )


def _print_unusual(console: Console, unusual: Sequence[Mapping[str, Any]]) -> None:
    if not unusual:
        return
    print_line(console)
    print_line(console, "unusual", "bold")
    for oddity in unusual:
        size_bytes = oddity["size_bytes"]
        saved = f" ({megabytes(size_bytes)} to save)" if size_bytes else ""
        print_prose(console, f"{oddity['message']}{saved}")


def _print_safety(console: Console, file: File, *, stats: bool) -> None:
    """The globals that a pickle names, and what does not belong."""
    used: Sequence[Mapping[str, Any]] = file["globals"]
    odd = [use for use in used if use["verdict"] != "expected"]
    findings = file["findings"]
    if file["path"] is not None:
        print_line(console)
        print_line(console, "what it could do", "bold")
    for finding in findings[:_MOST_FINDINGS]:
        detail = f": {finding['detail']}" if finding["detail"] else ""
        print_prose(console, finding["message"] + detail, start=f"  {finding['rule']}: ", style="bold red")
    if (more := len(findings) - _MOST_FINDINGS) > 0:
        print_line(console, f"  ... and {counted(more, 'more finding')}, `--json` has all")
    shown = used if stats else odd
    for use in shown:
        text = f"  {use['verdict']:<9}  {visible(use['name'])}  {visible(use['purpose'])}".rstrip()
        print_line(console, text, _VERDICT_STYLES.get(use["verdict"], ""))
    if used and not findings:
        print_line(console, f"  {counted(len(used), 'global')} named, no unexpected globals found")
    elif used:
        print_line(console, f"  {counted(len(used), 'global')} named, {len(odd)} of them unexpected")
    elif not findings:
        print_line(console, f"  {file['format']} files name nothing to import; no findings")


def _thousands(values: int) -> str:
    return f"{values:,}" if values else MISSING
