"""The managing commands on a store that can't be written, is damaged, or belongs to a newer yolow; and their flags."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from harness import Yolow
from managed_store import add_version, checkpoint_bytes, promote, tree

from yolow.store.integrity import record_digest_text
from yolow.store.store import Store

ROOT = Path("weights")
WRITERS = {
    "promote": (
        ["promote", "solar:v3", "production"],
        "the alias solar:production can't be moved",
    ),
    "rollback": (["rollback", "solar:production"], "the alias solar:production can't be moved"),
    "note": (["note", "solar:v1", "text"], "the note on solar:v1 can't be kept"),
    "rm": (["rm", "solar:v3", "--yes"], "solar:v3 can't be removed"),
    "gc": (["gc", "--keep", "1", "--yes"], "old versions can't be removed"),
    "import": (["import", "best.pt", "--name", "solar"], "the version can't be added to the store"),
    "verify --repair": (["verify", "solar:v1", "--repair"], "solar:v1 can't be repaired"),
}
WRITER = pytest.mark.parametrize(("words", "failure"), WRITERS.values(), ids=WRITERS)
READERS = [
    ["list"],
    ["show", "solar:v1"],
    ["log", "solar"],
    ["rm", "solar:v3"],
    ["gc", "--keep", "1"],
    ["export-card", "solar:v1"],
]


@pytest.fixture
def disk(workdir: Path) -> Iterator[Path]:
    """A disk of its own, 8 MB, with a store of three versions of which v2 is in production and v1 was."""
    folder = workdir / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk can only be mounted by a root that may")
    for _ in range(3):
        add_version(folder / "weights", parent=None)
    for number in (1, 2):
        promote(folder / "weights", number)
    (workdir / "best.pt").write_bytes(checkpoint_bytes())
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@WRITER
def test_a_read_only_store(
    run_yolow: Yolow, workdir: Path, disk: Path, words: list[str], failure: str
) -> None:
    store = disk / "weights"
    before = tree(store)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    finished = run_yolow("weights", *words, "--store", store, "--json", cwd=workdir)
    assert finished.code == 2, finished.err
    error = finished.document["error"]
    assert (error["kind"], error["message"]) == ("store", failure)
    assert error["context"][0] == f"store: {store}"
    assert error["context"][1].endswith("Read-only file system")
    assert error["hint"] == "choose a store that you can write to: --store FOLDER"
    assert tree(store) == before


def test_a_read_only_store_can_be_read(run_yolow: Yolow, workdir: Path, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for words in READERS:
        finished = run_yolow("weights", *words, "--store", disk / "weights", cwd=workdir)
        assert finished.code == 0, finished.err


@WRITER
def test_a_full_disk(run_yolow: Yolow, workdir: Path, disk: Path, words: list[str], failure: str) -> None:
    store = disk / "weights"
    (store / "solar" / "last_number").unlink()  # for the repair to have something to write
    before, aliases = tree(store), Store(store).aliases("solar")
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(4096))
    finished = run_yolow("weights", *words, "--store", store, "--json", cwd=workdir)
    assert finished.code == 2, finished.err
    error = finished.document["error"]
    assert (error["kind"], error["message"]) == ("store", f"the disk is full: {failure}")
    assert error["hint"] == "free some space, or choose another disk: --store FOLDER"
    ballast.unlink()
    assert tree(store) == before
    assert Store(store).aliases("solar") == aliases
    assert run_yolow("weights", *words, "--store", store, cwd=workdir).code in (0, 1)


def test_no_room_to_check_what_is_imported(run_yolow: Yolow, workdir: Path, disk: Path) -> None:
    (disk / "ballast").write_bytes(bytes(4_000_000))
    finished = run_yolow(
        "weights", "import", "best.pt", "--name", "solar", cwd=workdir, env={"YOLOW_CACHE": str(disk / "cache")}
    )  # fmt: skip
    assert finished.code == 2
    assert finished.err.splitlines() == [
        "error: the disk is full: the weights can't be copied to be checked",
        f"  {disk / 'cache' / 'tmp'}: No space left on device",
        "hint: free some space, or choose another disk: export YOLOW_CACHE=FOLDER",
    ]
    assert not ROOT.exists()
    assert list((disk / "cache" / "tmp").iterdir()) == []


def test_a_version_of_a_newer_yolow(run_yolow: Yolow, workdir: Path) -> None:
    """It is told from a damaged one, left alone, and hides nothing of the others."""
    newer = add_version(ROOT, parent=None)
    add_version(ROOT, parent=None)
    record = json.loads((newer.folder / "record.json").read_text())
    text = json.dumps({**record, "schema_version": 99, "colour": "blue"}).encode()
    for name, content in (("record.json", text), ("record.json.sha256", record_digest_text(text).encode())):
        (newer.folder / name).chmod(0o644)
        (newer.folder / name).write_bytes(content)
    before = tree(ROOT)
    for words in (
        ["promote", "solar:v1", "production"],
        ["note", "solar:v1", "text"],
        ["rm", "solar:v1", "--yes", "--force"],
        ["export-card", "solar:v1"],
    ):
        finished = run_yolow("weights", *words, "--json", cwd=workdir)
        assert finished.code == 2
        error = finished.document["error"]
        assert error["message"] == "the record was written by a newer yolow"
        assert error["hint"] == "pip install --upgrade yolow"
    document = run_yolow("weights", "verify", "--json", cwd=workdir).document
    (difference,) = document["versions"][0]["differences"]
    assert difference["found"].startswith("the record was written by a newer yolow: schema_version 99")
    assert document["versions"][1]["reference"] == "solar:v2"
    collected = run_yolow("weights", "gc", "--keep", "1", "--yes", "--json", cwd=workdir).document
    assert collected["removed"] == []
    assert {"reference": "solar:v1", "reason": "its record can't be read"} in collected["kept"]
    assert tree(ROOT) == before


@pytest.mark.parametrize("file", ["aliases.json", "notes.json"])
def test_files_beside_the_versions_that_were_damaged(run_yolow: Yolow, workdir: Path, file: str) -> None:
    add_version(ROOT)
    (ROOT / "solar" / file).write_text('{"production": ')
    before = tree(ROOT)
    words = ["promote", "solar:v1", "production"] if file == "aliases.json" else ["note", "solar:v1", "text"]
    finished = run_yolow("weights", *words, cwd=workdir)
    assert finished.code == 2
    what = file.removesuffix(".json")
    assert f"error: the {what} can't be read" in finished.err.splitlines()
    verified = run_yolow("weights", "verify", "--json", cwd=workdir)
    assert verified.code == 1
    (row,) = verified.document["aliases"]
    assert (row["path"], row["expected"]) == ("solar", "readable aliases and notes")
    assert row["found"].startswith(f"the {what} can't be read: {workdir / ROOT / 'solar' / file}: ")
    assert tree(ROOT) == before


def test_an_alias_of_nothing_is_found_and_can_be_given_again(run_yolow: Yolow, workdir: Path) -> None:
    add_version(ROOT)
    (ROOT / "solar" / "aliases.json").write_text('{"production": {"number": 9}}')
    verified = run_yolow("weights", "verify", cwd=workdir)
    assert verified.code == 1
    assert verified.out.splitlines()[-3:] == [
        "solar:production  DIFFERS",
        "  expected  a version",
        "  found     v9, which is not there",
    ]
    back = run_yolow("weights", "rollback", "solar:production", cwd=workdir)
    assert back.err.splitlines() == [
        "error: solar:production has nothing to go back to",
        "  it stands for nothing",
        "  no other version has held it",
        "hint: yolow weights promote solar:latest production",
    ]
    given = run_yolow("weights", "promote", "solar:v1", "production", "--if-better", "map50_95", cwd=workdir)
    assert (given.code, given.out) == (0, "solar:production  new -> solar:v1\n")


def test_a_version_that_is_a_link_is_not_promoted(run_yolow: Yolow, workdir: Path) -> None:
    version = add_version(ROOT)
    moved = workdir / "elsewhere"
    version.folder.rename(moved)
    version.folder.symlink_to(moved)
    finished = run_yolow("weights", "promote", "solar:v1", "production", "--json", cwd=workdir)
    assert finished.code == 1
    assert "found: symbolic link" in finished.document["error"]["context"]
    assert not (ROOT / "solar" / "aliases.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["promote", "solar:v3", "production"],
        ["rollback", "solar:production"],
        ["note", "solar:v1", "text"],
        ["rm", "solar:v3"],
        ["gc", "--keep", "1"],
        ["import", "best.pt", "--name", "solar"],
        ["verify", "solar:v1"],
        ["export-card", "solar:v1"],
    ],
    ids=lambda words: words[0],
)
def test_json_quiet_and_store(run_yolow: Yolow, workdir: Path, words: list[str]) -> None:
    """`--json` prints one document and nothing else, `--quiet` nothing; `--store` leaves the usual one alone."""
    for _ in range(3):
        add_version(Path("other"), parent=None)
    for number in (1, 2):
        promote(Path("other"), number)
    (workdir / "best.pt").write_bytes(checkpoint_bytes())
    json_run = run_yolow("weights", *words, "--json", "--store", "other", cwd=workdir)
    expected = 1 if words[0] == "verify" else 0  # its weights are no checkpoint
    assert json_run.code == expected, json_run.err
    document = json_run.document
    assert (document["command"], document["exit_code"]) == (f"weights {words[0]}", expected)
    quiet = run_yolow("weights", *words, "--quiet", "--store", "other", cwd=workdir)
    if words[0] == "rollback":  # the second goes back further than there is
        assert (quiet.code, quiet.out) == (2, "")
        assert quiet.err.startswith("error: solar:production has nothing to go back to\n")
    else:
        assert (quiet.code, quiet.out, quiet.err) == (expected, "", "")
    assert not ROOT.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["import", "best.pt", "--name", "solar"],
        ["verify", "solar:v1"],
        ["promote", "solar:v1", "production"],
        ["gc"],
        ["export-card", "solar:v1"],
    ],
    ids=lambda words: words[0],
)
def test_nothing_heavy_is_loaded(workdir: Path, base_env: dict[str, str], words: list[str]) -> None:
    add_version(ROOT, content=checkpoint_bytes())
    (workdir / "best.pt").write_bytes(checkpoint_bytes())
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "yolow", "weights", *words],
        cwd=workdir, env=base_env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines() if "|" in line}
    assert "yolow.store.store" in loaded
    assert not loaded & {"torch", "ultralytics", "numpy", "cv2", "openvino", "onnx", "matplotlib"}
