"""`distill_model`: the weights of a teacher are found and checked like all others, before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Yolow
from hostile import pickles as p
from tiny_data import make_dataset

from yolow.store.record import VersionDraft
from yolow.store.store import Store, WeightsVersion


@pytest.fixture
def teacher(workdir: Path) -> WeightsVersion:
    """`solar:v1`, with the alias `best`."""
    store = Store(workdir / "weights")
    version = store.add(
        VersionDraft(name="solar", operation="import", task="detect"),
        weights=p.write(workdir / "x.pt", p.checkpoint()),
        suffix=".pt",
    )
    store.change_alias("solar", "best", lambda _: version, reason="test")
    return version


@pytest.mark.parametrize(
    "command", [["train"], ["finetune", "--weights", "solar:v1"]], ids=lambda one: one[0]
)
def test_the_plan_names_the_version_that_is_meant(
    command: list[str], run_yolow: Yolow, workdir: Path, teacher: WeightsVersion
) -> None:
    """`solar:best` means another version tomorrow."""
    data = make_dataset(workdir / "tiny", task="detect", train=2, val=2)
    finished = run_yolow(
        *command, "--data", data, "--set", "distill_model=solar:best", "--dry-run", "--json", cwd=workdir
    )
    assert finished.code == 0, finished.err
    assert finished.document["plan"]["config"]["distill_model"] == "solar:v1"


def test_a_teacher_whose_bytes_differ_from_its_record(
    run_yolow: Yolow, workdir: Path, teacher: WeightsVersion
) -> None:
    content = bytearray(teacher.weights_path.read_bytes())
    content[-1] ^= 1
    teacher.weights_path.chmod(0o644)
    teacher.weights_path.write_bytes(content)
    finished = run_yolow(
        "train", "--data", "x.yaml", "--set", "distill_model=solar:v1", "--json", cwd=workdir
    )
    assert (finished.code, finished.document["error"]["kind"]) == (1, "integrity")


def test_a_teacher_that_is_not_there(run_yolow: Yolow, workdir: Path) -> None:
    finished = run_yolow("train", "--data", "x.yaml", "--set", "distill_model=lost.pt", cwd=workdir)
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.startswith("error: there are no weights 'lost.pt'\n")
