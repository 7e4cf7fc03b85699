"""Facts about the network of a checkpoint, from the recorded state of its modules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from yolow.checkpoint.stand_ins import Made, Named
from yolow.checkpoint.tensors import tensor_of_parameter

# Fusing folds batch normalisation into the convolution and deletes it from these classes.
_FUSIBLE = frozenset({"Conv", "Conv2", "DWConv"})


def mapping(value: Any) -> dict[Any, Any]:
    """The entries of a dict or of a recorded OrderedDict; empty for anything else."""
    if type(value) is dict:
        return value
    if type(value) is Made and value.entries is not None:
        return value.entries
    return {}


def attributes(value: Any) -> dict[Any, Any]:
    """The attributes of a recorded object; empty for anything else."""
    return mapping(value.state) if type(value) is Made else {}


def class_name(value: Any) -> str | None:
    """The name of a recorded object's class, without its module."""
    return value.maker.name if type(value) is Made and type(value.maker) is Named else None


def modules(root: Made) -> Iterator[Made]:
    """A network and all modules in it, each once."""
    waiting, seen = [root], {root}
    while waiting:
        module = waiting.pop()
        yield module
        for child in mapping(attributes(module).get("_modules")).values():
            if type(child) is Made and child not in seen:
                seen.add(child)
                waiting.append(child)


def parameter_values(root: Made) -> dict[str, int]:
    """How many values the parameters of a network have, by dtype; a shared parameter counts once."""
    values: Counter[str] = Counter()
    seen = set()
    for module in modules(root):
        for parameter in mapping(attributes(module).get("_parameters")).values():
            tensor = tensor_of_parameter(parameter)
            if tensor is not None and parameter not in seen:
                seen.add(parameter)
                values[tensor.dtype] += tensor.values
    return dict(values)


def is_fused(root: Made) -> bool:
    """Whether a convolution has lost its batch normalisation to fusing."""
    return any(
        class_name(module) in _FUSIBLE and "bn" not in mapping(attributes(module).get("_modules"))
        for module in modules(root)
    )


def layers(root: Made) -> list[Any]:
    """The layers of the network's top Sequential, in order."""
    top = mapping(attributes(root).get("_modules")).get("model")
    return list(mapping(attributes(top).get("_modules")).values())


def has_one2one_head(root: Made) -> bool:
    """Whether the last layer has the branches of an end-to-end head; fusing leaves an empty place in theirs."""
    return any(
        type(name) is str and name.startswith("one2one") and type(branch) is Made
        for head in layers(root)[-1:]
        for name, branch in mapping(attributes(head).get("_modules")).items()
    )
