"""The main job: train, fine-tune what was trained, measure it, look at it; every step a real process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tiny_data import make_dataset

from yolow.engine import upstream

Run = Callable[..., Any]
KEYS = {
    "schema_version", "command", "status", "exit_code", "version", "path", "task", "parent", "metrics", "baseline",
    "profile", "gate", "training", "run", "artifacts", "warnings",
}  # fmt: skip
TRAINING_KEYS = KEYS | {"config"}
CORE_METRICS = {"precision", "recall", "map50", "map50_95", "split", "images"}


@dataclass(frozen=True)
class Job:
    """A folder with `tiny:v1` (trained) and `tiny:v2` (fine-tuned from it with a frozen backbone)."""

    folder: Path
    data: Path
    finetuned: Any

    @property
    def v2(self) -> Path:
        return self.folder / "weights" / "tiny" / "v2"

    def record(self, number: int) -> dict[str, Any]:
        path = self.folder / "weights" / "tiny" / f"v{number}" / "record.json"
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return value


@pytest.fixture(scope="module")
def job(trained: Any, run_yolow: Run, tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("job")
    shutil.copytree(trained.folder / "weights", folder / "weights")
    data = make_dataset(folder / "tiny", task="detect", seed=1)
    finished = run_yolow(
        "finetune", "--data", data, "--weights", "tiny", "--freeze", "backbone", "--epochs", "2", "--imgsz", "64",
        "--batch", "4", "--set", "optimizer=SGD", "--gate", "parameters <= 1e9", "--json", cwd=folder,
    )  # fmt: skip
    assert finished.code == 0, finished.err
    return Job(folder, data, finished)


def tensors(path: Path) -> dict[str, Any]:
    import torch

    model = torch.load(path, map_location="cpu", weights_only=False)["model"]
    return dict(model.state_dict())


def test_the_trained_document(trained: Any) -> None:
    document = trained.document
    assert set(document) == TRAINING_KEYS
    assert (document["schema_version"], document["command"], document["status"]) == (1, "train", "done")
    assert (document["version"], document["parent"], document["task"]) == ("tiny:v1", None, "detect")
    assert set(document["metrics"]) >= CORE_METRICS
    assert document["metrics"]["images"] == 4
    assert document["training"]["stop_reason"] == "epochs"
    assert document["training"]["epochs_run"] == document["training"]["epochs_planned"] == 2
    assert document["profile"]["size_bytes"] == trained.weights.stat().st_size
    for artifact in document["artifacts"]:
        assert Path(artifact["path"]).is_file()


@pytest.mark.slow
def test_a_result_takes_the_next_number_and_names_its_parent(job: Job) -> None:
    document = job.finetuned.document
    assert set(document) == TRAINING_KEYS
    assert document["version"] == "tiny:v2"
    assert document["path"] == str(job.v2 / "tiny-v2.pt")
    assert document["parent"] == {"reference": "tiny:v1", "sha256": job.record(1)["sha256"]}
    assert job.record(2)["parent"] == document["parent"]
    assert document["baseline"]["reference"] == "tiny:v1"
    assert set(document["baseline"]["metrics"]) >= CORE_METRICS
    assert document["gate"]["passed"] is True
    assert [check["gate"] if "gate" in check else check["field"] for check in document["gate"]["checks"]] == [
        "parameters"
    ]


@pytest.mark.slow
def test_the_version_explains_itself(job: Job) -> None:
    report = (job.v2 / "report.md").read_text(encoding="utf-8")
    assert "tiny:v2" in report
    assert "tiny:v1" in report
    for name in ("run.yaml", "results.csv", "results.png"):
        assert (job.v2 / name).is_file()
    for path in job.v2.rglob("*"):
        if path.is_file():
            assert not path.stat().st_mode & 0o222, path


@pytest.mark.slow
def test_progress_in_a_pipe_is_one_line_an_epoch(job: Job) -> None:
    lines = [line for line in job.finetuned.err.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in lines] == ["1/2", "2/2"]
    assert all("map50_95" in line and "box_loss" in line for line in lines)
    assert "\x1b" not in job.finetuned.err
    assert "Ultralytics" not in job.finetuned.err


@pytest.mark.slow
def test_a_frozen_backbone_keeps_its_weights(job: Job, cache_dir: Path) -> None:
    upstream.load(
        cache_dir
    )  # unpickling the networks imports Ultralytics: in our configuration, as every test does
    import torch

    before = tensors(job.folder / "weights" / "tiny" / "v1" / "tiny-v1.pt")
    after = tensors(job.v2 / "tiny-v2.pt")
    backbone = [key for key in before if int(key.split(".")[1]) <= 10 and key.endswith((".weight", ".bias"))]
    assert len(backbone) > 50
    assert [key for key in backbone if not torch.equal(before[key], after[key])] == []
    assert any(not torch.equal(before[key], after[key]) for key in before if int(key.split(".")[1]) > 10)


@pytest.mark.slow
def test_run_yaml_repeats_the_run(job: Job, run_yolow: Run) -> None:
    finished = run_yolow("finetune", "--config", job.v2 / "run.yaml", "--json", cwd=job.folder)
    assert finished.code == 0, finished.err
    assert finished.document["version"] == "tiny:v3"
    assert finished.document["parent"] == job.finetuned.document["parent"]
    assert finished.document["metrics"] == job.finetuned.document["metrics"]
    second, third = tensors(job.v2 / "tiny-v2.pt"), tensors(Path(finished.document["path"]))
    assert all((second[key] == third[key]).all() for key in second)


@pytest.mark.slow
def test_a_missed_gate_rejects_the_candidate(trained: Any, run_yolow: Run, workdir: Path) -> None:
    data = make_dataset(workdir / "tiny", task="detect")
    finished = run_yolow(
        "train", "--data", data, "--epochs", "1", "--imgsz", "64", "--batch", "4", "--set", "plots=false",
        "--gate", "map50_95 >= 0.99", "--gate", "size_mb <= 100", "--json", cwd=workdir,
    )  # fmt: skip
    document = finished.document
    assert (finished.code, document["status"], document["exit_code"], document["version"]) == (
        1,
        "rejected",
        1,
        None,
    )
    assert set(document) == TRAINING_KEYS
    assert [check["passed"] for check in document["gate"]["checks"]] == [False, True]
    assert not list(workdir.glob("weights/*/v*"))
    assert Path(document["path"]).is_file()
    assert Path(document["path"]).is_relative_to(workdir / "runs")
    assert (workdir / "runs" / document["run"] / "report.md").is_file()
    again = run_yolow("train", "--resume", document["run"], cwd=workdir)
    assert again.code == 2
    assert "error: the run has ended: its candidate missed a gate\n" in again.err


@pytest.mark.slow
def test_val_with_and_without_data(job: Job, run_yolow: Run) -> None:
    own = run_yolow("val", "tiny:v2", "--imgsz", "64", "--json", cwd=job.folder)
    given = run_yolow("val", job.v2 / "tiny-v2.pt", "--data", job.data, "--imgsz", "64", "--gate", "top1 >= 0.5",
                      "--json", cwd=job.folder)  # fmt: skip
    assert own.code == 0, own.err
    assert own.document["metrics"] == given.document["metrics"] == job.finetuned.document["metrics"]
    assert (given.code, given.document["status"]) == (1, "rejected")
    assert given.document["gate"]["checks"][0]["measured"] is None
    assert not (job.folder / "validation").exists()


def test_val_needs_data_for_a_plain_file(trained: Any, run_yolow: Run, workdir: Path) -> None:
    shutil.copy(trained.weights, workdir / "w.pt")
    finished = run_yolow("val", "w.pt", "--json", cwd=workdir)
    assert (finished.code, finished.document["error"]["kind"]) == (2, "config")
    assert finished.document["error"]["hint"] == "yolow val w.pt --data DATA.yaml"


def test_list_and_show(trained: Any, run_yolow: Run) -> None:
    listed = run_yolow("weights", "list", "--json", cwd=trained.folder).document
    assert set(listed) == KEYS | {"versions", "listed", "page", "total", "next_page"}
    assert [row["reference"] for row in listed["versions"]] == ["tiny:v1"]
    shown = run_yolow("weights", "show", "tiny", "--json", cwd=trained.folder).document
    assert shown["version"] == "tiny:v1"
    assert [(step["reference"], step["state"]) for step in shown["lineage"]] == [("tiny:v1", "present")]
    assert shown["metrics"] == trained.document["metrics"]
    for_people = run_yolow("weights", "list", cwd=trained.folder)
    assert "tiny:v1" in for_people.out
    assert for_people.err == ""


def test_dry_run_writes_nothing(trained: Any, run_yolow: Run, workdir: Path) -> None:
    data = make_dataset(workdir / "tiny", task="detect")
    before = sorted(workdir.rglob("*"))
    store = ("--store", trained.folder / "weights")
    for command in (("train", "--model", "yolo26n.yaml"), ("finetune", "--weights", "tiny", *store)):
        finished = run_yolow(*command, "--data", data, "--dry-run", "--json", cwd=workdir)
        assert finished.code == 0, finished.err
        document = finished.document
        assert (document["status"], document["version"], document["metrics"]) == ("done", None, None)
        assert document["plan"]["data"]["train"] == {"images": 8, "instances": 8, "background": 0}
    assert sorted(workdir.rglob("*")) == before
    assert sorted(path.name for path in (trained.folder / "weights" / "tiny").glob("v*")) == ["v1"]


def test_quiet_says_nothing(trained: Any, run_yolow: Run, workdir: Path) -> None:
    data = make_dataset(workdir / "tiny", task="detect")
    finished = run_yolow("train", "--data", data, "--dry-run", "--quiet", cwd=workdir)
    assert (finished.code, finished.out, finished.err) == (0, "", "")


@pytest.mark.slow
@pytest.mark.shared
def test_patience_stops_and_the_report_says_so(shared_folder: Path, run_yolow: Run, workdir: Path) -> None:
    source = shared_folder / "data" / "coco128"
    names = sorted((source / "images").rglob("*.jpg"))[:4]
    if not names:
        pytest.skip(f"no images in {source}")
    for image in names:
        label = next((source / "labels").rglob(f"{image.stem}.txt"))
        for kind, file in (("images", image), ("labels", label)):
            (workdir / "few" / kind).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, workdir / "few" / kind)
    import yaml

    classes = next(
        yaml.safe_load(path.read_text(encoding="utf-8"))["names"] for path in source.glob("*.yaml")
    )
    (workdir / "few" / "few.yaml").write_text(
        yaml.safe_dump({"train": "images", "val": "images", "names": classes}), encoding="utf-8"
    )
    finished = run_yolow(
        "finetune", "--data", "few/few.yaml", "--epochs", "30", "--patience", "1", "--imgsz", "160", "--batch", "4",
        "--optimizer", "SGD", "--set", "lr0=1e-6", "--set", "plots=false", "--json", cwd=workdir,
        env={"YOLOW_WEIGHTS_DIR": str(shared_folder / "weights")},
    )  # fmt: skip
    assert finished.code == 0, finished.err
    training = finished.document["training"]
    assert training["stop_reason"] == "patience"
    assert training["best_epoch"] <= training["epochs_run"] < 30
    report = (workdir / "weights" / "few" / "v1" / "report.md").read_text(encoding="utf-8")
    assert "patience" in report


def test_plots_into_a_file_are_refused_before_anything_is_measured(trained: Any, run_yolow: Run) -> None:
    (trained.folder / "taken").write_text("a file", encoding="utf-8")
    finished = run_yolow("val", "tiny:v1", "--plots", "--out", "taken", "--json", cwd=trained.folder)
    assert finished.code == 2
    assert finished.document["error"]["message"] == "the output folder can't be made"
