"""Read the zip archive around a checkpoint, strictly and within bounds.

`torch.load` finds members by other rules than Python's `zipfile` does: names compare without case, the archive's
folder is that of the first entry. A file that the two read differently could show us one pickle and torch another.
So the directory is read here by the format's own rules (PKWARE APPNOTE 6.3), and whatever leaves room for two
readings is refused: bytes after the end, entries that overlap, names that differ in case only, two folders, a local
header that contradicts the directory.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from yolow.errors import WeightsError

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_EXTRA = struct.Struct("<2H")

_STORED, _DEFLATED = 0, 8
# Bit 0: encrypted; bit 6: strongly so; bit 13: the directory is masked.
_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
_MAX_ENTRIES = 65_535
_MAX_DIRECTORY_BYTES = 16 * 1024**2
_MAX_RATIO = 100
_BLOCK_BYTES = 1024**2


@dataclass(frozen=True)
class Member:
    """One entry of the archive.

    Attributes:
        name: without the archive's folder, such as `data/17`.
        raw_name: as it stands in the file.
        offset: where its local header starts, in bytes.
        stored_bytes: its size in the file.
        size_bytes: its size when unpacked.
    """

    name: str
    raw_name: bytes
    offset: int
    method: int
    crc: int
    stored_bytes: int
    size_bytes: int

    @property
    def packed(self) -> bool:
        """Whether its content is deflated; else it stands in the file as it is."""
        return self.method != _STORED


class Archive:
    """The members of one checkpoint's zip archive.

    Args:
        path: for errors.
        file: the open file.

    Raises:
        WeightsError: the archive is cut short, damaged, or can be read in more than one way.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._size_bytes = os.fstat(file.fileno()).st_size
        self._starts: dict[str, int] = {}
        directory_start, entries, directory = self._read_directory()
        self.folder, self.members = self._parse_directory(directory, entries)
        self._ends = self._places_end(directory_start)
        for member in self.members.values():
            self._check_fits(member, member.offset + _LOCAL.size + len(member.raw_name))

    def read(self, member: Member) -> bytes:
        """The whole content of one member, its checksum verified. The caller has looked at its size.

        Raises:
            WeightsError: it is damaged.
        """
        return b"".join(self._blocks(member))

    def verify(self, member: Member) -> None:
        """Compare one member with its checksum, in constant memory.

        Raises:
            WeightsError: it is damaged.
        """
        for _ in self._blocks(member):
            pass

    def salvage(self, member: Member) -> bytes:
        """As much of one member as can be read, damaged or not: evidence, never content to go by."""
        blocks = []
        with contextlib.suppress(WeightsError):
            for block in self._blocks(member):
                blocks.append(block)
        return b"".join(blocks)

    def content_start(self, member: Member) -> int:
        """Where a member's content starts in the file, in bytes.

        Raises:
            WeightsError: its local header contradicts the directory.
        """
        start = self._starts.get(member.name)
        if start is None:
            start = self._starts[member.name] = self._find_content(member)
        return start

    def error(self, message: str, *context: str) -> WeightsError:
        """An error about this file."""
        hint = "fetch or copy the file again"
        return WeightsError(message, context=[str(self._path), *context], hint=hint)

    def _read_at(self, offset: int, size_bytes: int) -> bytes:
        self._file.seek(offset)
        block = self._file.read(size_bytes)
        if len(block) != size_bytes:
            raise self.error("the archive is cut short")
        return block

    def _read_directory(self) -> tuple[int, int, bytes]:
        """Where the directory starts, how many entries it should have, and its bytes."""
        end_start = self._size_bytes - _END.size
        if end_start < 0:
            raise self.error("the archive is cut short")
        end = _END.unpack(self._read_at(end_start, _END.size))
        if end[0] != b"PK\x05\x06" or end[7] != 0:
            tail = self._read_at(max(0, end_start - 0xFFFF), min(self._size_bytes, 0xFFFF + _END.size))
            if 0 <= tail.rfind(b"PK\x05\x06") < len(tail) - _END.size:
                raise self.error("bytes follow the end of the archive")
            raise self.error("the archive is cut short: it has no directory at its end")
        _, disk, directory_disk, entries_here, entries, size_bytes, start, _ = end
        directory_end = end_start
        locator_start = end_start - _LOCATOR64.size
        if locator_start >= 0 and self._read_at(locator_start, 4) == b"PK\x06\x07":
            directory_end, entries, size_bytes, start = self._read_end64(locator_start, end)
        elif disk or directory_disk or entries_here != entries:
            raise self.error("the archive is one of several parts")
        if start + size_bytes != directory_end:
            raise self.error("the archive's directory is not where its end says")
        if entries > _MAX_ENTRIES or size_bytes > _MAX_DIRECTORY_BYTES:
            raise self.error("the archive has more entries than a checkpoint can have", f"entries: {entries}")
        return start, entries, self._read_at(start, size_bytes)

    def _read_end64(self, locator_start: int, end: tuple[int, ...]) -> tuple[int, int, int, int]:
        """The zip64 form of the archive's end; where both forms give a number, they must agree."""
        _, _, end64_start, disks = _LOCATOR64.unpack(self._read_at(locator_start, _LOCATOR64.size))
        if disks != 1 or end64_start + _END64.size != locator_start:
            raise self.error("the archive's end is damaged")
        end64 = _END64.unpack(self._read_at(end64_start, _END64.size))
        if end64[0] != b"PK\x06\x06" or end64[4] or end64[5] or end64[6] != end64[7]:
            raise self.error("the archive's end is damaged")
        entries, size_bytes, start = end64[7:]
        for short, full, unset in (
            (end[4], entries, 0xFFFF),
            (end[5], size_bytes, 0xFFFFFFFF),
            (end[6], start, 0xFFFFFFFF),
        ):
            if short not in (full, unset):
                raise self.error("the archive has two ends that contradict each other")
        return end64_start, entries, size_bytes, start

    def _parse_directory(self, directory: bytes, entries: int) -> tuple[str, dict[str, Member]]:
        members: dict[str, Member] = {}
        folders: set[str] = set()
        seen: set[bytes] = set()
        position = 0
        for _ in range(entries):
            if position + _ENTRY.size > len(directory):
                raise self.error("the archive's directory is damaged")
            fields = _ENTRY.unpack_from(directory, position)
            name_end = position + _ENTRY.size + fields[10]
            extra_end = name_end + fields[11]
            if fields[0] != b"PK\x01\x02" or extra_end + fields[12] > len(directory):
                raise self.error("the archive's directory is damaged")
            raw_name = directory[position + _ENTRY.size : name_end]
            folder, name = self._split_name(raw_name)
            if raw_name.lower() in seen:
                raise self.error("the archive has two entries of one name", f"entry: {folder}/{name}")
            seen.add(raw_name.lower())
            folders.add(folder)
            if name:
                members[name] = self._member(name, raw_name, fields, directory[name_end:extra_end])
            position = extra_end + fields[12]
        if position != len(directory):
            raise self.error("the archive's directory is damaged")
        if len(folders) != 1:
            raise self.error(
                "the archive is not laid out as a PyTorch checkpoint", f"folders: {len(folders)}"
            )
        return folders.pop(), members

    def _split_name(self, raw_name: bytes) -> tuple[str, str]:
        """The folder and the rest of a name that means the same to every reader of zip archives."""
        shown = ascii(raw_name.decode("latin-1"))[1:-1][:200]
        parts = raw_name.split(b"/")
        if any(not 0x20 <= byte < 0x7F or byte == 0x5C for byte in raw_name) or b".." in parts:
            raise self.error("the archive has an entry with a dangerous name", f"entry: {shown}")
        if b"" in parts[:-1] or parts[0][1:] == b":":
            raise self.error("the archive has an entry with an absolute path", f"entry: {shown}")
        folder, slash, name = raw_name.decode("ascii").partition("/")
        if not slash:
            raise self.error("the archive is not laid out as a PyTorch checkpoint", f"entry: {shown}")
        return folder, name

    def _member(self, name: str, raw_name: bytes, fields: tuple[int, ...], extra: bytes) -> Member:
        _, _, _, flags, method, _, _, crc, stored_bytes, size_bytes = fields[:10]
        offset = fields[16]
        if fields[13] not in (0, 0xFFFF):
            raise self.error("the archive is one of several parts")
        wide = self._zip64_sizes(extra)
        if size_bytes == 0xFFFFFFFF:
            size_bytes = next(wide, size_bytes)
        if stored_bytes == 0xFFFFFFFF:
            stored_bytes = next(wide, stored_bytes)
        if offset == 0xFFFFFFFF:
            offset = next(wide, offset)
        if flags & _ENCRYPTED_FLAGS:
            raise self.error("the archive is encrypted", f"entry: {name}")
        if method not in (_STORED, _DEFLATED) or (method == _STORED and stored_bytes != size_bytes):
            raise self.error("the archive has an entry that can't be unpacked", f"entry: {name}")
        if size_bytes > _MAX_RATIO * stored_bytes:
            raise self.error(
                "the archive has an entry that unpacks to an absurd size",
                f"entry: {name}, {stored_bytes} bytes unpack to {size_bytes}",
            )
        return Member(name, raw_name, offset, method, crc, stored_bytes, size_bytes)

    def _zip64_sizes(self, extra: bytes) -> Iterator[int]:
        position = 0
        while position + _EXTRA.size <= len(extra):
            kind, size_bytes = _EXTRA.unpack_from(extra, position)
            position += _EXTRA.size
            if kind == 1:
                count = min(size_bytes, len(extra) - position) // 8
                return iter(struct.unpack_from(f"<{count}Q", extra, position))
            position += size_bytes
        return iter(())

    def _places_end(self, directory_start: int) -> dict[str, int]:
        """Where the place of each entry ends: at the next entry, or at the directory."""
        ordered = sorted(self.members.values(), key=lambda member: member.offset)
        ends = [member.offset for member in ordered[1:]] + [directory_start]
        return {member.name: end for member, end in zip(ordered, ends, strict=True)}

    def _blocks(self, member: Member) -> Iterator[bytes]:
        """The unpacked content in blocks; the checksum is compared after the last."""
        crc = size_bytes = 0
        for block in self._stored(member) if member.method == _STORED else self._inflated(member):
            crc = zlib.crc32(block, crc)
            size_bytes += len(block)
            if size_bytes > member.size_bytes:
                raise self.error("the archive has an entry larger than it claims", f"entry: {member.name}")
            yield block
        if crc != member.crc or size_bytes != member.size_bytes:
            raise self.error(
                "the archive is damaged: an entry differs from its checksum", f"entry: {member.name}"
            )

    def _stored(self, member: Member) -> Iterator[bytes]:
        position = self.content_start(member)
        end = position + member.stored_bytes
        while position < end:
            yield self._read_at(position, min(end - position, _BLOCK_BYTES))
            position += _BLOCK_BYTES

    def _inflated(self, member: Member) -> Iterator[bytes]:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for packed in self._stored(member):
                while packed:
                    yield inflate.decompress(packed, _BLOCK_BYTES)
                    packed = inflate.unconsumed_tail
            yield inflate.flush()
        except zlib.error:
            raise self.error(
                "the archive is damaged: an entry can't be unpacked", f"entry: {member.name}"
            ) from None

    def _find_content(self, member: Member) -> int:
        """Read past a local header, which must agree with the directory."""
        header = self._read_at(member.offset, _LOCAL.size + len(member.raw_name))
        local = _LOCAL.unpack_from(header)
        name_bytes, extra_bytes = local[9:]
        if (
            local[0] != b"PK\x03\x04"
            or local[3] != member.method
            or name_bytes != len(member.raw_name)
            or header[_LOCAL.size :] != member.raw_name
        ):
            raise self.error("the archive's entries contradict its directory", f"entry: {member.name}")
        content: int = member.offset + len(header) + extra_bytes
        self._check_fits(member, content)
        return content

    def _check_fits(self, member: Member, content: int) -> None:
        if content + member.stored_bytes > self._ends[member.name]:
            raise self.error(
                "the archive has an entry larger than its place in the file", f"entry: {member.name}"
            )
