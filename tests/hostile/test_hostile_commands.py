"""The whole corpus through every command that opens weights: refused, nothing runs, little memory, no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .corpus import HostileFile, build_corpus

RUNNER = Path(__file__).with_name("through_commands.py")
COMMANDS = [
    ["inspect", "{file}", "--json"],
    ["weights", "import", "{file}", "--name", "theirs", "--json"],
    ["weights", "diff", "{file}", "{file}", "--json"],
    ["predict", "bus.jpg", "--weights", "{file}", "--json"],
    ["val", "{file}", "--data", "nothing.yaml", "--json"],
    ["finetune", "--weights", "{file}", "--data", "nothing.yaml", "--json"],
]


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canary") / "ran"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, canary: Path) -> list[HostileFile]:
    return build_corpus(tmp_path_factory.mktemp("corpus"), canary)


@pytest.fixture(scope="module", params=COMMANDS, ids=lambda command: " ".join(command[:2]).split(" {")[0])
def told(
    request: pytest.FixtureRequest,
    corpus: list[HostileFile],
    canary: Path,
    base_env: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """How each file of the corpus ended in one command; all of them in one process."""
    files = [str(hostile.path) for hostile in corpus]
    finished = subprocess.run(
        [sys.executable, RUNNER, canary, json.dumps([request.param]), *files],
        cwd=tmp_path_factory.mktemp("work"),
        env=base_env,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    told: dict[str, Any] = json.loads(finished.stdout)
    return told


def test_every_file_is_refused_and_nothing_runs(told: dict[str, Any], corpus: list[HostileFile]) -> None:
    assert [outcome[1] for outcome in told["outcomes"]] == [hostile.path.name for hostile in corpus]
    wrong = [
        (name, code, output[-300:])
        for _, name, code, _, output, fired in told["outcomes"]
        if code not in (1, 2) or fired or "Traceback" in output or '"kind": "internal"' in output
    ]
    assert wrong == []


def test_it_is_the_weights_that_are_refused(told: dict[str, Any]) -> None:
    """Not the missing data: what weights say comes first."""
    others = [
        (name, output[-300:])
        for _, name, _, _, output, _ in told["outcomes"]
        if '"kind": "weights' not in output and '"kind": "refused' not in output
    ]
    assert others == []


def test_no_file_takes_long_or_needs_much_memory(told: dict[str, Any]) -> None:
    assert [(name, seconds) for _, name, _, seconds, _, _ in told["outcomes"] if seconds > 5] == []
    assert told["peak_mb"] < 300


def test_torch_is_never_imported(told: dict[str, Any]) -> None:
    assert told["heavy"] == []
