"""Which tensor of one file stands for which of the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yolow.checkpoint.parts import Part

if TYPE_CHECKING:
    import numpy as np

# Values that are looked at to recognise a tensor, and how alike two tensors must be to be the same one.
_SAMPLE_VALUES = 4096
_LEAST_COSINE = 0.9
_LEAST_VECTOR_COSINE = 0.99
_LEAST_VALUES = 8
# A file with more tensors of one shape than any network has is not searched through.
_MOST_OF_ONE_SHAPE = 1000


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Both sides, pair by pair.

    Attributes:
        by_name: pairs of one name.
        by_values: pairs of different names whose shape and values say that they are the same tensor.
        only_before, only_after: the rest of each side.
    """

    by_name: tuple[tuple[Part, Part], ...]
    by_values: tuple[tuple[Part, Part], ...]
    only_before: tuple[Part, ...]
    only_after: tuple[Part, ...]


def pair(before: Sequence[Part], after: Sequence[Part], *, search: bool) -> Pairing:
    """Pair tensors of one name; then, if asked, those of other names that are recognised by shape and values.

    Order would not do for the second step: an export drops one of two heads whose tensors have the same shapes.

    Args:
        before, after: both sides.
        search: for files of different formats, whose names mean nothing to each other.
    """
    by_name_after = {part.name: part for part in after}
    by_name = tuple((part, by_name_after[part.name]) for part in before if part.name in by_name_after)
    taken = {part.name for part, _ in by_name}
    left_before = [part for part in before if part.name not in taken]
    left_after = [part for part in after if part.name not in taken]
    by_values = _recognised(left_before, left_after) if search else []
    found_before = {part.name for part, _ in by_values}
    found_after = {part.name for _, part in by_values}
    return Pairing(
        by_name=by_name,
        by_values=tuple(by_values),
        only_before=tuple(part for part in left_before if part.name not in found_before),
        only_after=tuple(part for part in left_after if part.name not in found_after),
    )


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its dimensions of size 1, which exports add and drop."""
    return tuple(size for size in shape if size != 1)


def _recognised(before: Sequence[Part], after: Sequence[Part]) -> list[tuple[Part, Part]]:
    groups: dict[tuple[int, ...], tuple[list[Part], list[Part]]] = defaultdict(lambda: ([], []))
    for side, parts in enumerate((before, after)):
        for part in parts:
            shape = squeezed(part.shape)
            if sum(shape) >= _LEAST_VALUES:
                groups[shape][side].append(part)
    found = []
    for shape, (ours, theirs) in groups.items():
        if ours and theirs and max(len(ours), len(theirs)) <= _MOST_OF_ONE_SHAPE:
            least = _LEAST_COSINE if len(shape) > 1 else _LEAST_VECTOR_COSINE
            found += [(ours[i], theirs[j]) for i, j in _best(ours, theirs, least)]
    places = {part.name: index for index, part in enumerate(before)}
    return sorted(found, key=lambda both: places[both[0].name])


def _best(ours: list[Part], theirs: list[Part], least: float) -> list[tuple[int, int]]:
    """Indices of the most alike pairs, each tensor in one pair at most."""
    import numpy as np

    alike = np.stack([_sample(part) for part in ours]) @ np.stack([_sample(part) for part in theirs]).T
    pairs, used_ours, used_theirs = [], set(), set()
    for index in np.argsort(-alike, axis=None, kind="stable"):
        i, j = divmod(int(index), len(theirs))
        if alike[i, j] < least:
            break
        if i not in used_ours and j not in used_theirs:
            pairs.append((i, j))
            used_ours.add(i)
            used_theirs.add(j)
    return pairs


def _sample(part: Part) -> np.ndarray:
    """Evenly spaced values in float64 as one vector of length 1, each output channel brought to length 1 before.

    Thus the scale of a channel doesn't matter, whether quantization took it out or a normalisation put it in.
    """
    import numpy as np

    shape = squeezed(part.shape)
    values = np.nan_to_num(
        (part.load_real or part.load)().reshape(shape).astype(np.float64), posinf=0.0, neginf=0.0
    )
    if len(shape) > 1:
        rows = values.reshape(shape[0], -1)
        values = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
    sample = values.reshape(-1)[:: max(1, values.size // _SAMPLE_VALUES)]
    unit: np.ndarray = sample / max(float(np.linalg.norm(sample)), 1e-300)
    return unit
