"""The whole corpus through every command that opens weights: refused, nothing runs, little memory, no torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from yolow.store.record import VersionDraft
from yolow.store.runs import Journal, Run
from yolow.store.store import Store

from . import pickles
from .corpus import HostileFile, build_corpus

RUNNER = Path(__file__).with_name("through_commands.py")
# `{run}` stands for an interrupted run whose checkpoint the file is.
COMMANDS = {
    "inspect": ["inspect", "{file}"],
    "weights import": ["weights", "import", "{file}", "--name", "theirs"],
    "weights diff, before": ["weights", "diff", "{file}", "good.pt"],
    "weights diff, after": ["weights", "diff", "good.pt", "{file}"],
    "predict": ["predict", "bus.jpg", "--weights", "{file}"],
    "val": ["val", "{file}", "--data", "nothing.yaml"],
    "finetune": ["finetune", "--weights", "{file}", "--data", "nothing.yaml"],
    "train, teacher": ["train", "--set", "distill_model={file}", "--data", "nothing.yaml"],
    "finetune, teacher": ["finetune", "--weights", "good.pt", "--set", "distill_model={file}", "--data", "no.yaml"],
    "train, resumed": ["train", "--resume", "{run}"],
}  # fmt: skip
# They go the way of another one.
SLOW = {"weights diff, after", "val", "predict", "finetune, teacher"}
EXIT_CODES = {"refused": 1, "broken": 2}
KINDS = {"refused": "refused", "broken": "weights"}

# One process a file, each waited for by a small one: the peak of a child begins with that of its parent.
_WHOLE_PROCESSES = """
import json, os, subprocess, sys, time
outcomes = []
for file in sys.argv[1:]:
    start = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "yolow", "inspect", file], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    outcomes.append([os.waitstatus_to_exitcode(status), time.monotonic() - start, usage.ru_maxrss / 1024])
print(json.dumps(outcomes))
"""


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canary") / "ran"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, canary: Path) -> list[HostileFile]:
    return build_corpus(tmp_path_factory.mktemp("corpus"), canary)


def _through(
    command: list[str], subjects: list[str], canary: Path, folder: Path, env: dict[str, str]
) -> dict[str, Any]:
    """How a command ended for each subject; all of them in one process."""
    finished = subprocess.run(
        [sys.executable, RUNNER, canary, json.dumps([*command, "--json"]), *subjects],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    told: dict[str, Any] = json.loads(finished.stdout)
    return told


def _interrupted(folder: Path, checkpoint: Path) -> Path:
    """A run that was interrupted in its training and left this checkpoint."""
    run = Run(folder / "runs" / checkpoint.stem)
    (run.folder / "checkpoint").mkdir(parents=True)
    shutil.copyfile(checkpoint, run.folder / "checkpoint" / "last.pt")
    run.write(
        Journal(
            run=run.name, command="train", name="x", phase="training", config={"data": "nothing.yaml"},
            parent_sha256=None, data_fingerprint="", created="2026-01-01T00:00:00+00:00",
        )
    )  # fmt: skip
    return run.folder


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in COMMANDS]
)
def test_every_file_is_refused_and_nothing_runs(
    name: str, corpus: list[HostileFile], canary: Path, base_env: dict[str, str], tmp_path: Path
) -> None:
    pickles.write(tmp_path / "good.pt", pickles.checkpoint())
    command = [word.replace("{run}", "{file}") for word in COMMANDS[name]]
    subjects = [hostile.path for hostile in corpus]
    if "{run}" in COMMANDS[name]:
        subjects = [_interrupted(tmp_path, path) for path in subjects]
    before = sorted(tmp_path.rglob("*"))
    told = _through(command, list(map(str, subjects)), canary, tmp_path, base_env)
    for hostile, outcome in zip(corpus, told["outcomes"], strict=True):
        assert not outcome["fired"], hostile.name
        assert "Traceback" not in outcome["err"], hostile.name
        error = json.loads(outcome["out"])["error"]
        # Not the missing data: what weights say comes first.
        found = (outcome["code"], error["kind"])
        assert found == (EXIT_CODES[hostile.outcome], KINDS[hostile.outcome]), (hostile.name, error)
        assert any(hostile.finding in line for line in (error["message"], *error["context"])), error
        assert outcome["seconds"] < 5, hostile.name
    assert told["peak_mb"] < 300
    assert told["heavy"] == []
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before and path.name != ".lock"] == []


@pytest.mark.parametrize("name", ["inspect", "weights diff, before", "predict", "val", "finetune"])
def test_weights_that_were_put_into_a_store_are_refused_too(
    name: str, corpus: list[HostileFile], canary: Path, base_env: dict[str, str], tmp_path: Path
) -> None:
    """Versions whose digests are right: a store may come from elsewhere."""
    pickles.write(tmp_path / "good.pt", pickles.checkpoint())
    planted = [file for file in corpus if file.name in ("posix-system", "activation", "storage-missing")]
    store = Store(tmp_path / "weights")
    for file in planted:
        draft = VersionDraft(name=file.name, operation="import", task="detect")
        store.add(draft, weights=file.path, suffix=".pt")
    told = _through(COMMANDS[name], [f"{file.name}:v1" for file in planted], canary, tmp_path, base_env)
    codes = [(outcome["code"], outcome["fired"]) for outcome in told["outcomes"]]
    assert codes == [(EXIT_CODES[file.outcome], False) for file in planted]


@pytest.mark.slow
def test_each_file_as_a_whole_process(
    corpus: list[HostileFile], canary: Path, base_env: dict[str, str], tmp_path: Path
) -> None:
    canary.unlink(missing_ok=True)
    finished = subprocess.run(
        [sys.executable, "-c", _WHOLE_PROCESSES, *(str(hostile.path) for hostile in corpus)],
        cwd=tmp_path, env=base_env, capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    outcomes = json.loads(finished.stdout)
    assert [code for code, _, _ in outcomes] == [EXIT_CODES[hostile.outcome] for hostile in corpus]
    assert max(seconds for _, seconds, _ in outcomes) < 5
    assert max(peak_mb for _, _, peak_mb in outcomes) < 300
    assert not canary.exists()
    assert finished.stderr.count("error: ") == len(corpus)
    assert "Traceback" not in finished.stderr
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_a_good_file_passes(canary: Path, base_env: dict[str, str], tmp_path: Path) -> None:
    """So that a refusal above means something."""
    good = pickles.write(tmp_path / "good.pt", pickles.checkpoint())
    told = _through(COMMANDS["inspect"], [str(good)], canary, tmp_path, base_env)
    (outcome,) = told["outcomes"]
    assert (outcome["code"], outcome["err"], outcome["fired"]) == (0, "", False)
    assert 20 < told["peak_mb"] < 300
