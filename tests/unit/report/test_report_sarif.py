"""SARIF as code scanning services take it in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from yolow.errors import ConfigError
from yolow.report.sarif import sarif_document, write_sarif

LEVELS = {"none", "note", "warning", "error"}


def file(path: Path | None, *findings: tuple[str, str, str]) -> dict[str, Any]:
    keys = ("rule", "message", "detail")
    return {
        "reference": "solar:v1" if path is None else path.name,
        "path": None if path is None else str(path),
        "sha256": None if path is None else "9b" * 32,
        "size_bytes": None if path is None else 5_554,
        "findings": [dict(zip(keys, finding, strict=True)) for finding in findings],
    }


def check_log(log: dict[str, Any]) -> dict[str, Any]:
    """What the standard demands of the parts that we write; returns the run."""
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "yolow"
    identifiers = [rule["id"] for rule in driver["rules"]]
    assert len(identifiers) == len(set(identifiers))
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"].endswith(".")
        assert rule["defaultConfiguration"]["level"] in LEVELS
    for invocation in run["invocations"]:
        assert isinstance(invocation["executionSuccessful"], bool)
    for result in run["results"]:
        assert identifiers[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in LEVELS
        assert result["message"]["text"]
        for location in result["locations"]:
            physical = location["physicalLocation"]
            assert physical["region"]["startLine"] == 1
            assert re.fullmatch(r"[A-Za-z0-9._~%/:-]+", physical["artifactLocation"]["uri"])
        assert re.fullmatch(r"[0-9a-f]{64}", result["partialFingerprints"]["primaryLocationLineHash"])
    checked: dict[str, Any] = run
    return checked


def test_clean_files_have_no_results(workdir: Path) -> None:
    run = check_log(sarif_document([file(workdir / "best.pt")], exit_code=0))
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 0}]
    assert run["artifacts"] == [
        {
            "location": {"uri": "best.pt", "uriBaseId": "%SRCROOT%"},
            "length": 5554,
            "hashes": {"sha-256": "9b" * 32},
        }
    ]


def test_findings_become_results_with_severities(workdir: Path) -> None:
    evil = file(
        workdir / "sub dir" / "böse.pt",
        ("dangerous-global", "the pickle names code to run", "posix.system"),
        ("broken-pickle", "the pickle can't be followed", ""),
    )
    lost = file(None, ("not-found", "there are no weights", "store: x"))
    run = check_log(sarif_document([evil, lost, file(Path("/elsewhere/ok.pt"))], exit_code=1))
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("dangerous-global", "error"), ("broken-pickle", "error"), ("not-found", "warning"),
    ]  # fmt: skip
    assert run["results"][0]["message"]["text"] == "the pickle names code to run: posix.system"
    assert run["results"][1]["message"]["text"] == "the pickle can't be followed"
    places = [artifact["location"]["uri"] for artifact in run["artifacts"]]
    assert places == ["sub%20dir/b%C3%B6se.pt", "solar%3Av1", "file:///elsewhere/ok.pt"]
    by_id = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert by_id["dangerous-global"]["properties"]["security-severity"] == "9.8"


def test_a_rule_that_is_not_known_yet_is_still_valid(workdir: Path) -> None:
    odd = file(workdir / "x.pt", ("brand-new", "something", "else"))
    run = check_log(sarif_document([odd], exit_code=2))
    assert run["results"][0]["ruleId"] == "brand-new"
    assert run["invocations"] == [{"executionSuccessful": False, "exitCode": 2}]


def test_fingerprints_tell_findings_and_files_apart(workdir: Path) -> None:
    first, second = ("unknown-global", "m", "a.B"), ("unknown-global", "m", "a.C")
    run = check_log(
        sarif_document([file(workdir / "1.pt", first, second), file(workdir / "2.pt", first)], exit_code=1)
    )
    prints = {result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]}
    assert len(prints) == 3


def test_written_in_one_step_and_the_working_folder_is_not_in_it(workdir: Path) -> None:
    target = workdir / "findings.sarif"
    target.write_text("old")
    write_sarif(target, [file(workdir / "best.pt")], exit_code=0)
    check_log(json.loads(target.read_text()))
    assert str(workdir) not in target.read_text()
    assert [path.name for path in workdir.iterdir()] == ["findings.sarif"]


def test_a_place_that_can_not_be_written(workdir: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        write_sarif(workdir / "missing" / "x.sarif", [], exit_code=0)
    assert caught.value.message == "the SARIF file can't be written"
    assert caught.value.context == (f"{workdir}/missing/x.sarif: No such file or directory",)
    assert caught.value.hint == "choose another place with --sarif"
