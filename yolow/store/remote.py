"""A remote: a folder or a bucket that holds versions in the layout of a store.

<url>/solar/v3/record.json           comes first and claims the number: nobody else can send another solar:v3
<url>/solar/v3/…                     the files that the record lists
<url>/solar/v3/record.json.sha256    comes last: without it the version was never sent whole, and is not there
<url>/solar/aliases.json             as in a store

So a folder that was synced from a remote is a store, and a store that was synced to one is a remote.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from yolow.errors import NetworkError, UsageError
from yolow.progress import Progress
from yolow.store.version import WeightsVersion

# Why an alias moved, in the remote's history.
PUSHED = "pushed"
EXAMPLE = "give a folder or an address: yolow weights push s3://BUCKET/PREFIX"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
_FOLDER_SCHEMES = frozenset({"file", "local"})
_OFFLINE_SCHEMES = frozenset({"memory"})
_CREDENTIALS = re.compile(r"[^@]*:.*@", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Remote(Protocol):
    """The files below one URL. Paths are relative to it, with `/` between the parts."""

    @property
    def shown(self) -> str:
        """The URL, fit for a screen."""

    def entries(self, path: str) -> list[str]:
        """Names of all that lies directly in a folder, sorted; none where there is no such folder.

        Raises:
            NetworkError, StoreError: the remote can't be read.
        """

    def read(self, path: str) -> bytes | None:
        """A small file, or None where there is none.

        Raises:
            NetworkError, StoreError: the remote can't be read, or the file is too large for a record.
        """

    def chunks(self, path: str) -> Iterator[bytes]:
        """The content of a file, piece by piece.

        Raises:
            FileNotFoundError: there is no such file.
            NetworkError, StoreError: the remote can't be read.
        """

    def put(self, version: WeightsVersion, progress: Progress) -> None:
        """Send one version; it is there when all of it is. Progress advances in bytes.

        Raises:
            ConflictError: the number is taken there, by another version or by one that was removed.
            NetworkError, StoreError: the remote can't be written.
        """

    def put_aliases(self, name: str, aliases: Mapping[str, int]) -> None:
        """Set aliases of a name; others that are there stay. In a bucket the last of two at the same moment wins.

        Raises:
            NetworkError, StoreError: the remote can't be written.
        """


def open_remote(url: str, *, offline: bool) -> Remote:
    """The remote of a URL. Nothing is asked of it yet.

    Args:
        url: a folder's path, or `file://…`, `s3://bucket/prefix` or another address that fsspec knows.
        offline: forbid what needs a network.

    Raises:
        UsageError: the URL is of no known kind, or carries keys.
        NetworkError: offline, and the URL needs a network.
        MissingExtraError: fsspec, or its package for such addresses, is not installed.
    """
    from yolow.store.remote_folder import FolderRemote

    match = _SCHEME.match(url)
    if not url.strip() or _CONTROL.search(url):
        raise UsageError("the remote's URL is empty or has control characters", hint=EXAMPLE)
    if match is None or (not url.startswith("://", match.end()) and Path(url).exists()):
        return FolderRemote(_expanded(url))
    scheme = match.group().lower()
    rest = url[match.end() :]
    if not rest.startswith("://") or "::" in url:
        raise UsageError(
            "the remote is neither a folder nor an address",
            context=[f"remote: {_shown(scheme, rest)}"],
            hint=f"{EXAMPLE}, or write ./FOLDER for a folder whose name has a colon",
        )
    rest = rest.removeprefix("://")
    if scheme in _FOLDER_SCHEMES:
        return FolderRemote(_path_of(rest))
    return _open_address(scheme, rest, offline=offline)


def _open_address(scheme: str, rest: str, *, offline: bool) -> Remote:
    from yolow.store.remote_objects import open_objects

    shown = _shown(scheme, f"://{rest}")
    if _CREDENTIALS.match(rest) or "?" in rest or "#" in rest:
        raise UsageError(
            "a remote's URL has neither keys nor a query",
            context=[f"remote: {shown}"],
            note="URLs end up in logs and in the shell's history",
            hint="export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...; elsewhere a variable of fsspec, such as "
            "FSSPEC_FTP_PASSWORD",
        )
    if offline and scheme not in _OFFLINE_SCHEMES:
        raise NetworkError(
            "the remote needs the network, and --offline forbids it",
            context=[f"remote: {shown}"],
            hint="leave out --offline, or use a folder as the remote",
        )
    return open_objects(scheme, rest, shown)


def _shown(scheme: str, rest: str) -> str:
    """The URL without keys and query. What looks like a scheme may be the key of `KEY:SECRET@…`: it is left out too."""
    slashes = "://" if rest.startswith("://") else ":"
    bare = _CREDENTIALS.sub("", rest.removeprefix(slashes), count=1)
    if slashes == ":" and "@" in bare:
        scheme, slashes, bare = "…", "@", bare.rpartition("@")[2]
    return scheme + slashes + re.split("[?#]", bare)[0].rstrip("/")


def _path_of(rest: str) -> Path:
    """The path of a `file://` address."""
    host, slash, path = rest.partition("/")
    if host not in {"", "localhost"} or not slash:
        raise UsageError(
            "a file address names a folder of this machine, from its root on",
            context=[f"remote: file://{rest}"],
            hint="file:///srv/weights",
        )
    return Path("/" + urllib.parse.unquote(path))


def _expanded(url: str) -> Path:
    try:
        return Path(url).expanduser().absolute()
    except RuntimeError:  # `~nobody/…`
        return Path(url).absolute()
