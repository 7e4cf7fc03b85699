"""What every weight file has, whatever its format: named tensors, the modules that hold them, and facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

Role = Literal["weight", "bias", "norm_weight", "norm_bias", "buffer"]


@dataclass(frozen=True, kw_only=True)
class TensorEntry:
    """One tensor of a file, without its values.

    Attributes:
        name: unique in the file: `model.0.conv.weight`.
        role: `weight` and `bias` of convolutions, linear layers and the like; `norm_weight` (scale) and `norm_bias`
            (shift) of normalisations; `buffer` for what training does not fit by gradient (running means, anchors,
            constants of an export).
        dtype: torch's name of the type, such as `float16` or `int8`.
        shape: sizes of its dimensions.
        size_bytes: of its values.
        module: dotted path of the module or node that it belongs to: `model.0.conv`.
        kind: class of that module (`Conv2d`) or type of that node (`Conv`), where known.
        shared_with: name of the earlier entry that is the same tensor; such an entry counts nothing.
    """

    name: str
    role: Role
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int
    module: str
    kind: str | None = None
    shared_with: str | None = None

    @property
    def values(self) -> int:
        """How many values it has."""
        count = 1
        for size in self.shape:
            count *= size
        return count


@dataclass(frozen=True, kw_only=True)
class ModuleEntry:
    """One module of a network.

    Attributes:
        path: dotted, `model.2.m.0`; the network itself is the empty text.
        kind: its class, `C3k2`, or the node's type in an export.
    """

    path: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A weight file or export folder, read without executing it.

    Attributes:
        path: the file or folder.
        format: `pytorch`, `safetensors`, `onnx`, `openvino`, `ncnn` or `tflite`.
        size_bytes: of the file, or of all files of the folder.
        entries: all tensors of the network in the file's order; no optimizer state.
        modules: all modules, parents before children; of an export the layers that have weights; empty where the
            format has none.
        facts: JSON-ready facts about the whole under the names of `CheckpointSummary`, those that the file tells:
            `task`, `names` (class id -> name), `architecture`, `imgsz`, `version`, `date`, `license`, `train_args`, ….
        reader: gives the values of one entry; use `read`.
    """

    path: Path
    format: str
    size_bytes: int
    entries: tuple[TensorEntry, ...]
    modules: tuple[ModuleEntry, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    reader: Callable[[TensorEntry], np.ndarray] = field(repr=False, compare=False)

    def read(self, entry: TensorEntry) -> np.ndarray:
        """The values of one tensor in its shape; bfloat16 and float8 come as float32, all else as stored.

        Raises:
            WeightsError: they can't be read, or the file has changed.
        """
        return self.reader(entry)
