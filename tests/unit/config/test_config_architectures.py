"""Architectures are found and understood without importing Ultralytics."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from yolow.config.architectures import find_architecture
from yolow.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "reference", "task"),
    [
        ("yolo26n.yaml", "yolo26n.yaml", "detect"),
        ("yolo26n", "yolo26n.yaml", "detect"),
        ("yolo26x-seg.yaml", "yolo26x-seg.yaml", "segment"),
        ("yolo26n-cls.yaml", "yolo26n-cls.yaml", "classify"),
        ("yolo26s-pose.yaml", "yolo26s-pose.yaml", "pose"),
        ("yolo26n-obb.yaml", "yolo26n-obb.yaml", "obb"),
        ("yolo11m.yaml", "yolo11m.yaml", "detect"),
        ("yolov8n.yaml", "yolov8n.yaml", "detect"),
    ],
)
def test_bundled_names(workdir: Path, text: str, reference: str, task: str) -> None:
    found = find_architecture(text)
    assert (found.reference, found.task) == (reference, task)
    assert 0 < found.backbone_layers < found.layers


def test_yolo26_has_the_layers_that_upstream_documents(workdir: Path) -> None:
    found = find_architecture("yolo26n.yaml")
    assert (found.layers, found.backbone_layers) == (24, 11)


def test_an_own_file_comes_first(workdir: Path) -> None:
    own = workdir / "yolo26n.yaml"
    own.write_text(
        "nc: 2\nbackbone:\n  - [-1, 1, Conv, [16, 3, 2]]\nhead:\n  - [[0], 1, Segment, [nc]]\n",
        encoding="utf-8",
    )
    found = find_architecture("yolo26n.yaml")
    assert (found.reference, found.task, found.layers) == (str(own), "segment", 2)


def test_unknown_name(workdir: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_architecture("yolo26q.yaml")
    assert caught.value.message == "there is no architecture 'yolo26q.yaml'"
    assert "yolo26n.yaml" in caught.value.context[0]


@pytest.mark.parametrize(
    ("text", "message", "context"),
    [
        ("epochs: 1\n", "the file does not describe a network",
         "{path}: needs the keys 'backbone' and 'head', both lists of layers"),
        ("- 1\n", "the file does not describe a network",
         "{path}: needs the keys 'backbone' and 'head', both lists of layers"),
        ("backbone: [[-1, 1, Conv, [1]]]\nhead: [[-1, 1, Magic, [1]]]\n",
         "the network's head is of no supported task", "{path}:2:8: Magic"),
        ("backbone: [1]\nhead: [1]\n", "the network's head is of no supported task", "{path}:2:8: None"),
    ],
)  # fmt: skip
def test_files_that_are_no_network(workdir: Path, text: str, message: str, context: str) -> None:
    path = workdir / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        find_architecture("own.yaml")
    assert caught.value.message == message
    assert caught.value.context == (context.format(path=path),)


@pytest.mark.parametrize("text", ["yolo26n.pt", "runs/my best.PT", "x.pth"])
def test_weights_are_no_architecture(workdir: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_architecture(text)
    assert (
        caught.value.message
        == f"'{text}' are weights, and to train from random weights takes an architecture"
    )
    assert caught.value.hint == f"yolow finetune --weights {shlex.quote(text)}"
