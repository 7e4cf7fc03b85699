"""The canvas that solar scenes are painted on: rotated rectangles, grainy patches, shadows, light.

Colours are RGB in 0-255. Lengths are pixels unless a name says metres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

SUPERSAMPLE = 2  # patches are drawn this much finer than the picture, then warped onto it

Color = Sequence[float] | np.ndarray
Window = tuple[slice, slice]


@dataclass(frozen=True, kw_only=True)
class Rect:
    """A rotated rectangle: centre and sides in pixels, angle in degrees, clockwise as seen."""

    x: float
    y: float
    w: float
    h: float
    angle: float

    def axes(self) -> np.ndarray:
        """Returns the 2x2 matrix that turns offsets along the sides into offsets in the picture."""
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        matrix: np.ndarray = np.array([[cos, -sin], [sin, cos]])
        return matrix

    def inside(self, x: float, y: float, w: float, h: float) -> Rect:
        """Returns a rectangle whose centre lies `x`, `y` pixels from this one's, measured along its sides."""
        dx, dy = self.axes() @ (x, y)
        return Rect(x=self.x + dx, y=self.y + dy, w=w, h=h, angle=self.angle)

    def grown(self, margin: float) -> Rect:
        """Returns the rectangle with `margin` pixels more on every side."""
        return Rect(x=self.x, y=self.y, w=self.w + 2 * margin, h=self.h + 2 * margin, angle=self.angle)

    def corners(self) -> np.ndarray:
        """Returns the corners, float (4, 2), x and y in pixels."""
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (self.w / 2, self.h / 2)
        corners: np.ndarray = half @ self.axes().T + (self.x, self.y)
        return corners

    def overlaps(self, other: Rect) -> bool:
        """Returns whether the two rectangles share any area."""
        boxes = [((r.x, r.y), (r.w, r.h), r.angle) for r in (self, other)]
        return int(cv2.rotatedRectangleIntersection(*boxes)[0]) != cv2.INTERSECT_NONE


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What all the painters of one picture share.

    Attributes:
        canvas: the picture so far, float32 (size, size, 3), RGB in 0-255.
        rng: decides everything but the arrays.
        array_rng: decides the arrays, so that a scene is the same with and without them.
        metre: pixels in a metre.
        heading: degrees, the direction of streets and most roofs.
        sun: the vector in pixels by which a thing one metre high throws its shadow.
        taken: ground that is occupied.
    """

    canvas: np.ndarray
    rng: np.random.Generator
    array_rng: np.random.Generator
    metre: float
    heading: float
    sun: np.ndarray
    taken: list[Rect]

    @property
    def size(self) -> int:
        """The side of the picture in pixels."""
        return int(self.canvas.shape[0])

    def free_rect(self, w: float, h: float, jitter_deg: float = 6.0) -> Rect | None:
        """Finds and takes a free place for `w` x `h` pixels of ground; None if a few tries find none."""
        for _ in range(8):
            x, y = self.rng.uniform(0.1 * self.size, 0.9 * self.size, 2)
            quarter = 90 * self.rng.integers(2)
            angle = self.heading + quarter + self.rng.normal(0, jitter_deg)
            rect = Rect(x=x, y=y, w=w, h=h, angle=angle)
            if not any(rect.overlaps(other) for other in self.taken):
                self.taken.append(rect.grown(0.6 * self.metre))
                return rect
        return None


def new_stage(rng: np.random.Generator, size: int) -> Stage:
    """Returns an unpainted stage of `size` x `size` pixels with its scale, directions and light decided."""
    direction, length_m = rng.uniform(0, 2 * math.pi), rng.uniform(0.2, 1.0)
    metre = size * rng.uniform(0.036, 0.07)
    return Stage(
        canvas=np.empty((size, size, 3), np.float32),
        rng=rng,
        array_rng=np.random.default_rng(rng.integers(2**63)),
        metre=metre,
        heading=rng.uniform(0, 180),
        sun=metre * length_m * np.array([math.cos(direction), math.sin(direction)]),
        taken=[],
    )


def pick(rng: np.random.Generator, colors: Sequence[Color], spread: float = 10.0) -> np.ndarray:
    """Picks a colour and varies it: a common shift in brightness and a smaller one for each channel."""
    color = np.asarray(colors[int(rng.integers(len(colors)))], np.float32)
    varied = color + rng.normal(0, spread) + rng.normal(0, spread / 3, 3)
    kept: np.ndarray = np.clip(varied, 4, 250).astype(np.float32)
    return kept


def noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> np.ndarray:
    """Returns smooth noise, float32 (h, w, 1), about -1 to 1, whose features are about `cell` pixels wide."""
    h, w = shape
    small = rng.random((max(2, round(h / cell)), max(2, round(w / cell))), np.float32) * 2 - 1
    large: np.ndarray = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
    return large[..., None]


def grainy_patch(stage: Stage, rect: Rect, color: Color, grain: float = 5.0) -> np.ndarray:
    """Returns a grainy patch for a rectangle, float32 (h, w, 3), drawn `SUPERSAMPLE` times too fine."""
    h, w = (max(2, round(side * SUPERSAMPLE)) for side in (rect.h, rect.w))
    grains = noise(stage.rng, (h, w), 2) * grain + noise(stage.rng, (h, w), 24) * grain
    patch: np.ndarray = np.asarray(color, np.float32) + grains
    return patch


def project(
    size: int, rect: Rect, patch: np.ndarray, alpha: np.ndarray
) -> tuple[Window, np.ndarray, np.ndarray] | None:
    """Warps a patch onto its rectangle.

    Returns:
        The rows and columns of the picture that it touches, the warped patch there, and its coverage there,
        float32 (h, w, 1), 0-1; None if it lies outside of the picture.
    """
    corners = rect.corners()
    x0, y0 = np.clip(np.floor(corners.min(0)).astype(int) - 1, 0, size)
    x1, y1 = np.clip(np.ceil(corners.max(0)).astype(int) + 1, 0, size)
    if x0 >= x1 or y0 >= y1:
        return None
    h, w = patch.shape[:2]
    matrix = rect.axes() * (rect.w / w, rect.h / h)
    # pixel i covers [i, i + 1), so its centre is half a pixel further
    offset = np.array([rect.x - x0, rect.y - y0]) - 0.5 - matrix @ ((w - 1) / 2, (h - 1) / 2)
    affine = np.column_stack([matrix, offset])
    target = (int(x1 - x0), int(y1 - y0))
    warped = cv2.warpAffine(patch, affine, target, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    coverage = cv2.warpAffine(alpha, affine, target, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return (slice(y0, y1), slice(x0, x1)), warped, coverage[..., None]


def lay(stage: Stage, rect: Rect, patch: np.ndarray, alpha: np.ndarray | None = None) -> None:
    """Paints a patch over its rectangle."""
    alpha = np.ones(patch.shape[:2], np.float32) if alpha is None else alpha
    if (projected := project(stage.size, rect, patch, alpha)) is not None:
        blend(stage, *projected)


def blend(stage: Stage, window: Window, warped: np.ndarray, coverage: np.ndarray) -> None:
    """Paints what `project` returned."""
    stage.canvas[window] += (warped - stage.canvas[window]) * coverage


def cast_shadow(stage: Stage, outline: np.ndarray, height_m: float) -> None:
    """Darkens the ground that a flat outline, float (n, 2) in pixels, at `height_m` metres shades."""
    swept = np.concatenate([outline, outline + stage.sun * height_m]).astype(np.float32)
    hull = cv2.convexHull(swept)
    mask = np.zeros(stage.canvas.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), 110, lineType=cv2.LINE_AA, shift=4)
    x, y, w, h = cv2.boundingRect(hull)
    window = (slice(max(y - 3, 0), max(y + h + 3, 0)), slice(max(x - 3, 0), max(x + w + 3, 0)))
    if mask[window].size:
        soft = cv2.blur(mask[window], (3, 3))[..., None].astype(np.float32)
        stage.canvas[window] *= 1 - soft / 255


def photograph(stage: Stage) -> np.ndarray:
    """Varies light, contrast, colour cast, sharpness and sensor noise; returns uint8 RGB."""
    rng = stage.rng
    contrast, light = rng.uniform(0.75, 1.2), rng.uniform(-22, 22)
    gain = (contrast * rng.uniform(0.94, 1.06, 3)).astype(np.float32)
    picture = (stage.canvas - 110) * gain + np.float32(110 + light)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.0))
    grain = rng.standard_normal((stage.size, stage.size, 1), np.float32)
    noisy = picture + grain * np.float32(rng.uniform(0, 6))
    pixels: np.ndarray = np.clip(noisy, 0, 255).astype(np.uint8)
    return pixels
