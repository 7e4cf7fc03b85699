"""Read a safetensors file by the rules of its specification, which leave no byte unexplained.

Source of the rules: "Format" in the README of https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from yolow.checkpoint.contents import Contents, Role, TensorEntry
from yolow.checkpoint.export_metadata import facts_of
from yolow.checkpoint.raw_values import Place, Source, is_sensible, size_of

# The specification allows 100 MB; parsed, such a header would take three gigabytes. 20,000 tensors fit in this.
_MAX_HEADER_BYTES = 4 * 1024**2
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "C64": "complex64",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F4": "float4_e2m1fn", "F6_E2M3": "float6_e2m3fn", "F6_E3M2": "float6_e3m2fn",
}  # fmt: skip
_NORM = re.compile(r"(^|[._])(bn|norm|ln|batch_?norm|layer_?norm|group_?norm)\d*$")


class _DuplicateKeyError(ValueError):
    """Two equal keys in one JSON object: readers differ in which one they take."""


def read_safetensors(path: Path) -> Contents:
    """Read a safetensors file.

    Raises:
        WeightsNotFoundError: there is no such file.
        WeightsError: it is not a safetensors file, or damaged.
    """
    source = Source.of(path)
    header, start = _header(source)
    metadata = _metadata(source, header.pop("__metadata__", None))
    places: dict[str, Place] = {}
    entries = []
    for name, told in header.items():
        dtype, shape, place = _tensor(source, name, told, start)
        places[name] = place
        module, _, leaf = name.rpartition(".")
        entries.append(
            TensorEntry(
                name=name,
                role=_role(module, leaf, header),
                dtype=dtype,
                shape=shape,
                size_bytes=place.size_bytes,
                module=module,
            )
        )
    _refuse_gaps(source, places, start)
    return Contents(
        path=path,
        format="safetensors",
        size_bytes=source.size_bytes,
        entries=tuple(entries),
        facts=facts_of(metadata) | ({"metadata": metadata} if metadata else {}),
        reader=lambda entry: places[entry.name].values(entry.dtype, entry.shape),
    )


def _header(source: Source) -> tuple[dict[str, Any], int]:
    """The parsed header, and where the tensors' bytes start."""
    if source.size_bytes < 9:
        raise source.error("the file is cut short: a safetensors file has a header")
    with source.open() as file:
        size = int.from_bytes(source.read_from(file, 0, 8), "little")
        if size > source.size_bytes - 8:
            raise source.error("the file is cut short or not a safetensors file", f"header of {size} bytes")
        if size > _MAX_HEADER_BYTES:
            raise source.error("the safetensors header is absurdly large", f"{size} bytes")
        text = source.read_from(file, 8, size)
    if not text.startswith(b"{"):
        raise source.error("the file is not a safetensors file: its header is not a JSON object")
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except _DuplicateKeyError as error:
        raise source.error("the safetensors header names a tensor twice", str(error)) from None
    except (ValueError, RecursionError) as error:
        raise source.error("the safetensors header is damaged", str(error)) from None
    return header, 8 + size


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    "".join(
        word for pair in pairs for word in pair if type(word) is str
    ).encode()  # half a surrogate is no text
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _DuplicateKeyError(twice)
    return result


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _metadata(source: Source, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if type(value) is dict and all(type(text) is str for text in value.values()):
        return value
    raise source.error("the safetensors header is damaged", "__metadata__ must map text to text")


def _tensor(source: Source, name: str, told: Any, start: int) -> tuple[str, tuple[int, ...], Place]:
    if type(told) is not dict or told.keys() != {"dtype", "shape", "data_offsets"}:
        raise source.error("the safetensors header is damaged", f"{name} is no tensor")
    dtype, shape, offsets = told["dtype"], told["shape"], told["data_offsets"]
    if type(dtype) is not str or dtype not in _DTYPES:
        raise source.error("the safetensors header is damaged", f"{name} has an unknown type: {dtype}")
    if not _are_sizes(shape) or not is_sensible(tuple(shape)):
        raise source.error("the safetensors header is damaged", f"{name} has no sensible shape")
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise source.error("the safetensors header is damaged", f"{name} has no sensible offsets")
    place = Place(source, start + offsets[0], offsets[1] - offsets[0])
    if start + offsets[1] > source.size_bytes:
        raise source.error("the safetensors file is cut short", f"{name} lies outside the file")
    if size_of(_DTYPES[dtype], tuple(shape)) != place.size_bytes:
        raise source.error(
            "a tensor's size contradicts its type and shape", f"{name} has {place.size_bytes} bytes"
        )
    return _DTYPES[dtype], tuple(shape), place


def _are_sizes(value: Any) -> bool:
    return type(value) is list and all(type(size) is int and size >= 0 for size in value)


def _refuse_gaps(source: Source, places: dict[str, Place], start: int) -> None:
    end = start
    for name, place in sorted(places.items(), key=lambda item: (item[1].offset, item[1].size_bytes)):
        if place.offset != end:
            what = "overlap" if place.offset < end else "leave bytes unexplained"
            raise source.error(f"tensors of the safetensors file {what}", f"at {name}")
        end += place.size_bytes
    if end != source.size_bytes:
        raise source.error(
            "tensors of the safetensors file leave bytes unexplained",
            f"{source.size_bytes - end} bytes at the end",
        )


def _role(module: str, leaf: str, header: dict[str, Any]) -> Role:
    if leaf not in ("weight", "bias"):
        return "buffer"
    if f"{module}.running_mean" in header or _NORM.search(module):
        return "norm_weight" if leaf == "weight" else "norm_bias"
    return "weight" if leaf == "weight" else "bias"
