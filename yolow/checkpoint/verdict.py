"""Compare what a pickle does with what a checkpoint has a use for."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from yolow.checkpoint.allowlist import Use, is_expected, is_layer, use_of
from yolow.checkpoint.stand_ins import UNSET, Found, Made, Named
from yolow.errors import WeightsRefusedError

_MAX_SHOWN = 20
_MAX_SHOWN_CHARACTERS = 200
_MAX_ITEMS = 64
_METHOD_NAME = re.compile(r"forward(?:_[a-z_]+)?", re.ASCII)
_ENUM_MEMBER = re.compile(r"[A-Z][A-Z_]*", re.ASCII)
_ENUM = "torchvision.transforms.functional.InterpolationMode"
_MAPPING = "collections.OrderedDict"
# A layer of numbers, words and keywords: no attribute, nested call, index or operator that could reach further.
_ACTIVATION = re.compile(
    r"(?:torch\.)?nn\.[A-Z][A-Za-z0-9]{0,40}\((?:[\w\s,=+'-]|(?<=\d)\.(?![A-Za-z_])){0,100}\)", re.ASCII
)
_OWN_CLASS = re.compile(r"(?:[A-Za-z]\w*\.)+[A-Z]\w*", re.ASCII)
_NUMBER_TYPE = re.compile(r"[fiub][1248]", re.ASCII)
_HINT = "use weights from a source that you trust, such as `--weights yolo26n.pt`"
# The repository before the `ultralytics` package: its classes live in top-level modules of these names.
_YOLOV5_MODULES = frozenset({"models.yolo", "models.common", "models.experimental"})


def refuse_unexpected(path: Path, found: Found) -> None:
    """Raise an error that names all that no checkpoint has a use for, if there is anything.

    Raises:
        WeightsRefusedError: context has the path, then one finding a line, the most dangerous first.
    """
    named = unexpected(found)
    findings = [*(shown(one.full_name) for one in named), *misuses(found)]
    if not findings:
        return
    if len(findings) > _MAX_SHOWN:
        findings = [*findings[:_MAX_SHOWN], f"and {len(findings) - _MAX_SHOWN} more"]
    raise WeightsRefusedError(
        "the weights name code that an Ultralytics checkpoint has no use for",
        context=[str(path), *findings],
        note=_note(named, found.fault),
        hint=_HINT,
    )


def _note(named: Iterable[Named], fault: str | None) -> str:
    if any(map(is_of_yolov5, named)):
        return "this is a checkpoint of the old yolov5 repository, which the ultralytics package can't load"
    note = "loading a .pt file runs what it names; this one was read without running anything"
    return note if fault is None else f"{note}; it is also broken: {fault}"


def unexpected(found: Found) -> list[Named]:
    """All globals that no checkpoint has a use for, the most dangerous first."""
    named = [one for one in found.named.values() if not is_expected(one.module, one.name)]
    return sorted(named, key=lambda one: (not runs_code(one), one.full_name))


def misuses(found: Found) -> list[str]:
    """What a pickle does with globals that no checkpoint does, in words fit for a terminal, sorted."""
    return sorted({shown(one) for one in (*found.misuses, *_misuses(found.made))})


def runs_code(named: Named) -> bool:
    """Whether an unexpected name is likelier an attack than a network class of somebody's own.

    Such a class has a plain CapWords name in a module of plain names, outside the standard library.
    """
    root = named.module.partition(".")[0]
    if root in sys.stdlib_module_names or root == "__builtin__":
        return True
    return _OWN_CLASS.fullmatch(f"{named.module}.{named.name}") is None or "." in named.name


def is_of_yolov5(named: Named) -> bool:
    """Whether a global is a class of the repository before the `ultralytics` package."""
    return named.module in _YOLOV5_MODULES


def shown(text: str) -> str:
    """Text from the file, fit for a terminal: printable, of one line, of bounded length."""
    text = ascii(text[: _MAX_SHOWN_CHARACTERS + 1])[1:-1]
    return text if len(text) <= _MAX_SHOWN_CHARACTERS else f"{text[:_MAX_SHOWN_CHARACTERS]}..."


def _misuses(made: Iterable[Made]) -> Iterable[str]:
    """Calls that don't fit what their maker is for. Makers off the list are reported as names, not again here."""
    for one in made:
        if one.how == "PERSID":
            continue
        if type(one.maker) is not Named:
            yield "something is called that is not a global"
            continue
        use = use_of(one.maker.module, one.maker.name)
        if use is not None and not _fits(one, use):
            yield f"{one.maker.full_name} is used as no checkpoint does"


def _fits(made: Made, use: Use) -> bool:
    if made.entries is not None and made.maker.full_name != _MAPPING:
        return False
    if use is Use.MODULE:
        return made.how == "NEWOBJ" and not made.arguments
    if use is Use.EMPTY:
        return made.how in ("NEWOBJ", "REDUCE") and not made.arguments
    if made.how != "REDUCE" or (use is not Use.DATA and not made.arguments):
        return False
    if use is Use.ATTRIBUTE:
        return _reads_method(made.arguments) and made.state is UNSET
    if use is Use.NUMBER_TYPE:
        return type(made.arguments[0]) is str and _NUMBER_TYPE.fullmatch(made.arguments[0]) is not None
    if use is Use.ENCODE:
        return len(made.arguments) == 2 and type(made.arguments[0]) is str and made.arguments[1] == "latin1"
    return use is Use.DATA and _are_flat(made.arguments)


def _are_flat(arguments: tuple[Any, ...]) -> bool:
    """Whether no argument nests tuples: hashing such a value, as a set does, can take for ever."""
    for argument in arguments:
        if type(argument) in (tuple, list):
            if len(argument) > _MAX_ITEMS or any(type(item) in (tuple, list, dict) for item in argument):
                return False
        elif type(argument) is dict:
            return False
    return True


def _reads_method(arguments: tuple[Any, ...]) -> bool:
    """Whether `getattr` gets a layer's forward method or an enum's member, the two that checkpoints read."""
    if len(arguments) != 2 or type(arguments[1]) is not str:
        return False
    owner, name = arguments
    if type(owner) is Made:
        owner = owner.maker
    if type(owner) is not Named:
        return False
    if is_layer(owner.module, owner.name):
        return _METHOD_NAME.fullmatch(name) is not None
    return owner.full_name == _ENUM and _ENUM_MEMBER.fullmatch(name) is not None


def refuse_activation(path: Path, config: dict[Any, Any]) -> None:
    """Raise an error where a network's YAML has an activation that is more than a layer and its numbers.

    Upstream evaluates this text as Python when training rebuilds the network.

    Args:
        config: the recorded entries of the network's YAML.

    Raises:
        WeightsRefusedError: the activation is anything but the like of `nn.LeakyReLU(0.1)`, or a key is not text
            (a recorded object could turn out to be the same text).
    """
    problem = config_problem(config)
    if problem is not None:
        raise WeightsRefusedError(
            "the weights carry an activation that could run as code when they are trained",
            context=[str(path), f"activation: {problem}"],
            hint=_HINT,
        )


def config_problem(config: dict[Any, Any]) -> str | None:
    """The activation of a network's YAML where it is more than a layer and its numbers, fit for a terminal."""
    activation = config.get("activation")
    fits = activation is None or (type(activation) is str and _ACTIVATION.fullmatch(activation))
    if fits and all(type(key) is str for key in config):
        return None
    return shown(activation) if type(activation) is str else "not plain text"
