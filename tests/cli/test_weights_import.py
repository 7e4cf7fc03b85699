"""`weights import`: what comes from elsewhere is checked, kept as it is, and never praised beyond what it tells."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
from harness import Yolow
from managed_store import checkpoint_bytes, tree

from yolow.store.digest import sha256_bytes
from yolow.store.store import Store

ROOT = Path("weights")

_OPENVINO = """<?xml version="1.0"?>
<net name="tiny" version="11">
  <layers>
    <layer id="0" name="x" type="Parameter" version="opset1">
      <data shape="1,3,8,8" element_type="f32"/>
      <output><port id="0" precision="FP32"><dim>1</dim><dim>3</dim><dim>8</dim><dim>8</dim></port></output>
    </layer>
    <layer id="1" name="weight" type="Const" version="opset1">
      <data element_type="f32" shape="4,3,1,1" offset="0" size="48"/>
      <output><port id="0" precision="FP32"><dim>4</dim><dim>3</dim><dim>1</dim><dim>1</dim></port></output>
    </layer>
    <layer id="2" name="conv" type="Convolution" version="opset1">
      <data strides="1, 1" dilations="1, 1" pads_begin="0, 0" pads_end="0, 0" auto_pad="explicit"/>
      <input>
        <port id="0" precision="FP32"><dim>1</dim><dim>3</dim><dim>8</dim><dim>8</dim></port>
        <port id="1" precision="FP32"><dim>4</dim><dim>3</dim><dim>1</dim><dim>1</dim></port>
      </input>
      <output><port id="2" precision="FP32"><dim>1</dim><dim>4</dim><dim>8</dim><dim>8</dim></port></output>
    </layer>
    <layer id="3" name="y" type="Result" version="opset1">
      <input><port id="0" precision="FP32"><dim>1</dim><dim>4</dim><dim>8</dim><dim>8</dim></port></input>
    </layer>
  </layers>
  <edges>
    <edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
    <edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
    <edge from-layer="2" from-port="2" to-layer="3" to-port="0"/>
  </edges>
</net>
"""


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
    folder.mkdir()
    (folder / "best.xml").write_text(_OPENVINO)
    (folder / "best.bin").write_bytes(bytes(range(48)))
    (folder / "metadata.yaml").write_text(
        "task: detect\nnames:\n  0: panel\nimgsz:\n- 64\n- 64\nversion: 8.4.190\n"
    )
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
    (folder / "link").symlink_to("/etc/passwd")
    linked = run_yolow("weights", "import", folder, "--name", "linked", cwd=workdir)
    assert linked.code == 2
    assert Store(ROOT).numbers("linked") == []


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
