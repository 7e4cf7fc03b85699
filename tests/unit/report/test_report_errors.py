from __future__ import annotations

import sys

import pytest
from report_environment import plain_environment  # noqa: F401  # an autouse fixture

from yolow.errors import ConfigError, DataError, YolowError
from yolow.report.errors import error_document, render_error

LONG = "/home/ada/" + "a-long-folder-name/" * 8 + "solar.yaml:12:5: unknown key 'epoch'"


@pytest.fixture
def config_error() -> YolowError:
    return ConfigError(
        "the run config has 2 mistakes",
        context=[LONG, "configs/finetune.yaml:14:10: 'imgsz' must be a multiple of 32, not -5"],
        note="all mistakes are listed; nothing was started",
        hint="yolow finetune --config configs/finetune.yaml --set epochs=15",
    )


def test_four_parts_in_a_pipe(config_error: YolowError, capsys: pytest.CaptureFixture[str]) -> None:
    render_error(config_error)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "error: the run config has 2 mistakes\n"
        f"  {LONG}\n"
        "  configs/finetune.yaml:14:10: 'imgsz' must be a multiple of 32, not -5\n"
        "note: all mistakes are listed; nothing was started\n"
        "hint: yolow finetune --config configs/finetune.yaml --set epochs=15\n"
    )


def test_places_are_whole_on_a_terminal_too(
    config_error: YolowError, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    render_error(config_error)
    text = capsys.readouterr().err
    assert "\x1b[1;31merror: \x1b[0mthe run config has 2 mistakes\n" in text
    assert f"  {LONG}\n" in text


def test_only_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    render_error(DataError("no labels at all"))
    assert capsys.readouterr().err == "error: no labels at all\n"


def test_several_lines_are_indented_and_control_characters_shown(capsys: pytest.CaptureFixture[str]) -> None:
    error = DataError("bad", context=["first\nsecond\x1b[31m", "[/red] :smile:"], hint="one\ntwo")
    render_error(error)
    assert capsys.readouterr().err == (
        "error: bad\n  first\n    second\\x1b[31m\n  [/red] :smile:\nhint: one\n      two\n"
    )


def test_document(config_error: YolowError) -> None:
    assert error_document(config_error) == {
        "kind": "config",
        "message": "the run config has 2 mistakes",
        "context": [LONG, "configs/finetune.yaml:14:10: 'imgsz' must be a multiple of 32, not -5"],
        "note": "all mistakes are listed; nothing was started",
        "hint": "yolow finetune --config configs/finetune.yaml --set epochs=15",
    }
