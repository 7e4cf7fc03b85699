"""`Contents` of a torch network in memory, so that what is said of values can be tested without a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from yolow.checkpoint.contents import Contents, Role, TensorEntry

NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


def contents_of(network: nn.Module) -> Contents:
    """The parameters and buffers of a network in the order of its `state_dict`."""
    state = network.state_dict()
    modules = dict(network.named_modules())
    entries = tuple(_entry(name, tensor, modules) for name, tensor in state.items())
    return Contents(
        path=Path("network.pt"),
        format="pytorch",
        size_bytes=sum(entry.size_bytes for entry in entries),
        entries=entries,
        reader=lambda entry: as_array(state[entry.name]),
    )


def as_array(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """As `Contents.read` gives it: bfloat16 becomes float32."""
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _entry(name: str, tensor: torch.Tensor, modules: dict[str, nn.Module]) -> TensorEntry:
    path, _, last = name.rpartition(".")
    module = modules[path]
    return TensorEntry(
        name=name,
        role=_role(last, module),
        dtype=str(tensor.dtype).removeprefix("torch."),
        shape=tuple(tensor.shape),
        size_bytes=tensor.numel() * tensor.element_size(),
        module=path,
        kind=type(module).__name__,
    )


def _role(last: str, module: nn.Module) -> Role:
    if last not in module._parameters:
        return "buffer"
    is_bias = last.endswith("bias")
    if isinstance(module, NORMS):
        return "norm_bias" if is_bias else "norm_weight"
    return "bias" if is_bias else "weight"
