"""`yolow weights push`: versions go to a folder or a bucket."""

from __future__ import annotations

from collections.abc import Sequence

from yolow.errors import ConflictError, IntegrityError, NetworkError, StoreError, WeightsNotFoundError
from yolow.recipes.session import Session
from yolow.recipes.transfer import Transfer, broken_off, compared, failed, places_of, transfer_report
from yolow.recipes.version_of import version_of
from yolow.run_report import RunReport
from yolow.store.install import FinishedVersion, taken
from yolow.store.record import RECORD_FILE
from yolow.store.remote import Remote, open_remote
from yolow.store.store import WeightsVersion


def push_weights(
    url: str,
    references: Sequence[str],
    session: Session,
    *,
    name: str | None = None,
    with_parents: bool = False,
    aliases: bool = False,
) -> RunReport:
    """Send versions that are as their records say. What is there already is not sent, and never overwritten.

    Args:
        url: see `open_remote`.
        references: which; empty: all versions, or all of `name`.
        name: only versions of this name.
        with_parents: send the versions too that these were made from.
        aliases: set the aliases of these versions there too.

    Raises:
        UsageError, MissingExtraError: see `open_remote`.
        WeightsNotFoundError: there is no such version.
        ConflictError, IntegrityError: one version was asked for, and its number is taken there, or it is damaged here.
        NetworkError, StoreError: the remote can't be written, or the store can't be read.
    """
    remote = open_remote(url, offline=session.offline)
    wanted = _wanted(references, session, name=name, with_parents=with_parents)
    digests = compared(remote, places_of(wanted), session)
    transfers: list[Transfer] = []
    for reference, there in zip(wanted, digests.values(), strict=True):
        try:
            transfers.append(_push(_readable(reference, session), remote, session, there=there))
        except (ConflictError, IntegrityError) as error:
            if len(wanted) == 1:
                raise
            transfers.append(failed(reference, error))
        except NetworkError as error:
            raise broken_off(error, transfers, len(wanted)) from None
    moved = _push_aliases(transfers, remote, session) if aliases else {}
    return transfer_report("weights push", remote.shown, transfers, moved)


def _wanted(
    references: Sequence[str], session: Session, *, name: str | None, with_parents: bool
) -> list[str]:
    """References `solar:v3` of all versions to send, parents before their children."""
    store = session.store
    if not references:
        names = store.names() if name is None else [name]
        found = [f"{one}:v{number}" for one in names for number in store.numbers(one)]
        if not found:
            raise WeightsNotFoundError(
                f"there is no version named '{name}'" if name else "the store has no versions",
                context=[f"store: {store.root}"],
                hint="yolow weights list",
            )
        if not with_parents:
            return found
        references = found
    chosen: dict[str, WeightsVersion] = {}
    for reference in references:
        version = version_of(reference, session)
        chosen[version.reference] = version
        if with_parents:
            above = (step.version for step in store.lineage(version))
            chosen |= {one.reference: one for one in above if one is not None}
    return sorted(chosen, key=lambda one: (chosen[one].record.created, one))


def _readable(reference: str, session: Session) -> WeightsVersion:
    try:
        return version_of(reference, session)
    except StoreError as error:  # one bad record must not keep the others here
        raise IntegrityError(
            f"the record of {reference} can't be read, and it was not sent",
            context=error.context,
            hint=f"yolow weights verify {reference}",
        ) from error


def _push(version: WeightsVersion, remote: Remote, session: Session, *, there: bytes | None) -> Transfer:
    record_json = (version.folder / RECORD_FILE).read_bytes()
    finished = FinishedVersion(record=version.record, record_json=record_json)
    if there == finished.digest_text:
        return Transfer(reference=version.reference, state="same", size_bytes=finished.size_bytes)
    if there is not None:
        raise taken(version.reference, where=remote.shown)
    session.progress.phase("push", f"{version.reference} to {remote.shown}")
    if differences := session.store.verify(version):
        raise IntegrityError(
            f"{version.reference} is not what its record says, and was not sent",
            context=[f"version: {version.folder}", *differences],
            hint=f"yolow weights verify {version.reference}",
        )
    remote.put(version, session.progress)
    return Transfer(reference=version.reference, state="done", size_bytes=finished.size_bytes)


def _push_aliases(
    transfers: Sequence[Transfer], remote: Remote, session: Session
) -> dict[str, dict[str, int]]:
    """Set the aliases that stand for versions which are there now."""
    moved: dict[str, dict[str, int]] = {}
    there = {one.reference for one in transfers if one.state in {"done", "same"}}
    for name in sorted({reference.partition(":")[0] for reference in there}):
        own = session.store.aliases(name)
        chosen = {alias: number for alias, number in own.items() if f"{name}:v{number}" in there}
        if chosen:
            remote.put_aliases(name, chosen)
            moved[name] = chosen
    return moved
