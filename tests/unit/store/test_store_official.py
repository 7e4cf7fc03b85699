"""Official names: which they are, and where their file comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_server import BODY, local_server
from store_samples import write

from yolow.errors import NetworkError
from yolow.progress import Silent
from yolow.store import official
from yolow.store.digest import sha256_bytes
from yolow.store.official import OfficialFile, is_official, locate_official, official_url

NAME = "yolo26n.pt"
BODY_SHA256 = sha256_bytes(BODY)
OFFICIAL = official.OFFICIAL_SHA256[NAME]


class _Messages(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights folder, and a release page that refuses connections instead of the real one."""
    monkeypatch.delenv("YOLOW_WEIGHTS_DIR", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(official, "_RELEASE_URL", "http://127.0.0.1:9/")


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A release page on this machine that has `BODY` under the official names."""
    with local_server() as address:
        monkeypatch.setattr(official, "_RELEASE_URL", f"{address}/")
        yield


@pytest.fixture
def body_is_official(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(official.OFFICIAL_SHA256, NAME, BODY_SHA256)


def _locate(
    cache: Path, *, name: str = NAME, offline: bool = False, progress: Silent | None = None
) -> OfficialFile:
    return locate_official(name, offline=offline, cache_dir=cache, progress=progress or Silent())


@pytest.mark.parametrize(
    "name",
    ["yolo26n.pt", "yolo26x-seg.pt", "yolo11s-seg.pt", "yolo12l.pt", "yolov8m-oiv7.pt", "yolov5n6u.pt", "yolov9e.pt",
     "yolov10b.pt", "yolov3-tinyu.pt"],
)  # fmt: skip
def test_names_that_are_official(name: str) -> None:
    assert is_official(name)


@pytest.mark.parametrize(
    "name",
    ["yolo26n", "yolo26n.yaml", "yolo26.pt", "yolo26t.pt", "yolov5n.pt", "yolo12n-seg.pt", "yolo11n.pt ", "xyolo26n.pt",
     "YOLO26N.PT", "yolov9t-seg.pt", "../yolo26n.pt", "yolo26n.pt\n"],
)  # fmt: skip
def test_names_that_are_not(name: str) -> None:
    assert not is_official(name)


def test_a_file_in_the_weights_folder_is_used_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "mine" / NAME, b"rebuilt")
    write(tmp_path / "cache" / "weights" / NAME, b"cached")
    monkeypatch.setenv("YOLOW_WEIGHTS_DIR", str(path.parent))
    sha256 = sha256_bytes(b"rebuilt")
    note = (
        f"yolo26n.pt from YOLOW_WEIGHTS_DIR is not the official file: its sha256 is {sha256}, "
        f"the official one {OFFICIAL}"
    )
    assert _locate(tmp_path / "cache", offline=True) == OfficialFile(
        path=path, sha256=sha256, origin="weights-dir", note=note
    )


def test_the_official_file_in_the_weights_folder_needs_no_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body_is_official: None
) -> None:
    path = write(tmp_path / "mine" / NAME, BODY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOLOW_WEIGHTS_DIR", "mine")
    assert _locate(tmp_path / "cache") == OfficialFile(
        path=path, sha256=BODY_SHA256, origin="weights-dir", note=None
    )


def test_the_cache_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body_is_official: None
) -> None:
    monkeypatch.setenv("YOLOW_WEIGHTS_DIR", str(tmp_path / "has-none"))
    path = write(tmp_path / "cache" / "weights" / NAME, BODY)
    assert _locate(tmp_path / "cache", offline=True) == OfficialFile(
        path=path, sha256=BODY_SHA256, origin="cache", note=None
    )


def test_the_download_fills_the_cache(tmp_path: Path, release: None, body_is_official: None) -> None:
    path = tmp_path / "cache" / "weights" / NAME
    assert _locate(tmp_path / "cache") == OfficialFile(
        path=path, sha256=BODY_SHA256, origin="download", note=None
    )
    assert path.read_bytes() == BODY
    assert _locate(tmp_path / "cache", offline=True).origin == "cache"


def test_a_download_that_is_not_the_official_file_is_refused(tmp_path: Path, release: None) -> None:
    with pytest.raises(NetworkError) as caught:
        _locate(tmp_path / "cache")
    assert caught.value.message == "yolo26n.pt can't be downloaded"
    assert caught.value.context == (
        "the downloaded file has the wrong digest",
        f"address: {official_url(NAME)}",
        f"expected: {OFFICIAL}",
        f"found: {BODY_SHA256}",
    )
    assert not (tmp_path / "cache" / "weights" / NAME).exists()


def test_a_wrong_file_in_the_cache_is_replaced(tmp_path: Path, release: None, body_is_official: None) -> None:
    path = write(tmp_path / "cache" / "weights" / NAME, b"damaged")
    progress = _Messages()
    assert _locate(tmp_path / "cache", progress=progress).origin == "download"
    assert path.read_bytes() == BODY
    assert progress.lines == [
        "the cached yolo26n.pt is not the official file and is not used: "
        f"its sha256 is {sha256_bytes(b'damaged')}"
    ]  # fmt: skip


def test_a_wrong_file_in_the_cache_is_not_used_offline(tmp_path: Path) -> None:
    path = write(tmp_path / "cache" / "weights" / NAME, b"damaged")
    with pytest.raises(NetworkError) as caught:
        _locate(tmp_path / "cache", offline=True)
    assert (
        caught.value.context[0] == f"refused: {path}: sha256 {sha256_bytes(b'damaged')}, expected {OFFICIAL}"
    )


def test_offline_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NetworkError) as caught:
        _locate(tmp_path / "cache", offline=True)
    assert caught.value.message == "yolo26n.pt is not on this machine, and --offline forbids the download"
    assert caught.value.context == ("YOLOW_WEIGHTS_DIR is not set",)
    assert (
        caught.value.hint
        == "put yolo26n.pt into a folder and name that folder: export YOLOW_WEIGHTS_DIR=FOLDER"
    )
    monkeypatch.setenv("YOLOW_WEIGHTS_DIR", "/nowhere")
    with pytest.raises(NetworkError) as caught:
        _locate(tmp_path / "cache", offline=True)
    assert caught.value.context == ("YOLOW_WEIGHTS_DIR=/nowhere has no yolo26n.pt",)
    assert not (tmp_path / "cache").exists()


def test_no_network_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(NetworkError) as caught:
        _locate(tmp_path / "cache")
    assert caught.value.message == "yolo26n.pt can't be downloaded"
    assert caught.value.context == (
        "the file can't be downloaded", "address: http://127.0.0.1:9/yolo26n.pt", "Connection refused",
    )  # fmt: skip
    assert caught.value.hint is not None
    assert "export YOLOW_WEIGHTS_DIR=" in caught.value.hint


def test_a_name_without_a_known_digest_says_so(tmp_path: Path, release: None) -> None:
    note = f"no official digest of yolo11n.pt is known; the sha256 of the file is {BODY_SHA256}"
    assert _locate(tmp_path / "cache", name="yolo11n.pt").note == note
    again = _locate(tmp_path / "cache", name="yolo11n.pt", offline=True)
    assert (again.origin, again.note) == ("cache", note)
