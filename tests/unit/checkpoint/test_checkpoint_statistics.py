"""The statistics of a tensor are those that torch computes in float64, whatever the type of its values."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import torch
from torch_contents import as_array

from yolow.checkpoint.statistics import HISTOGRAM_BINS, TensorStatistics, describe, histogram

# More than are converted at one time.
MANY = 2**18 + 2**17 + 1
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
INTEGERS = (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)


def check(found: TensorStatistics, tensor: torch.Tensor) -> None:
    """Compare with torch, whose values are the truth."""
    truth = tensor.double()
    finite = truth[truth.isfinite()]
    assert found.values == truth.numel()
    assert found.nan == int(truth.isnan().sum())
    assert found.inf == int(truth.isinf().sum())
    assert found.zeros == pytest.approx((truth == 0).double().mean().item(), rel=1e-12)
    assert found.minimum == finite.min().item()
    assert found.maximum == finite.max().item()
    assert found.mean == pytest.approx(finite.mean().item(), rel=1e-12, abs=1e-14)
    assert found.std == pytest.approx(finite.std(correction=0).item(), rel=1e-12)
    assert found.norm == pytest.approx(finite.norm().item(), rel=1e-12)
    distance = finite - finite.mean()
    kurtosis = (distance**4).mean() / (distance**2).mean() ** 2
    assert found.kurtosis == pytest.approx(kurtosis.item(), rel=1e-10)


@pytest.mark.parametrize("shape", [(2,), (7, 3), (16, 3, 3, 3), (MANY,)], ids=str)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_floats_of_any_width(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    tensor = (torch.randn(shape) * 0.03 + 0.5).to(dtype)
    tensor.view(-1)[0] = 0
    check(describe("a", as_array(tensor)), tensor)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_integers_of_any_width(dtype: torch.dtype) -> None:
    limits = torch.iinfo(dtype)
    low, high = max(limits.min, -(2**40)), min(limits.max, 2**40)
    tensor = torch.randint(low, high, (64, 3, 3), generator=torch.Generator().manual_seed(0)).to(dtype)
    tensor.view(-1)[:3] = torch.tensor([0, low, high])
    check(describe("a", as_array(tensor)), tensor)


def test_booleans_are_zero_and_one() -> None:
    found = describe("a", np.array([True, False, True, True]))
    assert (found.mean, found.minimum, found.maximum, found.zeros) == (0.75, 0.0, 1.0, 0.25)


@pytest.mark.parametrize("size", [1_000, MANY])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32], ids=str)
def test_what_is_not_finite_is_counted_and_left_out(dtype: torch.dtype, size: int) -> None:
    torch.manual_seed(0)
    tensor = torch.randn(size).to(dtype)
    tensor[::100] = torch.nan
    tensor[1::250] = torch.inf
    tensor[-2] = -torch.inf
    found = describe("a", as_array(tensor))
    assert found.nan > 0
    assert found.inf > 1
    check(found, tensor)


def test_zeros_are_a_share_of_all_values() -> None:
    values = np.array([0.0, -0.0, np.nan, 1.0])
    assert describe("a", values).zeros == 0.5


@pytest.mark.parametrize(
    ("array", "values", "nan", "inf"),
    [
        pytest.param(np.zeros((0, 3, 3)), 0, 0, 0, id="empty"),
        pytest.param(np.full((2, 2), np.nan, np.float16), 4, 4, 0, id="NaN only"),
        pytest.param(np.array([np.inf, -np.inf, np.nan]), 3, 1, 2, id="nothing finite"),
    ],
)
def test_without_a_finite_value_there_are_no_moments(
    array: np.ndarray, values: int, nan: int, inf: int
) -> None:
    assert describe("a", array) == TensorStatistics(
        name="a", values=values, mean=None, std=None, minimum=None, maximum=None, norm=None, kurtosis=None,
        zeros=0.0, nan=nan, inf=inf,
    )  # fmt: skip
    assert describe("a", array).peak == 0.0
    assert not describe("a", array).is_constant


def test_one_value_without_dimensions() -> None:
    found = describe("steps", np.array(-3, np.int64))
    assert (found.values, found.mean, found.std, found.minimum, found.norm) == (1, -3.0, 0.0, -3.0, 3.0)
    assert found.peak == 3.0


@pytest.mark.parametrize("size", [3, 1_000, MANY])
def test_equal_values_do_not_deviate_at_all(size: int) -> None:
    # 0.1 has no exact binary form: its sum is rounded, and so would be the mean.
    found = describe("a", np.full(size, 0.1))
    assert (found.mean, found.std, found.kurtosis) == (0.1, 0.0, None)
    assert found.norm == pytest.approx(0.1 * math.sqrt(size))
    assert found.is_constant


@pytest.mark.parametrize("unit", [1e300, 1e-300])
def test_powers_neither_overflow_nor_vanish(unit: float) -> None:
    plain = describe("a", np.array([1.0, 2.0, 3.0, 10.0]))
    found = describe("a", np.array([1.0, 2.0, 3.0, 10.0]) * unit)
    assert found.std == pytest.approx((plain.std or 0) * unit, rel=1e-12)
    assert found.norm == pytest.approx((plain.norm or 0) * unit, rel=1e-12)
    assert found.kurtosis == pytest.approx(plain.kurtosis, rel=1e-12)


def test_a_large_mean_does_not_drown_the_deviation() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    assert describe("a", values + 1e6).std == pytest.approx(values.std(), rel=1e-7)


def test_complex_values_are_only_counted() -> None:
    found = describe("a", np.array([1 + 2j, 0, complex(0, np.nan)]))
    assert (found.mean, found.nan, found.zeros) == (None, 1, pytest.approx(1 / 3))


def test_the_order_in_memory_does_not_matter() -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert describe("a", np.asfortranarray(values)) == describe("a", values)
    assert describe("a", values[:, ::-1]).minimum == 0.0


def test_memory_stays_small_beside_a_large_tensor() -> None:
    values = np.ones(8_000_000, np.float16)
    values[::2] = 0.5
    tracemalloc.start()
    try:
        found = describe("a", values)
        histogram(values, 0.5, 1.0)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.mean == 0.75
    assert peak_bytes < values.nbytes


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
@pytest.mark.parametrize("size", [100, MANY])
def test_the_histogram_counts_as_numpy_does(size: int, dtype: type) -> None:
    # Multiples of the bins' width lie on their edges exactly, on which rounding could be seen.
    values = np.random.default_rng(0).integers(-16, 17, size).astype(dtype)
    values[:2] = -16, 16
    counts, _ = np.histogram(values.astype(np.float64), HISTOGRAM_BINS, (-16, 16))
    assert histogram(values, -16.0, 16.0) == tuple(counts)
    assert sum(counts) == size


def test_the_histogram_leaves_out_what_is_not_finite() -> None:
    values = np.array([[np.nan, 0.0], [np.inf, 1.0]], np.float32)
    counts = histogram(values, 0.0, 1.0)
    assert (counts[0], counts[-1], sum(counts)) == (1, 1, 2)


def test_equal_values_are_in_the_middle_of_the_histogram() -> None:
    counts = histogram(np.full(5, 0.1, np.float32), 0.1, 0.1)
    assert counts[HISTOGRAM_BINS // 2] == sum(counts) == 5


def test_the_histogram_of_the_widest_range() -> None:
    counts = histogram(np.array([-1.7e308, 0.0, 1.7e308]), -1.7e308, 1.7e308)
    assert (counts[0], counts[HISTOGRAM_BINS // 2], counts[-1]) == (1, 1, 1)


def test_an_empty_histogram() -> None:
    assert histogram(np.zeros((0, 3)), 0.0, 0.0) == (0,) * HISTOGRAM_BINS
