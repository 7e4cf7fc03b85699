"""The teacher of a distillation: weights that a training loads beside those that it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from yolow.recipes.session import Session
from yolow.recipes.weights_of import usable_weights

_ARGUMENT = "distill_model"


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """Weights to learn from; all empty where a training has none.

    Attributes:
        recorded: the Ultralytics argument as the run's config keeps it: a reference.
        loaded: the same as Ultralytics gets it: an absolute path.
        notes: what to tell about the weights.
    """

    recorded: dict[str, str] = field(default_factory=dict)
    loaded: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def find_teacher(arguments: Mapping[str, Any], session: Session) -> Teacher:
    """Find the weights that `distill_model` names, with the checks that all weights go through before they are loaded.

    Args:
        arguments: of Ultralytics, as the run config gives them.
        session: the surroundings.

    Raises:
        YolowError: see `usable_weights`.
    """
    reference = arguments.get(_ARGUMENT)
    if reference is None:
        return Teacher()
    found = usable_weights(str(reference), session).resolved
    return Teacher(
        recorded={_ARGUMENT: found.reference}, loaded={_ARGUMENT: str(found.path)}, notes=found.notes
    )
