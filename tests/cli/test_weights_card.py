"""`weights export-card`: valid YAML and Markdown from the record alone, whatever texts the record holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from harness import Yolow
from managed_store import DRAFT, METRICS, add_version, child_of, promote, write_openvino

from yolow.store.record import ParentRecord
from yolow.store.store import Store

ROOT = Path("weights")


def _head(card: str) -> dict[str, Any]:
    _, head, _ = card.split("---\n", 2)
    value: dict[str, Any] = yaml.safe_load(head)
    return value


def test_card_says_what_the_record_says(run_yolow: Yolow, workdir: Path) -> None:
    version = add_version(ROOT)
    finished = run_yolow("weights", "export-card", "solar:v1", cwd=workdir)
    assert finished.code == 0, finished.err
    head = _head(finished.out)
    assert head["license"] == "agpl-3.0"
    assert head["library_name"] == "ultralytics"
    assert head["pipeline_tag"] == "object-detection"
    assert head["base_model"] == "yolo26n"
    assert head["metrics"] == ["precision", "recall", "map50", "map50_95"]
    (result,) = head["model-index"][0]["results"]
    assert {metric["type"]: metric["value"] for metric in result["metrics"]} == {
        "precision": 0.61, "recall": 0.55, "map50": 0.65, "map50_95": 0.42,
    }  # fmt: skip
    assert result["dataset"]["revision"] == "cd" * 32
    for line in (
        f"- sha256: `{version.record.sha256}`",
        'model = YOLO("solar-v1.pt")',
        "yolow predict image.jpg --weights ./solar-v1.pt",
        "| map50_95 | 0.300 | 0.420 | +12.00 |",
        "| panel | 40 | 310 | 0.600 | 0.500 | 0.600 | 0.400 |",
        "- 31.3 ms (torch float32, cpu, 2 threads, batch 1, imgsz 640)",
        "- solar: 170 training images, 43 validation images",
        "epochs: 15",
        f"- yolo26n.pt, from outside the store (sha256 {'9b' * 32})",
    ):
        assert line in finished.out.splitlines()
    assert "/home/ada" not in finished.out


def test_card_of_a_child_names_its_line(run_yolow: Yolow, workdir: Path) -> None:
    parent = add_version(ROOT)
    add_version(ROOT, parent=child_of(parent))
    promote(ROOT, 2)
    Store(ROOT).add_note(Store(ROOT).get("solar", 2), "misses <shade>")
    card = run_yolow("weights", "export-card", "solar:production", cwd=workdir).out
    assert _head(card)["base_model"] == "yolo26n"
    assert "- aliases: production" in card.splitlines()
    assert r"- misses \<shade>" in card.splitlines()
    assert f"- solar:v1 (sha256 {parent.record.sha256})" in card.splitlines()


def test_texts_can_not_break_out(run_yolow: Yolow, workdir: Path) -> None:
    evil = "x\n---\n# Owned | `a` <script>\x1b[31m"
    add_version(
        ROOT,
        classes={0: evil},
        config={"data": evil, "```": "```\n# Owned"},
        warnings=(evil, "faulty: /home/ada/data/roof.txt:3"),
        metrics=replace(METRICS, per_class=(replace(METRICS.per_class[0], name=evil),)),
    )
    card = run_yolow("weights", "export-card", "solar:v1", cwd=workdir).out
    assert _head(card)["license"] == "agpl-3.0"
    assert "\x1b" not in card
    outside, inside = [], False
    for line in card.splitlines():
        inside ^= line.startswith("```")
        outside += [] if inside else [line]
    assert not [line for line in outside if line.startswith("# Owned")]
    assert card.splitlines().count("---") == 2
    assert not [line for line in outside if "<script>" in line and r"\<script>" not in line]
    assert r"- faulty: …/roof.txt:3" in card.splitlines()


def test_what_names_a_machine_or_its_user_is_left_out(run_yolow: Yolow, workdir: Path) -> None:
    add_version(
        ROOT,
        parent=ParentRecord(reference="/home/ada/best.pt", sha256="9b" * 32),
        config={
            "epochs": 3,
            "data": "/home/ada/solar.yaml",
            "project": "C:\\Users\\ada\\runs",
            "model": "~ada/yolo.pt",
            "images": ["/home/ada/one.jpg"],
            "deep": {"of": {"places": ("/home/ada",)}},
        },
        warnings=("no labels in /home/ada/data/roof.txt",),
    )
    card = run_yolow("weights", "export-card", "solar", cwd=workdir).out
    assert "ada" not in card.replace("AdamW", "")
    assert "epochs: 3" in card.splitlines()
    assert "- no labels in …/roof.txt" in card.splitlines()
    assert "from best.pt." in card


def test_an_export_says_how_it_is_loaded(run_yolow: Yolow, workdir: Path) -> None:
    write_openvino(workdir / "x_openvino_model")
    draft = replace(DRAFT, format="openvino", task="segment")
    Store(ROOT).add(draft, weights=workdir / "x_openvino_model", suffix="_openvino_model")
    card = run_yolow("weights", "export-card", "solar", cwd=workdir).out
    assert 'model = YOLO("solar-v1_openvino_model", task="segment")' in card.splitlines()
    assert _head(card)["pipeline_tag"] == "image-segmentation"
    assert "yolow predict" not in card


def test_many_classes_are_cut(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT, classes={number: f"class {number}" for number in range(1_203)})
    lines = run_yolow("weights", "export-card", "solar", cwd=workdir).out.splitlines()
    assert "| 99 | class 99 |" in lines
    assert "| 100 | class 100 |" not in lines
    assert "... and 1,103 more" in lines


def test_out_writes_a_file_outside_the_store(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT)
    finished = run_yolow("weights", "export-card", "solar", "--out", "CARD.md", cwd=workdir)
    assert (finished.code, finished.out) == (0, f"solar:v1  card written to {workdir / 'CARD.md'}\n")
    printed = run_yolow("weights", "export-card", "solar", cwd=workdir).out
    assert (workdir / "CARD.md").read_text() == printed
    inside = run_yolow("weights", "export-card", "solar", "--out", "weights/solar/v1/CARD.md", cwd=workdir)
    assert (inside.code, inside.err.splitlines()[0]) == (2, "error: a card can't lie in the store")
    nowhere = run_yolow("weights", "export-card", "solar", "--out", "no/CARD.md", cwd=workdir)
    assert (nowhere.code, nowhere.err.splitlines()[0]) == (2, "error: the card can't be written")


def test_imported_weights_claim_nothing(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT, map50_95=None, operation="import", parent=None, data=None, baseline=None)
    card = run_yolow("weights", "export-card", "solar", cwd=workdir).out
    assert "Not measured." in card.splitlines()
    assert "metrics" not in _head(card)
    assert "model-index" not in _head(card)
    assert "base_model" not in _head(card)


def test_a_damaged_version_gets_no_card(run_yolow: Yolow, workdir: Path) -> None:
    version = add_version(ROOT)
    version.weights_path.chmod(0o644)
    version.weights_path.write_bytes(b"other")
    assert run_yolow("weights", "export-card", "solar:v1", cwd=workdir).code == 1
