"""Judge networks, fresh or from files, in all precisions, fused or not.

Run in a process of its own: `python judge_networks.py FOLDER NAME ...`. A name is that of a network's YAML, or the
path of a checkpoint. Leaves `judged.json` in the folder: for each name and variant the verdict, its evidence and the
findings.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch_contents import contents_of
from ultralytics import RTDETR, YOLO

from yolow.checkpoint.health import examine


def network(name: str) -> nn.Module:
    if name.endswith(".pt"):
        return YOLO(name).model
    torch.manual_seed(0)
    return (RTDETR(f"{name}.yaml") if "rtdetr" in name else YOLO(f"{name}.yaml", verbose=False)).model


def variants(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    model = model.float().eval()
    yield "float32", model
    yield "float16", copy.deepcopy(model).half()
    yield "bfloat16", copy.deepcopy(model).bfloat16()
    fused = copy.deepcopy(model).fuse(verbose=False)
    yield "fused float32", fused
    yield "fused float16", copy.deepcopy(fused).half()
    yield "fused bfloat16", fused.bfloat16()


def main() -> None:
    folder, *names = Path(sys.argv[1]), *sys.argv[2:]
    torch.set_num_threads(1)
    judged = {}
    for name in names:
        for variant, model in variants(network(name)):
            health = examine(contents_of(model))
            judged[f"{Path(name).stem} {variant}"] = {
                "verdict": health.initialisation.verdict,
                "evidence": health.initialisation.evidence,
                "findings": health.findings,
            }
    (folder / "judged.json").write_text(json.dumps(judged))


main()
