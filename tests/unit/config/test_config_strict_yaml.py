"""YAML as people mean it; every mistake with its place."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from yolow.config.strict_yaml import MAX_FILE_BYTES, dump_yaml, load_yaml_file, parse_scalar, parse_yaml
from yolow.errors import ConfigError

TEXTS = (
    "off", "no", "yes", "on", "y", "N", "true", "True", "null", "~", "", " x ", "1e-3", "1.5", "0x1f", "017",
    "12:30", "2024-01-01", "a: b", "- a", "# no", "a #b", "é", "日本", "line\nbreak", "\ttab", "'quoted'",
    '"', "@at", "*star", "&and", "!tag", "%", "|", ">", "[1, 2]", "{a: 1}", ".inf", "-.inf", ".nan", "1_000",
    "=", "<<", "trailing ", "\u2028", "\x85", "+1", "1.", ".5", "-",
)  # fmt: skip
NUMBERS = (
    0,
    1,
    -1,
    10**30,
    0.0,
    0.001,
    1e-3,
    1e-300,
    1e300,
    -2.5,
    float("inf"),
    float("-inf"),
    1e16,
    123456789.123,
)


def parsed(text: str) -> Any:
    return parse_yaml(text, source="x.yaml").value


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert caught.value.message == "not valid YAML"
    return caught.value.context


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1.5e3", 1500.0), (".5", 0.5), ("1.", 1.0), ("-2", -2), (".inf", float("inf")),
        ("true", True), ("False", False), ("null", None), ("~", None), ("off", "off"), ("no", "no"),
        ("yes", "yes"), ("on", "on"), ("12:30", "12:30"), ("2024-01-01", "2024-01-01"), ("0x1f", "0x1f"),
        ("017", "017"), ("1_000", "1_000"), ("'1'", "1"), ("[1, a]", [1, "a"]), ("{a: 1e-3}", {"a": 0.001}),
    ],
)  # fmt: skip
def test_scalars_are_what_people_mean(text: str, value: object) -> None:
    read = parse_scalar(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("value", [*TEXTS, *NUMBERS, True, False, None, [], {}])
def test_dumped_values_read_back(value: object) -> None:
    read = parsed(dump_yaml({"key": value, "list": [value]}))
    assert read == {"key": value, "list": [value]}
    assert type(read["key"]) is type(value)


@pytest.mark.parametrize("text", TEXTS)
def test_dumped_text_is_text_for_a_plain_loader_too(text: str) -> None:
    assert yaml.safe_load(dump_yaml({"key": text})) == {"key": text}


def test_dumped_trees_read_back() -> None:
    rng = random.Random(0)

    def tree(depth: int) -> object:
        kind = rng.randrange(4) if depth else 0
        if kind < 2:
            return rng.choice([*TEXTS, *NUMBERS, True, None])
        if kind == 2:
            return [tree(depth - 1) for _ in range(rng.randrange(4))]
        return {rng.choice([f"k{i}", i, "off", "1"]): tree(depth - 1) for i in range(rng.randrange(4))}

    for _ in range(200):
        value = tree(4)
        assert parsed(dump_yaml(value)) == value


def test_all_duplicates_are_reported_with_their_places() -> None:
    text = "a: 1\nb:\n  c: 1\n  c: 2\na: 2\n"
    assert mistakes(text) == (
        "x.yaml:4:3: duplicate key 'c' (first on line 3)",
        "x.yaml:5:1: duplicate key 'a' (first on line 1)",
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: !!python/object/apply:os.system [true]",
         "x.yaml:1:4: the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed"),
        ("a: !mine 1", "x.yaml:1:4: the tag !mine is not allowed"),
        ("a: !!set {b}", "x.yaml:1:4: the tag tag:yaml.org,2002:set is not allowed"),
        ("? [1, 2]\n: a", "x.yaml:1:3: a key must be a word or a whole number"),
        ("true: 1", "x.yaml:1:1: a key must be a word or a whole number"),
        ("1.5: 1", "x.yaml:1:1: a key must be a word or a whole number"),
        ("a: !!int word", "x.yaml:1:4: 'word' is not a value of the type int"),
    ],
)  # fmt: skip
def test_what_builds_objects_or_odd_keys_is_refused(text: str, line: str) -> None:
    assert mistakes(text) == (line,)


def test_a_syntax_error_has_its_place() -> None:
    assert mistakes("a: 1\nb: [1, 2\n")[0].startswith("x.yaml:3:1: ")


def test_endless_aliases_end() -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    assert mistakes(laughs)[0].endswith("aliases expand without end")
    assert mistakes("a: &a [*a]\n") == ("x.yaml:1:4: aliases expand without end",)


def test_deep_nesting_ends() -> None:
    assert re.search("nested too deeply|nesting depth", mistakes("[" * 20_000)[0])


def test_positions_of_keys_and_items() -> None:
    document = parse_yaml("a:\n  - 1\n  - b: 2\n", source="x.yaml")
    assert document.place(("a", 1, "b")) == "x.yaml:3:5"
    assert document.place(("a", 1, "unknown")) == "x.yaml:3:5"
    assert document.place(("unknown",)) == "x.yaml"


@pytest.mark.parametrize(
    ("content", "message", "context"),
    [
        (b"a: \xff\xfe\n", "YAML file is not UTF-8 text", "{path}: byte 3"),
        (b"#" * (MAX_FILE_BYTES + 1), "YAML file is too large", "{path}: 16,777,217 bytes"),
        (b"a: \x00\n", "not valid YAML", None),
    ],
)
def test_unreadable_files(tmp_path: Path, content: bytes, message: str, context: str | None) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_yaml_file(path)
    assert caught.value.message == message
    if context:
        assert caught.value.context[0] == context.format(path=path)


def test_missing_file_folder_and_bom(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_yaml_file(tmp_path / "none.yaml")
    with pytest.raises(ConfigError) as caught:
        load_yaml_file(tmp_path)
    assert caught.value.context == (f"{tmp_path}: Is a directory",)
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfepochs: 1\r\n")
    assert load_yaml_file(path).value == {"epochs": 1}
