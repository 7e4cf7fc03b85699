"""Whether a network still is as it was initialised, told from its values alone.

Two traces remain of an initialisation. Normalisations start at scale 1 and shift 0 with running mean 0 and variance 1,
and the first steps of training move nearly all of them, each channel another way. torch draws weights of convolutions
and linear layers by `kaiming_uniform_(a=sqrt(5))`: uniform within +-1/sqrt(fan_in) (He et al. 2015, arXiv:1502.01852,
with torch's choice of gain), so their kurtosis is 1.8 and they reach the bound but never pass it; training gives them
heavy tails.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from yolow.checkpoint.contents import TensorEntry
from yolow.checkpoint.filters import fan_in, is_float, is_real_weight
from yolow.checkpoint.statistics import TensorStatistics

Verdict = Literal["random", "trained", "unclear"]
Shape = Literal["default", "uniform", "normal", "other"]

UNIFORM_KURTOSIS, NORMAL_KURTOSIS = 1.8, 3.0

# Fewer values don't show their distribution, and fewer layers don't show the network's.
_JUDGED_VALUES = 512
_JUDGED_LAYERS = 3
# Fusing an initial batch normalisation scales by 1/sqrt(1 + 1e-3), half precision rounds by 5e-4, bfloat16 by 2e-3.
_ROUNDING, _BFLOAT16_ROUNDING = 2e-3, 5e-3
_SIGMAS = 6
# Training that has begun moves nearly all normalisations; a few may come from a special initialisation.
_TRAINED_NORMS = 0.1
_INITIAL_SHARE, _TRAINED_SHARE = 0.7, 0.2
_INITIAL_BIASES = 0.9
# YOLO12's attention is drawn with `trunc_normal_(std=0.02)`.
_ATTENTION_STD = 0.02


@dataclass(frozen=True, kw_only=True)
class Initialisation:
    """Whether the weights are random or learned.

    Attributes:
        verdict: `random` only where nothing contradicts it; `unclear` where the file doesn't tell.
        evidence: sentences with figures, the strongest first.
    """

    verdict: Verdict
    evidence: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Norms:
    """Normalisations counted by what training has left in them.

    Attributes:
        layers: all normalisations.
        scales: those whose channels have scales that differ: a constant one was set, not learned.
        shifts: those whose channels have shifts that differ.
        running: those with a running mean other than 0 or a running variance other than 1.
        as_made: whether no value at all differs from the initial one.
        largest_scale: of all channels.
        batches: the most that one has counted.
    """

    layers: int
    scales: int
    shifts: int
    running: int
    as_made: bool
    largest_scale: float
    batches: int


@dataclass(frozen=True, kw_only=True)
class _Weights:
    """Layers counted by the distribution of their weights; medians over these layers."""

    layers: int
    shapes: Mapping[Shape, int]
    kurtosis: float
    reach: float | None
    other_biases: float

    def share(self, *shapes: Shape) -> float:
        return sum(self.shapes.get(shape, 0) for shape in shapes) / self.layers


def judge_initialisation(
    entries: Sequence[TensorEntry], statistics: Mapping[str, TensorStatistics]
) -> Initialisation:
    """Tell random from trained weights.

    Args:
        entries: of the network.
        statistics: by the entries' names; entries without any are left out.
    """
    known = [(entry, statistics[entry.name]) for entry in entries if entry.name in statistics]
    norms, weights = _norms(known), _weights(known)
    evidence = []
    if norms is not None:
        evidence.append(_norm_evidence(norms))
    if weights is not None:
        evidence.append(_weight_evidence(weights))
    if norms is None and weights is not None and weights.share("default") >= _INITIAL_SHARE:
        evidence.append(_bias_evidence(weights))
    if not evidence:
        evidence.append("the file has no normalisations and too few weights to judge by")
    return Initialisation(verdict=_verdict(norms, weights), evidence=tuple(evidence))


def _verdict(norms: _Norms | None, weights: _Weights | None) -> Verdict:
    if norms is not None:
        if max(norms.scales, norms.shifts) >= norms.layers * _TRAINED_NORMS:
            return "trained"
        looks_drawn = weights is None or weights.share("default", "uniform", "normal") >= _INITIAL_SHARE
        return "random" if norms.as_made and not norms.batches and looks_drawn else "unclear"
    if weights is None:
        return "unclear"
    if weights.share("default") >= _INITIAL_SHARE:
        return "random" if weights.other_biases <= 1 - _INITIAL_BIASES else "unclear"
    return "trained" if weights.share("default", "uniform", "normal") <= _TRAINED_SHARE else "unclear"


def _norms(known: Sequence[tuple[TensorEntry, TensorStatistics]]) -> _Norms | None:
    scales = [found for entry, found in known if entry.role == "norm_weight"]
    shifts = [found for entry, found in known if entry.role == "norm_bias"]
    if not scales and not shifts:
        return None
    moved_means = sum(not _is_all(found, 0.0) for found in _named(known, "running_mean"))
    moved_variances = sum(not _is_all(found, 1.0) for found in _named(known, "running_var"))
    running = max(moved_means, moved_variances)
    return _Norms(
        layers=max(len(scales), len(shifts)),
        scales=sum(map(_differs, scales)),
        shifts=sum(map(_differs, shifts)),
        running=running,
        as_made=(
            not running
            and all(_is_all(found, 1.0) for found in scales)
            and all(_is_all(found, 0.0) for found in shifts)
        ),
        largest_scale=max((found.peak for found in scales), default=0.0),
        batches=int(max((found.peak for found in _named(known, "num_batches_tracked")), default=0.0)),
    )


def _named(known: Sequence[tuple[TensorEntry, TensorStatistics]], name: str) -> Iterator[TensorStatistics]:
    return (found for entry, found in known if entry.name.rpartition(".")[2] == name)


def _is_all(found: TensorStatistics, value: float) -> bool:
    return not found.values or (found.is_constant and found.minimum == value)


def _differs(found: TensorStatistics) -> bool:
    return found.minimum != found.maximum


def _weights(known: Sequence[tuple[TensorEntry, TensorStatistics]]) -> _Weights | None:
    judged = [
        (entry, found)
        for entry, found in known
        if is_real_weight(entry) and found.values >= _JUDGED_VALUES and found.kurtosis is not None
    ]
    if len(judged) < _JUDGED_LAYERS:
        return None
    shapes: dict[Shape, int] = {}
    for entry, found in judged:
        shape = _shape(entry, found)
        shapes[shape] = shapes.get(shape, 0) + 1
    reaches = [_reach(entry, found) for entry, found in judged if is_float(entry)]
    return _Weights(
        layers=len(judged),
        shapes=shapes,
        kurtosis=median(found.kurtosis or 0.0 for _, found in judged),
        reach=median(reaches) if reaches else None,
        other_biases=_other_biases(known),
    )


def _shape(entry: TensorEntry, found: TensorStatistics) -> Shape:
    """The distribution that weights were drawn from, or `other`: within six standard errors of what it predicts."""
    assert found.kurtosis is not None
    assert found.std is not None
    # Standard error of the kurtosis: 24/n for a normal distribution (exactly), 0.82/n for a uniform one.
    rounding = _rounding(entry)
    if abs(found.kurtosis - UNIFORM_KURTOSIS) < _SIGMAS * math.sqrt(0.82 / found.values) + rounding:
        # The largest of n values misses the bound by bound/n on average.
        slack = 10 / found.values + rounding
        if is_float(entry) and -slack < _reach(entry, found) - 1 < rounding:
            return "default"
        return "uniform"
    if abs(found.kurtosis - NORMAL_KURTOSIS) < _SIGMAS * math.sqrt(24 / found.values):
        error = _SIGMAS / math.sqrt(2 * found.values) + rounding
        return "default" if abs(found.std / _ATTENTION_STD - 1) < error else "normal"
    return "other"


def _rounding(entry: TensorEntry) -> float:
    return _BFLOAT16_ROUNDING if entry.dtype == "bfloat16" else _ROUNDING


def _reach(entry: TensorEntry, found: TensorStatistics) -> float:
    """The largest magnitude in units of torch's default bound."""
    return found.peak * math.sqrt(fan_in(entry))


def _other_biases(known: Sequence[tuple[TensorEntry, TensorStatistics]]) -> float:
    """Share of the biases of layers that are neither constant nor within torch's default bound."""
    fans = {entry.module: fan_in(entry) for entry, _ in known if is_real_weight(entry)}
    biases = [(entry, found) for entry, found in known if entry.role == "bias" and found.values]
    others = [
        found
        for entry, found in biases
        if not found.is_constant
        and not 0.5 < found.peak * math.sqrt(fans.get(entry.module, 0)) < 1 + _rounding(entry)
    ]
    return len(others) / len(biases) if biases else 0.0


def _norm_evidence(norms: _Norms) -> str:
    batches = f"; {norms.batches:,} batches were counted" if norms.batches else ""
    if norms.as_made:
        return (
            f"all {norms.layers} normalisations are as they were made: scale 1, shift 0, "
            f"running mean 0 and variance 1{batches}"
        )
    largest = f" (largest {norms.largest_scale:.4g})" if norms.scales else ""
    return (
        f"of {norms.layers} normalisations, {norms.scales} have scales that differ between channels{largest}, "
        f"{norms.shifts} such shifts, {norms.running} running statistics other than the initial 0 and 1{batches}"
    )


def _weight_evidence(weights: _Weights) -> str:
    drawn = round(weights.share("default") * weights.layers)
    reach = "" if weights.reach is None else f", largest value {weights.reach:.2f} of torch's initial bound"
    return (
        f"the weights of {drawn} of {weights.layers} layers have the distribution that initial weights are drawn "
        f"from; median layer: kurtosis {weights.kurtosis:.2f} (uniform {UNIFORM_KURTOSIS}, normal "
        f"{NORMAL_KURTOSIS:.0f}, trained more){reach}"
    )


def _bias_evidence(weights: _Weights) -> str:
    return f"{1 - weights.other_biases:.0%} of the biases are constant or within torch's initial bound"
