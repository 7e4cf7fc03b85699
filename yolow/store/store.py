"""The weights store: a plain folder of immutable, numbered versions. Reading never creates or changes anything.

<root>/solar/v3/solar-v3.pt           the weights (or an export folder), read-only
<root>/solar/v3/record.json           what they are; record.json.sha256 covers it
<root>/solar/v3/…                     run.yaml, report.md, curves: listed in the record
<root>/solar/aliases.json             {"production": {"number": 3}}
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from yolow.errors import StoreError, WeightsNotFoundError
from yolow.store.integrity import check_version, verify_version
from yolow.store.record import RECORD_FILE, VersionDraft, VersionRecord
from yolow.store.reference import LATEST, is_name

__all__ = ["Store", "VersionDraft", "WeightsVersion"]

_NUMBERED = re.compile(r"v([1-9][0-9]*)")
_LIST_HINT = "yolow weights list"


@dataclass(frozen=True, kw_only=True)
class WeightsVersion:
    """One immutable set of weights in the store: its folder and its record."""

    folder: Path
    record: VersionRecord

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def number(self) -> int:
        return self.record.number

    @property
    def reference(self) -> str:
        """`solar:v3`."""
        return f"{self.name}:v{self.number}"

    @property
    def weights_path(self) -> Path:
        """The weights file or export folder."""
        return self.folder / self.record.weights


class Store:
    """The versions below one folder, which need not exist before the first `add`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def names(self) -> list[str]:
        """Names that have a version, sorted.

        Raises:
            StoreError: the store can't be read.
        """
        return [name for name in self._entries(self.root) if is_name(name) and self.numbers(name)]

    def numbers(self, name: str) -> list[int]:
        """Numbers of the versions of a name, ascending, by their folders alone.

        Raises:
            StoreError: the store can't be read.
        """
        if not is_name(name):
            return []
        folder = self.root / name
        return sorted(
            int(match.group(1)) for entry in self._entries(folder) if (match := _NUMBERED.fullmatch(entry))
        )

    def versions(self, name: str | None = None, *, problems: list[str] | None = None) -> list[WeightsVersion]:
        """The versions of a name, or of all; newest last.

        Args:
            name: None for all names.
            problems: gets a line for each version that can't be read. Without it such a version raises.

        Raises:
            StoreError: the store can't be read, or a version can't and `problems` is None.
        """
        found = []
        for one in self.names() if name is None else [name]:
            for number in self.numbers(one):
                try:
                    found.append(self._read(one, number))
                except StoreError as error:
                    if problems is None:
                        raise
                    problems.append(f"{one}:v{number}: {error.message}: {'; '.join(error.context)}")
        if name is None:
            found.sort(key=lambda version: (version.record.created, version.number))
        return found

    def get(self, name: str, number: int) -> WeightsVersion:
        """One version.

        Raises:
            WeightsNotFoundError: there is none; what there is instead is named.
            StoreError: its record can't be read.
        """
        numbers = self.numbers(name)
        if number in numbers:
            return self._read(name, number)
        if not numbers:
            raise self._unknown_name(f"{name}:v{number}", name)
        recent = ", ".join(f"v{one}" for one in numbers[-10:])
        raise WeightsNotFoundError(
            f"there is no version {name}:v{number}",
            context=[f"store: {self.root}", f"versions of {name}: {recent}"],
            hint=f"{_LIST_HINT} --name {name}",
        )

    def latest(self, name: str) -> WeightsVersion:
        """The version of a name with the highest number.

        Raises:
            WeightsNotFoundError: the name has no version.
            StoreError: its record can't be read.
        """
        numbers = self.numbers(name)
        if not numbers:
            raise self._unknown_name(f"{name}:{LATEST}", name)
        return self._read(name, numbers[-1])

    def newest(
        self, *, formats: Collection[str] | None = None, problems: list[str] | None = None
    ) -> WeightsVersion | None:
        """The version that was made last, over all names, or None.

        Args:
            formats: only versions of these formats, such as `pytorch`.
            problems: see `versions`.
        """
        versions = [
            version
            for version in self.versions(problems=problems)
            if formats is None or version.record.format in formats
        ]
        return versions[-1] if versions else None

    def find_digest(self, prefix: str) -> WeightsVersion | None:
        """The version whose weights have this digest; the oldest where several are byte-identical.

        Args:
            prefix: first hex digits of the digest.

        Raises:
            WeightsNotFoundError: different weights begin with these digits.
            StoreError: none was found, but a version can't be read.
        """
        problems: list[str] = []
        found = [
            version
            for version in self.versions(problems=problems)
            if version.record.sha256.startswith(prefix.lower())
        ]
        if len({version.record.sha256 for version in found}) > 1:
            raise WeightsNotFoundError(
                f"sha256:{prefix} is ambiguous",
                context=[f"{version.reference}: {version.record.sha256}" for version in found],
                hint="write more digits",
            )
        if not found and problems:
            raise StoreError(
                f"the version of sha256:{prefix} can't be looked up", context=problems, hint=_LIST_HINT
            )
        return found[0] if found else None

    def find_run(self, name: str, run: str) -> WeightsVersion | None:
        """The version that a run was published as. A version that can't be read is not it: it can't tell."""
        unreadable: list[str] = []
        for version in reversed(self.versions(name, problems=unreadable)):
            if version.record.run == run:
                return version
        return None

    def aliases(self, name: str) -> dict[str, int]:
        """The aliases of a name, each with its version's number.

        Raises:
            StoreError: `aliases.json` can't be read.
        """
        path = self.root / name / "aliases.json"
        try:
            value = json.loads(path.read_bytes())
            aliases = {str(alias): entry["number"] for alias, entry in value.items()}
            if not all(type(number) is int for number in aliases.values()):
                raise ValueError("a number is not a whole number")
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError("the aliases can't be read", context=[f"{path}: {error}"]) from error
        return aliases

    def alias(self, name: str, alias: str) -> int:
        """The number that an alias stands for; `latest` is computed.

        Raises:
            WeightsNotFoundError: the name has no such alias.
            StoreError: see `aliases`.
        """
        numbers = self.numbers(name)
        if not numbers:
            raise self._unknown_name(f"{name}:{alias}", name)
        if alias == LATEST:
            return numbers[-1]
        aliases = self.aliases(name)
        if alias not in aliases:
            near = difflib.get_close_matches(alias, [LATEST, *aliases], n=1)
            raise WeightsNotFoundError(
                f"{name} has no alias '{alias}'",
                context=[
                    f"store: {self.root}",
                    f"aliases of {name}: {', '.join(sorted({LATEST, *aliases}))}",
                    *(f"did you mean {name}:{text}?" for text in near),
                ],
                hint=f"{_LIST_HINT} --name {name}",
            )
        return aliases[alias]

    def aliases_of(self, version: WeightsVersion) -> list[str]:
        """The stored aliases of one version, sorted.

        Raises:
            StoreError: see `aliases`.
        """
        return sorted(
            alias for alias, number in self.aliases(version.name).items() if number == version.number
        )

    def add(
        self,
        draft: VersionDraft,
        *,
        weights: Path,
        suffix: str,
        files: Mapping[str, Path] | None = None,
        finish: Callable[[Path, str], None] | None = None,
    ) -> WeightsVersion:
        """Add the next version of a name: atomic, and safe beside other processes that do the same.

        Args:
            draft: everything of the record that is known before.
            weights: a file or an export folder; stored as `<name>-v<N><suffix>`.
            suffix: such as `.pt` or `_openvino_model`.
            files: name inside the version -> a file or a folder.
            finish: called with the staged folder and the final reference, before the record is written; what it
                writes there becomes part of the version. The store is locked meanwhile: keep it short.

        Raises:
            ConfigError: the name can't be one.
            StoreError: the store can't be written or a source can't be read; no trace of the version is left.
        """
        from yolow.store.publish import Sources, publish_version

        sources = Sources(weights=weights, suffix=suffix, files=files or {}, finish=finish)
        folder, record = publish_version(self.root, draft, sources)
        return WeightsVersion(folder=folder, record=record)

    def verify(self, version: WeightsVersion) -> list[str]:
        """Everything in which a version's folder differs from its record, a line each; empty: nothing."""
        return verify_version(version.folder, version.record)

    def check(self, version: WeightsVersion) -> None:
        """Check the record and the weights against their digests, as before every load.

        Raises:
            IntegrityError: something differs.
        """
        check_version(version.folder, version.record)

    def _read(self, name: str, number: int) -> WeightsVersion:
        folder = self.root / name / f"v{number}"
        path = folder / RECORD_FILE
        try:
            record = VersionRecord.from_json(path.read_bytes(), source=str(path))
        except OSError as error:
            raise StoreError("the record can't be read", context=[f"{path}: {error.strerror}"]) from error
        if (record.name, record.number) != (name, number):
            raise StoreError(
                "the record is that of another version",
                context=[f"{path}: the record of {record.name}:v{record.number}"],
                note="a version that was copied or renamed by hand is not a version",
            )
        return WeightsVersion(folder=folder, record=record)

    def _entries(self, folder: Path) -> list[str]:
        try:
            return sorted(path.name for path in folder.iterdir() if path.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            if isinstance(error, NotADirectoryError) and self.root.is_dir():
                return []  # a file beside the names
            raise StoreError(
                "the store can't be read",
                context=[f"{folder}: {error.strerror}"],
                hint="choose another folder: --store FOLDER",
            ) from error

    def _unknown_name(self, text: str, name: str) -> WeightsNotFoundError:
        names = self.names()
        near = difflib.get_close_matches(name, names, n=3)
        held = f"names in the store: {', '.join(names[:20])}" if names else "the store has no versions"
        context = [f"store: {self.root}", held, *(f"did you mean {one}?" for one in near)]
        return WeightsNotFoundError(f"there is no version {text}", context=context, hint=_LIST_HINT)
