"""What `push` and `pull` share: what became of each version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from yolow.errors import NetworkError, YolowError
from yolow.recipes.session import Session
from yolow.run_report import RunReport
from yolow.store.install import Place
from yolow.store.remote import Remote
from yolow.store.remote_versions import remote_digests


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One version.

    Attributes:
        reference: `solar:v3`.
        state: `done`: sent or fetched; `same`: it was there already; `skipped`: nothing to do with it, the reason
            says why; `failed`: not taken over.
        size_bytes: of its files, where known.
        error: kind of the error: `conflict`, `integrity`, `refused`, ….
        reasons: what a person should know, a line each.
    """

    reference: str
    state: Literal["done", "same", "skipped", "failed"]
    size_bytes: int | None = None
    error: str | None = None
    reasons: tuple[str, ...] = ()


def failed(reference: str, error: YolowError) -> Transfer:
    """A version that is not taken over; the others go on."""
    return Transfer(
        reference=reference,
        state="failed",
        error=error.kind,
        reasons=(error.message, *error.context, *(text for text in (error.note, error.hint) if text)),
    )


def places_of(references: Sequence[str]) -> list[Place]:
    """`solar:v3` as (`solar`, 3)."""
    pairs = (reference.rsplit(":v", 1) for reference in references)
    return [(name, int(number)) for name, number in pairs]


def compared(remote: Remote, places: Sequence[Place], session: Session) -> dict[Place, bytes | None]:
    """See `remote_digests`."""
    if len(places) > 1:
        session.progress.phase("compare", f"{len(places)} versions with {remote.shown}")
    return remote_digests(remote, places)


def broken_off(error: NetworkError, done: Sequence[Transfer], planned: int) -> NetworkError:
    """The error with what is already over, since the same command goes on from there."""
    over = sum(one.state in {"done", "same"} for one in done)
    return NetworkError(
        error.message,
        context=[*error.context, *([f"{over} of {planned} versions are over"] if over else [])],
        note="the same command goes on where this one stopped" if over else None,
        hint=error.hint,
    )


def transfer_report(
    command: str,
    remote: str,
    transfers: Sequence[Transfer],
    aliases: Mapping[str, Mapping[str, int]],
    *,
    warnings: tuple[str, ...] = (),
) -> RunReport:
    """The report of all versions.

    Args:
        command: `weights push` or `weights pull`.
        remote: its URL, fit for a screen.
        transfers: what became of each version.
        aliases: name -> alias -> number, of the aliases that were taken over.
        warnings: one sentence each.
    """
    counts = dict.fromkeys(("done", "same", "skipped", "failed"), 0)
    for one in transfers:
        counts[one.state] += 1
    return RunReport(
        command=command,
        status="rejected" if counts["failed"] else "done",
        exit_code=1 if counts["failed"] else 0,
        warnings=warnings,
        version=transfers[0].reference if len(transfers) == 1 else None,
        details={
            "remote": remote,
            "counts": counts,
            "versions": [asdict(one) for one in transfers],
            "aliases": [
                {"alias": f"{name}:{alias}", "version": f"{name}:v{number}"}
                for name, moved in aliases.items()
                for alias, number in moved.items()
            ],
        },
    )
