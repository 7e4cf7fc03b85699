"""Adding versions: what is in place afterwards, and what is not after a failure."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from store_samples import DRAFT, add, add_export, write

from yolow.errors import ConfigError, StoreError, WeightsError
from yolow.store.digest import sha256_folder
from yolow.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "weights")


def test_a_version_is_complete_and_read_only(store: Store, tmp_path: Path) -> None:
    before = datetime.now(timezone.utc)
    version = add(store, tmp_path)
    assert version.reference == "solar:v1"
    assert version.folder == tmp_path / "weights" / "solar" / "v1"
    assert version.weights_path == version.folder / "solar-v1.pt"
    assert version.weights_path.read_bytes() == b"weights"
    found = {str(path.relative_to(version.folder)) for path in version.folder.rglob("*") if path.is_file()}
    assert found == {
        "solar-v1.pt", "run.yaml", "curves/PR.png", "report.md", "record.json", "record.json.sha256",
    }  # fmt: skip
    assert [entry.path for entry in version.record.files] == [
        "curves/PR.png",
        "report.md",
        "run.yaml",
        "solar-v1.pt",
    ]
    assert (version.folder / "report.md").read_text() == "# solar:v1\n"
    assert before <= datetime.fromisoformat(version.record.created) <= datetime.now(timezone.utc)
    assert all(stat.S_IMODE((version.folder / name).stat().st_mode) & 0o222 == 0 for name in found)
    assert stat.S_IMODE(version.weights_path.stat().st_mode) & 0o400
    assert {key: getattr(version.record, key) for key in vars(DRAFT)} == vars(DRAFT)
    assert store.get("solar", 1) == version
    assert store.verify(version) == []


def test_sha256sum_understands_the_record_digest(store: Store, tmp_path: Path) -> None:
    version = add(store, tmp_path)
    finished = subprocess.run(
        ["sha256sum", "--check", "--strict", "record.json.sha256"],
        cwd=version.folder,
        capture_output=True,
        check=False,
    )
    assert finished.stdout == b"record.json: OK\n"


def test_an_export_folder_keeps_its_suffix(store: Store, tmp_path: Path) -> None:
    version = add_export(store, tmp_path)
    assert version.weights_path.name == "solar-v1_openvino_model"
    assert (version.weights_path / "meta" / "metadata.yaml").read_text() == "task: detect\n"
    assert version.record.sha256 == sha256_folder(version.weights_path)
    assert version.record.sha256 == add_export(store, tmp_path, name="other").record.sha256
    assert store.verify(version) == []
    store.check(version)


def test_numbers_count_up_for_each_name(store: Store, tmp_path: Path) -> None:
    references = [add(store, tmp_path, name=name).reference for name in ("solar", "birds", "solar", "solar")]
    assert references == ["solar:v1", "birds:v1", "solar:v2", "solar:v3"]


def test_numbers_never_come_back(store: Store, tmp_path: Path) -> None:
    for _ in range(3):
        add(store, tmp_path)
    shutil.rmtree(store.root / "solar" / "v3")
    assert add(store, tmp_path).reference == "solar:v4"
    write(store.root / "solar" / "v7.removed", "a note of a removed version")
    assert add(store, tmp_path).reference == "solar:v8"
    (store.root / "solar" / "last_number").unlink()
    (store.root / "solar" / "v11").mkdir()
    assert add(store, tmp_path).reference == "solar:v12"
    write(store.root / "solar" / "last_number", b"\xff not a number")
    assert add(store, tmp_path).reference == "solar:v13"


def test_a_number_that_is_taken_without_the_lock_is_left_alone(store: Store, tmp_path: Path) -> None:
    seen = []

    def finish(staging: Path, reference: str) -> None:
        seen.append(reference)
        assert (staging / f"{reference.replace(':', '-')}.pt").is_file()
        (staging / "report.md").write_text(f"# {reference}\n")
        if len(seen) == 1:
            write(store.root / "solar" / "v1" / "stranger.txt", "not ours")

    version = store.add(DRAFT, weights=write(tmp_path / "w.pt", b"w"), suffix=".pt", finish=finish)
    assert seen == ["solar:v1", "solar:v2"]
    assert version.reference == "solar:v2"
    assert (version.folder / "report.md").read_text() == "# solar:v2\n"
    assert store.verify(version) == []
    assert (store.root / "solar" / "v1" / "stranger.txt").read_text() == "not ours"


def test_nothing_is_left_when_the_report_fails(store: Store, tmp_path: Path) -> None:
    def finish(staging: Path, reference: str) -> None:
        raise WeightsError("the report failed")

    with pytest.raises(WeightsError):
        store.add(DRAFT, weights=write(tmp_path / "w.pt", b"w"), suffix=".pt", finish=finish)
    assert store.versions() == []
    assert list((store.root / ".staging").iterdir()) == []
    assert add(store, tmp_path).reference == "solar:v1"


def test_a_record_without_a_place_in_json_publishes_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not finite"):
        add(store, tmp_path, training={"seconds": float("inf")})
    assert store.versions() == []


def test_a_missing_source_is_named(store: Store, tmp_path: Path) -> None:
    missing = tmp_path / "gone.pt"
    with pytest.raises(StoreError) as caught:
        store.add(DRAFT, weights=missing, suffix=".pt")
    assert caught.value.message == "the version can't be added to the store"
    assert caught.value.context == (f"store: {store.root}", f"{missing}: No such file or directory")
    assert list((store.root / ".staging").iterdir()) == []


def test_a_link_in_an_export_folder_is_refused(store: Store, tmp_path: Path) -> None:
    export = tmp_path / "x_openvino_model"
    write(export / "model.xml", "<net/>")
    (export / "model.bin").symlink_to("/etc/hostname")
    with pytest.raises(StoreError) as caught:
        store.add(DRAFT, weights=export, suffix="_openvino_model")
    assert caught.value.context == (str(export / "model.bin"),)


@pytest.mark.parametrize("name", ["record.json", "record.json.sha256", "../x", "/x", "a//b"])
def test_files_can_not_take_the_record_s_place_or_leave_the_folder(
    store: Store, tmp_path: Path, name: str
) -> None:
    source = write(tmp_path / "w.pt", b"w")
    with pytest.raises(StoreError) as caught:
        store.add(DRAFT, weights=source, suffix=".pt", files={name: source})
    assert caught.value.context == (repr(name),)
    assert not store.root.exists()


def test_a_name_that_can_not_be_is_refused_before_anything_is_made(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        add(store, tmp_path, name="../solar")
    assert not store.root.exists()


def test_a_file_in_the_store_s_place_is_an_error(tmp_path: Path) -> None:
    store = Store(write(tmp_path / "weights", "a file"))
    with pytest.raises(StoreError) as caught:
        add(store, tmp_path)
    assert caught.value.context == (f"store: {store.root}", f"{store.root}: File exists")
    assert caught.value.hint == "the store must be a folder: --store FOLDER"
    with pytest.raises(StoreError) as caught:
        store.names()
    assert caught.value.context == (f"{store.root}: Not a directory",)


def test_a_file_in_the_way_of_the_store_s_folder_is_an_error(tmp_path: Path) -> None:
    store = Store(write(tmp_path / "file", "a file") / "weights")
    with pytest.raises(StoreError) as caught:
        add(store, tmp_path)
    assert caught.value.context == (f"store: {store.root}", f"{store.root}: Not a directory")


def _add_in_a_process(root: Path, source: Path, setup: str = "") -> list[str]:
    """Add a version of 300 kB in a process of its own, after `setup`; the reference or the error, line by line."""
    script = f"""
    import os, resource, sys
    from pathlib import Path
    from store_samples import DRAFT
    import filelock, pydantic, yolow.store.publish
    from yolow.errors import StoreError
    from yolow.store.store import Store
    root, source = map(Path, sys.argv[1:])
    {setup}
    try:
        print(Store(root).add(DRAFT, weights=source, suffix=".pt").reference)
    except StoreError as error:
        print(error.message, *error.context, error.hint, sep="\\n")
    """
    write(source, bytes(300_000))
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(root), str(source)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


def test_a_write_that_the_system_cuts_off_publishes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "weights")
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    lines = _add_in_a_process(store.root, tmp_path / "source.pt", limit)
    assert lines == [
        "the version can't be added to the store", f"store: {store.root}", f"{store.root}: File too large", "None",
    ]  # fmt: skip
    assert store.versions() == []
    assert list((store.root / ".staging").iterdir()) == []
    assert _add_in_a_process(store.root, tmp_path / "source.pt") == ["solar:v1"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 kB: one version fits, two don't."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk can only be mounted by a root that may")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_publishes_nothing(small_disk: Path, tmp_path: Path) -> None:
    store = Store(small_disk / "weights")
    assert _add_in_a_process(store.root, tmp_path / "source.pt") == ["solar:v1"]
    assert _add_in_a_process(store.root, tmp_path / "source.pt") == [
        "the disk is full: the version can't be added to the store",
        f"store: {store.root}",
        f"{store.root}: No space left on device",
        "free some space, or choose another disk: --store FOLDER",
    ]
    assert [store.verify(version) for version in store.versions()] == [[]]
    assert list((store.root / ".staging").iterdir()) == []


def test_a_store_that_may_not_be_written_is_an_error() -> None:
    # Not below tmp_path: only its owner may enter that, and root has to become somebody else to be refused.
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        folder.chmod(0o755)
        root = folder / "weights"
        root.mkdir(mode=0o555)
        lines = _add_in_a_process(
            root, folder / "source.pt", "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)"
        )
        assert lines[:2] == ["the version can't be added to the store", f"store: {root}"]
        assert lines[2].endswith(": Permission denied")
        assert lines[3] == "choose a store that you can write to: --store FOLDER"
        assert list(root.iterdir()) == []
