"""Hostile files that name no code: archives and pickles that lie about their shape or size."""

from __future__ import annotations

import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import pickles as p


@dataclass(frozen=True)
class Shape:
    """One lie; `finding` is a part of the error that must be raised."""

    mechanism: str
    finding: str
    write: Callable[[Path], object]


def _pickle(stream: bytes) -> Callable[[Path], object]:
    return lambda path: p.write(path, stream)


def _edited(edit: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """A good file, then one change of its bytes."""

    def write(path: Path) -> None:
        p.write(path, p.checkpoint())
        path.write_bytes(edit(path.read_bytes()))

    return write


def _entries(*entries: tuple[str, bytes], good: bool = True) -> Callable[[Path], object]:
    """A good file with more entries, or a file of these alone."""

    def write(path: Path) -> None:
        if good:
            p.write(path, p.checkpoint())
        with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for entry, content in entries:
                archive.writestr(entry, content)

    return write


def _in_directory(entry: bytes, offset: int, form: str, value: int) -> Callable[[bytes], bytes]:
    """Overwrite one field of an entry in the central directory."""

    def edit(content: bytes) -> bytes:
        start = content.rindex(entry) - 46
        changed = bytearray(content)
        struct.pack_into(form, changed, start + offset, value)
        return bytes(changed)

    return edit


def _both_sizes(content: bytes) -> bytes:
    for offset in (20, 24):
        content = _in_directory(b"archive/data/0", offset, "<L", 2**31)(content)
    return content


def _storage_bit(content: bytes) -> bytes:
    start = content.index(b"archive/data/0") + len(b"archive/data/0")
    return content[:start] + b"\x01" + content[start + 1 :]


def _bomb(claimed_bytes: int | None) -> Callable[[Path], object]:
    """A pickle of zeros that inflates to 64 MB from 64 KB, honest about it or not."""

    def write(path: Path) -> None:
        p.write(path, bytes(64 * 1024**2), compression=zipfile.ZIP_DEFLATED)
        if claimed_bytes is not None:
            edit = _in_directory(b"archive/data.pkl", 24, "<L", claimed_bytes)
            path.write_bytes(edit(path.read_bytes()))

    return write


def _large_pickle(path: Path) -> None:
    p.write(path, p.PROTO2 + b"N0" * (9 * 1024**2) + p.STOP)


def _local_name(content: bytes) -> bytes:
    return content.replace(b"archive/data.pkl", b"archive/data.pkx", 1)


def _laughs() -> bytes:
    """A list of ten times a list of ten times a list …: ten levels, 10^10 leaves in 200 bytes."""
    levels = p.EMPTY_LIST + p.MARK + p.text("ha") * 10 + b"e"
    for _ in range(7):
        levels += b"q\x01" + p.POP + p.EMPTY_LIST + p.MARK + b"h\x01" * 10 + b"e"
    return levels


def _weight(source: bytes) -> bytes:
    return p.checkpoint(model=p.network(weight=p.parameter(source)))


def _encrypted(content: bytes) -> bytes:
    return _in_directory(b"archive/data.pkl", 8, "<H", 1)(content)


def _two_directories(content: bytes) -> bytes:
    return content + content[content.rindex(b"PK\x05\x06") :]


SHAPES: dict[str, Shape] = {
    "persistent-id-module": Shape(
        "a persistent id that is not a storage",
        "not a tensor's storage",
        _pickle(p.checkpoint(p.tuple_of(p.text("module"), p.text("x"), p.text("y"), p.text("z")) + b"Q")),
    ),
    "persistent-id-text": Shape(
        "a persistent id as text", "not a tensor's storage", _pickle(p.checkpoint(b"Pstorage\n"))
    ),
    "second-pickle": Shape(
        "a second pickle after STOP", "data follows the end", _pickle(p.checkpoint() + p.checkpoint())
    ),
    "trailing-bytes": Shape("bytes after STOP", "data follows the end", _pickle(p.checkpoint() + b"\x00")),
    "no-stop": Shape("a pickle that just ends", "cut short", _pickle(p.checkpoint()[:-1])),
    "unknown-operation": Shape("an operation of no protocol", "0xff", _pickle(p.PROTO2 + b"\xff" + p.STOP)),
    "empty-stack": Shape("a call on an empty stack", "contradict", _pickle(p.PROTO2 + b"R" + p.STOP)),
    "empty-memo": Shape(
        "a memo entry that was never put", "contradict", _pickle(p.PROTO2 + b"h\x05" + p.STOP)
    ),
    "lone-mark": Shape("a tuple without its mark", "contradict", _pickle(p.PROTO2 + b"t" + p.STOP)),
    "huge-bytes": Shape(
        "BINBYTES8 claims 2^62 bytes",
        "more bytes than it has",
        _pickle(p.PROTO4 + b"\x8e" + struct.pack("<Q", 2**62) + b"x" + p.STOP),
    ),
    "huge-frame": Shape(
        "FRAME claims 2^40 bytes",
        "more bytes than it has",
        _pickle(p.PROTO4 + b"\x95" + struct.pack("<Q", 2**40) + p.STOP),
    ),
    "huge-number": Shape(
        "LONG4 claims 2 GB",
        "number of absurd length",
        _pickle(p.PROTO2 + b"\x8b" + struct.pack("<i", 2**31 - 1) + b"x" + p.STOP),
    ),
    "huge-decimal": Shape(
        "a decimal number of a million digits",
        "number of absurd length",
        _pickle(b"L" + b"9" * 10**6 + b"L\n."),
    ),
    "memo-index": Shape(
        "a memo index of 2^32 - 1, which sizes the memo of an ordinary unpickler",
        "not an Ultralytics checkpoint",
        _pickle(p.PROTO2 + p.EMPTY_DICT + b"r\xff\xff\xff\xff" + p.STOP),
    ),
    "many-operations": Shape(
        "three million operations",
        "more than 2000000 operations",
        _pickle(p.PROTO2 + b"}" * 3_000_000 + p.STOP),
    ),
    "hash-bomb": Shape(
        "a dict key that takes for ever to hash",
        "neither text nor a number",
        _pickle(p.checkpoint(p.EMPTY_DICT + p.tuple_of(p.number(1)) + b"2\x86" * 40 + p.NONE + b"s")),
    ),
    "billion-laughs": Shape(
        "settings that unfold without end",
        "beyond any sensible size",
        _pickle(p.checkpoint(train_args=p.dict_of(x=_laughs()))),
    ),
    "endless-text": Shape(
        "a long text a thousand times",
        "beyond any sensible size",
        _pickle(
            p.checkpoint(
                train_args=p.dict_of(
                    x=p.EMPTY_LIST + p.MARK + p.text("x" * 10**6) + b"q\x01" + b"h\x01" * 1000 + b"e"
                )
            )
        ),
    ),
    "cyclic-settings": Shape(
        "a list that holds itself twice",
        "beyond any sensible size",
        _pickle(p.checkpoint(train_args=p.dict_of(x=p.EMPTY_LIST + b"q\x01(" + b"h\x01" * 10 + b"e"))),
    ),
    "state-twice": Shape(
        "the state of one object is set twice",
        "state of one object twice",
        _pickle(p.checkpoint(p.made("torch.nn.modules.conv", "Conv2d") + p.dict_of(x=p.NONE) + p.BUILD)),
    ),
    "absurd-tensor": Shape(
        "a tensor of 2^50 values",
        "larger than its storage",
        _pickle(_weight(p.tensor(p.storage(), (2**50,)))),
    ),
    "repeated-value": Shape(
        "a stride of zero makes 2^50 values of one",
        "larger than its storage",
        _pickle(_weight(p.tensor(p.storage(), (2**50,), (0,)))),
    ),
    "negative-stride": Shape(
        "a negative stride", "negative size, stride", _pickle(_weight(p.tensor(p.storage(), (4,), (-1,))))
    ),
    "negative-offset": Shape(
        "a negative offset", "negative size, stride", _pickle(_weight(p.tensor(p.storage(), offset=-4)))
    ),
    "offset-beyond": Shape(
        "a tensor that starts near its storage's end",
        "larger than its storage",
        _pickle(_weight(p.tensor(p.storage(), offset=1))),
    ),
    "storage-missing": Shape(
        "a storage that is not there", "lacks the storage", _pickle(_weight(p.tensor(p.storage("7"))))
    ),
    "storage-short": Shape(
        "a storage shorter than claimed",
        "shorter than its tensor claims",
        _pickle(_weight(p.tensor(p.storage("0", 5)))),
    ),
    "storage-path": Shape(
        "a storage key that leaves its folder",
        "lacks the storage",
        _pickle(_weight(p.tensor(p.storage("../data.pkl")))),
    ),
    "renamed-pickle": Shape(
        "no data.pkl",
        "no data.pkl",
        _edited(lambda content: content.replace(b"archive/data.pkl", b"archive/data.pkx")),
    ),
    "renamed-storage": Shape(
        "a storage under another name",
        "lacks the storage",
        _edited(lambda content: content.replace(b"archive/data/0", b"archive/data/9")),
    ),
    "pickle-changed": Shape(
        "the pickle differs from its checksum",
        "checksum",
        _edited(lambda content: content.replace(b"panel", b"motor")),
    ),
    "storage-changed": Shape("a storage differs from its checksum", "checksum", _edited(_storage_bit)),
    "same-name-twice": Shape(
        "two pickles of one name", "two entries of one name", _entries(("archive/data.pkl", p.checkpoint()))
    ),
    "same-name-in-capitals": Shape(
        "two pickles whose names differ in case",
        "two entries of one name",
        _entries(("archive/DATA.PKL", p.checkpoint())),
    ),
    "two-folders": Shape(
        "a second folder with its own pickle", "folders: 2", _entries(("other/data.pkl", p.checkpoint()))
    ),
    "no-folder": Shape(
        "a pickle without a folder", "not laid out", _entries(("data.pkl", p.checkpoint()), good=False)
    ),
    "parent-path": Shape(
        "an entry that leaves the folder", "dangerous name", _entries(("archive/../../x", b""))
    ),
    "absolute-path": Shape("an absolute entry", "absolute path", _entries(("/etc/x", b""))),
    "control-character": Shape(
        "a control character in a name", "dangerous name", _entries(("archive/\x1b[31mx", b""))
    ),
    "encrypted": Shape("an encrypted entry", "encrypted", _edited(_encrypted)),
    "size-beyond": Shape(
        "a size beyond the file's end",
        "can't be unpacked",
        _edited(_in_directory(b"archive/data/0", 24, "<L", 2**31)),
    ),
    "both-sizes-beyond": Shape(
        "both sizes beyond the file's end",
        "larger than its place",
        _edited(_both_sizes),
    ),
    "offset-elsewhere": Shape(
        "an entry that points into another",
        "larger than its place",
        _edited(_in_directory(b"archive/data/0", 42, "<L", 4)),
    ),
    "local-name": Shape("a local header of another name", "contradict its directory", _edited(_local_name)),
    "bomb": Shape("a pickle that inflates a thousandfold", "absurd size", _bomb(None)),
    "bomb-in-disguise": Shape(
        "a pickle that inflates beyond its claim", "larger than it claims", _bomb(1000)
    ),
    "large-pickle": Shape("a pickle of 18 MB", "absurdly large", _large_pickle),
    "stub-before": Shape(
        "a program before the archive",
        "not a PyTorch checkpoint",
        _edited(lambda content: b"MZ" * 64 + content),
    ),
    "bytes-after": Shape(
        "bytes after the archive", "follow the end", _edited(lambda content: content + b"x" * 100)
    ),
    "two-ends": Shape("two ends of the archive", "not where its end says", _edited(_two_directories)),
    "torchscript": Shape("a TorchScript archive", "TorchScript", _entries(("archive/constants.pkl", b"x"))),
    "torchscript-code": Shape(
        "an archive with code", "TorchScript", _entries(("archive/code/__torch__.py", b"x"))
    ),
    "tensors-alone": Shape(
        "tensors without a network",
        "tensors without their network",
        _pickle(p.PROTO2 + p.dict_of(weight=p.tensor(p.storage())) + p.STOP),
    ),
    "not-a-dict": Shape(
        "a list in place of a checkpoint", "not an Ultralytics checkpoint", _pickle(p.PROTO2 + b"].")
    ),
}
