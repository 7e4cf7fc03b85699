"""Read one image file whole: is it there, is it sound, can it be trained on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# What upstream's `check_image` accepts, as Pillow calls them.
_FORMATS = frozenset(
    {
        "AVIF",
        "BMP",
        "DNG",
        "HEIC",
        "HEIF",
        "JP2",
        "JPEG",
        "JPEG2000",
        "JPG",
        "MPO",
        "PNG",
        "TIF",
        "TIFF",
        "WEBP",
    }
)
_MIN_SIDE_PX = 10
_CHUNK_BYTES = 1 << 20
_JPEG_END = b"\xff\xd9"


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What one image file is.

    Attributes:
        sha256: digest of the file's bytes; empty where it can't be read.
        fault: why it can't be trained on, or None.
        rewritten: upstream would save it anew in place, since it doesn't end with the JPEG end marker.
    """

    sha256: str
    fault: str | None = None
    rewritten: bool = False


class _ImageError(Exception):
    """An image that Pillow may read but training can't use."""


def read_image(path: Path) -> ImageFacts:
    """Digest and decode an image; JPEGs are decoded at an eighth of their size, which reads every byte too."""
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        return ImageFacts(sha256="", fault=f"can't be read: {error.strerror or error}")


def _read(file: BinaryIO) -> ImageFacts:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    size_bytes = file.tell()
    sha256 = digest.hexdigest()
    if not size_bytes:
        return ImageFacts(sha256=sha256, fault="the file is empty")
    try:
        is_jpeg = _decode(file)
    except _ImageError as fault:
        return ImageFacts(sha256=sha256, fault=str(fault))
    except Exception as error:  # decoders raise anything on damaged files
        return ImageFacts(sha256=sha256, fault=f"corrupt image: {error or type(error).__name__}")
    file.seek(max(0, size_bytes - len(_JPEG_END)))
    return ImageFacts(sha256=sha256, rewritten=is_jpeg and file.read() != _JPEG_END)


def _decode(file: BinaryIO) -> bool:
    """Decode everything; whether it is a JPEG."""
    from PIL import Image, UnidentifiedImageError

    file.seek(0)
    try:
        image = Image.open(file)
    except (UnidentifiedImageError, ModuleNotFoundError):
        # Ultralytics, where it is imported, makes Pillow ask for a HEIF decoder that is not installed.
        raise _ImageError("not an image that can be decoded") from None
    # Before anything is decoded: some formats that Pillow reads run external programs.
    if image.format not in _FORMATS:
        raise _ImageError(f"a {image.format} image, which can't be trained on")
    if min(image.size) < _MIN_SIDE_PX:
        raise _ImageError(f"{image.width} x {image.height} px: each side needs at least {_MIN_SIDE_PX} px")
    is_jpeg = image.format in {"JPEG", "JPG"}
    image.verify()  # checksums of PNG chunks, which decoding passes over
    file.seek(0)
    with Image.open(file) as image:
        image.draft(None, (1, 1))
        image.load()
    return is_jpeg
