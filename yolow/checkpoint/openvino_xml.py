"""The graph of an OpenVINO model: layers, edges and facts from its XML, read as a stream within bounds.

Source of the rules: "OpenVINO IR format", https://docs.openvino.ai (IR versions 10 and 11).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat  # streams, and its handlers refuse entities before any is expanded

from yolow.checkpoint.raw_values import Source
from yolow.errors import WeightsError

# The largest networks of the family have 5,000 layers and 3 MB in 8-bit form.
_MAX_XML_BYTES = 64 * 1024**2
_MAX_LAYERS = 30_000
_MAX_EDGES = 100_000
_MAX_FACTS = 10_000
_MAX_DEPTH = 64
_BLOCK_BYTES = 65_536
_MAX_ELEMENT_BYTES = 1024**2
_ENCODINGS = (None, "utf-8", "us-ascii")
# Of a layer's data; the rest describes operations.
_KEPT_DATA = ("element_type", "shape", "offset", "size")
_VERSIONS = ("10", "11")

Key = tuple[int, str]
"""A layer: number of its graph (0, or that of a loop's body), and its id there."""


@dataclass
class Layer:
    """One operation.

    Attributes:
        key: which.
        name: as the file gives it.
        kind: its type, `Convolution`.
        data: attributes of its `data` element that say where a constant lies.
        inputs: layers whose values it takes, by port.
        users: layers that take its values, each with the port there.
    """

    key: Key
    name: str
    kind: str
    data: dict[str, str] = field(default_factory=dict)
    inputs: dict[int, Layer] = field(default_factory=dict)
    users: list[tuple[Layer, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Network:
    """All layers of a model and of its bodies, in the file's order, and what `rt_info` says of the whole."""

    layers: list[Layer]
    rt_info: dict[str, Any]
    version: str


def read_xml(source: Source) -> Network:
    """Parse the XML of a model.

    Raises:
        WeightsError: it is no OpenVINO model, it is damaged, names entities, or is beyond any sensible size.
    """
    if source.size_bytes > _MAX_XML_BYTES:
        raise source.error("the model's XML is absurdly large", f"{source.size_bytes} bytes")
    builder = _Builder(source)
    parser = expat.ParserCreate("utf-8")
    parser.XmlDeclHandler = builder.check_encoding
    parser.StartDoctypeDeclHandler = builder.refuse_entities
    parser.EntityDeclHandler = builder.refuse_entities
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    try:
        with source.open() as file:
            while block := file.read(_BLOCK_BYTES):
                parser.Parse(block, False)
                # An element comes whole, with all of its attributes.
                if file.tell() - parser.CurrentByteIndex > _MAX_ELEMENT_BYTES:
                    raise source.error("an element of the model's XML is absurdly large")
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise source.error("the model's XML is cut short or damaged", str(error)) from None
    except OSError as error:
        raise source.error(
            "the weights file can't be read", error.strerror or type(error).__name__
        ) from error
    return builder.network()


class _Builder:
    """Handlers of the parser; keeps what is needed and no tree."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._path: list[str] = []
        self._bodies = [0]
        self._body_count = 0
        self._layers: dict[Key, Layer] = {}
        self._edges: list[tuple[Key, Key, int]] = []
        self._layer: list[Layer] = []
        self._rt_info: dict[str, Any] = {}
        self._rt_count = 0
        self._version = ""

    def check_encoding(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding not in _ENCODINGS and str(encoding).lower() not in _ENCODINGS:
            raise self._source.error("the model's XML is not UTF-8", f"it says it is {str(encoding)[:40]}")

    def refuse_entities(self, *_: object) -> None:
        raise self._source.error("the model's XML declares a document type or entities, which no model needs")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        if len(self._path) > _MAX_DEPTH:
            raise self._source.error("the model's XML is nested too deeply")
        if len(self._path) == 1:
            self._check_root(tag, attributes)
        elif tag in ("body", "then_body", "else_body"):
            self._body_count += 1
            self._bodies.append(self._body_count)
        elif tag == "layer":
            self._start_layer(attributes)
        elif tag == "data" and self._path[-2] == "layer":
            self._layer[-1].data = {key: attributes[key] for key in _KEPT_DATA if key in attributes}
        elif tag == "edge" and self._path[-2] == "edges":
            self._add_edge(attributes)
        elif self._path[1] == "rt_info":
            self._add_fact(attributes)

    def end(self, tag: str) -> None:
        self._path.pop()
        if tag in ("body", "then_body", "else_body"):
            self._bodies.pop()
        elif tag == "layer":
            self._layer.pop()

    def network(self) -> Network:
        for start, end, port in self._edges:
            if start not in self._layers or end not in self._layers:
                raise self._source.error("the model's XML names a layer that is not there")
            first, second = self._layers[start], self._layers[end]
            if port in second.inputs:
                raise self._source.error("an input of a layer is given twice", second.name)
            second.inputs[port] = first
            first.users.append((second, port))
        return Network(list(self._layers.values()), self._rt_info, self._version)

    def _check_root(self, tag: str, attributes: dict[str, str]) -> None:
        self._version = attributes.get("version", "")
        if tag != "net":
            raise self._source.error("the file is not an OpenVINO model", f"its XML starts with <{tag[:40]}>")
        if self._version not in _VERSIONS:
            context = f"version {self._version[:20]}; known: {', '.join(_VERSIONS)}"
            raise self._source.error("the OpenVINO model is of an unknown version", context)

    def _start_layer(self, attributes: dict[str, str]) -> None:
        key = (self._bodies[-1], attributes.get("id", ""))
        if self._path[-2] != "layers" or key in self._layers:
            raise self._source.error("the model's XML has a layer twice or in an odd place", key[1][:80])
        if len(self._layers) >= _MAX_LAYERS:
            raise self._source.error("the model is beyond any sensible size")
        layer = Layer(key, attributes.get("name", ""), attributes.get("type", ""))
        self._layers[key] = layer
        self._layer.append(layer)

    def _add_edge(self, attributes: dict[str, str]) -> None:
        try:
            start, end, port = (attributes[name] for name in ("from-layer", "to-layer", "to-port"))
        except KeyError:
            raise self._source.error("the model's XML has an edge without ends") from None
        if not (port.isascii() and port.isdecimal() and len(port) < 9):
            raise self._source.error("the model's XML has an edge without ends")
        if len(self._edges) >= _MAX_EDGES:
            raise self._source.error("the model is beyond any sensible size")
        self._edges.append(((self._bodies[-1], start), (self._bodies[-1], end), int(port)))

    def _add_fact(self, attributes: dict[str, str]) -> None:
        """Facts are nested elements; the last has its value as an attribute, and its name as tag or attribute."""
        if "value" not in attributes:
            return
        self._rt_count += 1
        if self._rt_count > _MAX_FACTS:
            raise self._source.error("the model is beyond any sensible size")
        *parents, last = self._path[2:]
        place = self._rt_info
        for name in parents:
            inner = place.setdefault(name, {})
            if type(inner) is not dict:
                return
            place = inner
        place[attributes.get("name", last)] = attributes["value"]


def dimensions(source: Source, text: str) -> tuple[int, ...]:
    """`16, 3, 3, 3` as numbers; the empty text is the shape of a single value.

    Raises:
        WeightsError: it is no list of sizes.
    """
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts):
        raise source.error("a tensor has no sensible shape", text[:80])
    return tuple(int(part) for part in parts)


def whole_number(source: Source, layer: Layer, name: str) -> int:
    """An attribute of a layer's data as a number of bytes.

    Raises:
        WeightsError: it is missing or no number.
    """
    text = layer.data.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise WeightsError("a tensor of the model has no place", context=[str(source.path), layer.name])
    return int(text)
