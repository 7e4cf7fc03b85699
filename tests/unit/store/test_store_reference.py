"""References are taken apart by their text alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from yolow.errors import ConfigError, WeightsNotFoundError
from yolow.store.reference import WeightsRef, parse_reference, suggested_name, valid_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("solar:v3", {"kind": "version", "name": "solar", "number": 3}),
        ("solar.2026_b-1:v120", {"kind": "version", "name": "solar.2026_b-1", "number": 120}),
        ("solar:production", {"kind": "alias", "name": "solar", "alias": "production"}),
        ("solar:latest", {"kind": "alias", "name": "solar", "alias": "latest"}),
        ("C:x", {"kind": "alias", "name": "C", "alias": "x"}),
        ("solar", {"kind": "name", "name": "solar"}),
        ("yolo26n", {"kind": "name", "name": "yolo26n"}),
        ("v3", {"kind": "name", "name": "v3"}),
        ("sha256:1F3A5c77", {"kind": "digest", "digest": "1f3a5c77"}),
        ("sha256:" + "ab" * 32, {"kind": "digest", "digest": "ab" * 32}),
        ("yolo26n.pt", {"kind": "official"}),
        ("yolo11s-seg.pt", {"kind": "official"}),
        ("yolov5nu.pt", {"kind": "official"}),
        ("yolov8x-pose-p6.pt", {"kind": "official"}),
        ("yolo26n-nope.pt", {"kind": "path"}),
        ("yolo26n.pt.bak/yolo26n.pt", {"kind": "path"}),
        ("best.pt", {"kind": "path"}),
        ("my best.pt", {"kind": "path"}),
        ("BEST.PT", {"kind": "path"}),
        ("solar_openvino_model", {"kind": "path"}),
        ("./solar", {"kind": "path"}),
        ("runs/solar:v3/best.pt", {"kind": "path"}),
        ("/abs/solar.pt", {"kind": "path"}),
        ("~/solar.pt", {"kind": "path"}),
        ("C:\\weights\\solar.pt", {"kind": "path"}),
        ("C:/weights/solar.pt", {"kind": "path"}),
        ("..", {"kind": "path"}),
    ],
)
def test_every_form_is_recognised(text: str, expected: dict[str, object]) -> None:
    assert parse_reference(text) == WeightsRef(text=text, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("sol\x00ar", "it has control characters"),
        ("solar:", "'' is neither a version, such as v3, nor an alias, such as production"),
        ("solar:v0", "'v0' is neither a version, such as v3, nor an alias, such as production"),
        ("solar:v03", "'v03' is neither a version, such as v3, nor an alias, such as production"),
        ("solar:3", "'3' is neither a version, such as v3, nor an alias, such as production"),
        ("solar:v1:v2", "'v1:v2' is neither a version, such as v3, nor an alias, such as production"),
        (":v3", "'' can't be a name"),
        ("-solar:v3", "'-solar' can't be a name"),
        ("sha256:1f3a", "a digest has 8 to 64 hex digits"),
        ("sha256:nothexnothex", "a digest has 8 to 64 hex digits"),
        ("sha256:" + "a" * 65, "a digest has 8 to 64 hex digits"),
    ],
)
def test_text_without_a_form_is_refused(text: str, reason: str) -> None:
    with pytest.raises(WeightsNotFoundError) as caught:
        parse_reference(text)
    shown = text.replace("\x00", "?")
    assert caught.value.message == f"'{shown}' is not a reference to weights"
    assert caught.value.context == (reason,)
    assert caught.value.hint is not None
    assert "NAME:v3" in caught.value.hint


@pytest.mark.parametrize("text", ["solar", "Solar-2", "a", "0", "x.y_z", "a" * 100])
def test_names_that_can_be(text: str) -> None:
    assert valid_name(text) == text


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("", "weights"), ("solar:x", "solar-x"), ("a/b", "a-b"), ("..", "weights"), (".hidden", "hidden"),
        ("my data", "my-data"), ("sölar", "s-lar"), ("a" * 101, "a" * 100), ("solar\n", "solar"),
    ],
)  # fmt: skip
def test_names_that_can_not_be_come_with_one_that_can(text: str, suggestion: str) -> None:
    with pytest.raises(ConfigError) as caught:
        valid_name(text)
    assert caught.value.message == f"'{text}' can't be a name of weights"
    assert caught.value.hint == f"--name {suggestion}"
    assert valid_name(suggested_name(text)) == suggestion


def test_reading_references_and_making_a_store_imports_nothing_slow() -> None:
    probe = (
        "import sys; import yolow.store.resolve, yolow.store.store\n"
        "print([name for name in ('pydantic', 'filelock', 'urllib.request', 'torch') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
