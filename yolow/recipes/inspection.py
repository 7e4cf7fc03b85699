"""All that can be said about one weight file without executing it, as JSON-ready values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from yolow.checkpoint.contents import Contents
from yolow.checkpoint.health import Health, examine
from yolow.checkpoint.open import open_contents
from yolow.checkpoint.scan import Scan, scan
from yolow.checkpoint.unusual import unusual
from yolow.errors import NetworkError, WeightsError, WeightsNotFoundError, WeightsRefusedError, YolowError
from yolow.recipes.module_totals import counts_by_role, module_totals
from yolow.recipes.session import Session
from yolow.recipes.store_facts import StoreFacts
from yolow.report.errors import error_document
from yolow.store.resolve import ResolvedWeights, resolve_weights

Status = Literal["clean", "refused", "unreadable"]

# Findings that are an answer (no); all others mean that there is no answer.
REFUSING_RULES = frozenset({"dangerous-global", "unknown-global", "misused-global", "code-in-config"})
_MOST_NAMED = 20
# Every file has these keys, whatever could be read of it.
_KEYS = (
    "reference", "status", "error", "path", "sha256", "store", "format", "size_bytes", "facts", "parameters", "modules",
    "tensors", "health", "globals", "findings", "unusual",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found in one file.

    Attributes:
        document: one entry of the report's `files`.
        error: why it is not clean, or None.
        notes: what a person should know about where the file came from.
    """

    document: dict[str, Any]
    error: YolowError | None
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        if self.error is None:
            return "clean"
        return "refused" if self.error.exit_code == 1 else "unreadable"


def inspect_one(reference: str, session: Session, store_facts: StoreFacts) -> Inspection:
    """Look into the weights that a reference names. A file that can't be read is a result, not an exception."""
    document: dict[str, Any] = dict.fromkeys(_KEYS) | {"reference": reference, "globals": [], "unusual": []}
    try:
        resolved = _resolve(reference, session)
    except YolowError as failure:
        return _inspection(document | {"findings": [_finding_of(failure)]}, failure)
    known, doubts = store_facts.of(resolved)
    scanned = scan(resolved.path)
    document |= {
        "reference": resolved.version.reference if resolved.version else reference,
        "path": str(resolved.path),
        "size_bytes": resolved.path.stat().st_size if resolved.path.is_file() else None,
        "sha256": resolved.sha256,
        "store": known,
        **_scan_facts(scanned),
    }
    error = _error_of(scanned)
    try:
        contents = open_contents(resolved.path)
        document |= _content_facts(contents)
        document["health"] = _health_facts(contents, document["tensors"])
    except YolowError as failure:
        # A file that is refused for what it names and is broken besides stays refused.
        if error is None or error.exit_code != 1 or failure.exit_code == 1:
            error = failure
        document["findings"] = document["findings"] or [_finding_of(failure)]
    return _inspection(document, error, notes=(*resolved.notes, *doubts))


def _resolve(reference: str, session: Session) -> ResolvedWeights:
    try:
        return resolve_weights(
            reference,
            store=session.store,
            offline=True,
            cache_dir=session.cache_dir,
            progress=session.progress,
        )
    except NetworkError as error:
        # Only an official name asks for the network.
        raise WeightsNotFoundError(
            f"{reference} is not on this machine, and nothing is downloaded to be inspected",
            context=error.context,
            hint=error.hint,
        ) from error


def _inspection(
    document: dict[str, Any], error: YolowError | None, *, notes: tuple[str, ...] = ()
) -> Inspection:
    inspection = Inspection(document=document, error=error, notes=notes)
    document["status"] = inspection.status
    document["error"] = None if error is None else error_document(error)
    return inspection


def _finding_of(error: YolowError) -> dict[str, str]:
    rule = error.kind if error.kind in ("integrity", "not-found") else "unreadable"
    return {"rule": rule, "message": error.message, "detail": "; ".join(error.context)}


def _error_of(scanned: Scan) -> YolowError | None:
    """What the findings come to where the file could be read all the same."""
    if not scanned.findings:
        return None
    refusing = [finding for finding in scanned.findings if finding.rule in REFUSING_RULES]
    kind = WeightsRefusedError if refusing else WeightsError
    decisive = refusing or list(scanned.findings)
    context = [str(scanned.path), *(finding.detail for finding in decisive[:_MOST_NAMED])]
    if len(decisive) > _MOST_NAMED:
        context.append(f"and {len(decisive) - _MOST_NAMED} more")
    return kind(decisive[0].message, context=context)


def _scan_facts(scanned: Scan) -> dict[str, Any]:
    return {
        "globals": [dict(vars(use)) for use in scanned.globals],
        "findings": [dict(vars(finding)) for finding in scanned.findings],
    }


def _content_facts(contents: Contents) -> dict[str, Any]:
    path = contents.path
    return {
        "format": contents.format,
        "size_bytes": contents.size_bytes,
        "facts": contents.facts,
        "parameters": {
            **counts_by_role(contents),
            "fused": contents.facts.get("fused_parameters"),
        },
        "modules": module_totals(contents),
        "tensors": [dict(vars(entry)) for entry in contents.entries],
        "unusual": [dict(vars(oddity)) for oddity in unusual(path)] if contents.format == "pytorch" else [],
    }


def _health_facts(contents: Contents, tensors: list[dict[str, Any]]) -> dict[str, Any]:
    """The health as values; the statistics of each tensor join its other facts."""
    health: Health = examine(contents)
    by_name = {statistics.name: dict(vars(statistics)) for statistics in health.statistics}
    for statistics in by_name.values():
        del statistics["name"]
    for tensor in tensors:
        tensor["statistics"] = by_name.get(tensor["name"])
    return {
        "initialisation": dict(vars(health.initialisation)),
        "findings": list(health.findings),
        "layers": [{**vars(layer), "std": by_name[layer.name]["std"]} for layer in health.layers],
    }
