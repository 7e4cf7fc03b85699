"""Dead and duplicated filters, scales that stand out, values that are not finite, and what is said of them."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch_contents import contents_of

from yolow.checkpoint.contents import Contents, TensorEntry
from yolow.checkpoint.health import LayerHealth, examine
from yolow.checkpoint.open import open_contents


class Block(nn.Module):
    """A convolution and its normalisation under the names that Ultralytics gives them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, bias=False)
        self.bn = nn.BatchNorm2d(outputs)


def blocks(count: int, channels: int = 8) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(Block(channels, channels) for _ in range(count)))


def weight(network: nn.Module, name: str) -> torch.Tensor:
    """The values of a parameter, to be changed in place."""
    return network.get_parameter(name).data


def only_layer(network: nn.Module) -> LayerHealth:
    (layer,) = examine(contents_of(network)).layers
    return layer


def exported(file_format: str, kind: str, values: np.ndarray) -> Contents:
    """One weight of a node of an export."""
    entry = TensorEntry(
        name="/conv", role="weight", dtype=str(values.dtype), shape=values.shape, size_bytes=values.nbytes,
        module="/conv", kind=kind,
    )  # fmt: skip
    return Contents(
        path=Path("x"), format=file_format, size_bytes=1, entries=(entry,), reader=lambda _: values
    )


def test_a_filter_of_zeros_is_dead() -> None:
    network = nn.Conv2d(4, 8, 3)
    weight(network, "weight")[2:5] = 0
    layer = only_layer(network)
    assert (layer.name, layer.filters, layer.dead, layer.duplicated) == ("weight", 8, 3, 0)


@pytest.mark.parametrize(("share", "dead"), [(0.9e-8, 1), (1.1e-8, 0)])
def test_a_filter_is_dead_below_a_share_of_the_largest_value(share: float, dead: int) -> None:
    network = nn.Conv2d(4, 8, 3)
    weight(network, "weight")[0, 0, 0, 0] = 2.0
    weight(network, "weight")[3] = 2.0 * share
    assert only_layer(network).dead == dead


def test_a_filter_is_dead_where_the_normalisation_gives_zero() -> None:
    network = blocks(2)
    weight(network, "1.bn.weight")[[1, 4]] = 0
    weight(network, "1.conv.weight")[4] = 0
    first, second = examine(contents_of(network)).layers
    assert (first.dead, second.dead) == (0, 2)


def test_the_normalisation_may_be_the_next_of_a_sequence() -> None:
    network = nn.Sequential(nn.Conv2d(2, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1))
    weight(network, "1.weight")[5] = 0
    assert [layer.dead for layer in examine(contents_of(network)).layers] == [1, 0, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_filter_that_is_not_finite_is_neither_dead_nor_duplicated(value: float) -> None:
    network = nn.Conv2d(4, 8, 3)
    weight(network, "weight")[2:4] = value
    layer = only_layer(network)
    assert (layer.dead, layer.duplicated, layer.not_finite) == (0, 0, 72)


def test_all_filters_dead() -> None:
    network = nn.Conv2d(4, 8, 3)
    weight(network, "weight").zero_()
    layer = only_layer(network)
    assert (layer.dead, layer.duplicated, layer.scale, layer.low, layer.high) == (8, 0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(64, 1), (64, 3), (65, 17), (33, 300), (400, 2_000)], ids=str)
def test_equal_filters_are_found_wherever_they_stand(shape: tuple[int, int], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    filters, inputs = shape
    network = nn.Linear(inputs, filters)
    # Values that are no other filter's, even in half precision and with one value a filter.
    weight(network, "weight").copy_((torch.randperm(filters)[:, None] + 1) * torch.rand(inputs).add(0.5))
    copies = torch.arange(3, filters - 1, 5)
    weight(network, "weight")[copies] = weight(network, "weight")[1].clone()
    layer = only_layer(network.to(dtype))
    assert (layer.duplicated, layer.dead) == (len(copies), 0)


def test_filters_with_equal_sums_are_told_apart() -> None:
    network = nn.Linear(3, 6)
    weight(network, "weight").copy_(
        torch.tensor([[1, 2, 3], [3, 2, 1], [-1, 2, 3], [1, 2, 3], [2, 2, 2], [3, 2, 1]])
    )
    assert only_layer(network).duplicated == 2


def test_dead_filters_are_not_duplicated_ones() -> None:
    network = blocks(1)
    weight(network, "0.conv.weight")[:4] = 0
    weight(network, "0.conv.weight")[5:8] = weight(network, "0.conv.weight")[4]
    weight(network, "0.bn.weight")[7] = 0
    layer = only_layer(network)
    assert (layer.dead, layer.duplicated) == (5, 2)


def test_equal_filters_of_a_depthwise_convolution_do_different_work() -> None:
    network = nn.Conv2d(8, 8, 3, groups=8)
    weight(network, "weight")[:] = weight(network, "weight")[0].clone()
    weight(network, "weight")[3] = 0
    layer = only_layer(network)
    assert (layer.filters, layer.dead, layer.duplicated) == (8, 1, 0)
    assert layer.scale == pytest.approx(weight(network, "weight").double().std(correction=0).item() * 3)


def test_a_transposed_convolution_has_its_filters_in_the_second_dimension() -> None:
    network = nn.ConvTranspose2d(3, 8, 2)
    weight(network, "weight")[:, 2] = 0
    weight(network, "weight")[:, 6] = weight(network, "weight")[:, 5]
    layer = only_layer(network)
    assert (layer.filters, layer.dead, layer.duplicated) == (8, 1, 1)


def test_what_has_no_filters() -> None:
    network = nn.Sequential(
        nn.Embedding(10, 4), nn.Conv2d(4, 1, 3), nn.BatchNorm2d(4), nn.PReLU(4), nn.LayerNorm((4, 4))
    )
    assert examine(contents_of(network)).layers == ()


def test_an_attention_has_filters_under_a_name_of_its_own() -> None:
    network = nn.MultiheadAttention(8, 2)
    layers = examine(contents_of(network)).layers
    assert [(layer.name, layer.filters) for layer in layers] == [
        ("in_proj_weight", 24),
        ("out_proj.weight", 8),
    ]


@pytest.mark.parametrize(
    ("file_format", "kind", "shape", "filters"),
    [
        ("onnx", "Conv", (8, 2, 3, 3), 8),
        ("tflite", "CONV_2D", (8, 3, 3, 2), 8),
        ("ncnn", "ConvolutionDepthWise", (8, 1, 3, 3), 8),
        ("openvino", "Convolution", (8, 2, 3, 3), 8),
        ("openvino", "GroupConvolution", (4, 2, 1, 3, 3), 8),
        ("safetensors", None, (8, 2, 3, 3), None),
        ("onnx", "MatMul", (8, 2), None),
        ("tflite", "DEPTHWISE_CONV_2D", (1, 3, 3, 8), None),
    ],
)  # fmt: skip
def test_filters_of_exports_where_their_dimension_is_known(
    file_format: str, kind: str, shape: tuple[int, ...], filters: int | None
) -> None:
    values = np.random.default_rng(0).random(shape, np.float32)
    layers = examine(exported(file_format, kind, values)).layers
    assert [layer.filters for layer in layers] == ([] if filters is None else [filters])


def test_integers_have_filters_but_no_scale() -> None:
    values = np.random.default_rng(0).integers(-127, 128, (8, 2, 3, 3)).astype(np.int8)
    values[1] = values[2] = -128
    values[4] = 0
    (layer,) = examine(exported("onnx", "Conv", values)).layers
    assert (layer.dead, layer.duplicated, layer.scale, layer.low) == (1, 1, None, -128.0)


def test_many_equal_filters_take_no_quadratic_time() -> None:
    rows = torch.arange(1.0, 10.0).repeat(100_000, 1)
    rows[1::2] = rows[1].flip(0)  # another filter with the same sum
    network = nn.Linear(9, 100_000, bias=False)
    weight(network, "weight").copy_(rows)
    started = time.perf_counter()
    assert only_layer(network).duplicated == 99_998
    assert time.perf_counter() - started < 3


def findings(network: nn.Module) -> tuple[str, ...]:
    return examine(contents_of(network)).findings


@pytest.mark.parametrize("factor", [100, 0.01])
def test_a_scale_far_from_the_others_stands_out(factor: float) -> None:
    network = blocks(10)
    weight(network, "4.conv.weight").mul_(factor)
    health = examine(contents_of(network))
    assert [layer.name for layer in health.layers if layer.stands_out] == ["4.conv.weight"]
    scale = health.layers[4].scale
    assert scale == pytest.approx(0.577 * factor, rel=0.05)
    (finding,) = health.findings
    assert finding.startswith(
        f"the scale of 4.conv.weight stands out: {scale:.3g}, where the median convolution"
    )


def test_a_factor_below_five_never_stands_out() -> None:
    network = blocks(10)
    weight(network, "4.conv.weight").mul_(4.5)
    assert findings(network) == ()


def test_few_layers_do_not_show_what_is_usual() -> None:
    network = blocks(7)
    weight(network, "4.conv.weight").mul_(100)
    assert findings(network) == ()


@pytest.mark.parametrize(("factor", "stands_out"), [(20, False), (100, True)])
def test_folded_normalisations_let_scales_differ_more(factor: float, stands_out: bool) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(*(nn.Conv2d(8, 8, 3) for _ in range(10)))
    weight(network, "4.weight").mul_(factor)
    assert bool(findings(network)) is stands_out


def test_a_layer_without_a_scale_is_not_compared() -> None:
    network = blocks(10)
    weight(network, "4.conv.weight").zero_()
    weight(network, "5.conv.weight").fill_(torch.nan)
    health = examine(contents_of(network))
    assert [layer.name for layer in health.layers if layer.stands_out] == []
    assert (health.layers[4].scale, health.layers[5].scale) == (0.0, None)


def test_sentences_begin_with_what_is_worst() -> None:
    network = blocks(10)
    weight(network, "0.conv.weight").mul_(1000)
    weight(network, "1.conv.weight")[:2] = 0
    weight(network, "2.conv.weight")[0] = 0
    weight(network, "3.conv.weight")[1] = weight(network, "3.conv.weight")[0]
    weight(network, "4.conv.weight").zero_()
    weight(network, "9.conv.weight")[0, 0, 0] = torch.tensor([torch.nan, torch.inf, -torch.inf])
    assert findings(network) == (
        "9.conv.weight has 3 of 576 values that are not finite (1 NaN, 2 infinite)",
        "every filter is dead in 4.conv.weight; a fresh network may have such by design",
        "dead filters: 3 of 80, most in 1.conv.weight (2)",
        "duplicated filters: 1 of 80, all in 3.conv.weight",
        "the scale of 0.conv.weight stands out: 582, where the median convolution has 0.571",
    )


def test_long_lists_are_cut() -> None:
    network = blocks(20)
    for parameter in network.parameters():
        parameter.data.fill_(torch.nan)
    assert findings(network)[4:] == (
        "1.bn.weight has 8 of 8 values that are not finite (8 NaN, 0 infinite)",
        "55 more tensors have values that are not finite",
    )
    network = blocks(20)
    for block in network:
        weight(block, "conv.weight").zero_()
        weight(block, "bn.weight").uniform_()
    names = ", ".join(f"{index}.conv.weight" for index in range(5))
    assert findings(network) == (f"every filter is dead in {names} and 15 more",)


def test_a_healthy_network_has_no_findings() -> None:
    assert findings(blocks(10)) == ()


def test_nothing_is_warned_of_on_the_terminal() -> None:
    # numpy warns when it converts a signalling NaN, which a file may hold.
    bits = np.full((8, 4), 0x7C01, np.uint16)
    bits[1] = 0x3C00
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        health = examine(exported("onnx", "Conv", bits.view(np.float16)))
        examine(exported("onnx", "Conv", np.full((8, 4), 3e38, np.float32)))
    assert health.statistics[0].nan == 28


def test_each_tensor_is_read_once_and_shared_ones_not_at_all() -> None:
    contents = contents_of(blocks(3))
    read: list[str] = []

    def reader(entry: TensorEntry) -> np.ndarray:
        read.append(entry.name)
        return contents.reader(entry)

    twin = replace(contents.entries[0], name="twin.weight", shared_with=contents.entries[0].name)
    health = examine(replace(contents, entries=(*contents.entries, twin), reader=reader))
    assert read == [entry.name for entry in contents.entries]
    assert [found.name for found in health.statistics] == read


def test_an_empty_file() -> None:
    nothing = Contents(path=Path("x"), format="onnx", size_bytes=0, entries=(), reader=lambda _: np.zeros(0))
    health = examine(nothing)
    assert (health.statistics, health.layers, health.findings) == ((), (), ())
    assert health.initialisation.verdict == "unclear"


def test_the_histogram_of_a_layer_holds_all_its_values() -> None:
    network = nn.Conv2d(4, 8, 3)
    weight(network, "weight")[0, 0, 0, 0] = torch.nan
    layer = only_layer(network)
    values = weight(network, "weight")
    finite = values[values.isfinite()]
    assert (layer.low, layer.high) == (finite.min().item(), finite.max().item())
    counts, _ = np.histogram(finite.double().numpy(), 32, (layer.low, layer.high))
    assert layer.histogram == tuple(counts)


@pytest.mark.shared
def test_yolo26n_is_healthy(shared_folder: Path) -> None:
    health = examine(open_contents(shared_folder / "weights" / "yolo26n.pt"))
    assert health.findings == ()
    assert len(health.statistics) == 708
    assert sum(layer.filters for layer in health.layers) == 10_288


@pytest.mark.slow
def test_sixty_million_values_take_seconds() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(*(nn.Conv2d(512, 512, 3) for _ in range(26)))
    contents = contents_of(network.half())
    assert sum(entry.values for entry in contents.entries) > 60_000_000
    started = time.perf_counter()
    health = examine(contents)
    assert time.perf_counter() - started < 5
    assert health.findings == ()
