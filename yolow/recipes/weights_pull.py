"""`yolow weights pull`: versions come from a folder or a bucket."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from yolow.checkpoint.summary import read_checkpoint
from yolow.errors import (
    ConflictError,
    IntegrityError,
    NetworkError,
    WeightsError,
    WeightsNotFoundError,
    WeightsRefusedError,
)
from yolow.recipes.session import Session
from yolow.recipes.transfer import Transfer, broken_off, compared, failed, transfer_report
from yolow.recipes.version_of import version_of
from yolow.run_report import RunReport
from yolow.store.install import Place, is_here, require_free, set_aliases
from yolow.store.record import VersionRecord
from yolow.store.remote import Remote, open_remote
from yolow.store.remote_versions import (
    pull_version,
    read_remote,
    remote_aliases,
    remote_names,
    remote_numbers,
    select_remote,
)

_PICKLES = (".pt", ".pth")


def pull_weights(
    url: str, references: Sequence[str], session: Session, *, name: str | None = None, aliases: bool = False
) -> RunReport:
    """Fetch versions, compare every byte with their records, check checkpoints statically, and add them to the store.

    They keep their numbers. What is in the store already is not fetched, and never overwritten.

    Args:
        url: see `open_remote`.
        references: which; empty: all versions there, or all of `name`, but those that were removed here.
        name: only versions of this name.
        aliases: set the aliases of these versions here too.

    Raises:
        UsageError, MissingExtraError: see `open_remote`.
        WeightsNotFoundError: there is no such version.
        ConflictError, IntegrityError, WeightsError, WeightsRefusedError: one version was asked for, and its number is
            taken here, or its files are damaged or carry code.
        NetworkError, StoreError: the remote can't be read, or the store can't be written.
    """
    remote = open_remote(url, offline=session.offline)
    places = _wanted(references, remote, name)
    digests = compared(remote, places, session)
    transfers: list[Transfer] = []
    for place, digest in digests.items():
        try:
            if is_here(session.store.root, place, digest):
                transfers.append(Transfer(reference=_reference(place), state="same"))
            else:
                transfers.append(_pull(place, remote, session, is_asked_for=bool(references)))
        except (ConflictError, IntegrityError, WeightsError, WeightsRefusedError) as error:
            if len(places) == 1:
                raise
            transfers.append(failed(_reference(place), error))
        except NetworkError as error:
            raise broken_off(error, transfers, len(places)) from None
    moved = _pull_aliases(transfers, remote, session) if aliases else {}
    warnings = _missing_parents(transfers, remote, session)
    return transfer_report("weights pull", remote.shown, transfers, moved, warnings=warnings)


def _wanted(references: Sequence[str], remote: Remote, name: str | None) -> list[Place]:
    if references:
        return list(dict.fromkeys(select_remote(remote, reference) for reference in references))
    names = remote_names(remote) if name is None else [name]
    places = [(one, number) for one in names for number in remote_numbers(remote, one)]
    if not places:
        raise WeightsNotFoundError(
            f"the remote has no version named '{name}'" if name else "the remote has no versions",
            context=[f"remote: {remote.shown}"],
            note=None if name else "a folder or bucket that does not exist looks the same",
            hint=f"yolow weights push {shlex.quote(remote.shown)}",
        )
    return places


def _pull(place: Place, remote: Remote, session: Session, *, is_asked_for: bool) -> Transfer:
    reference, root = _reference(place), session.store.root
    finished = read_remote(remote, place)
    if finished is None:
        return Transfer(reference=reference, state="skipped", reasons=("it was never sent whole",))
    if require_free(root, finished, where=str(root)) == "removed" and not is_asked_for:
        reason = f"it was removed here; to bring it back: {_again(remote, reference)}"
        return Transfer(
            reference=reference, state="skipped", size_bytes=finished.size_bytes, reasons=(reason,)
        )
    session.progress.phase("pull", f"{reference} from {remote.shown}")
    pull_version(root, remote, finished, _require_no_code, session.progress)
    return Transfer(reference=reference, state="done", size_bytes=finished.size_bytes)


def _require_no_code(folder: Path, record: VersionRecord) -> None:
    """Read every checkpoint of a version without running it; errors name the version in place of the staging folder."""
    reference = f"{record.name}:v{record.number}"
    for entry in record.files:
        is_weights = entry.path == record.weights and record.format == "pytorch"
        if not is_weights and not entry.path.lower().endswith(_PICKLES):
            continue
        try:
            read_checkpoint(folder / entry.path)
        except (WeightsError, WeightsRefusedError) as error:
            raise type(error)(
                error.message,
                context=[line.replace(f"{folder}/", f"{reference}: ") for line in error.context],
                note=error.note,
                hint=error.hint,
            ) from None


def _pull_aliases(
    transfers: Sequence[Transfer], remote: Remote, session: Session
) -> dict[str, dict[str, int]]:
    """Set the aliases that stand there for versions which are here now."""
    moved: dict[str, dict[str, int]] = {}
    here = {one.reference for one in transfers if one.state in {"done", "same"}}
    for name in sorted({reference.partition(":")[0] for reference in here}):
        theirs = remote_aliases(remote, name)
        chosen = {alias: number for alias, number in theirs.items() if f"{name}:v{number}" in here}
        if chosen:
            set_aliases(session.store, name, chosen, reason=f"pulled from {remote.shown}")
            moved[name] = chosen
    return moved


def _missing_parents(transfers: Sequence[Transfer], remote: Remote, session: Session) -> tuple[str, ...]:
    """A sentence for each version whose lineage ends here too early, as `verify` would say later."""
    warnings = []
    for one in transfers:
        if one.state == "done":
            last = session.store.lineage(version_of(one.reference, session))[-1]
            if last.state == "missing":
                command = _again(remote, last.reference)
                warnings.append(f"{one.reference} comes from {last.reference}, which is not here: {command}")
    return tuple(warnings)


def _again(remote: Remote, reference: str) -> str:
    return f"yolow weights pull {shlex.quote(remote.shown)} {reference}"


def _reference(place: Place) -> str:
    return f"{place[0]}:v{place[1]}"
