"""YAML as people mean it, with the place of every value.

Plain YAML 1.1 surprises: `1e-3` is text, `off` and `no` are booleans, `12:30` is a number in base 60,
`2024-01-01` a date, and the second of two equal keys silently wins. Here numbers are numbers, only `true` and
`false` are booleans, dates stay text, duplicate keys are mistakes, and tags that build objects are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from yolow.errors import ConfigError

KeyPath = tuple[str | int, ...]

# A YAML file is read whole, and aliases can make a small file expand without bound.
MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_NODES = 1_000_000

_INT = r"[-+]?(?:0|[1-9][0-9]*)"
_EXPONENT = r"[eE][-+]?[0-9]+"
_FLOAT = (
    rf"[-+]?(?:[0-9]+\.[0-9]*(?:{_EXPONENT})?|[0-9]+{_EXPONENT}|\.[0-9]+(?:{_EXPONENT})?)"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_IMPLICIT_TYPES = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", _INT, list("-+0123456789")),
    ("float", _FLOAT, list("-+0123456789.")),
)

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_Loader):  # type: ignore[misc]  # the C loader is typed as Any
    """The loader whose implicit types are only null, true/false, integers and floats."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own class-level table


class _StrictDumper(yaml.SafeDumper):
    """Its counterpart: quotes text that this loader or a plain YAML 1.1 loader would read as another type."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    # PyYAML takes U+0085 for a line break that it may fold away; only double quotes escape it.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\x85" in text else None)


_StrictDumper.add_representer(str, _represent_text)
for _kind, _pattern, _first in _IMPLICIT_TYPES:
    for _class in (_StrictLoader, _StrictDumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_pattern})$"), _first)


@dataclass(frozen=True)
class Position:
    """A place in a YAML text; both numbers count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class YamlDocument:
    """A parsed YAML text: its value, and where each key and item stands.

    Attributes:
        source: what to call the text in messages, usually the path as the user gave it.
        value: dicts with string or integer keys, lists, str, int, float, bool, None.
        positions: path of keys and indexes -> the place of the key (mappings) or of the item (sequences).
        lines: the text's lines, for snippets.
    """

    source: str
    value: Any
    positions: dict[KeyPath, Position] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    def position(self, path: KeyPath) -> Position | None:
        """The place of `path`, or of its nearest parent that has one."""
        for length in range(len(path), 0, -1):
            if (found := self.positions.get(path[:length])) is not None:
                return found
        return None

    def place(self, path: KeyPath) -> str:
        """`file:line:column` of a path, or only the file where the path has no place."""
        position = self.position(path)
        return self.source if position is None else f"{self.source}:{position.line}:{position.column}"


def load_yaml_file(path: Path, *, source: str | None = None) -> YamlDocument:
    """Read and parse one YAML file.

    Raises:
        ConfigError: the file is missing, unreadable, too large or not UTF-8, or `parse_yaml` finds mistakes.
    """
    source = source or str(path)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ConfigError(
                "YAML file is too large",
                context=[f"{source}: {size:,} bytes", f"limit: {MAX_FILE_BYTES:,} bytes"],
            )
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError("YAML file does not exist", context=[source]) from None
    except UnicodeDecodeError as error:
        raise ConfigError("YAML file is not UTF-8 text", context=[f"{source}: byte {error.start}"]) from None
    except OSError as error:
        raise ConfigError("YAML file can't be read", context=[f"{source}: {error.strerror}"]) from None
    return parse_yaml(text, source=source)


def parse_yaml(text: str, *, source: str) -> YamlDocument:
    """Parse one YAML document.

    Raises:
        ConfigError: syntax errors, duplicate or compound keys, tags, or endless aliases; all duplicates are
            reported at once, each as `source:line:column: …`.
    """
    try:
        node = yaml.compose(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = source if mark is None else f"{source}:{mark.line + 1}:{mark.column + 1}"
        raise ConfigError("not valid YAML", context=[f"{place}: {error.problem or error.context}"]) from None
    except (yaml.YAMLError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError("not valid YAML", context=[f"{source}: {reason}"]) from None
    builder = _Builder(source)
    try:
        value = None if node is None else builder.build(node, ())
    except RecursionError:
        raise ConfigError("not valid YAML", context=[f"{source}: nested too deeply"]) from None
    if builder.mistakes:
        raise ConfigError("not valid YAML", context=builder.mistakes)
    return YamlDocument(source, value, builder.positions, tuple(text.splitlines()))


def parse_scalar(text: str) -> Any:
    """The value that `text` would have in a YAML file; flow collections (`[1, 2]`) are read too.

    Raises:
        ConfigError: the text is not valid YAML.
    """
    return parse_yaml(text, source="value").value


def dump_yaml(value: Any) -> str:
    """YAML text of plain values in the given key order; `parse_yaml` reads it back to an equal value."""
    return yaml.dump(value, Dumper=_StrictDumper, sort_keys=False, allow_unicode=True, width=100)


class _Builder:
    """Turns a composed node tree into plain values and remembers where each one stands."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.positions: dict[KeyPath, Position] = {}
        self.mistakes: list[str] = []
        self._nodes = 0
        self._open: set[int] = set()

    def build(self, node: Any, path: KeyPath) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or id(node) in self._open:
            raise ConfigError("not valid YAML", context=[f"{self._place(node)}: aliases expand without end"])
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return self._sequence(node, path)
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _sequence(self, node: Any, path: KeyPath) -> list[Any]:
        if node.tag != "tag:yaml.org,2002:seq":
            self._mistake(node, f"the tag {node.tag} is not allowed")
        items = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            self.positions[here] = _position(item)
            items.append(self.build(item, here))
        return items

    def _mapping(self, node: Any, path: KeyPath) -> dict[str | int, Any]:
        if node.tag != "tag:yaml.org,2002:map":
            self._mistake(node, f"the tag {node.tag} is not allowed")
        result: dict[str | int, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if isinstance(key, bool) or not isinstance(key, str | int):
                self._mistake(key_node, "a key must be a word or a whole number")
                continue
            here = (*path, key)
            if key in result:
                first = self.positions[here]
                self._mistake(key_node, f"duplicate key '{key}' (first on line {first.line})")
                continue
            self.positions[here] = _position(key_node)
            result[key] = self.build(value_node, here)
        return result

    def _scalar(self, node: Any) -> Any:
        text: str = node.value
        kind = node.tag.rpartition(":")[2]
        if not node.tag.startswith("tag:yaml.org,2002:") or kind not in {
            "null",
            "bool",
            "int",
            "float",
            "str",
        }:
            self._mistake(node, f"the tag {node.tag} is not allowed")
            return text
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return text.lower() == "true"
            if kind == "int":
                return int(text)
            if kind == "float":
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            self._mistake(node, f"'{text[:40]}' is not a value of the type {kind}")
        return text

    def _mistake(self, node: Any, what: str) -> None:
        self.mistakes.append(f"{self._place(node)}: {what}")

    def _place(self, node: Any) -> str:
        position = _position(node)
        return f"{self.source}:{position.line}:{position.column}"


def _position(node: Any) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)
