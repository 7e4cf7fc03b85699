"""Fetch one file over HTTP: complete, with the right digest, or not at all. Standard library only."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import IO, Any

from yolow.errors import NetworkError, ResourceError, StoreError, YolowError
from yolow.progress import Progress

# For connecting and for each read, not for the whole file.
TIMEOUT_S = 30.0
_CHUNK_BYTES = 1 << 16
_SAFE_IN_URLS = "%/:=&?~#+!$,;'@()*[]"


def download(url: str, target: Path, *, progress: Progress, sha256: str | None = None) -> str:
    """Fetch `url` into the file `target`, which appears in one step when all of it is there.

    Args:
        url: an `http` or `https` address; redirects are followed, but never away from `https`.
        target: replaced if it exists; its folder is made.
        progress: advances in bytes.
        sha256: the digest that the content must have.

    Returns:
        The sha256 of the content.

    Raises:
        NetworkError: the address is of another kind, the server refuses or can't be reached, the body ends
            early, or the digest differs. Nothing is left behind.
        ResourceError: the disk is full.
        StoreError: the file can't be written for another reason.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise NetworkError("only http and https addresses can be fetched", context=[f"address: {url}"])
    temporary = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with _open(url) as response:
            target.parent.mkdir(parents=True, exist_ok=True)
            found = _save(url, response, temporary, progress)
        if sha256 is not None and found != sha256:
            raise NetworkError(
                "the downloaded file has the wrong digest",
                context=[f"address: {url}", f"expected: {sha256}", f"found: {found}"],
            )
        temporary.replace(target)
    except OSError as error:
        raise _local_failure(target, error) from error
    finally:
        _forget(temporary)
    return found


class _WebRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects between web addresses only; the standard handler would go on to ftp and leave https."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urllib.parse.urlsplit(newurl).scheme
        if scheme != "https" and scheme != req.type:
            raise urllib.error.URLError(f"refused to follow a redirect to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(url: str) -> http.client.HTTPResponse:
    # Not `build_opener`: it brings handlers for ftp, file and data addresses.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _WebRedirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    with _network(url):
        request = urllib.request.Request(  # noqa: S310  # the scheme was checked
            urllib.parse.quote(url, safe=_SAFE_IN_URLS), headers={"User-Agent": "yolow"}
        )
        response: http.client.HTTPResponse = opener.open(request, timeout=TIMEOUT_S)
    return response


def _save(url: str, response: http.client.HTTPResponse, path: Path, progress: Progress) -> str:
    """Write the body to `path`, down to the disk; returns its digest."""
    total = _announced_length(response.headers)
    digest, done = hashlib.sha256(), 0
    with path.open("xb") as stream:
        while True:
            with _network(url):
                chunk = response.read(_CHUNK_BYTES)
            if not chunk:
                break
            stream.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            progress.advance(done, total, "bytes")
        stream.flush()
        os.fsync(stream.fileno())
    if total is not None and done != total:
        raise NetworkError(
            "the download ended early", context=[f"address: {url}", f"{done} of {total} bytes arrived"]
        )
    return digest.hexdigest()


def _announced_length(headers: Message) -> int | None:
    text = headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() else None


@contextmanager
def _network(url: str) -> Iterator[None]:
    """Turn what the network does wrong into a `NetworkError`; local failures stay `OSError`s."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"the server answered {error.code} {error.reason}"
    except urllib.error.URLError as error:
        cause = error.reason
        reason = (cause.strerror or str(cause)) if isinstance(cause, OSError) else str(cause)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
    else:
        return
    raise NetworkError("the file can't be downloaded", context=[f"address: {url}", reason])


def _forget(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # The folder itself is missing or closed to us: then nothing was written, and the first error tells.
        return


def _local_failure(target: Path, error: OSError) -> YolowError:
    context = [f"{error.filename or target}: {error.strerror or error}"]
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ResourceError(
            "the disk is full",
            context=context,
            hint="free some space, or choose another cache: export YOLOW_CACHE=FOLDER",
        )
    return StoreError(
        "the download can't be written",
        context=context,
        hint="choose a cache folder that you can write to: export YOLOW_CACHE=FOLDER",
    )
