"""What an export tells of how it was made: by what, from what, quantized how, and what of it could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yolow.report.formats import counted, megabytes

_MOST_ITEMS = 8
_MOST_CHARACTERS = 60
# Fact -> what it counts, and why it matters.
_LEFT_OUT = {
    "sparse_tensors": ("sparse tensor", "not read"),
    "local_functions": ("function of its own", "not looked into"),
}
_NOT_TOLD = ("", "None", "False", "[]", "{}")


def export_pairs(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Labels and texts for the facts that only exports have."""
    if made_by := list(_made_by(facts)):
        yield "made by", ", ".join(made_by)
    if arguments := _settings(facts.get("export_args") or {}):
        yield "exported with", arguments
    nncf = facts.get("nncf") or {}
    tools = [(tool, settings) for tool, settings in nncf.items() if isinstance(settings, Mapping)]
    for tool, settings in tools[:_MOST_ITEMS]:
        version = nncf.get("version", "")
        yield "quantized by", f"NNCF {version}, {str(tool).replace('_', ' ')}: {_settings(settings)}"
    # What has a meaning here was told under its own label.
    others = {key: text for key, text in (facts.get("metadata") or {}).items() if key not in facts}
    if metadata := _settings(others):
        yield "metadata", metadata
    if files := facts.get("code_files"):
        shown = ", ".join(files[:_MOST_ITEMS]) + (", ..." if len(files) > _MOST_ITEMS else "")
        yield "code beside it", f"{shown}: not a part of the network, and not run here"
    yield from _unread(facts)


def _made_by(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts.get("producer"):
        yield f"{facts['producer']} {facts.get('producer_version') or ''}".rstrip()
    if facts.get("openvino_version"):
        yield f"OpenVINO {str(facts['openvino_version']).partition('-')[0]}"
    for key, label in (
        ("opset", "opset"),
        ("ir_version", "IR version"),
        ("schema_version", "schema version"),
    ):
        if facts.get(key) is not None:
            yield f"{label} {facts[key]}"


def _settings(settings: Mapping[str, Any]) -> str:
    """The settings that say something, nested ones by their leaves; long ones cut."""
    told = [f"{name} {value}" for name, value in _leaves(settings) if len(value) <= _MOST_CHARACTERS]
    return ", ".join(told[:_MOST_ITEMS]) + (", ..." if len(told) > _MOST_ITEMS else "")


def _leaves(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{leaf}", text) for leaf, text in _leaves(value))
        elif (text := str(value)) not in _NOT_TOLD:
            yield str(name), text


def _unread(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if unread := facts.get("unread"):
        size = megabytes(unread["size_bytes"])
        yield (
            "not read",
            f"{size} from the layer {unread['layer']} on: the layout of {unread['kind']} is not known",
        )
    for key, (what, why) in _LEFT_OUT.items():
        if facts.get(key):
            yield "left out", f"{counted(facts[key], what)}, {why}"
