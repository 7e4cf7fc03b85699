"""Which architectures `train` can initialise: Ultralytics' own YAMLs or a user's, read without importing it."""

from __future__ import annotations

import difflib
import importlib.util
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from yolow.config.strict_yaml import load_yaml_file
from yolow.errors import ConfigError

# The last module of a network decides its task.
_HEAD_TASKS = {
    "Detect": "detect",
    "v10Detect": "detect",
    "RTDETRDecoder": "detect",
    "Segment": "segment",
    "Classify": "classify",
    "Pose": "pose",
    "OBB": "obb",
}


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network to initialise at random.

    Attributes:
        reference: what to hand to Ultralytics: a bundled name such as `yolo26n.yaml`, or an absolute path.
        task: `detect`, `segment`, `classify`, `pose` or `obb`.
        layers: modules at the top level.
        backbone_layers: how many of them are the backbone.
    """

    reference: str
    task: str
    layers: int
    backbone_layers: int


def find_architecture(text: str) -> Architecture:
    """Find an architecture by name (`yolo26n.yaml`, `yolo26n`) or path.

    Raises:
        ConfigError: there is none of that name, it names weights, or the file does not describe a network.
    """
    if text.lower().endswith((".pt", ".pth")):
        raise ConfigError(
            f"'{text}' are weights, and to train from random weights takes an architecture",
            hint=f"yolow finetune --weights {shlex.quote(text)}",
        )
    name = text if text.endswith((".yaml", ".yml")) else f"{text}.yaml"
    own = Path(name)
    if own.exists():
        return _read(own.absolute(), str(own.absolute()))
    bundled = _bundled()
    for candidate in (own.name, _without_scale(own.name)):
        if candidate in bundled:
            return _read(bundled[candidate], own.name)
    smallest = [re.sub(r"^(yolo(?:v?\d+))(?=[.-])", r"\1n", known) for known in bundled]
    near = difflib.get_close_matches(own.name, smallest, n=3)
    raise ConfigError(
        f"there is no architecture '{text}'",
        context=[f"near: {', '.join(near)}"] if near else [],
        hint="give an Ultralytics name such as yolo26n.yaml, or the path of a model YAML",
    )


def _bundled() -> dict[str, Path]:
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or not spec.submodule_search_locations:
        return {}
    models = Path(next(iter(spec.submodule_search_locations))) / "cfg" / "models"
    return {path.name: path for path in sorted(models.rglob("*.yaml"))}


def _without_scale(name: str) -> str:
    """`yolo26n-seg.yaml` -> `yolo26-seg.yaml`: one file describes all scales."""
    return re.sub(r"^(yolo(?:v|e-)?\d+)[nslmxtcbe](?=[.-]|u)", r"\1", name)


def _read(path: Path, reference: str) -> Architecture:
    document = load_yaml_file(path)
    value = document.value if isinstance(document.value, dict) else {}
    backbone, head = value.get("backbone"), value.get("head")
    if not isinstance(backbone, list) or not isinstance(head, list) or not backbone or not head:
        raise ConfigError(
            "the file does not describe a network",
            context=[f"{document.source}: needs the keys 'backbone' and 'head', both lists of layers"],
        )
    last = head[-1][2] if isinstance(head[-1], list) and len(head[-1]) > 2 else None
    task = next((task for prefix, task in _HEAD_TASKS.items() if str(last).startswith(prefix)), None)
    if task is None:
        raise ConfigError(
            "the network's head is of no supported task",
            context=[f"{document.place(('head', len(head) - 1))}: {last}"],
            note="supported: detect, segment, classify, pose, obb",
        )
    return Architecture(
        reference=reference, task=task, layers=len(backbone) + len(head), backbone_layers=len(backbone)
    )
