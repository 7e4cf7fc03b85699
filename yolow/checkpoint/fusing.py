"""How many parameters are left after Ultralytics has fused a network, computed from its recorded modules.

The count follows `BaseModel.fuse` of Ultralytics 8.4.190 (`nn/tasks.py`) with the `fuse` methods of the layers that it
calls: batch normalisation goes into the convolution before it, parallel branches become one, a head loses the branch
that prediction does not use and what only training needs. `None` stands for every network of which that is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yolow.checkpoint.network import FUSIBLE, attributes, children, class_name, mapping
from yolow.checkpoint.open import is_pytorch
from yolow.checkpoint.stand_ins import Made
from yolow.checkpoint.tensors import Tensor, tensor_of_parameter
from yolow.checkpoint.verified import Verified, read_unchanged

HEADS = frozenset(
    {
        "Detect", "Segment", "Segment26", "OBB", "OBB26", "Pose", "Pose26", "WorldDetect",
        "YOLOEDetect", "YOLOESegment", "YOLOESegment26", "v10Detect",
    }
)  # fmt: skip
MASK_HEADS = frozenset({"Segment", "Segment26", "YOLOESegment", "YOLOESegment26"})
# Classes with a batch normalisation of their own that fusing leaves alone.
_KEEP_THEIR_NORM = frozenset({"BottleneckCSP"})


class _UnknownError(Exception):
    """Fusing this network is not understood."""


def fused_parameters(path: Path) -> int | None:
    """How many values the parameters have after Ultralytics' `fuse()`; None where that is not known.

    Args:
        path: weights of any format; other formats than PyTorch's hold what was exported, mostly fused already.

    Raises:
        WeightsNotFoundError, WeightsError, WeightsRefusedError: as `read_checkpoint`.
    """
    return count_fused(read_unchanged(path)) if is_pytorch(path) else None


def count_fused(verified: Verified) -> int | None:
    """The same of a checkpoint that was verified.

    A checkpoint of quantization-aware training has no count: its convolutions are swapped when it is loaded.
    """
    if verified.checkpoint.get("modelopt") is not None:
        return None
    modules = [made for _, made in verified.table.modules]
    try:
        fusing = any(map(_is_left_to_fuse, modules))
        parts = list(_fused(verified.network) if fusing else _plain(verified.network))
    except (_UnknownError, RecursionError):
        return None
    return sum({key: tensor.values for key, tensor in parts}.values())


def _is_left_to_fuse(module: Made) -> bool:
    """Ultralytics fuses a network where any of its modules has something to fuse."""
    kind, inside = class_name(module), children(module)
    if kind in FUSIBLE or kind == "ConvTranspose":
        return "bn" in inside
    if kind in ("RepConv", "RepVGGDW"):
        return "conv1" in inside
    if "bn" in inside and kind not in _KEEP_THEIR_NORM:
        raise _UnknownError
    if kind in HEADS:
        return inside.get("cv2") is not None and inside.get("one2one_cv2") is not None
    if any(type(name) is str and name.startswith("one2one_") for name in inside):
        raise _UnknownError
    return False


def _plain(module: Made) -> Iterator[tuple[Any, Tensor]]:
    """The parameters of a module and of all inside it, each with what tells whether it is the same as another."""
    yield from _own(module)
    for child in children(module).values():
        if type(child) is Made:
            yield from _plain(child)


def _fused(module: Made) -> Iterator[tuple[Any, Tensor]]:
    """The parameters that fusing leaves of a module and of all inside it."""
    kind, inside = class_name(module), dict(children(module))
    if kind in FUSIBLE and "bn" in inside:
        if kind == "Conv2":
            _taken(inside, "cv2")
        yield from _folded(_taken(inside, "conv"), _taken(inside, "bn"))
    elif kind == "ConvTranspose" and "bn" in inside:
        normalisation = _taken(inside, "bn")
        if class_name(normalisation) != "Identity":
            yield from _folded(_taken(inside, "conv_transpose"), normalisation)
    elif kind == "RepConv" and "conv" not in inside:
        yield from _folded_block(_taken(inside, "conv1"))
        _taken(inside, "conv2")
        inside.pop("bn", None)
    elif kind == "RepVGGDW" and "conv1" in inside:
        yield from _folded_block(_taken(inside, "conv"))
        _taken(inside, "conv1")
    elif kind in HEADS:
        _lighten_head(module, inside)
    yield from _own(module)
    for child in inside.values():
        if type(child) is Made:
            yield from _fused(child)


def _own(module: Made) -> Iterator[tuple[Any, Tensor]]:
    for parameter in mapping(attributes(module).get("_parameters")).values():
        tensor = tensor_of_parameter(parameter)
        if tensor is not None:
            yield parameter, tensor


def _folded_block(block: Made) -> Iterator[tuple[Any, Tensor]]:
    """The one convolution that parallel `Conv` blocks become: as the first of them, with a bias."""
    inside = dict(children(block))
    return _folded(_taken(inside, "conv"), _taken(inside, "bn"))


def _folded(convolution: Made, normalisation: Made) -> Iterator[tuple[Any, Tensor]]:
    """A convolution's weight, and a bias of as many values as the normalisation has channels."""
    weight = tensor_of_parameter(mapping(attributes(convolution).get("_parameters")).get("weight"))
    shift = tensor_of_parameter(mapping(attributes(normalisation).get("_parameters")).get("bias"))
    if weight is None or shift is None or class_name(normalisation) != "BatchNorm2d":
        raise _UnknownError
    yield (convolution, "weight"), weight
    yield (convolution, "bias"), shift


def _lighten_head(head: Made, inside: dict[Any, Any]) -> None:
    """Take away the branch that prediction does not use, and what only training needs."""
    state = attributes(head)
    asked = state.get("_end2end") is True or inside.get("cv2") is None
    end2end = inside.get("one2one_cv2") is not None and asked
    for name in list(inside):
        if type(name) is str and name.startswith("one2one_"):
            inside[name.removeprefix("one2one_") if end2end else name] = None
    kind = class_name(head)
    if kind == "Pose26":
        inside["flow_model"] = inside["one2one_cv4_sigma" if end2end else "cv4_sigma"] = None
    if kind in MASK_HEADS and class_name(inside.get("proto")) == "Proto26":
        inside["proto"] = _without(inside["proto"], "semseg")


def _without(module: Made, name: str) -> Made:
    """A copy of a recorded module that lacks one of the modules inside it."""
    copy = Made(module.how, module.maker, module.arguments)
    copy.state = {**attributes(module), "_modules": {**children(module), name: None}}
    return copy


def _taken(inside: dict[Any, Any], name: str) -> Made:
    """Take out a module that has to be there."""
    module = inside.pop(name, None)
    if type(module) is not Made:
        raise _UnknownError
    return module
