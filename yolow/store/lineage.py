"""The lineage of a version: its parents up to the weights that it all began with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from yolow.errors import StoreError, WeightsNotFoundError
from yolow.store.record import ParentRecord, VersionRecord
from yolow.store.reference import WeightsRef, parse_reference
from yolow.store.removal import Tombstone, read_tombstone
from yolow.store.rows import read_rows
from yolow.store.version import WeightsVersion

if TYPE_CHECKING:
    from yolow.store.store import Store


@dataclass(frozen=True, kw_only=True)
class LineageStep:
    """One set of weights in a lineage.

    Attributes:
        reference: of the version that is there; else what the child's record calls its parent.
        sha256: of the weights.
        version: where it is in the store.
        state: `present`; `removed`: its tombstone is there; `outside`: it never was in this store, such as
            `yolo26n.pt`; `missing`: it should be in this store, but is neither there nor has a tombstone.
        tombstone: of a removed version.
        problem: why a version is called missing, where its record is there but can't be read.
    """

    reference: str
    sha256: str | None
    version: WeightsVersion | None
    state: Literal["present", "removed", "outside", "missing"]
    tombstone: Tombstone | None = None
    problem: str = ""


def trace(store: Store, version: WeightsVersion) -> tuple[LineageStep, ...]:
    """See `Store.lineage`."""
    steps = [_present(version)]
    seen = {version.reference}
    record: VersionRecord | None = version.record
    while record is not None and record.parent is not None:
        step = _step(store, record.parent)
        if step.state != "outside" and step.reference in seen:
            break  # records made by hand can name each other as parents
        seen.add(step.reference)
        steps.append(step)
        record = step.version.record if step.version else step.tombstone.record if step.tombstone else None
    return tuple(steps)


def _present(version: WeightsVersion) -> LineageStep:
    return LineageStep(
        reference=version.reference, sha256=version.record.sha256, version=version, state="present"
    )


def _step(store: Store, parent: ParentRecord) -> LineageStep:
    """The parent by its reference, which nearly always still names it; else by its digest, which always does."""
    try:
        ref = parse_reference(parent.reference)
    except WeightsNotFoundError:
        ref = WeightsRef(text=parent.reference, kind="path")
    if ref.kind == "official":
        return LineageStep(reference=parent.reference, sha256=parent.sha256, version=None, state="outside")
    problem = ""
    try:
        if (named := _named(store, ref, parent.sha256)) is not None:
            return named
        if parent.sha256 is not None and (found := _with_digest(store, parent.sha256)) is not None:
            return _present(found)
    except StoreError as error:
        problem = f"{error.message}: {'; '.join(error.context)}"
    state: Literal["missing", "outside"] = "missing" if ref.kind == "version" else "outside"
    return LineageStep(
        reference=parent.reference, sha256=parent.sha256, version=None, state=state, problem=problem
    )


def _with_digest(store: Store, sha256: str) -> WeightsVersion | None:
    """The oldest version with these weights. Records that don't name the digest are not even parsed."""
    rows = read_rows(store.root, problems=[], containing=sha256)
    found = [row for row in rows if row.sha256 == sha256]
    return store.get(found[-1].name, found[-1].number) if found else None


def _named(store: Store, ref: WeightsRef, sha256: str | None) -> LineageStep | None:
    """The version or tombstone that a reference names, if it has the digest."""
    if ref.kind != "version" or ref.name is None or ref.number is None:
        return None
    tombstone = read_tombstone(store.root / ref.name, ref.number)
    if tombstone is not None and sha256 in (None, tombstone.record.sha256):
        return LineageStep(
            reference=ref.text,
            sha256=tombstone.record.sha256,
            version=None,
            state="removed",
            tombstone=tombstone,
        )
    try:
        version = store.get(ref.name, ref.number)
    except WeightsNotFoundError:
        return None
    return _present(version) if sha256 in (None, version.record.sha256) else None
