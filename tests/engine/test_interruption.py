"""Real runs, really killed: the store stays valid and every run can be finished."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import drill_crash
import pytest
from harness import Trained, Yolow
from tiny_data import make_dataset

from yolow.store.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def command(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A fine-tuning of the tiny network that takes a few seconds."""
    data = make_dataset(tmp_path_factory.mktemp("data") / "tiny", task="detect", train=16)
    return [
        sys.executable, "-m", "yolow", "finetune", "--weights", str(trained.weights), "--data", str(data),
        "--name", "drill", "--epochs", "4", "--imgsz", "64", "--batch", "2", "--quiet",
    ]  # fmt: skip


@pytest.mark.parametrize("phase", drill_crash.PHASES, ids=lambda phase: phase.name)
def test_a_killed_run_leaves_a_valid_store_and_can_be_finished(
    phase: drill_crash.Phase,
    command: list[str],
    tmp_path: Path,
    base_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key, value in base_env.items():
        monkeypatch.setenv(key, value)
    outcome = drill_crash.drill(command, tmp_path, phase, random.Random(0))
    assert "resumed to drill:v1, 4 epochs" in outcome


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_named_and_can_be_finished(
    sent: signal.Signals,
    code: int,
    command: list[str],
    tmp_path: Path,
    base_env: dict[str, str],
    run_yolow: Yolow,
) -> None:
    process = subprocess.Popen(
        [*command, "--json"],
        cwd=tmp_path,
        env=base_env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(tmp_path.glob("runs/*/checkpoint/state.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    run = next(tmp_path.glob("runs/*")).name
    assert process.returncode == code
    document = json.loads(out)
    assert (document["status"], document["exit_code"]) == ("interrupted", code)
    assert document["error"]["hint"] == f"yolow finetune --resume {run}"
    assert f"yolow finetune --resume {run}" in err
    assert "Traceback" not in err
    assert Store(tmp_path / "weights").versions() == []

    resumed = run_yolow("finetune", "--resume", run, "--json", cwd=tmp_path)
    assert resumed.code == 0, resumed.err
    assert resumed.document["version"] == "drill:v1"
    assert resumed.document["training"]["epochs_run"] == 4

    again = run_yolow("finetune", "--resume", run, "--json", cwd=tmp_path)
    assert again.document["version"] == "drill:v1"
    assert len(Store(tmp_path / "weights").versions()) == 1


def test_a_run_does_not_go_on_with_other_data(
    command: list[str], tmp_path: Path, base_env: dict[str, str]
) -> None:
    data = make_dataset(tmp_path / "tiny", task="detect")
    changed = [str(data) if part.endswith(".yaml") else part for part in command]
    process = subprocess.Popen(changed, cwd=tmp_path, env=base_env, start_new_session=True)
    while not list(tmp_path.glob("runs/*/checkpoint/state.json")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    label = tmp_path / "tiny" / "labels" / "train" / "000.txt"
    label.write_text("1 0.5 0.5 0.25 0.25\n", encoding="utf-8")
    run = next(tmp_path.glob("runs/*")).name
    resumed = subprocess.run(
        [sys.executable, "-m", "yolow", "finetune", "--resume", run], cwd=tmp_path, env=base_env,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert resumed.returncode == 2
    assert "error: the run can't go on: what it began with has changed" in resumed.stderr
    assert Store(tmp_path / "weights").versions() == []
