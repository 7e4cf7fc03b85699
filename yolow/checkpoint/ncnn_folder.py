"""Read an NCNN export: the layers in its .param text, the weights in the .bin beside it, Ultralytics' metadata.yaml.

The .bin has no directory: where a tensor lies follows from the sizes of all before it, so each type of layer must be
known. At the first that is not, reading of tensors ends, and the facts say so.

Source of the rules: "Param and model file structure", https://github.com/Tencent/ncnn/wiki, and `ModelBin::load`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yolow.checkpoint.contents import Contents, ModuleEntry, TensorEntry
from yolow.checkpoint.export_folder import folder_facts, inside, model_files
from yolow.checkpoint.layer_precision import LayerPrecision, precision_facts
from yolow.checkpoint.ncnn_layers import WITHOUT_BLOBS, Blob, blobs_of
from yolow.checkpoint.raw_values import Place, Source, size_of

_MAGIC = "7767517"
_MAX_PARAM_BYTES = 16 * 1024**2
_MAX_LAYERS = 50_000
_ARRAY_ID = 23300
# First four bytes of a flagged blob -> the type of its values.
_FLAGS = {0: "float32", 0x01306B47: "float16", 0x000D4B38: "int8", 0x0002C056: "float32"}
_INTEGER = re.compile(r"[-+]?\d{1,10}")


@dataclass(frozen=True)
class Layer:
    """One line of the .param: type, name and its numbered parameters that are whole numbers."""

    kind: str
    name: str
    parameters: dict[int, int]


def read_ncnn(path: Path) -> Contents:
    """Read an NCNN export folder, or one model of a folder by its .param.

    Raises:
        WeightsNotFoundError: there is no such folder.
        WeightsError: it is no NCNN export, or damaged.
    """
    folder, files, described = model_files(path, ".param")
    param, values = Source.of(described), Source.of(inside(folder, f"{described.stem}.bin"))
    layers = _layers(param)
    reader = _Blobs(values)
    reader.read(layers)
    facts = {"operations": len(layers)} | folder_facts(folder, files) | precision_facts(reader.precision)
    if reader.unknown is not None:
        facts["unread"] = {
            "layer": reader.unknown.name,
            "kind": reader.unknown.kind,
            "size_bytes": values.size_bytes - reader.position,
        }
    return Contents(
        path=path,
        format="ncnn",
        size_bytes=sum(Source.of(file).size_bytes for file in files),
        entries=tuple(reader.entries),
        modules=tuple(
            ModuleEntry(path=layer.name, kind=layer.kind) for layer in layers if layer.name in reader.modules
        ),
        facts=facts,
        reader=lambda entry: reader.places[entry.name].values(entry.dtype, entry.shape),
    )


def _layers(source: Source) -> list[Layer]:
    if source.size_bytes > _MAX_PARAM_BYTES:
        raise source.error("the model's .param is absurdly large", f"{source.size_bytes} bytes")
    try:
        lines = source.read(0, source.size_bytes).decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise source.error("the model's .param is not a text: binary ones are not known here") from None
    if lines[0].strip() != _MAGIC:
        raise source.error("the file is not an NCNN .param", f"its first line is not {_MAGIC}")
    counts = lines[1].split() if len(lines) > 1 else []
    if len(counts) != 2 or not all(_INTEGER.fullmatch(count) for count in counts):
        raise source.error("the model's .param is cut short or damaged", "line 2: two counts should be here")
    told = int(counts[0])
    rows = [(number, line) for number, line in enumerate(lines[2:], start=3) if line.strip()]
    if told != len(rows) or not 0 < told <= _MAX_LAYERS:
        raise source.error(
            "the model's .param is cut short or damaged",
            f"line 2 tells of {told} layers, {len(rows)} are there",
        )
    layers = [_layer(source, number, line) for number, line in rows]
    if len({layer.name for layer in layers}) != len(layers):
        raise source.error("the model's .param has two layers of one name")
    return layers


def _layer(source: Source, number: int, line: str) -> Layer:
    words = line.split()
    counts = words[2:4]
    if len(counts) < 2 or not all(
        count.isascii() and count.isdecimal() and len(count) < 7 for count in counts
    ):
        raise source.error("the model's .param is cut short or damaged", f"line {number}: no layer")
    first = 4 + int(counts[0]) + int(counts[1])
    if len(words) < first:
        raise source.error("the model's .param is cut short or damaged", f"line {number}: blobs are missing")
    parameters: dict[int, int] = {}
    for word in words[first:]:
        key, _, value = word.partition("=")
        # Arrays have their own keys, and some versions of the converter add texts for people; neither sizes a blob.
        if not _INTEGER.fullmatch(key) or int(key) <= -_ARRAY_ID:
            continue
        if int(key) in parameters:
            raise source.error(
                "the model's .param is damaged", f"line {number}: parameter {key} is given twice"
            )
        if _INTEGER.fullmatch(value):
            parameters[int(key)] = int(value)
    return Layer(words[0], words[1], parameters)


class _Blobs:
    """Walks through the .bin as the runtime's loader would."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.position = 0
        self.entries: list[TensorEntry] = []
        self.places: dict[str, Place] = {}
        self.precision: list[LayerPrecision] = []
        self.modules: set[str] = set()
        self.unknown: Layer | None = None

    def read(self, layers: list[Layer]) -> None:
        """Find the tensors of all layers, up to the first of an unknown type.

        Raises:
            WeightsError: the .bin is cut short, or has bytes that belong to no layer.
        """
        with self._source.open() as file:
            for layer in layers:
                if layer.kind in WITHOUT_BLOBS:
                    continue
                blobs = blobs_of(layer.kind, layer.parameters)
                if blobs is None:
                    self.unknown = layer
                    return
                if blobs:
                    self.modules.add(layer.name)
                first = len(self.entries)
                for blob in blobs:
                    self._read_blob(file, layer, blob)
                self._note_precision(layer, self.entries[first:])
        if self.position != self._source.size_bytes:
            raise self._source.error(
                "the file of the values has bytes that belong to no layer",
                f"{self._source.size_bytes - self.position} bytes at the end",
            )

    def _read_blob(self, file: Any, layer: Layer, blob: Blob) -> None:
        dtype = "float32"
        if min(blob.shape) <= 0 or not blob.fits:
            raise self._source.error("a layer's parameters contradict each other", layer.name)
        if blob.flagged:
            flag = int.from_bytes(self._source.read_from(file, self.position, 4), "little")
            if flag not in _FLAGS:
                raise self._source.error(
                    "a tensor is written in an unknown way", f"{layer.name}: flag {flag:#010x}"
                )
            dtype = _FLAGS[flag]
            self.position += 4
        size = size_of(dtype, blob.shape)
        if self.position + size > self._source.size_bytes:
            raise self._source.error("the file of the values is cut short", f"{layer.name} lies outside it")
        name = f"{layer.name}.{blob.name}"
        self.places[name] = Place(self._source, self.position, size)
        self.entries.append(
            TensorEntry(
                name=name,
                role=blob.role,
                dtype=dtype,
                shape=blob.shape,
                size_bytes=size,
                module=layer.name,
                kind=layer.kind,
            )
        )
        # Flagged blobs are padded to four bytes.
        self.position += (size + 3) // 4 * 4 if blob.flagged else size

    def _note_precision(self, layer: Layer, entries: list[TensorEntry]) -> None:
        names = {entry.name for entry in entries}
        self.precision += [
            LayerPrecision(
                module=layer.name,
                kind=layer.kind,
                weights=entry.dtype,
                activations=f"{layer.name}.input_scale" in names,
                size_bytes=entry.size_bytes,
            )
            for entry in entries
            if entry.role == "weight" and layer.kind not in ("PReLU", "Scale")
        ]
