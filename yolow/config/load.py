"""From a YAML file, flags and `--set key=value` to a typed run config; all mistakes are reported at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from yolow.config.schema import GATE_PATTERN, TrainingConfig
from yolow.config.strict_yaml import YamlDocument, load_yaml_file, parse_scalar
from yolow.config.training_arguments import RESERVED, argument_mistake, upstream_arguments
from yolow.errors import ConfigError
from yolow.gate import parse_gates

C = TypeVar("C")


def load_config(
    config_type: type[C],
    *,
    command: str,
    file: Path | None = None,
    settings: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> C:
    """Merge defaults, a YAML file, flags and `--set` (later wins) and check the result.

    Args:
        config_type: the command's config dataclass from `schema.py`.
        command: its name, for hints.
        file: the `--config` file.
        settings: `key=value` texts of `--set`; values are read as YAML.
        flags: values of command-line flags by config key; None means that the flag was not given.

    Raises:
        ConfigError: one context line a mistake, each with its place (`file:line:column`, `--flag` or `--set`)
            and the nearest right key where a key is unknown.
    """
    merged = _Merged(config_type)
    if file is not None:
        merged.add_document(load_yaml_file(file))
    for key, value in (flags or {}).items():
        if value is not None:
            merged.add(key, value, f"--{key.replace('_', '-')}")
    for text in settings:
        merged.add_setting(text)
    merged.check_arguments()
    merged.check_gates()
    config: C | None = merged.build()
    if merged.mistakes or config is None:
        count = len(merged.mistakes)
        raise ConfigError(
            "the run config has a mistake" if count == 1 else f"the run config has {count} mistakes",
            context=merged.mistakes,
            hint=f"see configs/{command}.yaml for every key, or `yolow {command} --help`",
        )
    return config


def config_from_document(config_type: type[C], document: Mapping[str, Any], *, source: str) -> C:
    """Read back a resolved config that a journal or a record holds.

    Raises:
        ConfigError: it does not fit this version of yolow.
    """
    return load_config(config_type, command=source, flags=document)


class _Merged:
    """Values of one run config with the place that each came from, and the mistakes found so far."""

    def __init__(self, config_type: type[Any]) -> None:
        self.config_type = config_type
        self.keys = [item.name for item in fields(config_type) if item.name != "arguments"]
        self.takes_arguments = issubclass(config_type, TrainingConfig)
        self.values: dict[str, Any] = {}
        self.places: dict[str, str] = {}
        self.documents: dict[str, YamlDocument] = {}
        self.mistakes: list[str] = []

    def add_document(self, document: YamlDocument) -> None:
        if document.value is None:
            return
        if not isinstance(document.value, dict):
            self.mistakes.append(f"{document.source}:1:1: a run config must be a mapping of keys to values")
            return
        for key, value in document.value.items():
            self.add(str(key), value, document.place((key,)))
            self.documents[str(key)] = document

    def add_setting(self, text: str) -> None:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            self.mistakes.append(f"--set {text}: must be key=value")
            return
        try:
            self.add(key, parse_scalar(value), f"--set {key}")
        except ConfigError as error:
            self.mistakes.append(f"--set {text}: {error.context[0] if error.context else error.message}")

    def add(self, key: str, value: Any, place: str) -> None:
        self.values[key] = value
        self.places[key] = place
        self.documents.pop(key, None)

    def check_arguments(self) -> None:
        """Sort out the keys that are not ours: Ultralytics' training arguments, or mistakes."""
        arguments = {}
        for key in [key for key in self.values if key not in self.keys]:
            value, place = self.values.pop(key), self.places[key]
            if not self.takes_arguments:
                self.mistakes.append(f"{place}: unknown key '{key}'{_nearest(key, self.keys)}")
            elif key in RESERVED:
                self.mistakes.append(f"{place}: '{key}' can't be set: {RESERVED[key]}")
            elif key not in (known := upstream_arguments().defaults):
                self.mistakes.append(f"{place}: unknown key '{key}'{_nearest(key, [*self.keys, *known])}")
            elif mistake := argument_mistake(key, value):
                self.mistakes.append(f"{place}: '{key}' {mistake}")
            else:
                arguments[key] = value
        if arguments:
            self.values["arguments"] = arguments

    def check_gates(self) -> None:
        """A misspelt field is a mistake of the config too, known before any work."""
        gates = self.values.get("gate")
        for text in gates if isinstance(gates, list | tuple) else ():
            try:
                if isinstance(text, str) and re.match(GATE_PATTERN, text):
                    parse_gates((text,))
            except ConfigError as error:
                self.mistakes.append(f"{self._place('gate')}: {error.context[0]}")
                self.values["gate"] = ()

    def build(self) -> Any:
        # `device: 0` is what people write for the first GPU; YAML reads a number there.
        if isinstance(self.values.get("device"), int) and not isinstance(self.values["device"], bool):
            self.values["device"] = str(self.values["device"])
        try:
            return TypeAdapter(self.config_type).validate_python(self.values)
        except ValidationError as error:
            seen = set()
            for detail in error.errors(include_url=False):
                key = str(detail["loc"][0])
                if key not in seen:  # a union reports once a member; the first says enough
                    seen.add(key)
                    self.mistakes.append(f"{self._place(key)}: '{key}' {self._explain(key, detail)}")
            return None

    def _place(self, key: str) -> str:
        return self.places.get(key, "run config")

    def _explain(self, key: str, detail: Any) -> str:
        if detail["type"] == "missing":
            return f"is missing (give it in the config or as --{key.replace('_', '-')})"
        value = self.values.get(key)
        return f"{_EXPECTED.get(key) or _in_words(detail)}, not {value!r}"


# Where pydantic's words would describe a union or a pattern, ours describe the value.
_EXPECTED = {
    "imgsz": "must be a multiple of 32 from 32 to 8192",
    "batch": "must be a whole number from 1 to 4096 (or -1 in training: what fits on the GPU)",
    "device": "must be auto, cpu, mps, or GPU numbers such as 0 or 0,1",
    "threads": "must be auto or a whole number from 1 to 1024",
    "freeze": "must be none, backbone, or a number of layers from 1",
    "name": "must be letters, digits, '.', '_' and '-', starting with a letter or digit",
    "gate": "must be a list of limits such as 'map50_95 >= 0.40'",
    "classes": "must be a list of class ids or names",
}


def _in_words(detail: Any) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "int_type" | "int_from_float" | "int_parsing":
            return "must be a whole number"
        case "float_type" | "float_parsing":
            return "must be a number"
        case "bool_type" | "bool_parsing":
            return "must be true or false"
        case "string_type":
            return "must be text"
        case "tuple_type" | "list_type":
            return "must be a list"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case "literal_error":
            return f"must be one of {context['expected']}"
    return str(detail["msg"]).lower()


def _nearest(key: str, known: Sequence[str]) -> str:
    match = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    return f" (did you mean '{match[0]}'?)" if match else ""
