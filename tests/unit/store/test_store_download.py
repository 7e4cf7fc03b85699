"""A download is complete and right, or it is an error and leaves nothing. The server is real and local."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_server import BODY, local_server
from store_samples import write

from yolow.errors import NetworkError, StoreError
from yolow.progress import Silent
from yolow.store import download as module
from yolow.store.digest import sha256_bytes
from yolow.store.download import download


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with local_server() as address:
        yield address


class _Advances(Silent):
    def __init__(self) -> None:
        self.steps: list[tuple[int, int | None]] = []

    def advance(self, done: int, total: int | None, note: str = "") -> None:
        self.steps.append((done, total))


@pytest.mark.parametrize("path", ["good.pt", "unannounced", "chunked", "moved", "with space.pt"])
def test_a_file_arrives_whole(server: str, tmp_path: Path, path: str) -> None:
    target = tmp_path / "deep" / "er" / "x.pt"
    sha256 = sha256_bytes(BODY)
    assert download(f"{server}/{path}", target, progress=Silent(), sha256=sha256) == sha256
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]


def test_progress_counts_bytes(server: str, tmp_path: Path) -> None:
    progress = _Advances()
    download(f"{server}/good.pt", tmp_path / "x.pt", progress=progress)
    done = [step for step, _ in progress.steps]
    assert done == sorted(done)
    assert progress.steps[-1] == (len(BODY), len(BODY))
    assert len(done) > 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing", "the server answered 404 Not Found"),
        ("chunked-cut", "IncompleteRead("),
        ("garbage", "not http at all"),
        (
            "moved-to-file",
            "the server answered 302 Found - Redirection to url 'file:///etc/passwd' is not allowed",
        ),
        ("moved-to-ftp", "refused to follow a redirect to ftp://127.0.0.1/x"),
        ("moved-forever", "the server answered 302 The HTTP server returned a redirect error"),
    ],
)
def test_what_a_server_does_wrong_is_told(server: str, tmp_path: Path, path: str, reason: str) -> None:
    target = tmp_path / "cache" / "x.pt"
    with pytest.raises(NetworkError) as caught:
        download(f"{server}/{path}", target, progress=Silent())
    assert caught.value.message == "the file can't be downloaded"
    assert caught.value.context[0] == f"address: {server}/{path}"
    assert caught.value.context[1].startswith(reason)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_body_that_ends_early_is_refused(server: str, tmp_path: Path) -> None:
    old = write(tmp_path / "x.pt", b"the old file")
    with pytest.raises(NetworkError) as caught:
        download(f"{server}/cut", old, progress=Silent())
    assert caught.value.message == "the download ended early"
    assert caught.value.context == (
        f"address: {server}/cut",
        f"{len(BODY) // 2} of {len(BODY)} bytes arrived",
    )
    assert old.read_bytes() == b"the old file"
    assert list(tmp_path.iterdir()) == [old]


def test_a_wrong_digest_is_refused(server: str, tmp_path: Path) -> None:
    with pytest.raises(NetworkError) as caught:
        download(f"{server}/good.pt", tmp_path / "x.pt", progress=Silent(), sha256="ab" * 32)
    assert caught.value.message == "the downloaded file has the wrong digest"
    assert caught.value.context == (
        f"address: {server}/good.pt",
        f"expected: {'ab' * 32}",
        f"found: {sha256_bytes(BODY)}",
    )
    assert list(tmp_path.iterdir()) == []


def test_no_server_is_told(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/x.pt"
        with pytest.raises(NetworkError) as caught:
            download(address, tmp_path / "x.pt", progress=Silent())
    assert caught.value.context == (f"address: {address}", "Connection refused")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_never_answers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/x.pt"
        with pytest.raises(NetworkError) as caught:
            download(address, tmp_path / "x.pt", progress=Silent())
    assert caught.value.context == (f"address: {address}", "timed out")


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://example.com/x", "/etc/passwd", "data:,x", ""]
)
def test_only_web_addresses_are_fetched(tmp_path: Path, address: str) -> None:
    with pytest.raises(NetworkError) as caught:
        download(address, tmp_path / "x.pt", progress=Silent())
    assert caught.value.message == "only http and https addresses can be fetched"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "address", ["http://[::1/x", "http://", "http://127.0.0.1:x/", "http://127.0.0.1:99999/"]
)
def test_a_malformed_address_is_told(tmp_path: Path, address: str) -> None:
    with pytest.raises(NetworkError) as caught:
        download(address, tmp_path / "x.pt", progress=Silent())
    assert caught.value.context[0] == f"address: {address}"


def test_a_target_that_can_not_be_written_is_told(server: str, tmp_path: Path) -> None:
    target = write(tmp_path / "file", "no folder") / "x.pt"
    with pytest.raises(StoreError) as caught:
        download(f"{server}/good.pt", target, progress=Silent())
    assert caught.value.message == "the download can't be written"
    assert caught.value.context == (f"{target.parent}: File exists",)
