"""Metadata in a zip archive that follows the model in the same file, as Ultralytics appends them to TFLite files."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from typing import Any, BinaryIO

from yolow.checkpoint.export_metadata import MAX_METADATA_BYTES, NotLiteralError, facts_of, parse_literal
from yolow.checkpoint.raw_values import Source

_END = struct.Struct("<4s4H2LH")
_MAX_MEMBERS = 64
_MAX_DIRECTORY_BYTES = 65_536


def trailing_facts(source: Source, file: BinaryIO) -> dict[str, Any]:
    """What the archive at the end tells; nothing where there is none.

    Raises:
        WeightsError: there is an archive, but it is damaged, absurdly large, or its metadata are no plain values.
    """
    start = source.size_bytes - _END.size
    if start < 0:
        return {}
    signature, *counts, size, _, comment = _END.unpack(source.read_from(file, start, _END.size))
    if signature != b"PK\x05\x06" or comment:
        return {}
    if counts[3] > _MAX_MEMBERS or size > _MAX_DIRECTORY_BYTES:
        raise source.error("the archive at the end of the file is absurdly large")
    try:
        return _facts(source, file)
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
    ) as error:
        raise source.error("the metadata at the end of the file are damaged", str(error)[:200]) from None


def _facts(source: Source, file: BinaryIO) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        first = next(iter(archive.infolist()), None)
        if first is None:
            return {}
        if first.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise source.error("the metadata at the end of the file are packed in an unusual way")
        with archive.open(first) as member:
            content = member.read(MAX_METADATA_BYTES + 1)
    if len(content) > MAX_METADATA_BYTES:
        raise source.error("the metadata at the end of the file are absurdly large")
    try:
        text = content.decode("utf-8")
        # Ultralytics wrote Python literals up to 8.3, and the official converters add lists of labels.
        told = json.loads(text) if first.filename == "metadata.json" else parse_literal(text)
    except (NotLiteralError, UnicodeDecodeError):
        return {}
    return facts_of(told) if type(told) is dict else {}
