"""What an Ultralytics checkpoint may name, and how it may use it.

A name on the list can still be misused: `builtins.getattr` reaches anything, and calling a model class builds a
network from a config that upstream evaluates. Real checkpoints only ever make modules empty and then set their state,
so each name belongs to one of a few uses, and `verdict.py` compares.

The list follows what upstream's own restricted loader admits (`_SafeLoad` in Ultralytics 8.4.190 `nn/tasks.py`)
together with torch's `weights_only` defaults, and is nowhere wider: what passes here must load there.
"""

from __future__ import annotations

import re
from enum import Enum


class Use(Enum):
    """How a checkpoint uses a name, in words; `verdict.py` holds it to them."""

    MODULE = "made empty, then given its state"
    EMPTY = "called without arguments, then filled"
    DATA = "called with plain data"
    VALUE = "a type, never called"
    ATTRIBUTE = "reads a layer's forward method or an enum's member"
    NUMBER_TYPE = "names a type of numbers"
    ENCODE = "turns Latin-1 text into bytes"


# Model and layer classes are CapWords (upstream also has `v10Detect` and `v8DetectionLoss`), so no function passes.
_CLASS_NAME = re.compile(r"(?:v\d+)?[A-Z][A-Za-z0-9]*", re.ASCII)
_MODULE_PACKAGES = re.compile(r"(?:torch|ultralytics)\.nn\.modules(?:\.[a-z][a-z_]*)?", re.ASCII)
_MODEL_NAME = re.compile(r"[A-Z][A-Za-z0-9]*Model|Ensemble", re.ASCII)
_CLASS_MODULES = frozenset(
    {"ultralytics.nn.distill_model", "ultralytics.utils.loss", "ultralytics.utils.tal"}
)
# What else has a CapWords name in those modules: imported modules, constants, types and typing's words.
_NOT_LAYER = re.compile(
    "F|T|LOGGER|Any|BackwardHook|Buffer|Callable|DeviceLikeType|Function|Iterator|LazyModuleMixin|Literal|"
    "LinearCrossEntropyOptions|Mapping|Optional|OrderedDict|PackedSequence|Parameter|Protocol|RemovableHandle|Self|"
    "Sequence|Size|Tensor|TypeVar|UninitializedBuffer|UninitializedParameter|Union"
)
_TORCH_VALUE = re.compile(
    "(?:Double|Float|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|ComplexDouble|ComplexFloat|Untyped)Storage|"
    "float(?:64|32|16)|bfloat16|float8_e4m3fn|float8_e5m2|complex(?:64|128)|u?int(?:64|32|16|8)|bool"
)
_TRANSFORMS = ["Compose", "Normalize", "Resize", "CenterCrop", "ToTensor"]

_NAMES: dict[str, Use] = {
    "torch.storage.UntypedStorage": Use.VALUE,
    "torch.Size": Use.DATA,
    "torch.device": Use.DATA,
    "torch._utils._rebuild_tensor_v2": Use.DATA,
    "torch._utils._rebuild_tensor_v3": Use.DATA,
    "torch._utils._rebuild_parameter": Use.DATA,
    "torch._utils._rebuild_parameter_with_state": Use.DATA,
    "collections.OrderedDict": Use.EMPTY,
    "builtins.set": Use.DATA,
    "__builtin__.set": Use.DATA,
    "builtins.getattr": Use.ATTRIBUTE,
    "__builtin__.getattr": Use.ATTRIBUTE,
    "_codecs.encode": Use.ENCODE,
    "numpy.dtype": Use.NUMBER_TYPE,
    "numpy.core.multiarray.scalar": Use.DATA,
    "numpy._core.multiarray.scalar": Use.DATA,
    "ultralytics.utils.IterableSimpleNamespace": Use.EMPTY,
    "ultralytics.yolo.utils.IterableSimpleNamespace": Use.EMPTY,
    **{f"torchvision.transforms.transforms.{name}": Use.MODULE for name in _TRANSFORMS},
    "torchvision.transforms.functional.InterpolationMode": Use.DATA,
    **{
        f"{module}.{name}": Use.DATA
        for module in ("pathlib", "pathlib._local")
        for name in ("PosixPath", "WindowsPath")
    },
}


def is_expected(module: str, name: str) -> bool:
    """Whether an Ultralytics checkpoint has a use for a global."""
    return use_of(module, name) is not None


def use_of(module: str, name: str) -> Use | None:
    """How a checkpoint uses a global, or None where it has no use for it."""
    if is_layer(module, name):
        return Use.MODULE
    if module in _CLASS_MODULES and _CLASS_NAME.fullmatch(name):
        return Use.MODULE
    if module == "torch" and _TORCH_VALUE.fullmatch(name):
        return Use.VALUE
    # A dot in the name would reach through attributes: `module` must be the whole of what comes before.
    return None if "." in name else _NAMES.get(f"{module}.{name}")


def is_layer(module: str, name: str) -> bool:
    """Whether a global is a torch or Ultralytics network class."""
    if module == "ultralytics.nn.tasks":
        return _MODEL_NAME.fullmatch(name) is not None
    return (
        _MODULE_PACKAGES.fullmatch(module) is not None
        and _CLASS_NAME.fullmatch(name) is not None
        and _NOT_LAYER.fullmatch(name) is None
    )
