"""What a recipe returns: one report object that every output format is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from yolow.gate import GateResult
from yolow.metrics import Metrics, Profile

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ParentSummary:
    """The weights that a result came from.

    Attributes:
        reference: as the user would type it again: `solar:v1`, `yolo26n.pt`, a path.
        sha256: digest of the weights file.
    """

    reference: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The parent measured under the same conditions, where the two are comparable."""

    reference: str
    metrics: Metrics | None = None
    profile: Profile | None = None


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file that the command left for people to look at, by its absolute path."""

    kind: str
    path: str


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """The outcome of one command.

    Attributes:
        command: `train`, `finetune`, `predict`, `val`, `weights list`, ….
        status: `done`, `rejected` (exit 1), `error` (exit 2) or `interrupted`.
        exit_code: 0, 1, 2, 130 or 143.
        version: reference of the version that was made or is the subject, or None.
        path: absolute path of the weights file or export folder.
        task: `detect`, `segment`, `classify`, `pose` or `obb`.
        parent: the weights that the result came from.
        metrics, baseline, profile, gate: see their types.
        training: facts of a training run: epochs planned and run, why it stopped, best epoch, seconds.
        artifacts: files for people: curves, annotated images, report.md.
        warnings: one sentence each.
        run: the run folder's name, for `--resume`.
        details: what only one command has, as JSON-ready values (predict's counts, a list's rows, …).
    """

    command: str
    status: str = "done"
    exit_code: int = 0
    version: str | None = None
    path: str | None = None
    task: str | None = None
    parent: ParentSummary | None = None
    metrics: Metrics | None = None
    baseline: Baseline | None = None
    profile: Profile | None = None
    gate: GateResult | None = None
    training: dict[str, Any] | None = None
    artifacts: tuple[Artifact, ...] = ()
    warnings: tuple[str, ...] = ()
    run: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
