"""Build networks with Ultralytics, save them in all ways it saves, and compare what yolow reads with torch's own.

Run in a process of its own: `python compare_with_torch.py FOLDER NAME ...`. A name is that of a network's YAML,
`all` for every YAML that Ultralytics ships, or `classes` for the class relations that the fused count relies on.
Leaves `compared.json` in the folder: what was compared, and all differences.
"""

from __future__ import annotations

import copy
import inspect
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import ultralytics
import yaml
from rich.console import Console
from torch import nn
from ultralytics import RTDETR, YOLO
from ultralytics.nn import modules as layers
from ultralytics.nn.modules import block, conv, head
from ultralytics.utils.torch_utils import ModelEMA, strip_optimizer

from yolow.checkpoint.fusing import FUSIBLE, HEADS, MASK_HEADS, fused_parameters
from yolow.checkpoint.open import open_contents
from yolow.checkpoint.scan import scan
from yolow.checkpoint.unusual import unusual
from yolow.recipes.inspect import inspect_weights
from yolow.recipes.session import Session
from yolow.report.inspect_screen import render
from yolow.report.progress import make_progress
from yolow.store.store import Store

_FOLDER = Path(sys.argv[1])
# Their float32 form alone takes more than 250 MB.
_TOO_LARGE = {"yolov3", "yolov3-spp", "rtdetr-x", "rtdetr-resnet101", "yolov9e", "yolov9e-seg"}
# Wraps torchvision's own classes, which Ultralytics' restricted loader refuses as well, and downloads weights.
_WRAPPED = {"yolo11-cls-resnet18"}
_ALL_WAYS = {"yolo26n", "yolo26n-seg"}
compared: list[str] = []
differences: list[str] = []


def shipped() -> list[str]:
    """The name of every YAML, with its smallest scale where it has scales."""
    names = []
    for path in sorted((Path(ultralytics.__file__).parent / "cfg" / "models").rglob("*.yaml")):
        scales = yaml.safe_load(path.read_text(encoding="utf-8")).get("scales")
        names.append(_scaled(path.stem, next(iter(scales))) if scales else path.stem)
    return [name for name in names if name not in _TOO_LARGE | _WRAPPED]


def _scaled(stem: str, scale: str) -> str:
    """`yolo26-seg` and `n` give `yolo26n-seg`; some names have their scale already."""
    if re.match(r"rtdetr-|yolov\d+[a-z]", stem):
        return stem
    head_, dash, tail = stem.partition("-")
    if head_ == "yoloe":
        family, dash, rest = tail.partition("-")
        return f"{head_}-{family}{scale}{dash}{rest}"
    return f"{head_}{scale}{dash}{tail}"


def network(name: str) -> nn.Module:
    model = RTDETR(f"{name}.yaml") if "rtdetr" in name else YOLO(f"{name}.yaml", verbose=False)
    # BatchNorm as it is right after the build has the same values everywhere.
    for buffer in model.model.buffers():
        if buffer.is_floating_point() and buffer.ndim == 1:
            buffer.uniform_(0.5, 2.0)
    return model.model


def ways(name: str, model: nn.Module) -> Iterator[tuple[str, nn.Module, dict[str, object]]]:
    """(how it is saved, the network that reading must find, the checkpoint)."""
    half = copy.deepcopy(model).half()
    yield "half", half, {"model": half, "ema": None, "train_args": {}}
    yield "fused", *_only(copy.deepcopy(model).fuse(verbose=False))
    if name not in _ALL_WAYS:
        return
    yield "float", *_only(model)
    yield "bfloat16", *_only(copy.deepcopy(model).to(torch.bfloat16))
    yield "channels-last", *_only(copy.deepcopy(model).to(memory_format=torch.channels_last))
    yield "pruned", *_only(_narrower(copy.deepcopy(model)))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.zeros(1, 3, 64, 64))["one2many"]["boxes"].mean().backward()
    optimizer.step()
    ema = ModelEMA(model).ema.half()
    resumable = {"epoch": 3, "model": None, "ema": ema, "updates": 7, "optimizer": optimizer.state_dict()}
    yield "resumable", ema, resumable
    both = {"epoch": 3, "model": model, "ema": ema, "optimizer": None}
    yield "both-networks", ema, both
    path = _FOLDER / "strip.pt"
    torch.save(resumable | {"train_args": {}}, path)
    stripped = strip_optimizer(path)
    path.unlink()
    yield "stripped", stripped["model"], stripped


def _only(model: nn.Module) -> tuple[nn.Module, dict[str, object]]:
    return model, {"model": model}


def _narrower(model: nn.Module) -> nn.Module:
    """Take every third channel out between two layers, as pruning does; the weights become views."""
    first, second = model.model[0], model.model[1]
    kept = [index for index in range(first.conv.out_channels) if index % 3]
    first.conv.weight = nn.Parameter(first.conv.weight[kept])
    first.conv.out_channels = second.conv.in_channels = len(kept)
    second.conv.weight = nn.Parameter(second.conv.weight[:, kept])
    narrow = nn.BatchNorm2d(len(kept))
    narrow.running_mean = first.bn.running_mean[: len(kept)]
    first.bn = narrow
    return model


def compare(name: str, way: str, model: nn.Module, path: Path) -> None:
    where = f"{name} {way}"
    compared.append(where)
    contents = open_contents(path)
    state = model.state_dict()
    _expect(f"{where}: names", [entry.name for entry in contents.entries], list(state))
    for entry in contents.entries:
        tensor = state[entry.name].detach()
        _expect(
            f"{where}: {entry.name}",
            f"torch.{entry.dtype} {entry.shape}",
            f"{tensor.dtype} {tuple(tensor.shape)}",
        )
        values = (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()
        if not np.array_equal(contents.read(entry), values, equal_nan=values.dtype.kind == "f"):
            differences.append(f"{where}: values of {entry.name}")
    once = [entry for entry in contents.entries if entry.shared_with is None]
    of_role = Counter[str]()
    for entry in once:
        of_role[entry.role] += entry.values
    _expect(f"{where}: roles", of_role, roles(model))
    modules = [(entry.path, entry.kind) for entry in contents.modules]
    named = model.named_modules(remove_duplicate=False)
    _expect(
        f"{where}: modules", modules, [(module_path, type(module).__name__) for module_path, module in named]
    )
    found = scan(path)
    _expect(f"{where}: findings", found.findings, ())
    _expect(f"{where}: verdicts", {use.verdict for use in found.globals}, {"expected"})
    json.dumps(contents.facts, allow_nan=False)
    _expect_clean(where, path, model)
    oddities = {oddity.kind for oddity in unusual(path)} - {"absolute-path", "user-name"}
    _expect(f"{where}: oddities", oddities, _ODDITIES.get(way, set()))


def _expect_clean(where: str, path: Path, model: nn.Module) -> None:
    """What `yolow inspect` makes of the file, down to its screen."""
    store = Store(_FOLDER / "no-store")
    session = Session(
        store=store, runs=_FOLDER, cache_dir=_FOLDER, offline=True, progress=make_progress(quiet=True)
    )
    outcome = inspect_weights([str(path)], session)
    (file,) = outcome.report.details["files"]
    _expect(f"{where}: status", (file["status"], outcome.error, file["findings"]), ("clean", None, []))
    parameters = {id(parameter): parameter for parameter in model.parameters()}.values()
    total = sum(parameter.numel() for parameter in parameters)
    _expect(f"{where}: parameters", file["parameters"]["total"], total)
    screen = io.StringIO()
    render(outcome.report, Console(file=screen, width=80), stats=True)
    _expect(f"{where}: screen", "no unexpected globals found" in screen.getvalue(), True)


_ODDITIES = {
    "fused": {"fused", "wide-floats"},
    "float": {"wide-floats"},
    "channels-last": {"wide-floats"},
    "pruned": {"wide-floats"},
    "resumable": {"training-state"},
    "both-networks": {"training-state"},
}


def roles(model: nn.Module) -> Counter[str]:
    """Values by role, told by torch's classes."""
    norms = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
    counts = Counter[str]()
    seen = set()
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter not in seen:
                seen.add(parameter)
                role = "bias" if name.endswith("bias") else "weight"
                counts[f"norm_{role}" if isinstance(module, norms) else role] += parameter.numel()
    counts["buffer"] = sum(buffer.numel() for buffer in model.buffers())
    return +counts


def _expect(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        differences.append(f"{what}: {str(ours)[:200]} in place of {str(theirs)[:200]}")


def compare_network(name: str) -> None:
    model = network(name)
    fused = sum(parameter.numel() for parameter in copy.deepcopy(model).fuse(verbose=False).parameters())
    path = _FOLDER / f"{name}.pt"
    for way, expected, checkpoint in ways(name, model):
        torch.save(checkpoint, path)
        compare(name, way, expected, path)
        if way != "pruned":
            _expect(f"{name} {way}: fused parameters", fused_parameters(path), fused)
        path.unlink()
    if name.startswith("yolo26") and hasattr(model, "end2end"):
        model.end2end = True
        torch.save({"model": model}, path)
        ours = fused_parameters(path)
        path.unlink()
        theirs = sum(parameter.numel() for parameter in model.fuse(verbose=False).parameters())
        _expect(f"{name} end to end: fused parameters", ours, theirs)


def compare_classes() -> None:
    """Which classes fuse, and which are kinds of them."""
    known = {
        name: one
        for module in (conv, block, head)
        for name, one in vars(module).items()
        if inspect.isclass(one)
    }
    kinds = {name: one for name, one in known.items() if issubclass(one, nn.Module)}
    compared.append(f"{len(kinds)} classes")
    _expect(
        "convolutions", {name for name, one in kinds.items() if issubclass(one, layers.Conv)}, set(FUSIBLE)
    )
    _expect("heads", {name for name, one in kinds.items() if issubclass(one, layers.Detect)}, set(HEADS))
    masks = {name for name, one in kinds.items() if issubclass(one, layers.Segment | layers.YOLOESegment)}
    _expect("heads with masks", masks, set(MASK_HEADS))
    fusing = {name for name, one in kinds.items() if hasattr(one, "fuse") or hasattr(one, "fuse_convs")}
    _expect(
        "classes that fuse", fusing - HEADS, {"Conv2", "RepConv", "RepVGGDW", "Proto26", "BNContrastiveHead"}
    )
    others = (layers.ConvTranspose, layers.RepConv, block.RepVGGDW)
    _expect(
        "others",
        {name for name, one in kinds.items() if issubclass(one, others)},
        {one.__name__ for one in others},
    )


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name in sys.argv[2:]:
        for one in shipped() if name == "all" else [name]:
            compare_classes() if one == "classes" else compare_network(one)
    (_FOLDER / "compared.json").write_text(json.dumps({"compared": compared, "differences": differences}))


main()
