"""Compare the tensors of two weight files: which are equal, and how far apart the others are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from yolow.checkpoint.contents import Contents, Role
from yolow.checkpoint.difference import Distance, distance, relation
from yolow.checkpoint.pairing import pair, squeezed
from yolow.checkpoint.parts import Part, fused_parts_of, has_norms, parts_of
from yolow.errors import WeightsError

State = Literal["equal", "rounded", "changed", "reshaped", "added", "removed"]
LayerState = Literal["equal", "rounded", "changed", "added", "removed"]
# Relative error of a tensor that was computed in a type: two units in the last place.
_ROUNDING = {"float16": 2 * 2.0**-10, "bfloat16": 2 * 2.0**-7, "float32": 2 * 2.0**-23}
# Formats that keep a network's modules; an export keeps the operations of a graph.
_NETWORKS = frozenset({"pytorch", "safetensors"})
_ALONE: tuple[Literal["equal", "added", "removed"], ...] = ("equal", "added", "removed")
STATES: tuple[State, ...] = ("equal", "rounded", "changed", "reshaped", "added", "removed")


@dataclass(frozen=True, kw_only=True)
class TensorChange:
    """One tensor on both sides.

    Attributes:
        name: on the first side, or on the second where only that has it.
        other_name: on the second side, where it has another name there.
        role, module: as in `TensorEntry`.
        state: `equal`: the same values, bit by bit where the types are the same; `rounded`: one side is the other
            rounded to its narrower type, or fused with fewer digits; `changed`; `reshaped`: another shape; `removed`,
            `added`: on the first or the second side only.
        shape_a, shape_b, dtype_a, dtype_b: None where a side has no such tensor.
        relative_l2: ||a - b|| / ||a||; None where the values can't be compared or a is zero.
        cosine: of the angle between both, in [-1, 1]; None where one of them is zero.
        max_difference: largest absolute difference of two values.
        signal_to_noise_db: 10 log10(||a||^2 / ||a - b||^2) in decibels; None where nothing differs.
        not_finite: values left out of these, since one of the two is NaN or infinite.
    """

    name: str
    other_name: str | None = None
    role: Role
    module: str
    state: State
    shape_a: tuple[int, ...] | None = None
    shape_b: tuple[int, ...] | None = None
    dtype_a: str | None = None
    dtype_b: str | None = None
    relative_l2: float | None = None
    cosine: float | None = None
    max_difference: float | None = None
    signal_to_noise_db: float | None = None
    not_finite: int = 0


@dataclass(frozen=True, kw_only=True)
class LayerChange:
    """The tensors of one layer or module together.

    Attributes:
        path: such as `model.0`.
        kind: its class, where known.
        state: `equal`, `added` or `removed` where all its tensors are; `rounded` where all are equal or rounded;
            else `changed`.
        tensors: how many tensors are in each state, all six named.
        values: how many values the compared tensors have.
        relative_l2, cosine, max_difference, signal_to_noise_db: as in `TensorChange`, over weights, biases and
            normalisations together; over the buffers only where the layer has nothing else that differs. None where
            nothing could be compared.
    """

    path: str
    kind: str | None
    state: LayerState
    tensors: dict[State, int]
    values: int
    relative_l2: float | None
    cosine: float | None
    max_difference: float | None
    signal_to_noise_db: float | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two weight files, tensor by tensor.

    Attributes:
        tensors: in the first file's order, then those that only the second has.
        layers: by the layers of the network's top Sequential, in order.
        modules: by the modules that hold the tensors, in order.
        fused: the sides whose batch normalisation was folded into the convolutions to be comparable: `a`, `b`.
        recognised: how many tensors were paired by shape and values, since the formats name them differently.
    """

    tensors: tuple[TensorChange, ...]
    layers: tuple[LayerChange, ...]
    modules: tuple[LayerChange, ...]
    fused: tuple[Literal["a", "b"], ...] = ()
    recognised: int = 0


def compare(a: Contents, b: Contents) -> Comparison:
    """Compare two weight files of any formats; at any time two tensors are in memory.

    Where only one side has batch normalisation beside its convolutions, it is folded in first: that is what exports
    and fused checkpoints hold.

    Raises:
        WeightsError: values can't be read, or the files have no tensor in common.
    """
    fused: tuple[Literal["a", "b"], ...] = ()
    if has_norms(a) != has_norms(b):
        fused = ("a",) if has_norms(a) else ("b",)
    before = fused_parts_of(a) if "a" in fused else parts_of(a)
    after = fused_parts_of(b) if "b" in fused else parts_of(b)
    same_format = a.format == b.format
    pairing = pair(before, after, search=not same_format)
    if not pairing.by_name and not pairing.by_values:
        raise WeightsError(
            "the two files have no tensor in common",
            context=[f"{one.path}: {len(one.entries)} tensors, {one.format}" for one in (a, b)],
        )
    pairs = (*pairing.by_name, *pairing.by_values)
    compared = [_compared(one, other, same_format=same_format) for one, other in pairs]
    compared += [_Compared(_alone(part, "removed")) for part in pairing.only_before]
    places = {part.name: index for index, part in enumerate(before)}
    compared.sort(key=lambda one: places[one.change.name])
    compared += [_Compared(_alone(part, "added")) for part in pairing.only_after]
    networks = [contents for contents in (b, a) if contents.format in _NETWORKS]
    kinds = {module.path: module.kind for contents in networks for module in contents.modules}
    # Constants that only one export has are no part of a layer.
    in_layers = [one for one in compared if len(networks) == 2 or not _is_lone_buffer(one.change)]
    return Comparison(
        tensors=tuple(one.change for one in compared),
        layers=_summed(in_layers, lambda change: layer_of(change.module), kinds),
        modules=_summed(in_layers, lambda change: change.module, kinds),
        fused=fused,
        recognised=len(pairing.by_values),
    )


def layer_of(module: str) -> str:
    """The layer that a module belongs to: its path up to the first number, `model.23` of `model.23.cv2.0.conv`."""
    parts = module.replace("/", ".").strip(".").split(".")
    for index, part in enumerate(parts):
        if part.isdecimal():
            return ".".join(parts[: index + 1])
    return parts[0]


@dataclass(frozen=True)
class _Compared:
    """A change with the sums that its layer needs."""

    change: TensorChange
    distance: Distance | None = None
    values: int = 0


@dataclass
class _Sum:
    """What a layer's tensors add up to."""

    states: dict[State, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    values: int = 0
    fitted: Distance | None = None
    buffers: Distance | None = None

    @property
    def state(self) -> LayerState:
        found = {state for state, count in self.states.items() if count}
        for alone in _ALONE:
            if found == {alone}:
                return alone
        return "rounded" if found <= {"equal", "rounded"} else "changed"

    def add(self, one: _Compared) -> None:
        self.states[one.change.state] += 1
        self.values += one.values
        if one.distance is None:
            return
        if one.change.role == "buffer":
            self.buffers = one.distance if self.buffers is None else self.buffers + one.distance
        else:
            self.fitted = one.distance if self.fitted is None else self.fitted + one.distance

    @property
    def distance(self) -> Distance | None:
        """That of what training fits; running means and counters have other magnitudes and would drown it."""
        if self.fitted is None or (self.fitted.difference == 0.0 and self.buffers is not None):
            return self.buffers
        return self.fitted


def _compared(a: Part, b: Part, *, same_format: bool) -> _Compared:
    change = TensorChange(
        name=a.name,
        other_name=None if b.name == a.name else b.name,
        role=a.role,
        module=a.module,
        state="reshaped",
        shape_a=a.shape,
        shape_b=b.shape,
        dtype_a=a.dtype,
        dtype_b=b.dtype,
    )
    if a.shape != b.shape and (same_format or squeezed(a.shape) != squeezed(b.shape)):
        return _Compared(change)
    if a.dtype == b.dtype:
        one, other = a.load(), b.load()
    else:
        one, other = (a.load_real or a.load)(), (b.load_real or b.load)()
    same_type = a.dtype == b.dtype and not (a.fused or b.fused)
    state: State = relation(one, other, same_type=same_type)
    if state == "changed" and one.dtype.kind != other.dtype.kind:
        return _Compared(
            replace(change, state=state)
        )  # a quantized tensor's whole numbers mean nothing without its scale
    measured = distance(one, other)
    change = replace(
        change,
        state="rounded" if state == "changed" and _within_fusing(a, b, measured) else state,
        relative_l2=measured.relative_l2,
        cosine=measured.cosine,
        max_difference=measured.maximum,
        signal_to_noise_db=measured.signal_to_noise_db,
        not_finite=measured.not_finite,
    )
    return _Compared(change, distance=measured, values=a.values)


def _is_lone_buffer(change: TensorChange) -> bool:
    return change.role == "buffer" and change.state in ("added", "removed")


def _within_fusing(a: Part, b: Part, measured: Distance) -> bool:
    """Whether a tensor that was fused here differs by no more than its fusing elsewhere in fewer digits would."""
    if a.fused == b.fused or measured.relative_l2 is None:
        return False
    stored = b if a.fused else a
    return measured.relative_l2 <= _ROUNDING.get(stored.dtype, 0.0)


def _alone(part: Part, state: Literal["added", "removed"]) -> TensorChange:
    change = TensorChange(name=part.name, role=part.role, module=part.module, state=state)
    if state == "added":
        return replace(change, shape_b=part.shape, dtype_b=part.dtype)
    return replace(change, shape_a=part.shape, dtype_a=part.dtype)


def _summed(
    compared: Iterable[_Compared], path_of: Callable[[TensorChange], str], kinds: Mapping[str, str]
) -> tuple[LayerChange, ...]:
    """One entry for each path, in order of appearance.

    Args:
        path_of: gives the layer or module that a tensor is counted to.
        kinds: path of a module -> its class.
    """
    sums: dict[str, _Sum] = {}
    for one in compared:
        sums.setdefault(path_of(one.change), _Sum()).add(one)
    changes = []
    for path, total in sums.items():
        measured = total.distance
        changes.append(
            LayerChange(
                path=path,
                kind=kinds.get(path),
                state=total.state,
                tensors=total.states,
                values=total.values,
                relative_l2=None if measured is None else measured.relative_l2,
                cosine=None if measured is None else measured.cosine,
                max_difference=None if measured is None else measured.maximum,
                signal_to_noise_db=None if measured is None else measured.signal_to_noise_db,
            )
        )
    return tuple(changes)
