"""Every byte of a version is covered: whatever is changed, added or taken away is found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from store_samples import BARE, add, add_export, write

from yolow.errors import IntegrityError
from yolow.store.digest import sha256_bytes
from yolow.store.store import Store, WeightsVersion


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "weights")


@pytest.fixture
def version(store: Store, tmp_path: Path) -> WeightsVersion:
    return add(store, tmp_path, **BARE)


@pytest.fixture
def export(store: Store, tmp_path: Path) -> WeightsVersion:
    return add_export(store, tmp_path, **BARE)


def _overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def _flips(path: Path) -> Iterator[int]:
    """Flip one byte of a file, for every byte in turn, and flip it back afterwards."""
    path.chmod(0o644)
    with path.open("r+b", buffering=0) as stream:
        for at, byte in enumerate(path.read_bytes()):
            os.pwrite(stream.fileno(), bytes([byte ^ 1]), at)
            yield at
            os.pwrite(stream.fileno(), bytes([byte]), at)


@pytest.mark.parametrize("kind", ["version", "export"])
def test_every_flipped_byte_of_every_file_is_found(
    kind: str, store: Store, request: pytest.FixtureRequest
) -> None:
    version: WeightsVersion = request.getfixturevalue(kind)
    files = [path for path in version.folder.rglob("*") if path.is_file()]
    assert len(files) == {"version": 6, "export": 5}[kind]
    for path in files:
        name = path.relative_to(version.folder).as_posix()
        for at in _flips(path):
            [found] = store.verify(version)
            assert found.startswith(f"{name}: expected sha256 "), at
            with pytest.raises(IntegrityError) as caught:
                store.check(version)
            assert f"file: {path}" in caught.value.context, at
    assert store.verify(version) == []


def test_a_changed_file_is_named_with_both_digests(store: Store, version: WeightsVersion) -> None:
    _overwrite(version.weights_path, b"weightz")
    expected, found = (
        f"sha256 {sha256_bytes(b'weights')} (7 bytes)",
        f"sha256 {sha256_bytes(b'weightz')} (7 bytes)",
    )
    assert store.verify(version) == [f"solar-v1.pt: expected {expected}, found {found}"]
    with pytest.raises(IntegrityError) as caught:
        store.check(version)
    assert caught.value.exit_code == 1
    assert caught.value.message == "solar:v1 is not what its record says"
    assert caught.value.context == (
        f"version: solar:v1 in {version.folder}",
        f"file: {version.weights_path}",
        f"expected: {expected}",
        f"found: {found}",
    )


def test_a_changed_record_is_named_with_both_digests(store: Store, version: WeightsVersion) -> None:
    path = version.folder / "record.json"
    original = path.read_bytes()
    forged = original.replace(b'"operation": "finetune"', b'"operation": "prune"')
    assert forged != original
    _overwrite(path, forged)
    assert store.verify(version) == [
        f"record.json: expected sha256 {sha256_bytes(original)} (in record.json.sha256), "
        f"found sha256 {sha256_bytes(forged)}"
    ]


@pytest.mark.parametrize("content", [b"", b"nothing\n", b"0" * 64 + b"  record.txt\n"])
def test_a_digest_file_without_a_digest_is_what_was_changed(
    store: Store, version: WeightsVersion, content: bytes
) -> None:
    _overwrite(version.folder / "record.json.sha256", content)
    right = sha256_bytes((version.folder / "record.json").read_bytes())
    assert store.verify(version) == [
        f"record.json.sha256: expected sha256 {right} (of record.json), found no digest"
    ]


def test_a_longer_file_is_found(store: Store, version: WeightsVersion) -> None:
    _overwrite(version.folder / "run.yaml", b"epochs: 15\n\n")
    [line] = store.verify(version)
    assert line.startswith("run.yaml: expected sha256 ")
    assert line.endswith("(12 bytes)")


@pytest.mark.parametrize("name", ["solar-v1.pt", "run.yaml", "curves/PR.png", "report.md"])
def test_a_missing_file_is_found(store: Store, version: WeightsVersion, name: str) -> None:
    (version.folder / name).unlink()
    assert store.verify(version) == [f"{name}: expected a file, found missing"]
    with pytest.raises(IntegrityError):
        store.check(version)


@pytest.mark.parametrize("name", ["record.json", "record.json.sha256"])
def test_a_missing_record_is_found(store: Store, version: WeightsVersion, name: str) -> None:
    (version.folder / name).unlink()
    assert store.verify(version) == [f"{name}: expected a file, found missing"]
    with pytest.raises(IntegrityError):
        store.check(version)


def test_extra_files_and_folders_are_found(store: Store, version: WeightsVersion) -> None:
    write(version.folder / "curves" / "extra.png", b"")
    write(version.folder / ".hidden" / "file", b"")
    os.mkfifo(version.folder / "pipe")
    assert store.verify(version) == [
        ".hidden: expected nothing, found folder",
        ".hidden/file: expected nothing, found file",
        "curves/extra.png: expected nothing, found file",
        "pipe: expected nothing, found special file",
    ]
    store.check(version)  # what nobody put into the record doesn't make the version another one


def test_an_extra_file_in_an_export_folder_is_found_before_a_load(
    store: Store, export: WeightsVersion
) -> None:
    write(export.weights_path / "plugin.so", b"")
    line = "solar-v1_openvino_model/plugin.so: expected nothing, found file"
    assert store.verify(export) == [line]
    with pytest.raises(IntegrityError) as caught:
        store.check(export)
    assert f"file: {export.weights_path / 'plugin.so'}" in caught.value.context


def test_a_link_in_a_file_s_place_is_refused_even_with_the_right_content(
    store: Store, version: WeightsVersion, tmp_path: Path
) -> None:
    version.weights_path.unlink()
    version.weights_path.symlink_to(write(tmp_path / "same.pt", b"weights"))
    assert store.verify(version) == ["solar-v1.pt: expected a file, found symbolic link"]
    with pytest.raises(IntegrityError):
        store.check(version)


def test_a_link_in_a_folder_s_place_is_refused(store: Store, export: WeightsVersion, tmp_path: Path) -> None:
    moved = export.weights_path.rename(tmp_path / "moved")
    export.weights_path.symlink_to(moved)
    assert "solar-v1_openvino_model: expected nothing, found symbolic link" in store.verify(export)
    with pytest.raises(IntegrityError):
        store.check(export)


def test_a_link_in_the_version_s_place_is_refused(
    store: Store, version: WeightsVersion, tmp_path: Path
) -> None:
    moved = version.folder.rename(tmp_path / "v1")
    version.folder.symlink_to(moved)
    assert store.verify(version)[0] == ".: expected a folder, found symbolic link"
    with pytest.raises(IntegrityError):
        store.check(version)


def test_a_copy_under_another_number_is_not_a_version(store: Store, version: WeightsVersion) -> None:
    copy = shutil.copytree(version.folder, store.root / "solar" / "v2")
    assert store.verify(replace(version, folder=copy)) == [
        "record.json: expected the record of solar/v2, found solar/v1"
    ]


def test_a_store_that_was_copied_is_whole(store: Store, version: WeightsVersion, tmp_path: Path) -> None:
    copy = Store(shutil.copytree(store.root, tmp_path / "copy"))
    assert [copy.verify(one) for one in copy.versions()] == [[]]
    assert add(copy, tmp_path).reference == "solar:v2"
