"""What weights could do to whoever loads them: every global that a file names, and all that is wrong with it.

A scan begins with the reading itself, so that it finds something exactly where a file can't be read. Reading stops at
the first error; then the scan goes through the file once more with the same checks, as far as it can, for evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from yolow.checkpoint.allowlist import use_of
from yolow.checkpoint.archive import Archive
from yolow.checkpoint.formats import describe, refuse_unless_zip
from yolow.checkpoint.network import attributes, mapping
from yolow.checkpoint.open import is_pytorch, open_contents
from yolow.checkpoint.stand_ins import Found, Named
from yolow.checkpoint.unpickle import follow
from yolow.checkpoint.verdict import config_problem, is_of_yolov5, misuses, runs_code, shown, unexpected
from yolow.checkpoint.verified import (
    HEAD_BYTES,
    MAX_PICKLE_BYTES,
    check_storages,
    network_of,
    opened,
    pickle_bytes,
    read_unchanged,
    readable,
)
from yolow.errors import (
    WeightsError,
    WeightsRefusedError,
    YolowError,
)

Verdict: TypeAlias = Literal["expected", "unknown", "dangerous"]
Rule: TypeAlias = Literal[
    "dangerous-global",
    "unknown-global",
    "misused-global",
    "code-in-config",
    "broken-pickle",
    "archive-anomaly",
    "not-a-checkpoint",
    "unreadable",
]
_MAX_FINDINGS = 200


@dataclass(frozen=True, kw_only=True)
class GlobalUse:
    """A global that a pickle names.

    Attributes:
        name: `module.name`, printable and of bounded length.
        verdict: `expected` where checkpoints have a use for it; `dangerous` where it runs code or likely leads to
            what does; `unknown` for any other class.
        purpose: what it is for, or why it is none of a checkpoint's business, in words.
    """

    name: str
    verdict: Verdict
    purpose: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that does not belong into weights.

    Attributes:
        rule: the kind of finding.
        message: what is wrong, in words.
        detail: what it was found on: a global, an entry of the archive; may be empty.
    """

    rule: Rule
    message: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a file names and what is wrong with it. No findings means no more than that.

    Attributes:
        path: the file or folder.
        globals: each global once, the dangerous first, then by name; none for formats without pickles.
        findings: the most dangerous first; none where the file can be read and names nothing unexpected.
    """

    path: Path
    globals: tuple[GlobalUse, ...]
    findings: tuple[Finding, ...]


@dataclass
class _Gathered:
    uses: list[GlobalUse] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def scan(path: Path) -> Scan:
    """Look at a file of any format without executing it. Never raises for what the file is or holds.

    Args:
        path: a weights file or an export folder.
    """
    gathered = _Gathered()
    pytorch = is_pytorch(path)
    try:
        open_contents(path)
        if pytorch:
            _judge(read_unchanged(path).found, gathered)
    except YolowError as error:
        if pytorch:
            _gather(path, gathered)
        if not gathered.findings:
            gathered.findings.append(_finding(_rule(error, pytorch), error))
    return Scan(path=path, globals=tuple(gathered.uses), findings=tuple(gathered.findings[:_MAX_FINDINGS]))


def _gather(path: Path, gathered: _Gathered) -> None:
    try:
        with readable(path), opened(path) as file:
            _look_into(path, file, gathered)
    except YolowError as error:
        gathered.findings.append(_finding("unreadable", error))


def _rule(error: YolowError, pytorch: bool) -> Rule:
    """The rule for an error of which there is no closer evidence."""
    if isinstance(error, WeightsRefusedError):
        return "misused-global" if pytorch else "archive-anomaly"
    return "not-a-checkpoint" if pytorch and isinstance(error, WeightsError) else "unreadable"


def _look_into(path: Path, file: BinaryIO, gathered: _Gathered) -> None:
    head = file.read(HEAD_BYTES)
    try:
        refuse_unless_zip(str(path), head)
    except WeightsError as error:
        if _may_be_pickle(head):
            _judge(follow(head + file.read(MAX_PICKLE_BYTES)), gathered)
        gathered.findings.append(_finding("not-a-checkpoint", error))
        return
    try:
        archive = Archive(path, file)
    except WeightsError as error:
        gathered.findings.append(_finding("archive-anomaly", error))
        return
    _look_into_archive(path, archive, gathered)


def _look_into_archive(path: Path, archive: Archive, gathered: _Gathered) -> None:
    try:
        found = follow(pickle_bytes(archive, salvaged=True))
    except WeightsError as error:
        gathered.findings.append(_finding("not-a-checkpoint", error))
        return
    _judge(found, gathered)
    try:
        pickle_bytes(archive)
        if found.fault is None:
            check_storages(found, archive)
    except WeightsError as error:
        gathered.findings.append(_finding("archive-anomaly", error))
    if found.fault is not None:
        gathered.findings.append(
            Finding(rule="broken-pickle", message="the pickle can't be followed", detail=found.fault)
        )
        return
    try:
        _, network = network_of(path, mapping(found.root))
    except WeightsError as error:
        gathered.findings.append(_finding("not-a-checkpoint", error))
        return
    problem = config_problem(mapping(attributes(network).get("yaml")))
    if problem is not None:
        gathered.findings.append(
            Finding(
                rule="code-in-config",
                message="the network's activation could run as code when the weights are trained",
                detail=problem,
            )
        )


def _judge(found: Found, gathered: _Gathered) -> None:
    """Add all globals of a pickle, and findings on those that are unexpected or misused."""
    strangers = unexpected(found)
    named = {one.full_name: one for one in found.named.values()}
    others = sorted(named.keys() - {one.full_name for one in strangers})
    gathered.uses.extend(_use(one) for one in [*strangers, *(named[name] for name in others)])
    for one in strangers:
        dangerous = runs_code(one)
        gathered.findings.append(
            Finding(
                rule="dangerous-global" if dangerous else "unknown-global",
                message="the pickle names code to run"
                if dangerous
                else "the pickle names a class that no checkpoint has a use for",
                detail=shown(one.full_name),
            )
        )
    gathered.findings.extend(
        Finding(rule="misused-global", message="the pickle uses a global as no checkpoint does", detail=one)
        for one in misuses(found)
    )


def _use(named: Named) -> GlobalUse:
    use = use_of(named.module, named.name)
    if use is not None:
        return GlobalUse(name=shown(named.full_name), verdict="expected", purpose=use.value)
    if runs_code(named):
        purpose = "runs code, or leads to what does"
        return GlobalUse(name=shown(named.full_name), verdict="dangerous", purpose=purpose)
    purpose = "a class of the old yolov5 repository" if is_of_yolov5(named) else "a class of somebody's own"
    return GlobalUse(name=shown(named.full_name), verdict="unknown", purpose=purpose)


def _finding(rule: Rule, error: YolowError) -> Finding:
    """An error as a finding; its context without the path."""
    return Finding(rule=rule, message=error.message, detail="; ".join(error.context[1:]))


def _may_be_pickle(head: bytes) -> bool:
    """Whether a file that is no archive could be a bare pickle: by its signature, or as the text protocol starts."""
    looks_like = describe(head)
    if looks_like is None:
        return head[:1] in (b"c", b"(", b"]", b"}")
    return looks_like in ("a bare pickle", "a PyTorch file of the format before 1.6")
