"""A fresh network is never called trained, a trained one never random."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from real_checkpoints import Built, run_with_ultralytics
from torch import nn
from torch_contents import contents_of

from yolow.checkpoint.contents import Contents, TensorEntry
from yolow.checkpoint.health import examine
from yolow.checkpoint.initialisation import Initialisation
from yolow.checkpoint.open import open_contents

VARIANTS = ("float32", "float16", "bfloat16", "fused float32", "fused float16", "fused bfloat16")
FAMILIES = ("yolo26n", "yolo12n", "yolov9t", "yolov5n", "yolo11n-cls")
MORE = (
    "yolo26n-seg", "yolo26n-pose", "yolo26n-obb", "yolo26n-sem", "yolo26n-cls", "yolo26s", "yolo26x", "yolo12n-cls",
    "yolo11n", "yolo11n-seg", "yolo11n-obb", "yolov10n", "yolov8n", "yolov8n-pose", "yolov8n-p6", "yolov8n-cls",
    "yolov8n-rtdetr", "yolov8s-worldv2", "yolov6n", "yolov3-tiny", "yoloe-26n-seg", "rtdetr-l", "rtdetr-resnet50",
)  # fmt: skip

Judged = dict[str, dict[str, Any]]


def judged(folder: Path, *names: str | Path) -> Judged:
    """All variants of fresh networks, or of those in files."""
    run_with_ultralytics("judge_networks.py", folder, *map(str, names))
    told: Judged = json.loads((folder / "judged.json").read_text())
    assert len(told) == len(names) * len(VARIANTS)
    return told


def verdicts(told: Judged) -> dict[str, str]:
    return {name: one["verdict"] for name, one in told.items()}


def test_fresh_networks_are_random(tmp_path: Path) -> None:
    told = judged(tmp_path, *FAMILIES)
    assert verdicts(told) == dict.fromkeys(told, "random")
    assert [one["findings"] for one in told.values()] == [[]] * len(told)


@pytest.mark.slow
def test_fresh_networks_of_every_family_and_task_are_random(tmp_path: Path) -> None:
    told = judged(tmp_path, *MORE)
    assert verdicts(told) == dict.fromkeys(told, "random")


def test_fresh_checkpoints_are_random(built: Built) -> None:
    for name in built.facts:
        assert examine(open_contents(built.path(name))).initialisation.verdict == "random", name


@pytest.mark.shared
def test_yolo26n_is_trained_and_healthy(shared_folder: Path, tmp_path: Path) -> None:
    told = judged(tmp_path, shared_folder / "weights" / "yolo26n.pt")
    assert verdicts(told) == dict.fromkeys(told, "trained")
    assert [one["findings"] for one in told.values()] == [[]] * len(told)


def test_an_epoch_of_two_steps_is_seen(trained: Built, tmp_path: Path) -> None:
    paths = [trained.path(name) for name in trained.facts]
    assert len(paths) == 4
    for path in paths:
        assert examine(open_contents(path)).initialisation.verdict != "random", path.name
    told = judged(tmp_path, *(path for path in paths if path.stem.endswith("-stripped")))
    assert "random" not in verdicts(told).values(), told


class Block(nn.Module):
    def __init__(self, outputs: int = 16) -> None:
        super().__init__()
        self.conv = nn.Conv2d(16, outputs, 3, bias=False)
        self.bn = nn.BatchNorm2d(outputs)


def fresh() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(Block() for _ in range(10)))


def fused() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(nn.Conv2d(16, 16, 3) for _ in range(10)))


def judge(network: nn.Module) -> Initialisation:
    return examine(contents_of(network)).initialisation


def test_the_evidence_has_figures() -> None:
    network = fresh()
    assert judge(network).evidence == (
        "all 10 normalisations are as they were made: scale 1, shift 0, running mean 0 and variance 1",
        "the weights of 10 of 10 layers have the distribution that initial weights are drawn from; median layer: "
        "kurtosis 1.81 (uniform 1.8, normal 3, trained more), largest value 1.00 of torch's initial bound",
    )
    for block in network[:4]:
        block.bn.weight.data[3] = 1.25
    network[0].bn.bias.data[0] = 0.1
    network[9].bn.running_mean[2] = 0.5
    network[9].bn.num_batches_tracked += 1_234
    assert judge(network).evidence[0] == (
        "of 10 normalisations, 4 have scales that differ between channels (largest 1.25), 1 such shifts, "
        "1 running statistics other than the initial 0 and 1; 1,234 batches were counted"
    )
    assert judge(fused()).evidence[1:] == ("100% of the biases are constant or within torch's initial bound",)


def set_scales(network: nn.Sequential) -> None:
    for block in network:
        block.bn.weight.data.fill_(0.5)


def move_running_means(network: nn.Sequential) -> None:
    network[0].bn.running_mean[3] = 0.01


def count_batches(network: nn.Sequential) -> None:
    for block in network:
        block.bn.num_batches_tracked += 10


def train_weights_only(network: nn.Sequential) -> None:
    for block in network:
        block.conv.weight.data.copy_(torch.distributions.StudentT(5.0).sample((16, 16, 3, 3)) * 0.02)


def become_nan(network: nn.Sequential) -> None:
    for parameter in network.parameters():
        parameter.data.fill_(torch.nan)


def become_zero(network: nn.Sequential) -> None:
    for parameter in network.parameters():
        parameter.data.zero_()


@pytest.mark.parametrize(
    "change",
    [set_scales, move_running_means, count_batches, train_weights_only, become_nan, become_zero],
    ids=lambda change: change.__name__,
)
def test_signs_that_contradict_each_other_are_unclear(change: Callable[[nn.Sequential], None]) -> None:
    network = fresh()
    change(network)
    assert judge(network).verdict == "unclear"


def test_learned_scales_show_training_though_weights_look_drawn() -> None:
    network = fresh()
    network[0].bn.weight.data.uniform_(0.9, 1.1)
    assert judge(network).verdict == "trained"


def test_without_normalisations_heavy_tails_show_training() -> None:
    network = fused()
    for layer in network:
        layer.weight.data.copy_(torch.distributions.StudentT(5.0).sample((16, 16, 3, 3)) * 0.02)
    assert judge(network).verdict == "trained"


def test_without_normalisations_biases_show_that_training_has_begun() -> None:
    # So is a network after a few steps: running means have become biases, weights have hardly moved.
    network = fused()
    for layer in network:
        layer.bias.data.normal_(std=2)
    assert judge(network).verdict == "unclear"


def test_too_little_to_judge_by() -> None:
    assert judge(nn.Linear(4, 4)) == Initialisation(
        verdict="unclear", evidence=("the file has no normalisations and too few weights to judge by",)
    )


@pytest.mark.parametrize("draw", [nn.init.normal_, nn.init.uniform_, nn.init.xavier_uniform_])
def test_other_initialisations_are_not_called_trained(draw: Callable[[torch.Tensor], object]) -> None:
    network, folded = fresh(), fused()
    for layer in network:
        draw(layer.conv.weight)
    for layer in folded:
        draw(layer.weight)
    assert (judge(network).verdict, judge(folded).verdict) == ("random", "unclear")


def quantized(contents: Contents) -> Contents:
    """Weights as INT8 with one factor a filter, as an export holds them; biases are left out."""
    kept = tuple(entry for entry in contents.entries if entry.role == "weight")

    def reader(entry: TensorEntry) -> np.ndarray:
        values = contents.read(entry)
        largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
        integers: np.ndarray = np.rint(values / largest * 127).astype(np.int8)
        return integers

    entries = tuple(replace(entry, dtype="int8", kind="Conv") for entry in kept)
    return replace(contents, format="onnx", entries=entries, reader=reader)


def test_int8_weights_tell_whether_their_tails_are_heavy() -> None:
    network = fused()
    fresh_ones = examine(quantized(contents_of(network))).initialisation
    assert fresh_ones.verdict == "unclear"
    assert "bound" not in " ".join(fresh_ones.evidence)
    for layer in network:
        layer.weight.data.copy_(torch.distributions.StudentT(5.0).sample((16, 16, 3, 3)) * 0.02)
    assert examine(quantized(contents_of(network))).initialisation.verdict == "trained"


def test_no_seed_is_mistaken() -> None:
    for seed in range(60):
        torch.manual_seed(seed)
        network = nn.Sequential(*(nn.Conv2d(16, 16, 3) for _ in range(10)))
        told = judge(network)
        assert told.verdict == "random", seed
        assert told.evidence[0].startswith("the weights of 10 of 10 layers"), seed
