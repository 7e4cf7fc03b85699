"""Facts about the network of a checkpoint, from the recorded state of its modules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from yolow.checkpoint.stand_ins import Made, Named

# Fusing folds batch normalisation into the convolution and deletes it from these classes.
FUSIBLE = frozenset({"Conv", "Conv2", "DWConv"})


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


def children(module: Any) -> dict[Any, Any]:
    """The modules directly inside a recorded module by name; one that was taken away may be there as None."""
    return mapping(attributes(module).get("_modules"))


def is_fused(modules: Iterable[Made]) -> bool:
    """Whether a convolution has lost its batch normalisation to fusing."""
    return any(class_name(module) in FUSIBLE and "bn" not in children(module) for module in modules)


def layers(root: Made) -> list[Any]:
    """The layers of the network's top Sequential, in order."""
    return list(children(children(root).get("model")).values())


def has_one2one_head(root: Made) -> bool:
    """Whether the last layer has the branches of an end-to-end head; fusing leaves an empty place in theirs."""
    return any(
        type(name) is str and name.startswith("one2one") and type(branch) is Made
        for head in layers(root)[-1:]
        for name, branch in children(head).items()
    )
