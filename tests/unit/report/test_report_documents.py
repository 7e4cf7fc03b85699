from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from report_samples import CLASSIFIED, FINETUNED, FINETUNED_AGAIN, PREDICTED, REJECTED, SAMPLES

from yolow.errors import InputError, WeightsRefusedError
from yolow.metrics import Metrics
from yolow.report.documents import JsonStream, dump_json, report_document, write_json
from yolow.run_report import RunReport

HEAD_KEYS = [
    "schema_version", "command", "status", "exit_code", "version", "path", "task", "parent", "metrics", "baseline",
    "profile", "gate", "training", "run", "artifacts", "warnings",
]  # fmt: skip

IMAGE = {
    "source": "bus.jpg", "width": 810, "height": 1080,
    "detections": [{"class_id": 5, "name": "bus", "confidence": 0.94, "box_xyxy": [10.5, 229.0, 803.25, 751.0]}],
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_keys_and_their_order(name: str) -> None:
    report = SAMPLES[name]
    document = report_document(report)
    assert list(document) == [*HEAD_KEYS, *report.details]
    assert json.loads(dump_json(document)) == document


def test_values() -> None:
    document = report_document(FINETUNED_AGAIN)
    assert document["schema_version"] == 1
    assert document["parent"] == {"reference": "solar:v1", "sha256": "1f3a" * 16}
    assert document["metrics"] == {
        "precision": 0.768, "recall": 0.611, "map50": 0.6731, "map50_95": 0.4481, "split": "val", "images": 64,
        "main": "map50_95",
    }  # fmt: skip
    assert document["baseline"]["metrics"]["per_class"][0]["name"] == "solar panel"
    assert document["baseline"]["profile"] == document["profile"]
    assert document["gate"] == {
        "passed": True,
        "checks": [
            {"field": "map50_95", "comparison": ">=", "limit": 0.4, "measured": 0.4481, "passed": True},
        ],
    }  # fmt: skip
    assert report_document(REJECTED)["gate"]["checks"][2]["measured"] is None


def test_metrics_of_a_classifier_have_all_four_keys() -> None:
    metrics = report_document(CLASSIFIED)["metrics"]
    assert list(metrics)[:6] == ["precision", "recall", "map50", "map50_95", "split", "images"]
    assert metrics["map50_95"] is None
    assert (metrics["top1"], metrics["top5"], metrics["main"]) == (0.8817, 0.9703, "top1")
    assert "box_map50_95" not in metrics


def test_numbers_and_paths_become_plain_json() -> None:
    details: dict[str, Any] = {
        "nan": float("nan"), "inf": [float("-inf"), 1.5], "int": np.int64(3), "float": np.float32(0.5),
        "flag": True, "where": PurePosixPath("/srv/x"), "by_id": {7: (1, 2)},
    }  # fmt: skip
    metrics = Metrics(split="val", images=1, map50_95=float("nan"))
    document = report_document(RunReport(command="val", metrics=metrics, details=details))
    assert document["metrics"]["map50_95"] is None
    assert {key: document[key] for key in details} == {
        "nan": None, "inf": [None, 1.5], "int": 3, "float": 0.5, "flag": True, "where": "/srv/x",
        "by_id": {"7": [1, 2]},
    }  # fmt: skip
    assert type(document["int"]) is int
    assert type(document["float"]) is float


def test_a_value_without_a_place_in_json_is_named() -> None:
    with pytest.raises(TypeError, match=r"'plan\.when' holds a object, which is not a JSON value"):
        report_document(RunReport(command="val", details={"plan": {"when": object()}}))


def test_details_may_not_hide_a_key() -> None:
    with pytest.raises(ValueError, match="details may not use the document's own keys: error, path"):
        report_document(RunReport(command="val", details={"path": "x", "error": 1, "free": 2}))


def test_error_decides_status_and_exit_code() -> None:
    refused = WeightsRefusedError("unexpected globals", context=["posix.system"])
    document = report_document(RunReport(command="finetune"), error=refused)
    assert (document["status"], document["exit_code"]) == ("rejected", 1)
    assert list(document)[-1] == "error"
    assert document["error"]["kind"] == "refused"
    interrupted = RunReport(command="train", status="interrupted", exit_code=130)
    document = report_document(interrupted, error=InputError("x"))
    assert (document["status"], document["exit_code"]) == ("interrupted", 130)


def test_text_is_readable_and_every_file_name_survives() -> None:
    text = dump_json({"source": "dach_größe_屋根.jpg", "broken": "a\udcff.jpg"})
    assert text == '{\n  "source": "dach_größe_屋根.jpg",\n  "broken": "a\\udcff.jpg"\n}\n'
    text.encode("utf-8")
    assert json.loads(text)["broken"] == "a\udcff.jpg"


def test_a_stream_without_unicode_loses_nothing() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_json({"source": "größe.jpg"}, stream)
    assert json.loads(raw.getvalue()) == {"source": "größe.jpg"}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_stream_equals_the_whole_document(count: int) -> None:
    images = [{**IMAGE, "source": f"größe_{index}.jpg"} for index in range(count)]
    error = InputError("2 inputs could not be read", context=["photos/broken.jpg: not an image"])
    whole = dataclasses.replace(PREDICTED, details={**PREDICTED.details, "images": images})
    text = io.StringIO()
    stream = JsonStream(text)
    stream.start()
    for image in images:
        stream.image(image)
    stream.finish(whole, error)
    assert json.loads(text.getvalue()) == json.loads(dump_json(report_document(whole, error=error)))
    assert text.getvalue().endswith("\n}\n")


def test_stream_that_was_never_started_is_a_document_too() -> None:
    text = io.StringIO()
    stream = JsonStream(text)
    assert not stream.started
    stream.finish(FINETUNED)
    assert stream.started
    assert json.loads(text.getvalue()) == {**report_document(FINETUNED), "images": []}


def test_stream_writes_as_it_goes_in_constant_memory(tmp_path: Path) -> None:
    with (tmp_path / "out.json").open("w", encoding="utf-8") as file:
        stream = JsonStream(file)
        stream.start()
        tracemalloc.start()
        for _ in range(4000):
            stream.image(IMAGE)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        stream.finish(PREDICTED)
    assert (tmp_path / "out.json").stat().st_size > 600_000
    assert peak_bytes < 100_000
    assert len(json.loads((tmp_path / "out.json").read_text())["images"]) == 4000


def test_images_hold_only_finite_numbers() -> None:
    text = io.StringIO()
    stream = JsonStream(text)
    stream.image({"source": Path("a.jpg"), "detections": [{"confidence": np.float32("nan")}]})
    stream.finish(RunReport(command="predict"))
    assert json.loads(text.getvalue())["images"] == [
        {"source": "a.jpg", "detections": [{"confidence": None}]}
    ]


def test_documents_and_progress_import_without_rich() -> None:
    code = (
        "import sys, yolow.report.documents, yolow.report.errors, yolow.report.console, yolow.report.progress, "
        "yolow.report.terminal, yolow.report.markdown\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'rich', 'yaml', 'numpy', 'torch'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
