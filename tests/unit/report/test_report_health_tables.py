"""How health is told on a screen."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from report_environment import plain_environment  # noqa: F401  # an autouse fixture

from yolow.report.console import stdout_console
from yolow.report.health_tables import print_health, print_tensors

HISTOGRAM = (*(0,) * 12, 1, 4, 9, 16, 16, 9, 4, 1, *(0,) * 12)


def layer(name: str, **changes: Any) -> dict[str, Any]:
    healthy = {
        "name": name, "filters": 1_024, "dead": 0, "duplicated": 0, "not_finite": 0, "scale": 0.5774, "std": 0.0123,
        "stands_out": False, "low": -1.0, "high": 1.0, "histogram": HISTOGRAM,
    }  # fmt: skip
    return healthy | changes


def health(
    *layers: dict[str, Any], verdict: str = "trained", findings: tuple[str, ...] = ()
) -> dict[str, Any]:
    initialisation = {"verdict": verdict, "evidence": ["of 3 normalisations, 3 have scales that differ"]}
    return {"initialisation": initialisation, "findings": list(findings), "layers": list(layers)}


def printed(capsys: pytest.CaptureFixture[str], told: dict[str, Any], *, stats: bool = False) -> str:
    print_health(stdout_console(), told, stats=stats)
    return capsys.readouterr().out


def test_a_healthy_network_is_told_in_three_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, health(layer("a.weight"), layer("b.weight"))) == (
        "\n"
        "health: a trained network\n"
        "  of 3 normalisations, 3 have scales that differ\n"
        "  2 layers: no dead or duplicated filters, and no layer's scale stands out; `--stats` shows each with its "
        "histogram\n"
    )


def test_layers_of_note_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    layers = (
        layer("healthy.weight"),
        layer("model.0.conv.weight", dead=1_000),
        layer("model.1.conv.weight", duplicated=2, scale=None, std=54.0),
        layer("model.2.conv.weight", stands_out=True, scale=79.12),
        layer("model.3.conv.weight", not_finite=7, std=None, scale=None),
    )
    assert printed(capsys, health(*layers, verdict="unclear", findings=("something is odd",))) == (
        "\n"
        "health: trained or random: unclear\n"
        "  of 3 normalisations, 3 have scales that differ\n"
        "  something is odd\n"
        "\n"
        "layer           out   dead  dup    std  scale  values\n"
        "model.0.conv  1,024  1,000    -  0.012   0.58        ▄██▄\n"
        "model.1.conv  1,024      -    2     54      -        ▄██▄\n"
        "model.2.conv  1,024      -    -  0.012    79!        ▄██▄\n"
        "model.3.conv  1,024      -    -      -      -        ▄██▄\n"
    )


def test_many_layers_of_note_are_cut_and_all_are_shown_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    told = health(*(layer(f"{index}.weight", dead=1) for index in range(30)), layer("healthy.weight"))
    lines = printed(capsys, told).splitlines()
    assert lines[-1] == "... and 18 more layers of note, `--stats` shows all"
    assert len(lines) == 3 + 2 + 12 + 1
    assert len(printed(capsys, told, stats=True).splitlines()) == 3 + 2 + 31


def test_a_file_without_known_filters_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, health(verdict="random"))
    assert "health: a random initialisation, never trained\n" in out
    assert out.endswith("  no layer whose filters can be told apart\n")


def test_a_stream_without_unicode_gets_a_histogram_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1", write_through=True))
    print_health(stdout_console(), health(layer("a.weight", dead=1)), stats=False)
    last = written.getvalue().decode("ascii").splitlines()[-1]
    assert last == "a      1,024     1    -  0.012   0.58        =@@="


TENSORS = (
    {
        "name": "model.0.conv.weight", "shape": (16, 3, 3, 3), "dtype": "float16",
        "statistics": {"mean": -0.00395, "std": 0.2862, "minimum": -1.071, "maximum": 1.06, "norm": 5.94,
                       "zeros": 0.25, "nan": 1_000, "inf": 0},
    },
    {"name": "steps", "shape": (), "dtype": "int64", "statistics": None},
)  # fmt: skip


def test_tensors_are_one_line_each_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    print_tensors(stdout_console(), TENSORS)
    assert capsys.readouterr().out == (
        "\n"
        "tensor               shape     dtype        mean    std    min   max  norm  zeros    nan  inf\n"
        "model.0.conv.weight  16x3x3x3  float16  -0.00395  0.286  -1.07  1.06  5.94  25.0%  1,000    -\n"
        "steps                scalar    int64           -      -      -     -     -      -      -    -\n"
    )


def test_tensors_are_two_lines_each_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    print_tensors(stdout_console(), TENSORS[:1])
    assert capsys.readouterr().out == (
        "\n"
        "model.0.conv.weight  16x3x3x3  float16\n"
        "  mean -0.00395, std 0.286, min -1.07, max 1.06, norm 5.94, zeros 25.0%, nan 1,000, inf -\n"
    )


def test_names_from_a_file_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    told = health(layer("a\x1b[2J\n.weight", dead=1), findings=("every filter is dead in a\x1b[2J\n",))
    out = printed(capsys, told, stats=True)
    print_tensors(stdout_console(), [TENSORS[0] | {"name": "\x1b[2J", "dtype": "\r"}])
    out += capsys.readouterr().out
    assert "\x1b" not in out
    assert "\r" not in out
    assert out.count("\\x1b[2J") == 3
