"""`yolow weights diff`, as whole commands over a real store."""

from __future__ import annotations

import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from harness import Finished, Trained, Yolow

from yolow.data.manifest import MANIFEST_FILE
from yolow.engine import upstream
from yolow.metrics import ClassMetrics
from yolow.progress import Silent
from yolow.recipes.session import Session
from yolow.recipes.weights_diff import DiffView, diff_weights
from yolow.report.console import stdout_console
from yolow.report.terminal import render_report
from yolow.store.record import DataRecord, ParentRecord, VersionDraft
from yolow.store.store import Store

MORE_ROWS = ('["train", "new1.jpg", "1", "none"]\n', '["train", "new2.jpg", "2", "none"]\n')
SCALED = {"model.16.cv1.conv.weight": 1.5, "model.4.cv2.conv.weight": 1.25}


@dataclass(frozen=True)
class Pair:
    """A store with `tiny:v1` (trained) and `tiny:v2`, made from it by scaling two tensors and reshaping one."""

    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder / "weights")

    def weights(self, number: int) -> Path:
        return self.store.get("tiny", number).weights_path


@pytest.fixture(scope="module")
def pair(trained: Trained, tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Pair:
    folder = tmp_path_factory.mktemp("pair")
    shutil.copytree(trained.folder / "weights", folder / "weights")
    store = Store(folder / "weights")
    first = store.get("tiny", 1)
    record = first.record
    assert record.metrics is not None
    assert record.data is not None
    metrics = replace(record.metrics, map50_95=0.5, per_class=_classes(0.4, 0.2))
    manifest = (first.folder / MANIFEST_FILE).read_text(encoding="ascii").splitlines(keepends=True)
    more = folder / MANIFEST_FILE
    more.write_text("".join((*manifest[:-1], *MORE_ROWS)), encoding="ascii")
    draft = VersionDraft(
        name="tiny",
        operation="finetune",
        task="detect",
        parent=ParentRecord(reference="tiny:v1", sha256=record.sha256),
        classes={0: "light", 1: "shadow"},
        metrics=metrics,
        baseline=replace(metrics, map50_95=0.25, per_class=_classes(0.1, 0.3)),
        profile=record.profile,
        data=DataRecord(
            name="more", path="/data/more.yaml", fingerprint="ab" * 32, train_images=20, val_images=4
        ),
        config={**record.config, "epochs": 7, "arguments": {"lr0": 0.02}},
        training=record.training,
        environment=record.environment,
    )
    store.add(
        draft,
        weights=_changed(first.weights_path, folder / "changed.pt", cache_dir),
        suffix=".pt",
        files={MANIFEST_FILE: more},
    )
    return Pair(folder)


def _classes(*values: float) -> tuple[ClassMetrics, ...]:
    return tuple(
        ClassMetrics(
            class_id=index,
            name=name,
            images=2,
            instances=3,
            precision=0.5,
            recall=0.5,
            map50=0.5,
            map50_95=value,
        )
        for index, (name, value) in enumerate(zip(("light", "shadow"), values, strict=True))
    )


def _changed(source: Path, target: Path, cache_dir: Path) -> Path:
    upstream.load(cache_dir)  # the pickle names Ultralytics' classes
    import torch

    checkpoint = torch.load(source, map_location="cpu", weights_only=False)
    network = checkpoint["model"]
    for name, tensor in network.named_parameters():
        tensor.data *= SCALED.get(name, 1.0)
    bias = network.model[23].cv3[0][2]
    bias.bias = torch.nn.Parameter(torch.cat([bias.bias, bias.bias]))
    torch.save(checkpoint, target)
    return target


def diff(run_yolow: Yolow, pair: Pair, *arguments: str | Path, **options: Any) -> Finished:
    finished = run_yolow("weights", "diff", *arguments, cwd=pair.folder, **options)
    assert finished.code == 0, finished.err
    return finished


def test_the_document_of_two_versions(pair: Pair, run_yolow: Yolow) -> None:
    document = diff(run_yolow, pair, "tiny:v1", "tiny:v2", "--json").document
    assert (document["command"], document["status"], document["version"]) == (
        "weights diff",
        "done",
        "tiny:v2",
    )
    assert document["a"]["reference"] == "tiny:v1"
    assert document["relation"] == {"kind": "ancestor", "steps": 1, "common": None}
    assert document["counts"] == {
        "equal": 705, "rounded": 0, "changed": 2, "reshaped": 1, "added": 0, "removed": 0,
    }  # fmt: skip
    assert document["bit_equal"] == [
        {"first": "model.0", "last": "model.3", "layers": 4},
        {"first": "model.5", "last": "model.13", "layers": 7},
        {"first": "model.17", "last": "model.22", "layers": 4},
    ]
    changed = {tensor["name"]: tensor for tensor in document["tensors"] if tensor["state"] == "changed"}
    assert set(changed) == set(SCALED)
    for name, factor in SCALED.items():
        assert changed[name]["relative_l2"] == pytest.approx(factor - 1, rel=1e-3)
        assert changed[name]["cosine"] == pytest.approx(1, abs=1e-6)
    modules = {module["path"]: module["state"] for module in document["modules"]}
    assert [path for path, state in modules.items() if state != "equal"] == [
        "model.4.cv2.conv", "model.16.cv1.conv", "model.23.cv3.0.2",
    ]  # fmt: skip


def test_the_records_are_compared(pair: Pair, run_yolow: Yolow) -> None:
    document = diff(run_yolow, pair, "tiny:v1", "tiny:v2", "--json").document
    differing = {entry["key"]: entry for entry in document["differences"] if entry["state"] != "equal"}
    assert (differing["config.epochs"]["a"], differing["config.epochs"]["b"]) == (2, 7)
    assert differing["config.arguments.lr0"] == {
        "key": "config.arguments.lr0", "state": "only_b", "a": None, "b": 0.02,
    }  # fmt: skip
    assert (differing["operation"]["a"], differing["operation"]["b"]) == ("train", "finetune")
    assert not [key for key in differing if key.startswith("environment")]
    assert document["data"]["same"] is False
    assert document["classes"] == {
        "same": False, "added": [], "removed": [], "moved": [], "renamed": [{"id": 1, "a": "dark", "b": "shadow"}],
    }  # fmt: skip


def test_a_parent_is_measured_as_its_child_was(pair: Pair, run_yolow: Yolow) -> None:
    """The child's record holds the parent's metrics on the child's own data: no warning, and those count."""
    document = diff(run_yolow, pair, "tiny:v1", "tiny:v2", "--json").document
    assert document["baseline"]["metrics"]["map50_95"] == 0.25
    assert document["points"]["map50_95"] == pytest.approx(25)
    assert [(entry["name"], round(entry["points"], 6)) for entry in document["class_points"]] == [
        ("shadow", -10), ("light", 30),
    ]  # fmt: skip
    assert document["warnings"] == []
    back = diff(run_yolow, pair, "tiny:v2", "tiny:v1", "--json").document
    assert back["relation"]["kind"] == "descendant"
    assert back["warnings"] == ["the metrics were measured on different data, so their points say little"]


def test_the_screen(pair: Pair, run_yolow: Yolow) -> None:
    out = diff(run_yolow, pair, "tiny:v1", "tiny:v2").out
    lines = out.splitlines()
    assert lines[0] == "tiny:v1 -> tiny:v2"
    assert "lineage  b was made from a" in lines
    assert "data     different: tiny, 12 images -> more, 24 images" in lines
    assert "images   2 images added, 1 image removed" in lines
    assert "classes  1 renamed (dark -> shadow)" in lines
    start = next(index for index, line in enumerate(lines) if line.startswith("layer "))
    assert [line.split()[:4] for line in lines[start : start + 4]] == [
        ["layer", "type", "changed", "rel."],
        ["model.16", "C3k2", "1/54", lines[start + 1].split()[3]],
        ["model.4", "C3k2", "1/24", lines[start + 2].split()[3]],
        ["model.23", "Detect", "1/240", "0"],
    ]
    assert [line.split() for line in lines if line.startswith("model.23.cv3")] == [
        ["model.23.cv3.0.2.bias", "2", "4"]
    ]
    assert lines[-2:] == [
        "bit-equal  model.0 to model.3 (4 layers), model.5 to model.13 (7 layers), model.17 to model.22 (4 layers)",
        "tensors    705 equal, 2 changed, 1 reshaped",
    ]
    assert "\x1b" not in out
    assert "█" in out


def test_order_and_number_of_rows(pair: Pair, run_yolow: Yolow) -> None:
    def layers(*options: str) -> list[str]:
        out = diff(run_yolow, pair, "tiny:v1", "tiny:v2", *options).out
        table = out[out.index("layer ") :].split("\n\n")[0].splitlines()[1:]
        return [line.split()[0] for line in table]

    assert layers("--sort", "layer") == ["model.4", "model.16", "model.23"]
    assert layers("--top", "1") == ["model.16", "..."]
    assert len(layers("--all")) == 18
    assert diff(run_yolow, pair, "tiny:v1", "tiny:v2", "--top", "1", "--json").document["layers"][17]["path"]


def test_an_encoding_without_blocks_gets_plain_bars(pair: Pair, run_yolow: Yolow) -> None:
    out = diff(run_yolow, pair, "tiny:v1", "tiny:v2", env={"PYTHONIOENCODING": "ascii"}).out
    assert "##############" in out
    assert "?" not in out


def test_a_terminal_of_80_columns(pair: Pair, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    session = Session(
        store=pair.store, runs=pair.folder, cache_dir=cache_dir, offline=True, progress=Silent()
    )
    report = diff_weights("tiny:v1", "tiny:v2", session, view=DiffView(equal=True))
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    for key, value in {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(key, value)
    render_report(report, stdout_console())
    text = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    tables = text[: text.index("bit-equal")]
    assert max(map(len, tables.splitlines())) <= 80
    assert "…" not in tables
    assert "more differences, `--json` has all" in tables


def test_a_version_and_a_file(pair: Pair, run_yolow: Yolow, workdir: Path) -> None:
    shutil.copy(pair.weights(1), workdir / "loose.pt")
    document = diff(run_yolow, pair, workdir / "loose.pt", "tiny:v1", "--json").document
    assert document["relation"]["kind"] == "same"
    assert document["counts"]["equal"] == 708
    assert (document["data"], document["points"]) == (None, {})
    assert {entry["state"] for entry in document["differences"]} == {"equal"}
    child = diff(run_yolow, pair, workdir / "loose.pt", "tiny:v2", "--json").document
    assert child["relation"] == {"kind": "ancestor", "steps": 1, "common": None}


def test_two_files_without_a_store(pair: Pair, run_yolow: Yolow, workdir: Path) -> None:
    for number in (1, 2):
        shutil.copy(pair.weights(number), workdir / f"{number}.pt")
    finished = run_yolow("weights", "diff", "1.pt", "2.pt", cwd=workdir)
    assert finished.code == 0, finished.err
    assert "lineage  no common origin of 1.pt and 2.pt is known\n" in finished.out
    assert sorted(path.name for path in workdir.iterdir()) == ["1.pt", "2.pt"]


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch fired",)


@pytest.mark.parametrize("place", [0, 1])
def test_a_refused_file_is_refused_on_either_side(
    place: int, pair: Pair, run_yolow: Yolow, workdir: Path
) -> None:
    import torch

    torch.save({"model": Evil()}, workdir / "evil.pt")
    pieces: list[Path] = [pair.weights(1)]
    pieces.insert(place, workdir / "evil.pt")
    finished = run_yolow("weights", "diff", *pieces, "--json", cwd=workdir)
    assert (finished.code, finished.document["error"]["kind"]) == (1, "refused")
    assert not (workdir / "fired").exists()


def test_bad_references(pair: Pair, run_yolow: Yolow, workdir: Path) -> None:
    (workdir / "cut.pt").write_bytes(pair.weights(1).read_bytes()[:-1000])
    for bad, code, kind in (
        ("tiny:v9", 2, "not-found"), (workdir / "none.pt", 2, "not-found"), (workdir / "cut.pt", 2, "weights"),
    ):  # fmt: skip
        finished = run_yolow("weights", "diff", "tiny:v1", bad, "--json", cwd=pair.folder)
        assert (finished.code, finished.document["error"]["kind"]) == (code, kind), bad


def test_a_flipped_byte_is_an_integrity_error(pair: Pair, run_yolow: Yolow, workdir: Path) -> None:
    shutil.copytree(pair.folder / "weights", workdir / "weights")
    path = workdir / "weights" / "tiny" / "v2" / "tiny-v2.pt"
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    finished = run_yolow("weights", "diff", "tiny:v1", "tiny:v2", "--json", cwd=workdir)
    assert (finished.code, finished.document["error"]["kind"]) == (1, "integrity")


@pytest.mark.shared
def test_it_is_fast_and_light(shared_folder: Path, workdir: Path, base_env: dict[str, str]) -> None:
    weights = shared_folder / "weights" / "yolo26n.pt"
    probe = (
        "import sys, json\n"
        "from yolow.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as stop:\n    assert stop.code == 0, stop.code\n"
        "print(json.dumps([name for name in ('torch', 'ultralytics', 'cv2', 'PIL') if name in sys.modules]), "
        "file=sys.stderr)\n"
    )
    cpu_seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-c", probe, "weights", "diff", str(weights), str(weights)],
            cwd=workdir, env=base_env, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert json.loads(done.stderr.splitlines()[-1]) == []
    assert min(cpu_seconds) < 0.8  # a busy machine stretches wall time
    assert "lineage  the same file, byte by byte\n" in done.stdout
