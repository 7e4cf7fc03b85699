"""The layers of a network as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from yolow.report.formats import visible
from yolow.report.weight_marks import Layer, height_of_scale, heights, marks, scale_range, summary, told

_SHADES = 8
_STRIP_HEIGHT, _SCALE_HEIGHT = 32, 24

_STYLE = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1f2328; --faint: #656d76; --line: #d5d9dd;
  --bar: #3b6ea8; --alarm: #b3261e; --card: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --ink: #e3e6e9; --faint: #9aa3ac; --line: #343a41;
  --bar: #7fb0e8; --alarm: #ff8a80; --card: #1b1f23; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 90rem; background: var(--page); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.75rem 0 .35rem; }
p, ul { margin: .25rem 0; color: var(--faint); }
ul { padding-left: 1.2rem; }
a { color: var(--alarm); overflow-wrap: anywhere; }
svg { display: block; width: 100%; }
.overview { border: 1px solid var(--line); background: var(--card); }
.strip { height: 8rem; } .scales { height: 6rem; border-bottom: 1px solid var(--line); }
.layers { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(13rem, 100%), 1fr)); gap: .6rem; }
figure { margin: 0; padding: .5rem .6rem; border: 1px solid var(--line); border-radius: 4px; background: var(--card);
  min-width: 0; }
figure.marked { border-color: var(--alarm); }
figure svg { height: 3.5rem; border-bottom: 1px solid var(--line); }
figcaption { font-size: .8rem; overflow-wrap: anywhere; }
.range { display: flex; justify-content: space-between; }
.range, .scale { font-size: .75rem; color: var(--faint); font-variant-numeric: tabular-nums; }
.mark { font-size: .75rem; font-weight: 600; color: var(--alarm); }
.bar { fill: var(--bar); } .alarm { fill: var(--alarm); }
"""


def page(title: str, layers: Sequence[Layer]) -> str:
    """The whole page.

    Args:
        title: what the layers are of.
        layers: the fields of `LayerHealth`, one mapping a layer.
    """
    return "\n".join([*_head(title), *_overview(layers), *_layers(layers), "</main></body></html>", ""])


def _head(title: str) -> Iterator[str]:
    text = escape(visible(title))
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    # Names come from a stranger's file: should one slip through, the browser still runs and fetches nothing.
    yield (
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield f"<title>weights of {text}</title>\n<style>{_STYLE}</style>\n</head>\n<body><main>"
    yield f"<h1>weights of {text}</h1>"


def _overview(layers: Sequence[Layer]) -> Iterator[str]:
    yield f"<p>{escape(summary(layers))}</p>"
    if not layers:
        return
    low, high = scale_range(layers)
    yield "<h2>all layers, first to last</h2>"
    yield (
        f"<p>Above: scale (standard deviation times the square root of fan-in) from {10**low:g} to {10**high:g}, "
        "logarithmic; an initial network has 0.58. Below: the histogram of each layer from its smallest value "
        "(bottom) to its largest, the darker the more values. Marked layers are red.</p>"
    )
    width = len(layers)
    yield (
        f'<svg class="overview scales" viewBox="0 0 {width} {_SCALE_HEIGHT}" preserveAspectRatio="none" '
        'role="img" aria-label="scale of each layer">'
    )
    yield from _scale_bars(layers, (low, high))
    yield (
        f'</svg>\n<svg class="overview strip" viewBox="0 0 {width} {_STRIP_HEIGHT}" preserveAspectRatio="none" '
        'role="img" aria-label="histograms of all layers">'
    )
    yield from _strip(layers)
    yield "</svg>"
    marked = [(index, layer) for index, layer in enumerate(layers) if marks(layer)]
    if marked:
        yield "<h2>marked layers</h2>\n<ul>"
        for index, layer in marked:
            yield f'<li><a href="#layer-{index}">{_name(layer)}</a>: {escape(", ".join(marks(layer)))}</li>'
        yield "</ul>"


def _scale_bars(layers: Sequence[Layer], limits: tuple[float, float]) -> Iterator[str]:
    for tone, is_marked in (("bar", False), ("alarm", True)):
        path = "".join(
            f"M{index + 0.1:g} {_SCALE_HEIGHT}v{-max(0.4, height * _SCALE_HEIGHT):.2f}h.8V{_SCALE_HEIGHT}z"
            for index, layer in enumerate(layers)
            if bool(marks(layer)) is is_marked and (height := height_of_scale(layer, limits)) is not None
        )
        yield f'<path class="{tone}" d="{path}"/>'


def _strip(layers: Sequence[Layer]) -> Iterator[str]:
    """One path a shade in place of one rectangle a bin: a tenth of the size."""
    paths: dict[tuple[str, int], list[str]] = {}
    for index, layer in enumerate(layers):
        tone, bins = ("alarm" if marks(layer) else "bar"), heights(layer["histogram"])
        bin_height = _STRIP_HEIGHT / max(1, len(bins))
        for place, height in enumerate(bins):
            shade = round(height * _SHADES) or (1 if height else 0)
            if shade:
                top = _STRIP_HEIGHT - (place + 1) * bin_height
                paths.setdefault((tone, shade), []).append(
                    f"M{index} {top:g}v{bin_height:g}h1v{-bin_height:g}z"
                )
    for (tone, shade), parts in sorted(paths.items()):
        yield f'<path class="{tone}" opacity="{shade / _SHADES:g}" d="{"".join(parts)}"/>'


def _layers(layers: Sequence[Layer]) -> Iterator[str]:
    if not layers:
        return
    yield "<h2>each layer</h2>"
    yield "<p>Heights are square roots of the counts, so that thin tails are seen.</p>"
    yield '<div class="layers">'
    for index, layer in enumerate(layers):
        yield from _card(index, layer)
    yield "</div>"


def _card(index: int, layer: Layer) -> Iterator[str]:
    found = marks(layer)
    yield f'<figure id="layer-{index}"{" class=marked" if found else ""}><figcaption>{_name(layer)}</figcaption>'
    bins = heights(layer["histogram"])
    path = "".join(
        f"M{place + 0.05:g} 1v{-max(0.02, height):.3g}h.9V1z" for place, height in enumerate(bins) if height
    )
    tone = "alarm" if found else "bar"
    low, high = f"{layer['low']:.3g}", f"{layer['high']:.3g}"
    yield (
        f'<svg viewBox="0 0 {max(1, len(bins))} 1" preserveAspectRatio="none" role="img" '
        f'aria-label="histogram from {low} to {high}"><path class="{tone}" d="{path}"/></svg>'
    )
    yield f'<div class="range"><span>{low}</span><span>{high}</span></div>'
    yield f'<div class="scale">{told(layer)}</div>'
    yield f"{''.join(f'<div class=mark>{escape(mark)}</div>' for mark in found)}</figure>"


def _name(layer: Layer) -> str:
    return escape(visible(str(layer["name"]).removesuffix(".weight")))
