"""Resolve a reference for use: found, verified, statically checked."""

from __future__ import annotations

from dataclasses import dataclass

from yolow.checkpoint.summary import CheckpointSummary, read_checkpoint
from yolow.errors import WeightsError
from yolow.recipes.session import Session
from yolow.store.resolve import ResolvedWeights, resolve_weights

TASKS = ("detect", "segment", "classify", "pose", "obb")


@dataclass(frozen=True, kw_only=True)
class UsableWeights:
    """Weights that may be loaded: their digest is right and they name no unexpected code."""

    resolved: ResolvedWeights
    checkpoint: CheckpointSummary

    @property
    def task(self) -> str:
        assert self.checkpoint.task is not None
        return self.checkpoint.task


def usable_weights(reference: str, session: Session) -> UsableWeights:
    """Find the weights of a reference and check them without executing them.

    Raises:
        WeightsNotFoundError, IntegrityError, WeightsRefusedError: see `resolve_weights` and `read_checkpoint`.
        WeightsError: an export, or a network of a task that yolow does not handle.
    """
    resolved = resolve_weights(
        reference,
        store=session.store,
        offline=session.offline,
        cache_dir=session.cache_dir,
        progress=session.progress,
    )
    if resolved.path.is_dir() or resolved.path.suffix != ".pt":
        raise WeightsError(
            "only .pt checkpoints can be loaded so far",
            context=[str(resolved.path)],
            hint="use the version that it was exported from",
        )
    checkpoint = read_checkpoint(resolved.path)
    if checkpoint.task not in TASKS:
        raise WeightsError(
            "the weights are of no supported task",
            context=[f"{reference}: {checkpoint.task or 'unknown'}"],
            note=f"supported: {', '.join(TASKS)}",
        )
    return UsableWeights(resolved=resolved, checkpoint=checkpoint)
