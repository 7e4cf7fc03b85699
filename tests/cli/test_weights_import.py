"""`weights import`: what comes from elsewhere is checked, kept as it is, and never praised beyond what it tells."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from harness import Trained, Yolow
from managed_store import add_version, checkpoint_bytes, tree, write_openvino

from yolow.store.digest import sha256_bytes
from yolow.store.record import ParentRecord
from yolow.store.store import Store

ROOT = Path("weights")


@pytest.fixture
def checkpoint(workdir: Path) -> Path:
    path = workdir / "best.pt"
    path.write_bytes(checkpoint_bytes())
    return path


def test_checkpoint_becomes_a_version(run_yolow: Yolow, workdir: Path, checkpoint: Path) -> None:
    finished = run_yolow("weights", "import", "best.pt", "--name", "solar", "--json", cwd=workdir)
    assert finished.code == 0, finished.err
    document = finished.document
    version = Store(ROOT).get("solar", 1)
    assert (document["version"], document["path"]) == (
        "solar:v1",
        str(workdir / ROOT / "solar/v1/solar-v1.pt"),
    )
    assert version.weights_path.read_bytes() == checkpoint.read_bytes()
    record = version.record
    assert (record.operation, record.task, record.format, record.parent) == (
        "import",
        "detect",
        "pytorch",
        None,
    )
    assert (record.metrics, record.data, record.baseline) == (None, None, None)
    assert record.profile is not None
    assert (record.profile.parameters, record.profile.precision) == (2_572_280, "float16")
    assert (record.profile.size_bytes, record.profile.latency_ms) == (checkpoint.stat().st_size, None)
    assert record.classes == {number: str(number) for number in range(80)}
    assert record.training is not None
    assert (record.training["source"], record.training["architecture"]) == ("best.pt", "yolo26n")
    assert record.training["version"].startswith("8.")
    assert run_yolow("weights", "verify", "solar:v1", cwd=workdir).code == 0


def test_the_screen(run_yolow: Yolow, workdir: Path, checkpoint: Path) -> None:
    finished = run_yolow("weights", "import", checkpoint, "--name", "solar", cwd=workdir)
    lines = finished.out.splitlines()
    assert lines[0] == "solar:v1  imported from best.pt"
    assert "architecture  yolo26n" in lines
    assert "classes       0, 1, 2, 3, 4, 5, 6, 7, ... and 72 more" in lines
    assert "parent        unknown" in lines
    assert "next  yolow val solar:v1 --data DATA.yaml" in lines


def test_parent(run_yolow: Yolow, workdir: Path, checkpoint: Path) -> None:
    run_yolow("weights", "import", "best.pt", "--name", "solar", cwd=workdir)
    run_yolow("weights", "import", "best.pt", "--name", "roof", "--parent", "solar", cwd=workdir)
    parent = Store(ROOT).get("roof", 1).record.parent
    assert parent is not None
    assert (parent.reference, parent.sha256) == ("solar:v1", sha256_bytes(checkpoint.read_bytes()))


def test_same_bytes_of_another_name_have_the_same_parent(
    run_yolow: Yolow, workdir: Path, checkpoint: Path
) -> None:
    add_version(
        ROOT, content=checkpoint.read_bytes(), parent=ParentRecord(reference="yolo26n.pt", sha256="9b" * 32)
    )
    document = run_yolow("weights", "import", "best.pt", "--name", "roof", "--json", cwd=workdir).document
    assert document["version"] == "roof:v1"
    assert document["parent"] == {"reference": "yolo26n.pt", "sha256": "9b" * 32}
    assert document["warnings"] == ["the same bytes are solar:v1 too"]


def test_same_bytes_are_added_once_a_name(run_yolow: Yolow, workdir: Path, checkpoint: Path) -> None:
    run_yolow("weights", "import", "best.pt", "--name", "solar", cwd=workdir)
    before = tree(ROOT)
    again = run_yolow("weights", "import", "best.pt", "--name", "solar", "--json", cwd=workdir)
    assert (again.code, again.document["version"], again.document["added"]) == (0, "solar:v1", False)
    assert again.document["warnings"] == ["the same bytes are solar:v1 already, so nothing was added"]
    assert tree(ROOT) == before
    damaged = Store(ROOT).get("solar", 1)
    damaged.weights_path.chmod(0o644)
    damaged.weights_path.write_bytes(b"gone")
    restored = run_yolow("weights", "import", "best.pt", "--name", "solar", "--json", cwd=workdir)
    assert (restored.code, restored.document["version"], restored.document["added"]) == (0, "solar:v2", True)


def test_a_version_is_not_imported(run_yolow: Yolow, workdir: Path, checkpoint: Path) -> None:
    run_yolow("weights", "import", "best.pt", "--name", "solar", cwd=workdir)
    for source in ("solar:v1", "weights/solar/v1/solar-v1.pt"):
        finished = run_yolow("weights", "import", source, "--name", "roof", cwd=workdir)
        assert finished.code == 2
        assert finished.err.splitlines() == [
            f"error: '{source}' is a version already",
            "  version: solar:v1",
            "hint: yolow weights show solar:v1",
        ]


class _Bomb:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.canary}",)


def test_code_is_refused_and_nothing_happens(run_yolow: Yolow, workdir: Path) -> None:
    canary = workdir / "canary"
    with zipfile.ZipFile(workdir / "evil.pt", "w") as archive:
        archive.writestr("evil/data.pkl", pickle.dumps({"model": _Bomb(canary)}, protocol=2))
        archive.writestr("evil/version", "3\n")
    finished = run_yolow("weights", "import", "evil.pt", "--name", "solar", cwd=workdir)
    assert finished.code == 1
    assert "system" in finished.err
    assert not canary.exists()
    assert not ROOT.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.pt", checkpoint_bytes, "error: "),
        (
            "net.safetensors",
            lambda: b"\x02\0\0\0\0\0\0\0{}",
            "error: weights of this format can't become a version",
        ),
        ("net.engine", lambda: b"TRT", "error: weights of this format can't become a version"),
        ("net.onnx", lambda: b"\x08\x07nonsense", "error: "),
    ],
)
def test_what_can_not_be_read_is_not_kept(
    run_yolow: Yolow, workdir: Path, name: str, content: Any, message: str
) -> None:
    (workdir / name).write_bytes(content()[:100_000])
    finished = run_yolow("weights", "import", name, "--name", "solar", cwd=workdir)
    assert finished.code == 2
    assert finished.err.splitlines()[-1:] != []
    assert any(line.startswith(message) for line in finished.err.splitlines())
    assert "internal" not in finished.err
    assert not ROOT.exists()


def test_a_name_that_can_not_be(run_yolow: Yolow, workdir: Path, checkpoint: Path) -> None:
    finished = run_yolow("weights", "import", "best.pt", "--name", "a/b", cwd=workdir)
    assert (finished.code, finished.err.splitlines()[0]) == (2, "error: 'a/b' can't be a name of weights")


def test_openvino_folder(run_yolow: Yolow, workdir: Path) -> None:
    folder = workdir / "best_openvino_model"
    write_openvino(folder)
    finished = run_yolow("weights", "import", folder, "--name", "solar", "--json", cwd=workdir)
    assert finished.code == 0, finished.err
    version = Store(ROOT).get("solar", 1)
    assert version.weights_path.name == "solar-v1_openvino_model"
    assert tree(version.weights_path) == tree(folder)
    record = version.record
    assert (record.format, record.task, record.classes) == ("openvino", "detect", {0: "panel"})
    assert record.profile is not None
    assert (record.profile.parameters, record.profile.imgsz, record.profile.runtime) == (12, 64, "openvino")
    assert run_yolow("weights", "verify", "solar:v1", cwd=workdir).code == 0
    inner = run_yolow("weights", "import", folder / "best.xml", "--name", "solar", cwd=workdir)
    assert (inner.code, inner.err.splitlines()[-1]) == (2, f"hint: import the whole export: {folder}")
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("/etc/passwd")
    odd = run_yolow("weights", "import", folder, "--name", "odd", cwd=workdir, timeout=20)
    assert odd.err.splitlines() == [
        "error: an export can't have links or special files in it",
        f"  {folder / 'link'}",
        f"  {folder / 'pipe'}",
    ]
    assert Store(ROOT).numbers("odd") == []


def test_onnx(run_yolow: Yolow, workdir: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    weight = helper.make_tensor("model.0.conv.weight", TensorProto.FLOAT, [4, 3, 1, 1], [0.5] * 12)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["images", "model.0.conv.weight"], ["output0"], name="conv")],
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4, 8, 8])],
        [weight],
    )
    model = helper.make_model(graph)
    for key, value in {"task": "detect", "names": "{0: 'panel'}", "imgsz": "[64, 64]"}.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, workdir / "best.onnx")
    finished = run_yolow("weights", "import", "best.onnx", "--name", "solar", "--json", cwd=workdir)
    assert finished.code == 0, finished.err
    record = Store(ROOT).get("solar", 1).record
    assert (record.weights, record.format, record.classes) == ("solar-v1.onnx", "onnx", {0: "panel"})
    assert run_yolow("weights", "verify", "solar:v1", cwd=workdir).code == 0


@pytest.mark.slow
def test_what_ultralytics_exports_and_trains(run_yolow: Yolow, trained: Trained, workdir: Path) -> None:
    """A trained checkpoint tells its own metrics, which are a claim; its exports keep their names and classes."""
    pytest.importorskip("onnx")
    pytest.importorskip("openvino")
    (workdir / "best.pt").write_bytes(trained.weights.read_bytes())
    code = "from ultralytics import YOLO\nfor kind in ('onnx', 'openvino'):\n"
    code += "    YOLO('best.pt').export(format=kind, imgsz=64)"
    subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"YOLO_CONFIG_DIR": str(workdir / "config"), "YOLO_OFFLINE": "1"},
        check=True,
        capture_output=True,
        timeout=300,
    )
    parameters = Store(trained.folder / ROOT).get("tiny", 1).record.profile
    assert parameters is not None
    claimed = run_yolow("weights", "import", "best.pt", "--name", "tiny", "--json", cwd=workdir).document
    assert claimed["metrics"] is None
    assert claimed["profile"]["parameters"] == parameters.parameters
    assert claimed["training"]["train_args"]["epochs"] == 2
    (warning,) = claimed["warnings"]
    assert warning.startswith("nothing was measured; the file's own claim: metrics/precision(B) ")
    for source, kind in (("best.onnx", "onnx"), ("best_openvino_model", "openvino")):
        finished = run_yolow(
            "weights", "import", source, "--name", "tiny", "--parent", "tiny:v1", "--json", cwd=workdir
        )
        assert finished.code == 0, finished.err
        document = finished.document
        assert (document["format"], document["task"], document["profile"]["imgsz"]) == (kind, "detect", 64)
        assert document["classes"] == claimed["classes"]
        assert document["parent"]["reference"] == "tiny:v1"
        assert document["path"].endswith("best_openvino_model"[4:] if kind == "openvino" else ".onnx")
    assert run_yolow("weights", "verify", cwd=workdir).code == 0
