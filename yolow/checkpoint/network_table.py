"""The modules and tensors of a network under the names that torch gives them.

Order and names are those of `torch.nn.Module.named_modules` and `state_dict` (torch 2.10 `nn/modules/module.py`): a
module's parameters, its persistent buffers, then its children. Nothing is run for that: no class of a checkpoint that
passes the allow-list overrides how its state is saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from yolow.checkpoint.contents import ModuleEntry, Role, TensorEntry
from yolow.checkpoint.network import attributes, children, class_name, mapping
from yolow.checkpoint.stand_ins import Made
from yolow.checkpoint.tensors import Tensor, tensor_of, tensor_of_parameter

# Real networks have up to 1,500 modules, 3,000 tensors, 12 levels and names of 60 characters.
_MAX_ITEMS = 100_000
_MAX_LEVELS = 64
_MAX_NAME_CHARACTERS = 1_000


class OddNetworkError(Exception):
    """The recorded modules are no network that torch could use."""


@dataclass(frozen=True)
class NetworkTable:
    """A recorded network, flattened.

    Attributes:
        modules: all modules with their records, parents before children; one that is used twice is there twice.
        entries: all parameters and persistent buffers, in the order of torch's `state_dict`.
        tensors: where the values of each entry are, by its name.
        others: tensors that are no part of the `state_dict`: buffers that are not persistent, plain attributes.
    """

    modules: list[tuple[ModuleEntry, Made]] = field(default_factory=list)
    entries: list[TensorEntry] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    others: dict[str, Tensor] = field(default_factory=dict)

    def parameters(self) -> Iterator[TensorEntry]:
        """All parameters, each once."""
        return (entry for entry in self.entries if entry.role != "buffer" and entry.shared_with is None)


def tabulate(root: Made) -> NetworkTable:
    """Flatten a recorded network whose tensors were checked.

    Raises:
        OddNetworkError: a module holds itself, the modules unfold without end, or a name is none.
    """
    table = NetworkTable()
    _Walk(table).visit(root, "", ())
    return table


class _Walk:
    """One walk over a network; remembers which record got which name first."""

    def __init__(self, table: NetworkTable) -> None:
        self._table = table
        self._first: dict[Made, str] = {}

    def visit(self, module: Made, path: str, above: tuple[Made, ...]) -> None:
        if module in above:
            raise OddNetworkError("a module of the network holds itself")
        if len(above) >= _MAX_LEVELS or len(self._table.modules) >= _MAX_ITEMS:
            raise OddNetworkError("the network's modules unfold to an absurd number")
        kind = class_name(module) or "unknown"
        self._table.modules.append((ModuleEntry(path=path, kind=kind), module))
        state = attributes(module)
        for key, value in mapping(state.get("_parameters")).items():
            if value is not None:
                self._add(path, kind, _role(kind, _text(key)), key, value)
        passing = _passing_buffers(state.get("_non_persistent_buffers_set"))
        for key, value in mapping(state.get("_buffers")).items():
            tensor = None if value is None else _tensor(value)
            if tensor is not None and key in passing:
                self._table.others[_join(path, key)] = tensor
            elif tensor is not None:
                self._add(path, kind, "buffer", key, value)
        for key, value in state.items():
            tensor = _tensor(value) if type(value) is Made else None
            if tensor is not None:
                self._table.others[_join(path, key)] = tensor
        within = (*above, module)
        for key, child in children(module).items():
            if type(child) is Made:
                self.visit(child, _join(path, key), within)

    def _add(self, path: str, kind: str, role: Role, key: Any, value: Any) -> None:
        name, tensor = _join(path, key), _tensor(value)
        if tensor is None:
            raise OddNetworkError("a parameter or buffer of the network is not a tensor")
        if name in self._table.tensors or len(self._table.entries) >= _MAX_ITEMS:
            raise OddNetworkError("the network has two tensors of one name, or an absurd number of them")
        first = self._first.setdefault(value, name)
        self._table.tensors[name] = tensor
        self._table.entries.append(
            TensorEntry(
                name=name,
                role=role,
                dtype=tensor.dtype,
                shape=tensor.shape,
                size_bytes=tensor.size_bytes,
                module=path,
                kind=kind,
                shared_with=None if first == name else first,
            )
        )


def _tensor(value: Any) -> Tensor | None:
    return tensor_of_parameter(value) or tensor_of(value)


def _role(kind: str, key: str) -> Role:
    """`in_proj_bias` and the like are biases too; all else that is fitted is a weight."""
    is_bias = key.endswith("bias")
    if "Norm" in kind:
        return "norm_bias" if is_bias else "norm_weight"
    return "bias" if is_bias else "weight"


def _passing_buffers(value: Any) -> set[str]:
    """Names of the buffers that torch leaves out of the `state_dict`: a recorded set."""
    if type(value) is not Made or not value.arguments or type(value.arguments[0]) is not list:
        return set()
    return {name for name in value.arguments[0] if type(name) is str}


def _join(path: str, key: Any) -> str:
    name = f"{path}.{_text(key)}" if path else _text(key)
    if len(name) > _MAX_NAME_CHARACTERS:
        raise OddNetworkError("a name in the network is of absurd length")
    return name


def _text(key: Any) -> str:
    if type(key) is not str:
        raise OddNetworkError("a name in the network is not text")
    return key
