"""Every screen as text. `YOLOW_UPDATE_GOLDEN=1 pytest tests/unit/report` rewrites the files; read the diff."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pytest
from report_environment import plain_environment  # noqa: F401  # an autouse fixture
from report_samples import DRY_RUN, SAMPLES, VALIDATED, VERSIONS

from yolow.report.console import stdout_console
from yolow.report.markdown import render_markdown
from yolow.report.terminal import render_report
from yolow.run_report import RunReport

GOLDEN = Path(__file__).parents[2] / "golden" / "report"


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("YOLOW_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path} is missing; YOLOW_UPDATE_GOLDEN=1 writes it"
    assert text == path.read_text(encoding="utf-8")


def on_terminal(report: RunReport, monkeypatch: pytest.MonkeyPatch, columns: int) -> str:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", str(columns))
    render_report(report, stdout_console())
    return stream.getvalue()


def unstyled(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines())


@pytest.mark.parametrize("name", SAMPLES)
def test_screen_in_a_pipe(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    render_report(SAMPLES[name], stdout_console())
    text = capsys.readouterr().out
    assert "\x1b" not in text
    compare(f"{name}.pipe.txt", text)


@pytest.mark.parametrize("name", SAMPLES)
def test_screen_on_a_terminal_of_80_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compare(f"{name}.terminal.txt", unstyled(on_terminal(SAMPLES[name], monkeypatch, 80)))


@pytest.mark.parametrize("name", ["finetuned", "finetuned_again", "rejected", "validated", "predicted"])
def test_markdown(name: str) -> None:
    text = render_markdown(SAMPLES[name])
    assert "/home/ada" not in text
    compare(f"{name}.md", text)


@pytest.mark.parametrize("name", SAMPLES)
def test_no_color_leaves_no_colour(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = on_terminal(SAMPLES[name], monkeypatch, 80)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = on_terminal(SAMPLES[name], monkeypatch, 80)
    assert unstyled(plain) == unstyled(coloured)
    # bold is no colour
    assert set(re.findall(r"\x1b\[([0-9;]*)m", plain)) <= {"0", "1"}


def test_colours_are_there_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[31m" in on_terminal(SAMPLES["rejected"], monkeypatch, 80)


@pytest.mark.parametrize("report", [VALIDATED, VERSIONS])
def test_a_narrow_terminal_cuts_no_cell(report: RunReport, monkeypatch: pytest.MonkeyPatch) -> None:
    text = unstyled(on_terminal(report, monkeypatch, 40))
    assert "…" not in text
    for word in ("0.467", "potted plant") if report is VALIDATED else ("solar:v2", "production", "0.882"):
        assert word in text


def test_a_plan_has_no_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    render_report(DRY_RUN, stdout_console())
    assert "next" not in capsys.readouterr().out
