"""Pickles assembled opcode by opcode, and archives around them that are laid out as torch writes checkpoints."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

MARK, TUPLE, REDUCE, BUILD, NEWOBJ, STOP = b"(", b"t", b"R", b"b", b"\x81", b"."
EMPTY_TUPLE, EMPTY_DICT, EMPTY_LIST, SETITEMS, POP, NONE = b")", b"}", b"]", b"u", b"0", b"N"
PROTO2, PROTO4 = b"\x80\x02", b"\x80\x04"
STACK_GLOBAL, MEMOIZE = b"\x93", b"\x94"


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def data(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def built_name(module: str, attribute: str) -> bytes:
    """A global whose names are values on the stack."""
    return text(module) + text(attribute) + STACK_GLOBAL


def tuple_of(*items: bytes) -> bytes:
    return MARK + b"".join(items) + TUPLE


def dict_of(**items: bytes) -> bytes:
    return EMPTY_DICT + MARK + b"".join(text(key) + value for key, value in items.items()) + SETITEMS


def call(maker: bytes, *arguments: bytes) -> bytes:
    return maker + tuple_of(*arguments) + REDUCE


def made(module: str, attribute: str, **state: bytes) -> bytes:
    """An object that is made empty, then given its state, as modules are."""
    return name(module, attribute) + EMPTY_TUPLE + NEWOBJ + dict_of(**state) + BUILD


def storage(key: str = "0", values: int = 4, kind: str = "FloatStorage") -> bytes:
    return tuple_of(text("storage"), name("torch", kind), text(key), text("cpu"), number(values)) + b"Q"


def tensor(
    source: bytes, shape: tuple[int, ...] = (4,), stride: tuple[int, ...] = (1,), offset: int = 0
) -> bytes:
    return call(
        name("torch._utils", "_rebuild_tensor_v2"),
        source,
        number(offset),
        tuple_of(*map(number, shape)),
        tuple_of(*map(number, stride)),
        b"\x89",
        call(name("collections", "OrderedDict")),
    )


def parameter(source: bytes) -> bytes:
    return call(
        name("torch._utils", "_rebuild_parameter"), source, b"\x88", call(name("collections", "OrderedDict"))
    )


def convolution(weight: bytes) -> bytes:
    return made("torch.nn.modules.conv", "Conv2d", _parameters=dict_of(weight=weight), _modules=EMPTY_DICT)


def network(weight: bytes | None = None, **state: bytes) -> bytes:
    """A detection network of one convolution with four values."""
    layers = dict_of(**{"0": convolution(weight or parameter(tensor(storage())))})
    top = made("torch.nn.modules.container", "Sequential", _modules=layers)
    names = EMPTY_DICT + MARK + number(0) + text("panel") + SETITEMS
    config = dict_of(yaml_file=text("yolo26n.yaml"), scale=text("n"), backbone=EMPTY_LIST)
    state = {"yaml": config, "names": names, "_modules": dict_of(model=top), **state}
    return made("ultralytics.nn.tasks", "DetectionModel", **state)


def checkpoint(payload: bytes = b"", model: bytes | None = None, **entries: bytes) -> bytes:
    """A whole pickle: the payload runs first and its result is dropped, then comes a checkpoint."""
    dropped = payload + POP if payload else b""
    return PROTO2 + dropped + dict_of(model=model or network(), **entries) + STOP


def write(
    path: Path,
    pickle: bytes,
    *,
    storages: dict[str, bytes] | None = None,
    folder: str = "archive",
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """A checkpoint archive with one pickle and its storages (by default one of 16 bytes)."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"{folder}/data.pkl", pickle)
        archive.writestr(f"{folder}/byteorder", "little")
        for key, content in (storages if storages is not None else {"0": bytes(16)}).items():
            archive.writestr(f"{folder}/data/{key}", content)
        archive.writestr(f"{folder}/version", "3\n")
    return path
