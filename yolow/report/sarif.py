"""Findings as SARIF 2.1.0, the format that code scanning services read.

Specification: OASIS "Static Analysis Results Interchange Format (SARIF) Version 2.1.0". Of a service's own wishes
only those are met that the format allows: a line (GitHub wants one, even of a binary file) and a severity.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from yolow import __version__
from yolow.errors import ConfigError
from yolow.report.documents import dump_json

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"

# Rule: what it means, its level, and GitHub's severity of it (0 to 10) where it is a matter of security.
_RULES: dict[str, tuple[str, str, str | None]] = {
    "dangerous-global": ("The file names code that could run commands when it is loaded.", "error", "9.8"),
    "unknown-global": ("The file names code that no Ultralytics checkpoint has a use for.", "error", "8.0"),
    "misused-global": ("The file uses a known name as no Ultralytics checkpoint does.", "error", "9.0"),
    "code-in-config": (
        "A setting in the file would be evaluated as code when it is trained.",
        "error",
        "9.0",
    ),
    "archive-anomaly": ("Two programs could read different contents from the archive.", "error", "7.0"),
    "broken-pickle": ("The file's pickle can't be followed to its end.", "error", "5.0"),
    "not-a-checkpoint": ("The file is not of a format that can be read without executing it.", "error", None),
    "integrity": ("The bytes of a version differ from the digest in its record.", "error", "7.0"),
    "unreadable": ("The file is damaged or can't be read.", "warning", None),
    "not-found": ("There are no weights of this name.", "warning", None),
}
_OTHER_RULE = ("The file is not as it should be.", "warning", None)


def sarif_document(files: Sequence[Mapping[str, Any]], *, exit_code: int) -> dict[str, Any]:
    """A log with one run: a result for each finding, and every file as an artifact.

    Args:
        files: the `files` of an inspection's report.
        exit_code: of the command.
    """
    found = [str(finding["rule"]) for file in files for finding in file["findings"]]
    rules = [*_RULES, *sorted(set(found) - _RULES.keys())]
    results = [
        _result(file, finding, rules.index(str(finding["rule"])))
        for file in files
        for finding in file["findings"]
    ]
    run: dict[str, Any] = {
        "tool": {
            "driver": {"name": "yolow", "version": __version__, "rules": [_rule(rule) for rule in rules]}
        },
        "invocations": [{"executionSuccessful": exit_code in (0, 1), "exitCode": exit_code}],
        "artifacts": [_artifact(file) for file in files],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def write_sarif(path: Path, files: Sequence[Mapping[str, Any]], *, exit_code: int) -> None:
    """Write `sarif_document` in one step.

    Raises:
        ConfigError: the file can't be written.
    """
    text = dump_json(sarif_document(files, exit_code=exit_code))
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise ConfigError(
            "the SARIF file can't be written",
            context=[f"{path}: {error.strerror}"],
            hint="choose another place with --sarif",
        ) from error


def _rule(rule: str) -> dict[str, Any]:
    meaning, level, severity = _RULES.get(rule, _OTHER_RULE)
    described: dict[str, Any] = {
        "id": rule,
        "shortDescription": {"text": meaning},
        "defaultConfiguration": {"level": level},
    }
    if severity is not None:
        described["properties"] = {"tags": ["security"], "security-severity": severity}
    return described


def _result(file: Mapping[str, Any], finding: Mapping[str, Any], rule_index: int) -> dict[str, Any]:
    rule, message, detail = (str(finding[key]) for key in ("rule", "message", "detail"))
    location = _location(file)
    print_of = hashlib.sha256("\0".join([rule, message, detail, location["uri"]]).encode("utf-8", "replace"))
    return {
        "ruleId": rule,
        "ruleIndex": rule_index,
        "level": _RULES.get(rule, _OTHER_RULE)[1],
        "message": {"text": f"{message}: {detail}" if detail else message},
        "locations": [{"physicalLocation": {"artifactLocation": location, "region": {"startLine": 1}}}],
        "partialFingerprints": {"primaryLocationLineHash": print_of.hexdigest()},
    }


def _artifact(file: Mapping[str, Any]) -> dict[str, Any]:
    artifact: dict[str, Any] = {"location": _location(file)}
    if file.get("size_bytes") is not None:
        artifact["length"] = file["size_bytes"]
    if file.get("sha256"):
        artifact["hashes"] = {"sha-256": file["sha256"]}
    return artifact


def _location(file: Mapping[str, Any]) -> dict[str, Any]:
    """Relative to the working folder where the file lies in it, since services know files by such paths."""
    if file.get("path") is None:
        return {"uri": quote(str(file["reference"]), safe="/", errors="replace"), "uriBaseId": _ROOT}
    path = Path(str(file["path"]))
    try:
        inner = path.relative_to(Path.cwd())
    except ValueError:
        return {"uri": path.as_uri()}
    return {"uri": quote(bytes(inner), safe="/"), "uriBaseId": _ROOT}
