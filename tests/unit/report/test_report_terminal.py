from __future__ import annotations

import dataclasses
import sys
import time

import pytest
from report_environment import plain_environment  # noqa: F401  # an autouse fixture
from report_samples import FINETUNED, FINETUNED_AGAIN, VALIDATED, VERSIONS, listed

from yolow.metrics import Metrics
from yolow.report import facts
from yolow.report.console import stdout_console
from yolow.report.formats import counted, duration, loss, points, time_left, visible
from yolow.report.markdown import render_markdown
from yolow.report.tables import Column, Row, Table, markdown_table, plain_lines
from yolow.report.terminal import render_image_line, render_report
from yolow.run_report import ParentSummary, RunReport

HOSTILE = "cat\x1b[2J\x1b]0;owned\x07\n[red]bold[/red]\u202e|`x`<b>"


def test_image_line(capsys: pytest.CaptureFixture[str]) -> None:
    detections = [{"name": name} for name in ("bus", "person", "person", "person", "person")]
    result = {"source": "bus.jpg", "width": 810, "height": 1080, "detections": detections}
    render_image_line(stdout_console(), result)
    render_image_line(stdout_console(), {**result, "source": "a" * 200 + " [bold].jpg", "detections": []})
    assert capsys.readouterr().out == (
        f"bus.jpg 810x1080: 4 person, 1 bus\n{'a' * 200} [bold].jpg 810x1080: no detections\n"
    )


def test_long_paths_stay_whole_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    path = "/home/ada/" + "deep folder/" * 12 + "solar-v1.pt"
    render_report(dataclasses.replace(FINETUNED, path=path), stdout_console())
    assert f"weights  {path}\n" in capsys.readouterr().out


def test_text_from_files_is_neither_obeyed_nor_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert VALIDATED.metrics is not None
    entry = dataclasses.replace(VALIDATED.metrics.per_class[0], name=HOSTILE)
    metrics = dataclasses.replace(VALIDATED.metrics, per_class=(entry, *VALIDATED.metrics.per_class[1:3]))
    report = dataclasses.replace(
        VALIDATED, metrics=metrics, warnings=(HOSTILE,), details={"weights": HOSTILE}
    )
    render_report(report, stdout_console())
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.count(r"cat\x1b[2J\x1b]0;owned\x07\x0a[red]bold[/red]\u202e|`x`<b>") == 3
    markdown = render_markdown(report)
    assert "\x1b" not in markdown
    row = next(line for line in markdown.splitlines() if line.startswith(r"| cat"))
    assert row.replace(r"\|", "").count("|") == 8
    assert "<b>" not in markdown.replace(r"\<b>", "")


def test_wide_letters_keep_columns_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    details = {"weights": "w.pt", "sources": 1, "detections": 12, "counts": {"猫": 10, "dog": 2}}
    render_report(RunReport(command="predict", details=details), stdout_console())
    assert "猫             10\ndog             2\n" in capsys.readouterr().out


def test_five_thousand_versions_take_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    report, console = listed(VERSIONS.details["versions"] * 1250), stdout_console()
    started = time.process_time()
    render_report(report, console)
    assert time.process_time() - started < 0.5
    assert capsys.readouterr().out.count("\n") == 5002


def test_plain_and_markdown_tables() -> None:
    columns = [Column(title="class"), Column(title="n", right=True)]
    table = Table(columns=tuple(columns), rows=(Row(cells=("a|b", "1")), Row(cells=("long name", "1,204"))))
    assert list(plain_lines(table)) == ["class          n", "a|b            1", "long name  1,204"]
    assert markdown_table(table) == "| class | n |\n| --- | ---: |\n| a\\|b | 1 |\n| long name | 1,204 |\n"


def test_versions_of_one_task(capsys: pytest.CaptureFixture[str]) -> None:
    render_report(listed(VERSIONS.details["versions"][:2]), stdout_console())
    assert capsys.readouterr().out.splitlines() == [
        "version   aliases     operation  map50_95   MB    ms   age",
        "solar:v2  production  finetune      0.448  5.4  31.3   3 h",
        "solar:v1              finetune      0.424  5.4  30.9  31 h",
    ]


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        (
            {"epochs_planned": 100, "epochs_run": 32, "best_epoch": 24, "stop_reason": "patience"},
            "stopped by patience after epoch 32 of 100, best epoch 24",
        ),
        (
            {"epochs_planned": 15, "epochs_run": 15, "best_epoch": 13, "stop_reason": "epochs"},
            "ran all 15 epochs, best epoch 13",
        ),
        ({"epochs_planned": 1, "epochs_run": 1, "seconds": 61}, "ran all 1 epoch, 1 min 01 s"),
        ({"epochs_planned": 9, "epochs_run": 2, "stop_reason": "interrupted"}, "ran 2 of 9 epochs"),
        ({}, ""),
    ],
)
def test_training_line(training: dict[str, object], expected: str) -> None:
    assert facts.training_line(training) == expected


def test_the_difference_is_in_points_and_missing_values_show() -> None:
    before = FINETUNED_AGAIN.baseline
    assert before is not None
    nothing = Metrics(split="val", images=64, map50_95=float("nan"), recall=0.2)
    report = dataclasses.replace(FINETUNED_AGAIN, metrics=nothing)
    rows = {row.cells[0]: row.cells[1:] for row in facts.metric_table(nothing, report).rows}
    assert rows == {"recall": ("0.618", "0.200", "-41.80"), "map50_95": ("0.424", "-", "-")}
    assert [points(0.42, 0.42), points(0.41999, 0.42), points(None, 0.1)] == ["0.00", "0.00", "-"]


def test_next_commands_can_be_pasted() -> None:
    spaced = dataclasses.replace(FINETUNED, version="my panels:v1")
    assert facts.next_commands(spaced)[0] == "yolow predict IMAGE --weights 'my panels:v1'"
    assert facts.next_commands(dataclasses.replace(FINETUNED, status="rejected")) == ()


def test_markdown_shortens_a_parent_path() -> None:
    report = dataclasses.replace(FINETUNED, parent=ParentSummary(reference="/home/ada/old/base.pt"))
    assert "finetune of …/old/base.pt (detect)" in render_markdown(report)


def test_markdown_config_closes_its_fence() -> None:
    report = dataclasses.replace(FINETUNED, details={"config": "a: |\n  ```\n  text\n"})
    assert "## Run config\n\n````yaml\na: |\n  ```\n  text\n````\n" in render_markdown(report)


def test_numbers() -> None:
    assert [duration(s) for s in (0, 59.94, 59.96, 3599.6, 7500)] == [
        "0.0 s", "59.9 s", "1 min 00 s", "1 h 00 min", "2 h 05 min",
    ]  # fmt: skip
    assert [time_left(s) for s in (None, 12.4, 150, 3661)] == [
        "",
        "12 s left",
        "2 min left",
        "1 h 01 min left",
    ]
    assert [loss(v) for v in (1.5234, 0.0104, 0.00002, 0.0, float("nan"))] == [
        "1.52", "0.010", "2.0e-05", "0.000", "nan",
    ]  # fmt: skip
    assert [counted(1, "class"), counted(2, "class"), counted(1204, "image")] == [
        "1 class", "2 classes", "1,204 images",
    ]  # fmt: skip
    assert visible("a\tb\x9b1mé") == r"a\x09b\x9b1mé"
