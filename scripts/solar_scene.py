"""One synthetic scene: houses, streets, fields, trees and solar panels, seen from straight above.

What looks like a panel is there on purpose: pools, dark flat roofs, skylights, seamed metal roofs, cars.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
from solar_canvas import (
    SUPERSAMPLE,
    Rect,
    Stage,
    blend,
    cast_shadow,
    grainy_patch,
    lay,
    new_stage,
    noise,
    photograph,
    pick,
    project,
)

EMPTY_SHARE = 0.04  # a few more stay empty because no array fits on their roofs
MIN_VISIBLE_SHARE = 0.3
ARRAY_LONG_SIDE = (0.12, 0.45)  # of the picture's side
MODULE_LENGTH_M = 1.65  # by 1 m

GRASS, DRY_GRASS, SOIL = (92, 114, 66), (148, 140, 100), (122, 104, 80)
ASPHALT, GRAVEL = (112, 112, 114), (164, 156, 142)
GROUNDS = (GRASS, GRASS, DRY_GRASS, SOIL, ASPHALT, GRAVEL)
TILE_ROOFS = ((158, 82, 60), (176, 98, 70), (122, 74, 58), (98, 76, 66), (128, 124, 122), (88, 88, 92))
FLAT_ROOFS = ((186, 184, 180), (150, 148, 146), (204, 200, 190), (58, 58, 62), (44, 44, 46))
CARS = ((226, 226, 228), (40, 42, 46), (150, 30, 30), (52, 78, 132), (140, 142, 146), (190, 170, 60))
POOLS = ((70, 160, 190), (50, 120, 170), (40, 90, 140), (90, 170, 180))
GLASS = ((48, 58, 72), (66, 76, 86), (36, 40, 46))
CROWNS = ((58, 84, 44), (74, 98, 52), (88, 92, 50), (46, 66, 42))
CELLS = ((20, 23, 34), (26, 32, 58), (30, 42, 84), (38, 54, 104), (16, 17, 21))


def render_scene(
    rng: np.random.Generator, size: int, empty_share: float = EMPTY_SHARE
) -> tuple[np.ndarray, np.ndarray]:
    """Renders one picture and the boxes of its panel arrays.

    Args:
        rng: the only source of chance.
        size: side of the picture in pixels, at least 96.
        empty_share: probability in [0, 1] of a picture that is meant to have no panels. The rest of the
            scene doesn't depend on it.

    Returns:
        The picture, uint8 (size, size, 3), RGB; and the boxes, float (n, 4), x1 y1 x2 y2 in pixels: the
        axis-aligned bounds of what is visible of each array.
    """
    stage = new_stage(rng, size)
    empty = rng.random() < empty_share
    _paint_ground(stage)
    field = rng.random() < 0.15
    slots = _paint_field_slots(stage) if field else _paint_town(stage)
    boxes = [] if empty else [box for slot in slots if (box := _paint_array(stage, slot)) is not None]
    _paint_trees(stage, slots)
    return photograph(stage), np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _paint_ground(stage: Stage) -> None:
    rng, shape = stage.rng, (stage.size, stage.size)
    stage.canvas[:] = pick(rng, GROUNDS)
    ys, xs = np.mgrid[0 : stage.size, 0 : stage.size].astype(np.float32) - stage.size / 2
    if rng.random() < 0.6:  # another ground beyond a straight border, perhaps with furrows
        direction = math.radians(stage.heading + 90 * rng.integers(4))
        depth = xs * math.cos(direction) + ys * math.sin(direction) - rng.uniform(-0.2, 0.35) * stage.size
        furrows = np.sin(depth / rng.uniform(0.12, 0.4) / stage.metre) * rng.choice([0, 0, 9])
        beyond = np.clip(depth + 0.5, 0, 1)[..., None]
        stage.canvas[:] += (pick(rng, GROUNDS) + furrows[..., None] - stage.canvas) * beyond
    for cell, strength in ((stage.size / 5, 9), (stage.size / 16, 7), (4, 8), (1, 9)):
        stage.canvas[:] += noise(rng, shape, cell) * rng.uniform(0.3, 1.0) * strength


def _paint_town(stage: Stage) -> list[Rect]:
    """Paints a street, houses, pools and cars; returns the places on the roofs where an array may lie."""
    rng, metre = stage.rng, stage.metre
    street = _paint_street(stage) if rng.random() < 0.55 else None
    slots: list[Rect] = []
    for _ in range(rng.integers(2, 6)):
        rect = stage.free_rect(rng.uniform(8.5, 14) * metre, rng.uniform(7, 10) * metre)
        if rect is not None:
            slots += _paint_house(stage, rect)
    if rng.random() < 0.35:
        pool = stage.free_rect(rng.uniform(3, 6) * metre, rng.uniform(2, 3) * metre)
        if pool is not None:
            _paint_pool(stage, pool)
    for _ in range(rng.integers(0, 5)):
        if street is not None and rng.random() < 0.6:
            along, lane = rng.uniform(-0.5, 0.5) * stage.size, rng.choice([-1, 1]) * 0.25 * street.h
            _paint_car(stage, street.inside(along, lane, 4.4 * metre, 1.8 * metre))
        elif (car := stage.free_rect(4.4 * metre, 1.8 * metre)) is not None:
            _paint_car(stage, car)
    return slots


def _paint_field_slots(stage: Stage) -> list[Rect]:
    """Finds the places for rows of panels on the ground, in parallel lines as in a solar farm."""
    rng, size, metre = stage.rng, stage.size, stage.metre
    width, height = rng.uniform(0.25, 0.42) * size, rng.choice([2, 3.4]) * metre
    x, y = rng.uniform(0.35, 0.65, 2) * size
    middle = Rect(x=x, y=y, w=width, h=height, angle=stage.heading)
    pitch = height + rng.uniform(1.8, 3.5) * metre
    columns = (-0.5, 0.5) if rng.random() < 0.5 else (0,)
    slots = [
        middle.inside(column * (width + 1.5 * metre), row * pitch, width, height)
        for row in range(-1, int(rng.integers(0, 3)))
        for column in columns
    ]
    stage.taken.extend(slots)
    return slots


def _paint_street(stage: Stage) -> Rect:
    rng, size, metre = stage.rng, stage.size, stage.metre
    middle = Rect(x=size / 2, y=size / 2, w=0, h=0, angle=stage.heading)
    width = rng.uniform(4.5, 7) * metre
    street = middle.inside(0, rng.uniform(-0.42, 0.42) * size, 2.2 * size, width)
    patch = grainy_patch(stage, street, pick(rng, (ASPHALT,), 16))
    if rng.random() < 0.6:
        dash, line = round(1.5 * metre) * SUPERSAMPLE, patch.shape[0] // 2
        for x in range(0, patch.shape[1], 2 * dash):
            patch[line - 1 : line + 1, x : x + dash] = 205
    if rng.random() < 0.6:  # pavements
        edge = max(2, round(0.8 * metre * SUPERSAMPLE))
        patch[:edge] += 45
        patch[-edge:] += 45
    lay(stage, street, patch)
    stage.taken.append(street)
    return street


def _paint_house(stage: Stage, rect: Rect) -> list[Rect]:
    cast_shadow(stage, rect.corners(), stage.rng.uniform(3, 6))
    return _paint_flat_roof(stage, rect) if stage.rng.random() < 0.25 else _paint_gable_roof(stage, rect)


def _paint_gable_roof(stage: Stage, rect: Rect) -> list[Rect]:
    """Paints two slopes that meet in a ridge along the width, with windows and a chimney."""
    rng, metre = stage.rng, stage.metre
    patch = grainy_patch(stage, rect, pick(rng, TILE_ROOFS, 12))
    h = patch.shape[0]
    if rng.random() < 0.7:  # courses of tiles
        patch[:: max(3, round(rng.uniform(0.3, 0.5) * metre * SUPERSAMPLE))] -= rng.uniform(8, 22)
    else:  # seams of a metal roof: lines like those of panels, on purpose
        patch[:, :: max(4, round(rng.uniform(0.5, 0.8) * metre * SUPERSAMPLE))] += rng.uniform(12, 28)
    steepness = rng.uniform(0.15, 0.5)
    towards_sun = -(rect.axes().T @ stage.sun)[1] / stage.metre
    patch[: h // 2] *= 1 - steepness * towards_sun
    patch[h // 2 :] *= 1 + steepness * towards_sun
    patch[h // 2 - 1 : h // 2 + 1] += 30
    lay(stage, rect, patch)
    slots = []
    for side in (-1, 1):
        slope = rect.inside(0, side * (rect.h / 4 + 0.1 * metre), 0.92 * rect.w, rect.h / 2 - 0.8 * metre)
        slots.append(_paint_windows(stage, slope) if rng.random() < 0.35 else slope)
    if rng.random() < 0.6:
        _paint_chimney(stage, rect.inside(rng.uniform(-0.4, 0.4) * rect.w, 0, 0.7 * metre, 0.6 * metre))
    return slots


def _paint_flat_roof(stage: Stage, rect: Rect) -> list[Rect]:
    """Paints a flat roof with a parapet; one with dark skylights has no slots."""
    rng, metre = stage.rng, stage.metre
    patch = grainy_patch(stage, rect, pick(rng, FLAT_ROOFS), grain=7)
    edge = max(2, round(0.3 * metre * SUPERSAMPLE))
    _frame(patch, edge, patch.mean() + rng.choice([-30, 35]))
    lay(stage, rect, patch)
    if rng.random() < 0.2:
        for x in np.linspace(-0.3, 0.3, int(rng.integers(1, 4))) * rect.w:
            _paint_skylight(stage, rect.inside(x, rng.uniform(-0.2, 0.2) * rect.h, 1.5 * metre, 1.5 * metre))
        return []
    if rng.random() < 0.5:
        return [rect.inside(0, 0, 0.84 * rect.w, 0.8 * rect.h)]
    return [rect.inside(0, side * 0.23 * rect.h, 0.84 * rect.w, 0.38 * rect.h) for side in (-1, 1)]


def _frame(patch: np.ndarray, width: int, value: float) -> None:
    """Sets the border of a patch, `width` of its pixels wide, to a grey."""
    patch[:width], patch[-width:], patch[:, :width], patch[:, -width:] = value, value, value, value


def _paint_windows(stage: Stage, slope: Rect) -> Rect:
    """Paints roof windows at one end of a slope; returns what is left of it for an array."""
    end, metre = stage.rng.choice([-1, 1]), stage.metre
    count = int(stage.rng.integers(1, 3))
    for i in range(count):
        x = end * (slope.w / 2 - (0.8 + 1.4 * i) * metre)
        _paint_skylight(stage, slope.inside(x, 0, 0.9 * metre, min(1.3 * metre, 0.8 * slope.h)))
    used = (1.6 + 1.4 * (count - 1)) * metre
    return slope.inside(-end * used / 2, 0, slope.w - used, slope.h)


def _paint_skylight(stage: Stage, rect: Rect) -> None:
    glass = grainy_patch(stage, rect, pick(stage.rng, GLASS), grain=4)
    _frame(glass, max(2, round(0.15 * stage.metre * SUPERSAMPLE)), stage.rng.uniform(90, 235))
    lay(stage, rect, glass)


def _paint_chimney(stage: Stage, rect: Rect) -> None:
    cast_shadow(stage, rect.corners(), 1.2)
    patch = grainy_patch(stage, rect, pick(stage.rng, ((120, 84, 72), (140, 138, 136), (90, 88, 86))))
    h, w = patch.shape[:2]
    patch[h // 3 : -h // 3, w // 3 : -w // 3] = 35
    lay(stage, rect, patch)


def _paint_pool(stage: Stage, rect: Rect) -> None:
    rng = stage.rng
    lay(stage, rect.grown(0.5 * stage.metre), grainy_patch(stage, rect, pick(rng, ((205, 200, 190),))))
    patch = grainy_patch(stage, rect, pick(rng, POOLS), grain=9)
    alpha = np.zeros(patch.shape[:2], np.float32)
    h, w = alpha.shape
    if rng.random() < 0.4:
        cv2.ellipse(alpha, (w // 2, h // 2), (w // 2 - 1, h // 2 - 1), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    else:
        alpha[:] = 1
    lay(stage, rect, patch, alpha)


def _paint_car(stage: Stage, rect: Rect) -> None:
    cast_shadow(stage, rect.corners(), 1.3)
    patch = grainy_patch(stage, rect, pick(stage.rng, CARS), grain=3)
    h, w = patch.shape[:2]
    patch[h // 8 : -h // 8, w // 5 : w // 5 + w // 9] = 38
    patch[h // 8 : -h // 8, -w // 3 : -w // 3 + w // 8] = 34
    alpha = np.ones((h, w), np.float32)
    corner = max(1, h // 7)
    for ys in (slice(None, corner), slice(-corner, None)):
        for xs in (slice(None, corner), slice(-corner, None)):
            alpha[ys, xs] = 0
    lay(stage, rect, patch, alpha)


def _paint_array(stage: Stage, slot: Rect) -> list[float] | None:
    """Paints an array into a slot, or leaves the slot free; returns its visible bounds, x1 y1 x2 y2 in pixels."""
    rng, size, metre = stage.array_rng, stage.size, stage.metre
    if rng.random() < 0.12:
        return None
    module = (1.0, MODULE_LENGTH_M) if rng.random() < 0.6 else (MODULE_LENGTH_M, 1.0)
    module_w, module_h = (side * metre for side in module)
    columns = min(5, int(min(slot.w, ARRAY_LONG_SIDE[1] * size) / module_w))
    rows = min(4, int(slot.h / module_h))
    if columns < 1 or rows < 1:
        return None
    if rng.random() < 0.7:  # the rest fill their slot
        columns, rows = (int(rng.integers(math.ceil(n / 2), n + 1)) for n in (columns, rows))
    w, h = columns * module_w, rows * module_h
    if max(w, h) < ARRAY_LONG_SIDE[0] * size:
        return None
    x, y = rng.uniform(-0.5, 0.5, 2) * (slot.w - w, slot.h - h)
    rect = slot.inside(x, y, w, h)
    patch, alpha = _array_patch(rng, rect, (rows, columns))
    projected = project(size, rect, patch, alpha)
    if projected is None or projected[2].sum() < MIN_VISIBLE_SHARE * alpha.mean() * w * h:
        return None
    _shade_roof(stage, rect, alpha)
    blend(stage, *projected)
    (rows_seen, columns_seen), _, coverage = projected
    ys, xs = np.nonzero(coverage[..., 0] > 0.5)
    left, top = columns_seen.start, rows_seen.start
    return [left + xs.min(), top + ys.min(), left + xs.max() + 1, top + ys.max() + 1]


def _shade_roof(stage: Stage, rect: Rect, alpha: np.ndarray) -> None:
    """Darkens what an array a little over its roof shades; a module that is left out leaves a gap in it."""
    dx, dy = stage.sun * 0.25
    shadow = replace(rect, x=rect.x + dx, y=rect.y + dy)
    if (projected := project(stage.size, shadow, alpha, alpha)) is not None:
        window, _, coverage = projected
        stage.canvas[window] *= 1 - 0.4 * coverage


def _array_patch(
    rng: np.random.Generator, rect: Rect, modules: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draws `modules` (rows, columns) of framed, gridded modules; returns the patch and its coverage."""
    rows, columns = modules
    h = max(6, round(rect.h * SUPERSAMPLE / rows))
    w = max(6, round(rect.w * SUPERSAMPLE / columns))
    cell_color = pick(rng, CELLS, 5)
    module = np.tile(cell_color, (h, w, 1))
    grid = cell_color + rng.uniform(18, 60)
    cell = max(4, round(min(h, w) / 6))
    module[cell::cell] = grid
    module[:, cell::cell] = grid
    _frame(module, 1, rng.uniform(130, 215) if rng.random() < 0.75 else rng.uniform(50, 90))
    patch = np.tile(module, (rows, columns, 1))
    patch *= np.kron(rng.uniform(0.88, 1.12, modules), np.ones((h, w)))[..., None].astype(np.float32)
    slope_y, slope_x = rng.normal(size=2)
    glare = np.add.outer(np.linspace(-1, 1, rows * h) * slope_y, np.linspace(-1, 1, columns * w) * slope_x)
    patch += (np.clip(glare, 0, None) * rng.uniform(0, 16))[..., None].astype(np.float32)
    alpha = np.ones(patch.shape[:2], np.float32)
    if rows > 1 and columns > 2 and rng.random() < 0.2:  # one module left out at a corner
        alpha[:h, :w] = 0
        if rng.random() < 0.5:
            alpha = np.ascontiguousarray(alpha[:, ::-1])
    return patch, alpha


def _paint_trees(stage: Stage, slots: list[Rect]) -> None:
    """Paints round crowns anywhere but over the slots, so that no array is hidden."""
    rng = stage.rng
    for _ in range(rng.integers(0, 8)):
        diameter = rng.uniform(2, 6) * stage.metre
        x, y = rng.uniform(0, stage.size, 2)
        rect = Rect(x=x, y=y, w=diameter, h=diameter, angle=rng.uniform(0, 360))
        reach = max(float(np.abs(stage.sun).max()) * 3, 1.0)
        if any(rect.grown(reach).overlaps(slot) for slot in slots):
            continue
        turns = np.linspace(0, 2 * math.pi, 20)
        circle = np.column_stack([x + np.cos(turns) * diameter / 2, y + np.sin(turns) * diameter / 2])
        cast_shadow(stage, circle, 3)
        patch = grainy_patch(stage, rect, pick(rng, CROWNS, 8), grain=4)
        patch += noise(rng, patch.shape[:2], 0.7 * stage.metre) * 22
        along = np.linspace(-1, 1, patch.shape[0], dtype=np.float32)
        radius = np.hypot(along[:, None], along[None, :])
        ragged = radius + 0.12 * noise(rng, patch.shape[:2], 0.8 * stage.metre)[..., 0]
        lay(stage, rect, patch, np.clip((0.88 - ragged) * 8, 0, 1))
