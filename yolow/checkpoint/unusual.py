"""What is unusual in a checkpoint, though no reason to refuse it: left-overs, waste, and what tells of its maker."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolow.checkpoint.network import FUSIBLE, attributes, children, class_name
from yolow.checkpoint.open import is_pytorch
from yolow.checkpoint.plain import Unfolder
from yolow.checkpoint.reach import storages_within
from yolow.checkpoint.tensors import tensor_of
from yolow.checkpoint.verdict import shown
from yolow.checkpoint.verified import Verified, read_unchanged, readable

# What a training needs to go on; stripping takes it away (`strip_optimizer` in Ultralytics' `utils/torch_utils.py`).
_TRAINING_STATE = ("optimizer", "scaler", "stopper", "updates")
# Bytes of a value that half precision saves.
_SAVED_BYTES = {"float32": 2, "float64": 6}
_LEAST_SHARE = 0.01
_USUAL_ENTRIES = frozenset(
    {"data.pkl", "version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"}
)
_ABSOLUTE = re.compile(r"/[^/\s]|[A-Za-z]:[\\/]|\\\\\w")
_HOME = re.compile(r"(?:/home/|/Users/|[A-Za-z]:[\\/]Users[\\/])([^/\\\s]+)(?:[\\/]|$)")
_NOBODY = frozenset({"shared", "public", "default", "user", "runner", "ubuntu"})
_CREDENTIALS = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s]+:[^/@\s]+@", re.IGNORECASE)
_MAX_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Oddity:
    """Something unusual.

    Attributes:
        kind: `training-state`, `wide-floats`, `unused-bytes`, `absolute-path`, `user-name`, `credentials` or `fused`.
        message: what it is, in words; text from the file is printable in it.
        size_bytes: by how much the file could shrink; None where it is not about size.
    """

    kind: str
    message: str
    size_bytes: int | None


def unusual(path: Path) -> tuple[Oddity, ...]:
    """What is unusual in a checkpoint.

    Args:
        path: weights of any format; nothing is said of other formats than PyTorch's.

    Raises:
        WeightsNotFoundError, WeightsError, WeightsRefusedError: as `read_checkpoint`.
    """
    if not is_pytorch(path):
        return ()
    verified = read_unchanged(path)
    with readable(path):
        found = (_training_state(verified), _wide_floats(verified), _unused_bytes(verified), _fused(verified))
        return (*(oddity for oddity in found if oddity is not None), *_traces(verified))


def _training_state(verified: Verified) -> Oddity | None:
    left = [key for key in _TRAINING_STATE if verified.checkpoint.get(key) is not None]
    if verified.source == "ema" and verified.checkpoint.get("model") is not None:
        left.append("the network before averaging")
    if not left:
        return None
    dropped = storages_within(verified.found.root) - storages_within(verified.network)
    members = verified.archive.members
    return Oddity(
        kind="training-state",
        message=f"what a training needs to go on is left inside: {', '.join(left)}",
        size_bytes=sum(members[f"data/{key}"].stored_bytes for key in dropped),
    )


def _wide_floats(verified: Verified) -> Oddity | None:
    saved_bytes: Counter[str] = Counter()
    for entry in verified.table.entries:
        if entry.shared_with is None and entry.dtype in _SAVED_BYTES:
            saved_bytes[entry.dtype] += entry.values * _SAVED_BYTES[entry.dtype]
    if saved_bytes.total() < _LEAST_SHARE * verified.size_bytes:
        return None
    return Oddity(
        kind="wide-floats",
        message=f"the network is kept as {' and '.join(sorted(saved_bytes))}, where float16 is usual",
        size_bytes=saved_bytes.total(),
    )


def _unused_bytes(verified: Verified) -> Oddity | None:
    """Entries that nothing refers to, and storages of which tensors use only a part."""
    used_bytes: Counter[str] = Counter()
    for made in verified.found.made:
        tensor = tensor_of(made)
        if tensor is not None:
            used_bytes[f"data/{tensor.storage}"] += tensor.size_bytes
    unused_bytes = sum(
        max(0, member.size_bytes - used_bytes[name])
        for name, member in verified.archive.members.items()
        if name not in _USUAL_ENTRIES
    )
    if unused_bytes < _LEAST_SHARE * verified.size_bytes:
        return None
    return Oddity(
        kind="unused-bytes", message="parts of the file belong to no tensor", size_bytes=unused_bytes
    )


def _fused(verified: Verified) -> Oddity | None:
    folded = sum(
        class_name(made) in FUSIBLE and "bn" not in children(made) for _, made in verified.table.modules
    )
    if not folded:
        return None
    message = f"batch normalisation is folded into {folded} convolutions: training from here learns less well"
    return Oddity(kind="fused", message=message, size_bytes=None)


def _traces(verified: Verified) -> Iterator[Oddity]:
    """What tells of the machine and the people behind the weights."""
    texts = list(_texts(verified))
    paths = [f"{place}={shown(text)}" for place, text in texts if _ABSOLUTE.match(text)]
    if paths:
        yield Oddity(
            kind="absolute-path",
            message=f"paths of the machine that wrote it are inside: {_some(paths)}",
            size_bytes=None,
        )
    users = {match[1]: place for place, text in texts for match in _HOME.finditer(text)}
    names = [f"{shown(user)} ({place})" for user, place in users.items() if user.lower() not in _NOBODY]
    if names:
        yield Oddity(kind="user-name", message=f"a user's name is inside: {_some(names)}", size_bytes=None)
    secrets = [place for place, text in texts if _CREDENTIALS.search(text)]
    if secrets:
        yield Oddity(
            kind="credentials",
            message=f"an address with a password or token is inside: {_some(secrets)}",
            size_bytes=None,
        )


def _texts(verified: Verified) -> Iterator[tuple[str, str]]:
    """All texts of the settings kept inside, each with its place."""
    unfold = Unfolder()
    state = attributes(verified.network)
    settings = {key: verified.checkpoint.get(key) for key in ("train_args", "git")}
    for place, value in (
        *settings.items(),
        ("model.args", state.get("args")),
        ("model.yaml", state.get("yaml")),
    ):
        yield from _texts_in(shown(place), unfold.settings(value))


def _texts_in(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if type(value) is str:
        yield place, value
    elif type(value) is list:
        for item in value:
            yield from _texts_in(place, item)
    elif type(value) is dict:
        for key, item in value.items():
            yield from _texts_in(f"{place}.{shown(str(key))}", item)


def _some(items: list[str]) -> str:
    """The first few of a list, in words."""
    left = len(items) - _MAX_SHOWN
    return ", ".join(items[:_MAX_SHOWN]) + (f" and {left} more" if left > 0 else "")
