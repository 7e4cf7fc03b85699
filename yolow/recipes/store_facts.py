"""What the store knows of weights that are looked at: which version they are, its aliases and its lineage."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from yolow.errors import YolowError
from yolow.store.resolve import ResolvedWeights
from yolow.store.rows import VersionRow
from yolow.store.store import Store, WeightsVersion


class StoreFacts:
    """Answers for any number of files; the store's list of versions is read once, and only where it is needed.

    Args:
        store: may be damaged or not be there: then it knows less.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, resolved: ResolvedWeights) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        """What is known of these weights as JSON-ready values, None where nothing is; and why that may be too little.

        Weights outside the store are known by their digest.
        """
        try:
            version = resolved.version or self._version_of(resolved.sha256)
            return (None if version is None else self._facts(version)), ()
        except YolowError as error:
            what = "; ".join([error.message, *error.context])
            return None, (f"it is not known whether the weights are a version: {what}",)

    def _facts(self, version: WeightsVersion) -> dict[str, Any]:
        return {
            "version": version.reference,
            "aliases": self._store.aliases_of(version),
            "lineage": [
                {"reference": step.reference, "sha256": step.sha256, "state": step.state}
                for step in self._store.lineage(version)
            ],
        }

    def _version_of(self, sha256: str) -> WeightsVersion | None:
        """The oldest version with these bytes."""
        row = self._oldest.get(sha256)
        return None if row is None else self._store.get(row.name, row.number)

    @cached_property
    def _oldest(self) -> dict[str, VersionRow]:
        rows = sorted(self._store.rows(problems=[]), key=lambda row: (row.created, row.number), reverse=True)
        return {row.sha256: row for row in rows}
