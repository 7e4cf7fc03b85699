"""`yolow inspect`: what is inside weight files, read without executing them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yolow.errors import UsageError, WeightsError, WeightsRefusedError, YolowError
from yolow.recipes.inspection import Inspection, inspect_one
from yolow.recipes.session import Session
from yolow.recipes.store_facts import StoreFacts
from yolow.run_report import Artifact, RunReport

_MOST_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class InspectOutcome:
    """The report, and the error that says what is wrong with the files; the report holds in spite of it."""

    report: RunReport
    error: YolowError | None


def inspect_weights(
    references: Sequence[str], session: Session, *, plot: Path | None = None, sarif: Path | None = None
) -> InspectOutcome:
    """Look into each file; one bad file doesn't hide the others.

    Args:
        references: versions, paths, or official names that are on this machine.
        session: the surroundings.
        plot: where to draw the histograms of the layers, `.png` or `.html`; for one file only.
        sarif: where to write the findings for a code scanning service.

    Raises:
        UsageError: a picture of several files, or of a suffix that can't be drawn.
    """
    if plot is not None and len(references) > 1:
        raise UsageError(
            "a picture shows one file",
            context=[f"files: {len(references)}"],
            hint=f"yolow inspect {references[0]} --plot {plot}",
        )
    store_facts = StoreFacts(session.store)
    inspections = [inspect_one(reference, session, store_facts) for reference in references]
    files = [inspection.document for inspection in inspections]
    error = _error(inspections)
    artifacts: list[Artifact] = []
    warnings = list(dict.fromkeys(note for inspection in inspections for note in inspection.notes))
    if sarif is not None:
        from yolow.report.sarif import write_sarif

        write_sarif(sarif, files, exit_code=error.exit_code if error else 0)
        artifacts.append(Artifact(kind="sarif", path=str(sarif.absolute())))
    layers = (files[0]["health"] or {}).get("layers")
    if plot is not None and layers:
        from yolow.report.weight_plots import write_weight_plot

        write_weight_plot(plot, files[0]["reference"], layers, cache_dir=session.cache_dir)
        artifacts.append(Artifact(kind="plot", path=str(plot.absolute())))
    elif plot is not None:
        why = "the file could not be read" if layers is None else "it has no layer with filters"
        warnings.append(f"{plot} was not drawn: {why}")
    report = _report(inspections, error, artifacts=tuple(artifacts), warnings=tuple(warnings))
    return InspectOutcome(report=report, error=error)


def _report(
    inspections: list[Inspection],
    error: YolowError | None,
    *,
    artifacts: tuple[Artifact, ...],
    warnings: tuple[str, ...],
) -> RunReport:
    files = [inspection.document for inspection in inspections]
    only = files[0] if len(files) == 1 else {}
    return RunReport(
        command="inspect",
        status="done" if error is None else "rejected" if error.exit_code == 1 else "error",
        exit_code=0 if error is None else error.exit_code,
        version=(only.get("store") or {}).get("version"),
        path=only.get("path"),
        task=(only.get("facts") or {}).get("task"),
        artifacts=artifacts,
        warnings=warnings,
        details={"files": files},
    )


def _error(inspections: list[Inspection]) -> YolowError | None:
    """The error of the only file, or one that counts those of several. A refusal outweighs all else."""
    bad = [inspection for inspection in inspections if inspection.error is not None]
    bad.sort(key=lambda inspection: inspection.status != "refused")
    if not bad:
        return None
    if len(inspections) == 1:
        return bad[0].error
    refused = sum(inspection.status == "refused" for inspection in bad)
    counts = {"refused": refused, "unreadable": len(bad) - refused}
    told = ", ".join(f"{number} {status}" for status, number in counts.items() if number)
    lines = [
        f"{inspection.document['reference']}: {inspection.error.message}"
        for inspection in bad
        if inspection.error is not None
    ]
    if len(lines) > _MOST_NAMED:
        lines = [*lines[:_MOST_NAMED], f"and {len(lines) - _MOST_NAMED} more"]
    kind = WeightsRefusedError if refused else WeightsError
    return kind(
        f"{len(bad)} of {len(inspections)} files are not clean: {told}",
        context=lines,
        hint=f"yolow inspect {shlex.quote(bad[0].document['reference'])}",
    )
