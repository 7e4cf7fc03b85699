"""What `--freeze backbone` says it freezes is seen to be frozen, bit by bit."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Yolow
from tiny_data import make_dataset

BACKBONE_LAYERS = 11


@pytest.mark.slow
@pytest.mark.shared
def test_exactly_the_frozen_layers_are_bit_equal(
    shared_folder: Path, run_yolow: Yolow, workdir: Path
) -> None:
    """Against the pretrained parent, whose head has other classes, and then against a version of the store."""
    data = make_dataset(workdir / "tiny", task="detect")
    parent = shared_folder / "weights" / "yolo26n.pt"
    for weights, version in ((parent, "tiny:v1"), ("tiny:v1", "tiny:v2")):
        made = run_yolow(
            "finetune", "--data", data, "--weights", weights, "--name", "tiny", "--freeze", "backbone",
            "--epochs", "1", "--imgsz", "64", "--batch", "4", "--set", "plots=false", cwd=workdir,
        )  # fmt: skip
        assert made.code == 0, made.err
        finished = run_yolow("weights", "diff", weights, version, "--sort", "layer", "--json", cwd=workdir)
        assert finished.code == 0, finished.err
        document = finished.document
        assert document["relation"]["kind"] == "ancestor"
        assert document["bit_equal"] == [{"first": "model.0", "last": "model.10", "layers": BACKBONE_LAYERS}]
        for tensor in document["tensors"]:
            frozen = int(tensor["name"].split(".")[1]) < BACKBONE_LAYERS
            assert not frozen or tensor["state"] == "equal", tensor
        trained = [layer for layer in document["layers"] if layer["state"] != "equal"]
        assert [layer["path"] for layer in trained] == [
            f"model.{index}" for index in (13, 16, 17, 19, 20, 22, 23)
        ]
        assert all(layer["relative_l2"] > 0 and layer["tensors"]["changed"] > 0 for layer in trained)
        assert (
            "bit-equal  model.0 to model.10 (11 layers)\n"
            in run_yolow("weights", "diff", weights, version, cwd=workdir).out
        )
