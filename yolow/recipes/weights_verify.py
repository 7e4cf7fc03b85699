"""`yolow weights verify`: whether versions are still what their records say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath

from yolow.checkpoint.open import open_contents
from yolow.checkpoint.summary import read_checkpoint
from yolow.errors import (
    MissingExtraError,
    StoreError,
    WeightsError,
    WeightsNotFoundError,
    WeightsRefusedError,
)
from yolow.recipes.session import Session
from yolow.recipes.version_of import version_of
from yolow.run_report import RunReport
from yolow.store.integrity import Difference, version_differences
from yolow.store.notes import read_notes
from yolow.store.record import RECORD_FILE
from yolow.store.reference import LATEST, parse_reference
from yolow.store.store import Store, WeightsVersion


@dataclass(frozen=True, kw_only=True)
class Verified:
    """One version: what differs, what was repaired before, and what could not be compared."""

    reference: str
    differences: tuple[Difference, ...] = ()
    repaired: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = field(default=(), compare=False)


def verify_weights(references: Sequence[str], session: Session, *, repair: bool = False) -> RunReport:
    """Compare versions with their records: every byte of every file, the network itself, and the lineage.

    Args:
        references: which; empty: all versions of the store, and the aliases.
        repair: rebuild first what can be derived from the rest.

    Raises:
        WeightsNotFoundError: there is no such version.
        StoreError: the store can't be read, or not be written for a repair.
    """
    store = session.store
    asked = list(references) or [
        f"{name}:v{number}" for name in store.names() for number in store.numbers(name)
    ]
    session.progress.phase("verify", f"{len(asked)} version{'' if len(asked) == 1 else 's'}")
    results = []
    for index, reference in enumerate(asked, start=1):
        results.append(_verify(reference, session, repair=repair, whole_lineage=bool(references)))
        session.progress.advance(index, len(asked), reference)
    aliases = [] if references else [*_alias_differences(store)]
    damaged = [one for one in results if one.differences]
    return RunReport(
        command="weights verify",
        status="rejected" if damaged or aliases else "done",
        exit_code=1 if damaged or aliases else 0,
        version=results[0].reference if len(references) == 1 else None,
        warnings=tuple(f"{one.reference}: {text}" for one in results for text in one.not_compared),
        details={
            "verified": len(results),
            "damaged": len(damaged),
            "versions": [
                {
                    "reference": one.reference,
                    "ok": not one.differences,
                    "differences": [asdict(difference) for difference in one.differences],
                    "repaired": list(one.repaired),
                }
                for one in results
            ],
            "aliases": [asdict(one) for one in aliases],
        },
    )


def _alias_differences(store: Store) -> Iterator[Difference]:
    """Aliases of all names that stand for no version, and files of aliases or notes that can't be read."""
    for name in store.names():
        try:
            numbers, aliases = store.numbers(name), store.aliases(name)
            read_notes(store.root / name)
        except StoreError as error:
            why = "; ".join(error.context)
            yield Difference(
                path=name, expected="readable aliases and notes", found=f"{error.message}: {why}"
            )
            continue
        for alias, number in aliases.items():
            if number not in numbers:
                found = f"v{number}, which is not there"
                yield Difference(path=f"{name}:{alias}", expected="a version", found=found)


def _verify(reference: str, session: Session, *, repair: bool, whole_lineage: bool) -> Verified:
    store = session.store
    try:
        version = version_of(reference, session)
    except StoreError as error:
        damaged = _named_without_record(reference, store)
        if damaged is None:
            raise
        return Verified(reference=damaged, differences=(_unreadable_record(error),))
    repaired = tuple(store.repair(version)) if repair else ()
    if repaired:
        version = version_of(version.reference, session)
    differences = version_differences(version.folder, version.record)
    not_compared: list[str] = []
    if not any(_is_weights(one.path, version) for one in differences):
        differences += _content_differences(version, not_compared)
    differences += _lineage_differences(store, version, whole=whole_lineage)
    return Verified(
        reference=version.reference,
        differences=tuple(differences),
        repaired=repaired,
        not_compared=tuple(not_compared),
    )


def _named_without_record(reference: str, store: Store) -> str | None:
    """The version that a reference names, where only its record can't be read."""
    ref = parse_reference(reference)
    if ref.name is None:
        return None
    number = ref.number or store.alias(ref.name, ref.alias or LATEST)
    return f"{ref.name}:v{number}" if number in store.numbers(ref.name) else None


def _unreadable_record(error: StoreError) -> Difference:
    """The reasons without the path, which the difference names itself."""
    reasons = [text.partition(f"{RECORD_FILE}: ")[2] or text for text in error.context]
    why = "; ".join(reason for reason in reasons if not reason.endswith(RECORD_FILE))
    found = f"{error.message}: {why}" if why else error.message
    return Difference(path=RECORD_FILE, expected="a readable record", found=found)


def _is_weights(path: str, version: WeightsVersion) -> bool:
    return path == "." or PurePosixPath(path).parts[0] == version.record.weights


def _content_differences(version: WeightsVersion, not_compared: list[str]) -> Iterator[Difference]:
    """What the weights say of themselves against the record; the bytes are known to be right."""
    record, path = version.record, version.weights_path
    try:
        said = _checkpoint_facts(version) if record.format == "pytorch" else _export_facts(version)
    except MissingExtraError as error:
        not_compared.append(f"the record was not compared with the weights: {error.message}")
        return
    except (WeightsError, WeightsRefusedError, WeightsNotFoundError) as error:
        reason = "; ".join([error.message, *(text for text in error.context if text != str(path))])
        yield Difference(path=record.weights, expected=f"weights of the format {record.format}", found=reason)
        return
    recorded = {
        "task": record.task,
        "classes": record.classes,
        "parameters": record.profile.parameters if record.profile else None,
    }
    for key, found in said.items():
        expected = recorded[key]
        if found is not None and expected is not None and found != expected:
            yield Difference(path=record.weights, expected=f"{key} {expected}", found=f"{key} {found}")


def _checkpoint_facts(version: WeightsVersion) -> dict[str, object]:
    summary = read_checkpoint(version.weights_path)
    return {"task": summary.task, "classes": summary.names, "parameters": summary.parameters}


def _export_facts(version: WeightsVersion) -> dict[str, object]:
    """An export's tensors are folded and quantized, so its number of values is not compared."""
    facts = open_contents(version.weights_path).facts
    names = facts.get("names")
    classes = {int(key): str(text) for key, text in names.items()} if names else None
    return {"task": facts.get("task"), "classes": classes}


def _lineage_differences(store: Store, version: WeightsVersion, *, whole: bool) -> Iterator[Difference]:
    """Ancestors that should be in the store and are not; without `whole` only the parent, since all are looked at."""
    steps = store.lineage(version)[1:]
    for step in steps if whole else steps[:1]:
        if step.state == "missing":
            digest = f" (sha256 {step.sha256[:12]})" if step.sha256 else ""
            yield Difference(
                path="lineage", expected=f"{step.reference}{digest} or a note of its removal", found="neither"
            )
