"""Read an ONNX file: its tensors, the operations that use them, and what Ultralytics wrote into it.

The file is walked in place, so that its values stay on the disk until they are asked for and a hostile file can't
make a parser build objects without bound; nothing is inferred or executed.

Source of the rules: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yolow.checkpoint.contents import Contents
from yolow.checkpoint.export_metadata import facts_of
from yolow.checkpoint.layer_precision import modules_with_weights
from yolow.checkpoint.onnx_roles import Node, Roles
from yolow.checkpoint.onnx_tensor import OnnxTensor, read_pair, read_tensor
from yolow.checkpoint.protobuf_wire import Field, Wire
from yolow.checkpoint.raw_values import Source
from yolow.errors import WeightsError

_IR_VERSION, _PRODUCER, _PRODUCER_VERSION, _GRAPH, _OPSET, _METADATA, _FUNCTIONS = 1, 2, 3, 7, 8, 14, 25
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15
_INPUT, _OUTPUT, _NAME, _OP_TYPE, _ATTRIBUTE = 1, 2, 3, 4, 5
_A_TENSOR, _A_GRAPH, _A_GRAPHS = 5, 6, 11
_MAX_DEPTH = 8
_MAX_NODES = 100_000


@dataclass
class Graph:
    """What was found on the way through the file; subgraphs are counted, their tensors kept."""

    tensors: dict[str, OnnxTensor] = field(default_factory=dict)
    constants: dict[str, OnnxTensor] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    subgraphs: int = 0


def read_onnx(path: Path) -> Contents:
    """Read an ONNX file.

    Raises:
        WeightsNotFoundError: there is no such file, or a file of its values is missing.
        WeightsError: it is not an ONNX file, it is damaged, or its values lie outside its folder.
    """
    source = Source.of(path)
    with source.open() as file:
        facts, graph = _model(Wire(source, file))
    roles = Roles(graph.nodes, graph.tensors | graph.constants)
    entries, tensors = roles.entries()
    if graph.subgraphs:
        facts["subgraphs"] = graph.subgraphs
    others = {tensor.place.source for tensor in tensors.values()} - {source}
    return Contents(
        path=path,
        format="onnx",
        size_bytes=source.size_bytes + sum(other.size_bytes for other in others),
        entries=entries,
        modules=modules_with_weights(entries),
        facts=facts | roles.quantization(),
        reader=lambda entry: tensors[entry.name].read(),
    )


def _model(wire: Wire) -> tuple[dict[str, Any], Graph]:
    facts: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    graphs: list[Field] = []
    functions = opsets = 0
    try:
        for one in wire.fields(0, wire.source.size_bytes):
            if one.number == _GRAPH:
                graphs.append(one)
            elif one.number == _IR_VERSION and not one.is_bytes:
                facts["ir_version"] = one.value
            elif one.number == _METADATA:
                metadata.update([read_pair(wire, one)])
            elif one.number == _OPSET:
                facts.update(_opset(wire, one))
            elif one.number in (_PRODUCER, _PRODUCER_VERSION):
                facts["producer" if one.number == _PRODUCER else "producer_version"] = wire.text(one)
            functions += one.number == _FUNCTIONS
            opsets += one.number == _OPSET
    except WeightsError as error:
        if graphs or "ir_version" in facts:
            raise
        raise wire.source.error("the file is not an ONNX model", *error.context[1:]) from None
    if len(graphs) != 1 or not graphs[0].is_bytes or "ir_version" not in facts:
        # Protobuf readers merge repeated graphs into one, each in its own way.
        raise wire.source.error("the file is not an ONNX model", "it has no graph, or several")
    if not opsets:  # stands after the graph, so that a file that was cut there would pass
        raise wire.source.error("the file is cut short: it does not say of which version its operations are")
    graph = Graph()
    _read_graph(wire, graphs[0], graph, "", 0)
    if twice := graph.tensors.keys() & graph.constants.keys():
        raise wire.source.error("a value of the model is made twice", min(twice))
    if functions:
        facts["local_functions"] = functions
    known = facts_of(metadata)
    return facts | known, graph


def _opset(wire: Wire, one: Field) -> dict[str, int]:
    domain, version = "", 0
    for part in wire.fields(one.start, one.end):
        if part.number == 1:
            domain = wire.text(part)
        elif part.number == 2:
            version = part.value
    return {"opset": version} if domain in ("", "ai.onnx") else {}


def _read_graph(wire: Wire, where: Field, graph: Graph, prefix: str, depth: int) -> None:
    """Collect what a graph holds; names in a subgraph get the prefix, since they may repeat outer ones."""
    if depth > _MAX_DEPTH:
        raise wire.source.error("the graph is nested too deeply")
    for one in wire.fields(where.start, where.end):
        if one.number == _NODE:
            _read_node(wire, one, graph, prefix, depth)
        elif one.number == _INITIALIZER:
            tensor = read_tensor(wire, one.start, one.end)
            if tensor is not None:
                name = prefix + tensor.name
                if not tensor.name or name in graph.tensors:
                    raise wire.source.error("a tensor of the model has no name, or one that is taken", name)
                graph.tensors[name] = tensor
        elif one.number == _SPARSE:
            raise wire.source.error("the model has sparse tensors, which can't be read")
        if len(graph.tensors) + len(graph.nodes) > _MAX_NODES:
            raise wire.source.error("the model is beyond any sensible size")


def _read_node(wire: Wire, where: Field, graph: Graph, prefix: str, depth: int) -> None:
    inputs, outputs, name, kind = [], [], "", ""
    attributes: list[Field] = []
    for one in wire.fields(where.start, where.end):
        if one.number == _INPUT:
            inputs.append(prefix + wire.text(one))
        elif one.number == _OUTPUT:
            outputs.append(prefix + wire.text(one))
        elif one.number == _NAME:
            name = wire.text(one)
        elif one.number == _OP_TYPE:
            kind = wire.text(one)
        elif one.number == _ATTRIBUTE:
            attributes.append(one)
    node = Node(kind, prefix + name, tuple(inputs), tuple(outputs))
    for attribute in attributes:
        _read_attribute(wire, attribute, graph, node, depth)
    graph.nodes.append(node)


def _read_attribute(wire: Wire, where: Field, graph: Graph, node: Node, depth: int) -> None:
    for one in wire.fields(where.start, where.end):
        if one.number in (_A_GRAPH, _A_GRAPHS) and one.is_bytes:
            graph.subgraphs += 1
            _read_graph(wire, one, graph, f"subgraph{graph.subgraphs}/", depth + 1)
        elif one.number == _A_TENSOR and one.is_bytes and node.kind == "Constant" and node.outputs:
            tensor = read_tensor(wire, one.start, one.end)
            if tensor is None:
                continue
            if node.outputs[0] in graph.constants:
                raise wire.source.error("a value of the model is made twice", node.outputs[0])
            graph.constants[node.outputs[0]] = tensor
