"""Tensors, modules and facts of a PyTorch checkpoint."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from yolow.checkpoint.contents import Contents
from yolow.checkpoint.fusing import count_fused
from yolow.checkpoint.network import class_name
from yolow.checkpoint.plain import NOT_PLAIN, Unfolder
from yolow.checkpoint.summary import summarize
from yolow.checkpoint.values import StoredValues
from yolow.checkpoint.verified import Verified, read_unchanged, readable

_NOT_FACTS = frozenset({"path", "size_bytes", "globals"})


def read_pytorch(path: Path) -> Contents:
    """Read an Ultralytics checkpoint without executing it.

    Names, order and values of the entries are those of torch's `state_dict()` of the network that Ultralytics would
    load. What else has a tensor (buffers that are not persistent, plain attributes) is in `facts["other_tensors"]`.

    Raises:
        WeightsNotFoundError: there is no such file.
        WeightsError: it is not an Ultralytics checkpoint, or it is damaged.
        WeightsRefusedError: it names code that a checkpoint has no use for.
    """
    verified = read_unchanged(path)
    with readable(path):
        return Contents(
            path=path,
            format="pytorch",
            size_bytes=verified.size_bytes,
            entries=tuple(verified.table.entries),
            modules=tuple(entry for entry, _ in verified.table.modules),
            facts=_facts(verified),
            reader=StoredValues(verified),
        )


def _facts(verified: Verified) -> dict[str, Any]:
    checkpoint, unfold = verified.checkpoint, Unfolder()
    updates = checkpoint.get("updates")
    results = checkpoint.get("train_results")
    summary = dataclasses.asdict(summarize(verified))
    facts = {
        **{key: value for key, value in summary.items() if key not in _NOT_FACTS},
        "network": class_name(verified.network),
        "source": verified.source,
        "updates": updates if type(updates) is int else None,
        "git": unfold.settings(checkpoint.get("git")),
        "best_fitness": unfold.plain(checkpoint.get("best_fitness")),
        "train_results": unfold.settings(results),
        "fused_parameters": count_fused(verified),
        "other_tensors": {
            name: {"dtype": tensor.dtype, "shape": tensor.shape, "size_bytes": tensor.size_bytes}
            for name, tensor in verified.table.others.items()
        },
    }
    return {key: _json_ready(value) for key, value in facts.items()}


def _json_ready(value: Any) -> Any:
    """The same with lists for tuples, and text for numbers that JSON has no form for."""
    if type(value) is dict:
        return {key: _json_ready(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return [_json_ready(item) for item in value]
    if type(value) is float and not math.isfinite(value):
        return str(value)
    return None if value is NOT_PLAIN else value
