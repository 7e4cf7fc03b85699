"""SHA-256 of files, bytes and folders. Digests are 64 lower-case hex digits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

CHUNK_BYTES = 1 << 20


def sha256_bytes(content: bytes) -> str:
    """Digest of bytes."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Digest of a file's content, read in chunks.

    Raises:
        OSError: the file can't be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_listing(digests: Mapping[str, str]) -> str:
    """One digest for a folder: that of its sorted listing, in the format of `sha256sum`.

    Args:
        digests: path relative to the folder (posix) -> digest of the file's content.
    """
    lines = [f"{sha256}  {path}\n" for path, sha256 in sorted(digests.items())]
    return sha256_bytes("".join(lines).encode())


def sha256_folder(folder: Path) -> str:
    """Digest of a folder by the content and the relative paths of all its files.

    Raises:
        OSError: a file can't be read.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sha256_listing({path.relative_to(folder).as_posix(): sha256_file(path) for path in files})
