"""Remotes: what is sent, what is taken over, and what is refused, with folders and a real S3-compatible server."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from killed import kills
from s3_server import SECRET, Bucket, new_bucket, s3_server
from store_samples import RECORD, add, add_export, write

from yolow.errors import (
    ConflictError,
    IntegrityError,
    NetworkError,
    StoreError,
    UsageError,
    WeightsNotFoundError,
    YolowError,
)
from yolow.progress import Silent
from yolow.store import remote_objects
from yolow.store.digest import sha256_bytes
from yolow.store.install import FinishedVersion, set_aliases
from yolow.store.integrity import record_digest_text
from yolow.store.record import FileEntry, VersionRecord, weights_digest
from yolow.store.remote import Remote, open_remote
from yolow.store.remote_versions import (
    pull_version,
    read_remote,
    remote_aliases,
    remote_names,
    remote_numbers,
    select_remote,
)
from yolow.store.store import Store

Pull = Callable[[Store, Remote, str], None]


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = new_bucket(s3_address)
    for key, value in made.env.items():
        monkeypatch.setenv(key, value)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "weights")


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(tmp_path / "other")


@pytest.fixture(params=["folder", "s3", "memory"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Remote:
    if request.param == "s3":
        return open_remote(request.getfixturevalue("bucket").url, offline=False)
    if request.param == "memory":
        return open_remote(f"memory://{tmp_path.name}", offline=True)
    return open_remote(str(tmp_path / "remote"), offline=True)


def pull(store: Store, remote: Remote, reference: str) -> None:
    finished = read_remote(remote, select_remote(remote, reference))
    assert finished is not None
    pull_version(store.root, remote, finished, lambda folder, record: None, Silent())


def parts(error: YolowError) -> tuple[str, tuple[str, ...]]:
    return error.message, error.context


def test_versions_come_back_byte_for_byte(store: Store, other: Store, remote: Remote, tmp_path: Path) -> None:
    versions = [add(store, tmp_path), add_export(store, tmp_path), add(store, tmp_path, name="cat")]
    for version in versions:
        remote.put(version, Silent())
    assert remote_names(remote) == ["cat", "solar"]
    assert remote_numbers(remote, "solar") == [1, 2]
    for reference in ("solar:v2", "solar:v1", "cat"):
        pull(other, remote, reference)
    for version in versions:
        copy = other.get(version.name, version.number)
        assert copy.record == version.record
        assert other.verify(copy) == []
        assert (copy.folder / "record.json").read_bytes() == (version.folder / "record.json").read_bytes()
        assert all(not file.stat().st_mode & 0o222 for file in copy.folder.rglob("*") if file.is_file())
    assert (other.root / "solar" / "last_number").read_text() == "2\n"
    assert list((other.root / ".staging").iterdir()) == []


def test_a_folder_that_was_pushed_to_is_a_store(store: Store, tmp_path: Path) -> None:
    version = add(store, tmp_path)
    open_remote((tmp_path / "remote").as_uri(), offline=True).put(version, Silent())
    copy = Store(tmp_path / "remote")
    assert copy.latest("solar").record == version.record
    assert copy.verify(copy.latest("solar")) == []
    assert add(copy, tmp_path).number == 2


def test_a_synced_bucket_is_a_store(store: Store, bucket: Bucket, tmp_path: Path) -> None:
    open_remote(bucket.url, offline=False).put(add(store, tmp_path), Silent())
    synced = Store(tmp_path / "synced")
    for key in bucket.object_names():
        write(synced.root / key, bucket.read(key))
    assert [version.reference for version in synced.versions()] == ["solar:v1"]
    assert synced.verify(synced.latest("solar")) == []


def test_the_record_claims_and_its_digest_finishes(store: Store, bucket: Bucket, tmp_path: Path) -> None:
    version = add(store, tmp_path)
    remote = open_remote(bucket.url, offline=False)
    remote.put(version, Silent())
    order = {
        entry["Key"]: entry["LastModified"]
        for entry in bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"]
    }
    assert set(bucket.object_names()) == {
        "solar/v1/record.json", "solar/v1/record.json.sha256", "solar/v1/solar-v1.pt", "solar/v1/run.yaml",
        "solar/v1/curves/PR.png", "solar/v1/report.md",
    }  # fmt: skip
    assert max(order.values()) == order["yolow/solar/v1/record.json.sha256"]
    bucket.delete("solar/v1/record.json.sha256")
    with pytest.raises(WeightsNotFoundError) as caught:
        select_remote(remote, "solar:v1")
    assert parts(caught.value) == (
        "solar:v1 was never sent whole",
        (f"remote: {bucket.url}", "versions of solar there: v1"),
    )
    with pytest.raises(WeightsNotFoundError):
        select_remote(remote, "solar")


def test_an_interrupted_push_goes_on(store: Store, bucket: Bucket, tmp_path: Path) -> None:
    version = add(store, tmp_path)
    remote = open_remote(bucket.url, offline=False)
    remote.put(version, Silent())
    bucket.delete("solar/v1/record.json.sha256")
    bucket.delete("solar/v1/run.yaml")
    bucket.write("solar/v1/report.md", b"# solar:v0\n")  # of the right size
    remote.put(version, Silent())
    writes = bucket.writes()
    assert writes["yolow/solar/v1/solar-v1.pt"] == writes["yolow/solar/v1/record.json"] == 1
    assert bucket.read("solar/v1/report.md") == b"# solar:v1\n"
    other = Store(tmp_path / "other")
    pull(other, remote, "solar:v1")
    assert other.verify(other.latest("solar")) == []


def test_another_version_of_the_number_is_never_overwritten(
    store: Store, other: Store, remote: Remote, tmp_path: Path
) -> None:
    remote.put(add(store, tmp_path, content=b"first"), Silent())
    with pytest.raises(ConflictError) as caught:
        remote.put(add(other, tmp_path, content=b"other"), Silent())
    assert caught.value.message == "another solar:v1 has this number"
    third = Store(tmp_path / "third")
    pull(third, remote, "solar")
    assert third.latest("solar").weights_path.read_bytes() == b"first"
    with pytest.raises(ConflictError):
        pull(other, remote, "solar:v1")
    assert other.latest("solar").weights_path.read_bytes() == b"other"


def test_an_unfinished_push_keeps_its_number(
    store: Store, other: Store, bucket: Bucket, tmp_path: Path
) -> None:
    version = add(store, tmp_path, content=b"first")
    bucket.write("solar/v1/record.json", (version.folder / "record.json").read_bytes())
    with pytest.raises(ConflictError):
        open_remote(bucket.url, offline=False).put(add(other, tmp_path, content=b"other"), Silent())
    assert bucket.object_names() == ["solar/v1/record.json"]


def test_a_removed_version_keeps_its_number_in_a_synced_bucket(
    store: Store, other: Store, bucket: Bucket, tmp_path: Path
) -> None:
    removed, rival = add(store, tmp_path, content=b"first"), add(other, tmp_path, content=b"other")
    again = replace(removed, folder=shutil.copytree(removed.folder, tmp_path / "again"))
    remote = open_remote(bucket.url, offline=False)
    store.remove(removed, reason="old")
    tombstone = (store.root / "solar" / "v1.removed").read_bytes()
    for text in (tombstone, b"{", b"[]", b"{}", b'{"record": 1}', b"\xff"):
        bucket.write("solar/v1.removed", text)
        with pytest.raises(ConflictError) as caught:
            remote.put(rival, Silent())
        assert caught.value.message == "another solar:v1, which was removed, has this number", text
        assert bucket.object_names() == ["solar/v1.removed"]
    bucket.write("solar/v1.removed", tombstone)
    remote.put(again, Silent())
    assert read_remote(remote, ("solar", 1)) is not None


@pytest.mark.slow
@pytest.mark.parametrize("is_conditional", [True, False])
def test_two_at_once_can_not_mix_their_files(
    bucket: Bucket, tmp_path: Path, is_conditional: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight stores push eight different solar:v1 through eight connections."""
    if not is_conditional:
        monkeypatch.setattr(remote_objects.ObjectRemote, "_create", _create_late)
    outcomes: list[str] = []
    gate = threading.Barrier(8)
    versions = [
        add(Store(tmp_path / f"s{i}"), tmp_path / f"f{i}", content=bytes([i]) * 999) for i in range(8)
    ]

    def send(index: int) -> None:
        remote = open_remote(bucket.url, offline=False)
        remote.read("warm/up")
        gate.wait()
        try:
            remote.put(versions[index], Silent())
            outcomes.append(f"sent {index}")
        except ConflictError as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=send, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = [outcome for outcome in outcomes if outcome.startswith("sent")]
    assert len(outcomes) == 8
    assert len(sent) == 1
    winner = versions[int(sent[0].split()[1])]
    store = Store(tmp_path / "pulled")
    pull(store, open_remote(bucket.url, offline=False), "solar:v1")
    assert store.latest("solar").record == winner.record
    if is_conditional:
        assert set(bucket.writes().values()) == {1}


def _create_late(self: Any, path: str, content: bytes) -> bool:
    """As with a service that has no conditional writes: everybody writes, the last one stays."""
    self._files.pipe_file(self._at(path), content)
    time.sleep(0.5)
    return True


def test_every_flipped_byte_on_a_remote_is_refused(
    store: Store, other: Store, bucket: Bucket, tmp_path: Path
) -> None:
    version = add(store, tmp_path)
    remote = open_remote(bucket.url, offline=False)
    remote.put(version, Silent())
    for key in bucket.object_names():
        good = bucket.read(key)
        for damaged in (
            bytes([good[0] ^ 1]) + good[1:],
            good[:-1] + bytes([good[-1] ^ 1]),
            good[:-1],
            good + b"x",
        ):
            bucket.write(key, damaged)
            with pytest.raises(IntegrityError) as caught:
                pull(other, remote, "solar:v1")
            name = key.removeprefix("solar/v1/").removesuffix(".sha256")
            assert caught.value.message == "solar:v1 is not what its record says", key
            assert f"file: {name}" in caught.value.context, key
        bucket.write(key, good)
    assert other.names() == []
    bucket.delete("solar/v1/report.md")
    with pytest.raises(IntegrityError) as caught:
        pull(other, remote, "solar:v1")
    assert caught.value.context == ("file: report.md", "expected: a file", "found: missing")
    assert other.names() == []


def put_by_hand(root: Path, record: VersionRecord, place: str = "solar/v3", text: str | None = None) -> None:
    content = (text or record.to_json()).encode()
    write(root / place / "record.json", content)
    write(root / place / "record.json.sha256", record_digest_text(content))


def record_of(**files: str) -> VersionRecord:
    """A consistent record of files: name -> content; `weights` stands for solar-v3.pt."""
    named = {"solar-v3.pt": "weights", **files}
    entries = tuple(
        FileEntry(path=path, sha256=sha256_bytes(content.encode()), size_bytes=len(content))
        for path, content in named.items()
    )
    return replace(RECORD, files=entries, sha256=weights_digest("solar-v3.pt", entries))


@pytest.mark.parametrize(
    "path",
    [
        "../evil",
        "/tmp/evil",
        "a/../../evil",
        "a\\..\\evil",
        "a//b",
        "a\x1b[2Jb",
        "record.json",
        "record.json/x",
        "record.json.sha256",
        "solar-v3.pt/x",
    ],
)
def test_a_strangers_paths_are_refused(path: str, other: Store, tmp_path: Path) -> None:
    put_by_hand(tmp_path / "remote", record_of(**{path: "evil"}))
    write(tmp_path / "remote/solar/v3/solar-v3.pt", "weights")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(IntegrityError):
        pull(other, open_remote(str(tmp_path / "remote"), offline=True), "solar:v3")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("place", "change", "expected"),
    [
        ("solar/v4", {}, "found: that of solar:v3"),
        ("cat/v3", {}, "found: that of solar:v3"),
        ("solar/v3", {"schema_version": 2}, "schema_version 2, this yolow reads up to 1"),
        ("solar/v3", {"number": "3"}, "number: expected a whole number, found a text"),
    ],
)
def test_a_strangers_record_is_refused(
    place: str, change: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    record = record_of()
    text = json.dumps(record.to_json_value() | change)
    put_by_hand(tmp_path, record, place, text)
    name, number = place.split("/v")
    with pytest.raises(IntegrityError) as caught:
        read_remote(open_remote(str(tmp_path), offline=True), (name, int(number)))
    assert expected in caught.value.context


def test_no_more_is_taken_than_the_record_says(other: Store, tmp_path: Path) -> None:
    put_by_hand(tmp_path / "remote", record_of())
    (tmp_path / "remote/solar/v3/solar-v3.pt").symlink_to("/dev/zero")
    with pytest.raises(IntegrityError) as caught:
        pull(other, open_remote(str(tmp_path / "remote"), offline=True), "solar:v3")
    assert "found: more than 7 bytes" in caught.value.context


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(other: Store, tmp_path: Path) -> None:
    put_by_hand(tmp_path / "remote", record_of())
    os.mkfifo(tmp_path / "remote/solar/v3/solar-v3.pt")
    with pytest.raises(IntegrityError):
        pull(other, open_remote(str(tmp_path / "remote"), offline=True), "solar:v3")


def test_what_the_check_refuses_is_not_in_the_store(store: Store, other: Store, tmp_path: Path) -> None:
    version, remote = add(store, tmp_path), open_remote(str(tmp_path / "remote"), offline=True)
    remote.put(version, Silent())
    seen: list[Path] = []

    def refuse(folder: Path, record: VersionRecord) -> None:
        assert (folder / record.weights).read_bytes() == b"weights"
        seen.append(folder)
        raise IntegrityError("no")

    finished = read_remote(remote, ("solar", 1))
    assert isinstance(finished, FinishedVersion)
    with pytest.raises(IntegrityError, match="no"):
        pull_version(other.root, remote, finished, refuse, Silent())
    assert other.names() == []
    assert len(seen) == 1
    assert not seen[0].exists()


def test_a_record_that_is_missing_is_damage(
    store: Store, other: Store, bucket: Bucket, tmp_path: Path
) -> None:
    remote = open_remote(bucket.url, offline=False)
    remote.put(add(store, tmp_path, content=b"1"), Silent())
    remote.put(add(store, tmp_path, content=b"2"), Silent())
    bucket.delete("solar/v1/record.json")
    with pytest.raises(IntegrityError) as caught:
        pull(other, remote, "solar:v1")
    assert caught.value.context == ("file: record.json", "expected: a file", "found: missing")
    digest = store.get("solar", 2).record.sha256
    assert select_remote(remote, f"sha256:{digest}") == ("solar", 2)
    with pytest.raises(WeightsNotFoundError) as lost:
        select_remote(remote, "sha256:00000000")
    assert lost.value.context == (f"remote: {bucket.url}", "solar:v1 is damaged there")


@pytest.mark.parametrize("is_push", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_kill_leaves_all_or_nothing(is_push: bool, store: Store, tmp_path: Path) -> None:
    """A folder is written as a store is, by push and by pull: whatever ends it, the same command goes on."""
    first, second = add(store, tmp_path, content=b"1"), add(store, tmp_path, content=b"2")
    target = Store(tmp_path / "target")
    source, there = open_remote(str(store.root), offline=True), open_remote(str(target.root), offline=True)
    there.put(first, Silent())

    def act() -> None:
        if is_push:
            there.put(second, Silent())
        else:
            pull(target, source, "solar:v2")

    kept = []
    for step in kills(act):
        numbers = target.numbers("solar")
        assert numbers in ([1], [1, 2]), step
        assert [line for number in numbers for line in target.verify(target.get("solar", number))] == []
        kept.append(len(numbers))
        if len(numbers) == 2:  # so that the next kill meets a version that is not there
            shutil.rmtree(target.root / "solar" / "v2")
            (target.root / "solar" / "last_number").write_text("1\n")
    assert kept.count(1) > 10
    assert target.numbers("solar") == [1, 2]
    assert target.get("solar", 2).record == second.record
    assert list((target.root / ".staging").iterdir()) == []


def test_numbers_keep_their_meaning(store: Store, other: Store, tmp_path: Path) -> None:
    remote = open_remote(str(tmp_path / "remote"), offline=True)
    for content in (b"1", b"2", b"3"):
        remote.put(add(store, tmp_path, content=content), Silent())
    pull(other, remote, "solar:v3")
    assert other.numbers("solar") == [3]
    assert add(other, tmp_path).number == 4
    pull(other, remote, "solar:v1")
    assert add(other, tmp_path).number == 5
    other.remove(other.get("solar", 1), reason="old")
    other.remove(other.get("solar", 3), reason="old")
    pull(other, remote, "solar:v1")
    assert other.get("solar", 1).weights_path.read_bytes() == b"1"
    assert [stone.record.number for stone in other.tombstones("solar")] == [3]
    other.remove(other.get("solar", 4), reason="old")
    remote.put(add(store, tmp_path, content=b"another"), Silent())
    with pytest.raises(ConflictError) as caught:
        pull(other, remote, "solar:v4")
    assert caught.value.message == "another solar:v4, which was removed, has this number"
    assert other.numbers("solar") == [1, 5]


def test_many_pulls_at_once_make_one_version(store: Store, other: Store, tmp_path: Path) -> None:
    remote = open_remote(str(tmp_path / "remote"), offline=True)
    remote.put(add(store, tmp_path), Silent())
    errors: list[BaseException] = []

    def run() -> None:
        try:
            pull(other, remote, "solar:v1")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert other.verify(other.latest("solar")) == []
    assert list((other.root / ".staging").iterdir()) == []


def test_references_are_found(store: Store, remote: Remote, tmp_path: Path) -> None:
    for content in (b"1", b"2", b"3"):
        remote.put(add(store, tmp_path, content=content), Silent())
    remote.put_aliases("solar", {"production": 2})
    digest = store.get("solar", 1).record.sha256
    found = {
        "solar": 3, "solar:latest": 3, "solar:v2": 2, "solar:production": 2, f"sha256:{digest[:10]}": 1,
    }  # fmt: skip
    assert {reference: select_remote(remote, reference) for reference in found} == {
        reference: ("solar", number) for reference, number in found.items()
    }
    for reference in ("solar:v9", "solar:nope", "solra", "sha256:00000000", "yolo26n.pt", "./x.pt", "a:b:c"):
        with pytest.raises(WeightsNotFoundError):
            select_remote(remote, reference)
    with pytest.raises(WeightsNotFoundError) as caught:
        select_remote(remote, "solra")
    assert parts(caught.value) == (
        "the remote has no solra",
        (f"remote: {remote.shown}", "names there: solar", "did you mean solar?"),
    )


def test_aliases_are_merged(store: Store, other: Store, remote: Remote, tmp_path: Path) -> None:
    for content in (b"1", b"2"):
        remote.put(add(store, tmp_path, content=content), Silent())
    remote.put_aliases("solar", {"production": 1, "edge": 1})
    remote.put_aliases("solar", {"production": 2})
    assert remote_aliases(remote, "solar") == {"edge": 1, "production": 2}
    assert remote_aliases(remote, "cat") == {}
    for number in (1, 2):
        pull(other, remote, f"solar:v{number}")
    set_aliases(other, "solar", {"production": 1}, reason="mine")
    set_aliases(other, "solar", remote_aliases(remote, "solar"), reason="pulled")
    assert other.aliases("solar") == {"edge": 1, "production": 2}
    events = other.alias_history("solar", "production")
    assert [(event.number, event.previous, event.reason) for event in events] == [
        (1, None, "mine"),
        (2, 1, "pulled"),
    ]


def test_aliases_that_others_wrote_badly_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / "solar" / "aliases.json", '{"production": {"number": "2"}}')
    with pytest.raises(StoreError, match="the aliases can't be read"):
        remote_aliases(open_remote(str(tmp_path), offline=True), "solar")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "the remote's URL is empty or has control characters"),
        ("s3://a\x1b[2J/b", "the remote's URL is empty or has control characters"),
        ("s3:/bucket", "the remote is neither a folder nor an address"),
        ("s3:bucket", "the remote is neither a folder nor an address"),
        ("simplecache::s3://bucket", "the remote is neither a folder nor an address"),
        ("nope://bucket/x", "the remote's URL can't be used"),
        ("s3://", "the remote's URL names no bucket"),
        ("file://host/x", "a file address names a folder of this machine, from its root on"),
        (f"key:{SECRET}@bucket/x", "the remote is neither a folder nor an address"),
        (f"key:a@{SECRET}@bucket/x", "the remote is neither a folder nor an address"),
        (f"s3:key:{SECRET}@bucket/x", "the remote is neither a folder nor an address"),
        ("https://models.example/x", "a web address can't be a remote"),
        (f"s3://key:{SECRET}@bucket/x", "a remote's URL has neither keys nor a query"),
        (f"s3://key:a/{SECRET}@bucket/x", "a remote's URL has neither keys nor a query"),
        (f"ftp://me:{SECRET}@host/x", "a remote's URL has neither keys nor a query"),
        (f"s3://bucket/x?X-Amz-Signature={SECRET}", "a remote's URL has neither keys nor a query"),
    ],
)
def test_wrong_addresses_are_named_without_secrets(url: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_remote(url, offline=False)
    assert caught.value.message == message
    assert SECRET not in repr((caught.value.args, caught.value.context, caught.value.hint, caught.value.note))
    assert caught.value.hint


def test_a_folder_may_have_a_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:b").mkdir()
    assert open_remote("a:b", offline=True).shown == str(tmp_path / "a:b")
    assert open_remote("./c:d", offline=True).shown == str(tmp_path / "c:d")
    assert open_remote("file:///srv/my%20weights", offline=True).shown == "/srv/my weights"


def test_offline_forbids_the_network_only(tmp_path: Path) -> None:
    open_remote(str(tmp_path), offline=True)
    with pytest.raises(NetworkError, match="the remote needs the network, and --offline forbids it"):
        open_remote("s3://bucket/x", offline=True)


@pytest.mark.parametrize(
    ("missing", "url", "hint"),
    [
        ("s3fs", "s3://bucket/x", 'pip install "yolow[remote]"'),
        ("fsspec", "s3://bucket/x", 'pip install "yolow[remote]"'),
        ("gcsfs", "gs://bucket/x", "pip install gcsfs"),
    ],
)
def test_missing_packages_are_named(missing: str, url: str, hint: str) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
from yolow.errors import MissingExtraError
from yolow.store.remote import open_remote
open_remote("folder", offline=False)
try:
    open_remote({url!r}, offline=False)
except MissingExtraError as error:
    print(error.message, error.hint, sep="|")
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    scheme = url.partition(":")[0]
    assert found.stdout == f"remotes at {scheme}:// need a package that is not installed|{hint}\n"


@pytest.mark.slow
def test_nobody_listens(
    store: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    remote, begin = open_remote(bucket.url, offline=False), time.monotonic()
    with pytest.raises(NetworkError) as caught:
        remote.put(add(store, tmp_path), Silent())
    assert caught.value.message == "the remote can't be read"
    assert "Could not connect to the endpoint URL" in caught.value.context[1]
    assert caught.value.hint == (
        "see whether the address is right (echo $AWS_ENDPOINT_URL), and run the same command again"
    )
    assert time.monotonic() - begin < 10


@pytest.mark.slow
def test_a_silent_server_is_given_up(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setattr(remote_objects, "READ_TIMEOUT_S", 0.3)
        begin = time.monotonic()
        with pytest.raises(NetworkError):
            remote_names(open_remote(bucket.url, offline=False))
        assert time.monotonic() - begin < 15


def test_a_missing_bucket_is_named(store: Store, bucket: Bucket, tmp_path: Path) -> None:
    remote = open_remote("s3://no-such-bucket/x", offline=False)
    assert remote_names(remote) == []
    with pytest.raises(NetworkError) as caught:
        remote.put(add(store, tmp_path), Silent())
    assert parts(caught.value) == (
        "the remote can't be written",
        ("remote: s3://no-such-bucket/x", "The specified bucket does not exist"),
    )
    assert caught.value.hint == "make the bucket first: aws s3 mb s3://no-such-bucket"


@pytest.mark.slow
def test_large_files_go_in_parts(
    store: Store, other: Store, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(1 << 20) * 21  # three parts
    version, remote = add(store, tmp_path, content=content), open_remote(bucket.url, offline=False)
    steps: list[int] = []

    class Watched(Silent):
        def advance(self, done: int, total: int | None, note: str = "") -> None:
            assert total == sum(entry.size_bytes for entry in version.record.files)
            steps.append(done)

    remote.put(version, Watched())
    assert steps == sorted(steps)
    assert sum(0 < step < steps[-1] for step in steps) >= 3
    assert steps[-1] == sum(entry.size_bytes for entry in version.record.files)
    pull(other, remote, "solar")
    assert other.verify(other.latest("solar")) == []


def test_a_folder_that_can_not_be_written(store: Store, tmp_path: Path) -> None:
    version = add(store, tmp_path)
    file = write(tmp_path / "file", "x")
    with pytest.raises(StoreError) as caught:
        open_remote(str(file), offline=True).put(version, Silent())
    assert caught.value.message == "solar:v1 can't be written to the remote"
    assert caught.value.hint == "choose a folder that you can write to: yolow weights push FOLDER"
    shutil.rmtree(store.root)
    with pytest.raises(StoreError):
        remote_names(open_remote(str(file), offline=True))
