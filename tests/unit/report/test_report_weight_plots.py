"""Histograms of layers in one line, as a picture and as a page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from yolow.errors import ConfigError, UsageError
from yolow.report.weight_marks import marks, summary
from yolow.report.weight_plots import text_histogram, write_weight_plot

BELL = (0, 0, 1, 3, 9, 25, 64, 100, 100, 64, 25, 9, 3, 1, 0, 0)
RED, BLUE = (0xB3, 0x26, 0x1E), (0x3B, 0x6E, 0xA8)
HOSTILE = 'model.<script>alert("1")</script>&$\\frac{x}$\x1b[2J\u202e層'


def layer(name: str = "model.0.conv.weight", **changes: Any) -> dict[str, Any]:
    healthy = {
        "name": name, "filters": 16, "dead": 0, "duplicated": 0, "not_finite": 0, "scale": 0.6, "stands_out": False,
        "low": -0.25, "high": 0.5, "histogram": BELL,
    }  # fmt: skip
    return healthy | changes


SICK = (
    layer("a.weight"),
    layer("b.weight", dead=3, duplicated=1_000, filters=2_000),
    layer("c.weight", stands_out=True, scale=60.0),
    layer("d.weight", not_finite=16, scale=None, low=0.0, high=0.0, histogram=(0,) * 16),
)


@pytest.mark.parametrize(
    ("counts", "width", "blocks", "ascii_only"),
    [
        (BELL, 16, "  ▁▁▂▄▆██▆▄▂▁▁  ", "  ..:=*@@*=:..  "),
        (BELL, 8, " ▁▄██▄▁ ", " .=@@=. "),
        ((1, 0, 1_000_000), 3, "▁ █", ". @"),
        ((5, 5), 16, "██", "@@"),
        ((0, 0, 0), 3, "   ", "   "),
        ((), 5, "", ""),
    ],
)
def test_text_histogram(counts: tuple[int, ...], width: int, blocks: str, ascii_only: str) -> None:
    assert text_histogram(counts, width) == blocks
    assert text_histogram(counts, width, is_unicode=False) == ascii_only
    assert ascii_only.isascii()


def test_each_bin_is_counted_once_whatever_the_width() -> None:
    for width in range(1, 17):
        drawn = text_histogram((0,) * 9 + (7,) + (0,) * 6, width)
        assert drawn.count("█") == 1
        assert len(drawn.strip()) == 1


def test_marks_and_summary() -> None:
    assert [marks(one) for one in SICK] == [
        [],
        ["3 of 2,000 dead", "1,000 duplicated"],
        ["scale stands out"],
        ["16 NaN or infinite"],
    ]
    assert summary(SICK) == (
        "4 layers with 2,048 filters: 3 dead, 1,000 duplicated; the scale of 1 layer stands out; "
        "1 layer with values that are not finite"
    )
    assert (
        summary([layer()])
        == "1 layer with 16 filters: 0 dead, 0 duplicated; the scale of 0 layers stands out"
    )


class Page(HTMLParser):
    """Open tags, texts, and what could fetch something; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "path"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "path"
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def written(path: Path, *layers: dict[str, Any], title: str = "solar:v1") -> Path:
    write_weight_plot(path, title, layers)
    assert list(path.parent.glob(".*")) == []
    return path


def page(path: Path, *layers: dict[str, Any], title: str = "solar:v1") -> tuple[str, Page]:
    text = written(path, *layers, title=title).read_text(encoding="utf-8")
    return text, Page(text)


def test_a_page_shows_every_layer(tmp_path: Path) -> None:
    text, read = page(tmp_path / "a.html", *SICK)
    assert read.tags.count("figure") == 4
    assert read.tags.count("svg") == 2 + 4
    assert read.values("href") == ["#layer-1", "#layer-2", "#layer-3"]
    assert {f"layer-{index}" for index in range(4)} == set(read.values("id"))
    assert "weights of solar:v1" in read.texts
    assert summary(SICK) in read.texts
    assert "2,000 filters, scale 0.6" in read.texts
    assert [text.count(f"<div class=mark>{mark}</div>") for one in SICK for mark in marks(one)] == [1] * 4
    assert "16 filters" in read.texts  # integers have no scale


def bars(path_data: str) -> dict[float, float]:
    """Heights by left edge of the bars of one histogram."""
    return {float(left): -float(height) for left, height in re.findall(r"M(\S+) 1v(-\S+?)h", path_data)}


def test_bars_are_as_high_as_the_square_roots_of_their_counts(tmp_path: Path) -> None:
    text, _ = page(tmp_path / "a.html", layer())
    (data,) = re.findall(r'<figure id="layer-0">.*? d="(.*?)"', text, re.DOTALL)
    expected = {index + 0.05: max(0.02, (count / 100) ** 0.5) for index, count in enumerate(BELL) if count}
    assert bars(data) == pytest.approx(expected, abs=1e-3)


def test_the_scales_are_bars_on_a_logarithmic_axis(tmp_path: Path) -> None:
    text, _ = page(
        tmp_path / "a.html", layer(scale=0.1), layer(scale=1.0), layer(scale=10.0), layer(scale=None)
    )
    assert "from 0.1 to 10, logarithmic" in text
    (data,) = re.findall(r'class="overview scales".*?class="bar" d="(.*?)"', text, re.DOTALL)
    assert re.findall(r"M(\S+) 24v(\S+?)h", data) == [("0.1", "-0.40"), ("1.1", "-12.00"), ("2.1", "-24.00")]


def test_a_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    text, read = page(tmp_path / "a.html", *SICK)
    assert set(read.tags).isdisjoint({"script", "link", "img", "iframe", "image", "use", "object"})
    assert read.values("src") == []
    assert all(target.startswith("#layer-") for target in read.values("href"))
    assert not re.search(r"https?:|url\(|@import", text)
    assert "default-src 'none'" in "".join(read.values("content"))


def test_a_page_suits_dark_screens_and_phones(tmp_path: Path) -> None:
    text, read = page(tmp_path / "a.html", layer())
    assert "prefers-color-scheme: dark" in text
    assert "width=device-width, initial-scale=1" in read.values("content")


def test_names_from_a_file_are_text_and_nothing_else(tmp_path: Path) -> None:
    text, read = page(tmp_path / "a.html", layer(HOSTILE, dead=1), layer(), title=HOSTILE)
    assert "script" not in read.tags
    shown = 'model.<script>alert("1")</script>&$\\frac{x}$\\x1b[2J\\u202e層'
    assert read.texts.count(shown) == 2
    assert f"weights of {shown}" in read.texts
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
    written(tmp_path / "a.png", layer(HOSTILE), layer("x" * 5_000), title=HOSTILE)


def pixels(path: Path) -> np.ndarray[Any, Any]:
    """Red, green and blue of each pixel, 0 to 255: shape (height, width, 3)."""
    from matplotlib.image import imread

    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    image: np.ndarray[Any, Any] = np.rint(imread(path)[..., :3] * 255).astype(int)
    return image


def count(image: np.ndarray[Any, Any], color: tuple[int, int, int]) -> int:
    return int((image == color).all(axis=-1).sum())


def test_a_picture_marks_layers_in_red(tmp_path: Path) -> None:
    healthy = pixels(written(tmp_path / "a.png", layer(), layer()))
    assert count(healthy, RED) == 0
    assert count(healthy, BLUE) > 1_000
    sick = pixels(written(tmp_path / "b.png", layer(), layer(dead=2)))
    assert count(sick, RED) > 1_000
    assert count(sick, BLUE) > 1_000
    all_sick = pixels(written(tmp_path / "c.PNG", layer(stands_out=True)))
    assert (count(all_sick, RED) > 1_000, count(all_sick, BLUE)) == (True, 0)


@pytest.mark.slow
def test_a_picture_grows_with_its_layers_up_to_a_limit(tmp_path: Path) -> None:
    many = [layer(f"{index}.weight") for index in range(700)]
    sizes = [pixels(written(tmp_path / "a.png", *many[:count])).shape for count in (6, 12, 600)]
    assert [size[1] for size in sizes] == [sizes[0][1]] * 3
    row = sizes[1][0] - sizes[0][0]
    assert 100 < row < 130
    assert sizes[2][0] - sizes[0][0] == pytest.approx(99 * row, rel=0.01)
    many[-1] = layer("marked.weight", dead=1)
    image = pixels(written(tmp_path / "a.png", *many))
    assert image.shape == sizes[2]
    # The marked layer comes first among those that are drawn.
    top = sizes[0][0] - row - 50
    assert count(image[top : top + row, : image.shape[1] // 6], RED) > 500
    assert page(tmp_path / "a.html", *many)[1].tags.count("figure") == 700


@pytest.mark.parametrize("suffix", ["html", "png"])
def test_a_file_without_layers(suffix: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"a.{suffix}")
    assert path.stat().st_size > 1_000
    if suffix == "html":
        assert "0 layers with 0 filters" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("a.jpg", "--plot a.html"), ("a", "--plot a.html"), ("my net.svg", "--plot 'my net.html'")],
)
def test_another_suffix_is_refused(name: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        write_weight_plot(tmp_path / name, "solar:v1", [layer()])
    error = caught.value
    assert error.message == "a picture is a .png or a .html file"
    assert (list(error.context), error.hint) == ([f"given: {tmp_path / name}"], hint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["html", "png"])
def test_what_cannot_be_written_leaves_nothing(suffix: str, tmp_path: Path) -> None:
    missing, folder = tmp_path / "missing" / f"a.{suffix}", tmp_path / f"folder.{suffix}"
    folder.mkdir()
    for path, reason in ((missing, "No such file or directory"), (folder, "Is a directory")):
        with pytest.raises(ConfigError) as caught:
            write_weight_plot(path, "solar:v1", [layer()])
        assert caught.value.message == "the picture can't be written"
        assert list(caught.value.context) == [f"{path}: {reason}"]
        assert caught.value.hint == "choose another place with --plot"
    assert list(tmp_path.rglob("*")) == [folder]


@pytest.mark.parametrize("suffix", ["html", "png"])
def test_an_earlier_picture_is_replaced(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_text("before")
    assert b"before" not in written(path, layer()).read_bytes()


DRAW = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_report_weight_plots import SICK
from yolow.report.weight_plots import write_weight_plot
cache = Path(sys.argv[3]) if len(sys.argv) > 3 else None
write_weight_plot(Path(sys.argv[1]), "solar:v1", SICK, cache_dir=cache)
assert "MPLCONFIGDIR" not in os.environ
assert os.environ["MPLBACKEND"] == "nonsense"
"""


def draw(folder: Path, *arguments: Path) -> bytes:
    """The picture as a process of its own draws it in a folder, with a home of its own."""
    home = folder / "home"
    home.mkdir(parents=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MPL", "XDG"))}
    done = subprocess.run(
        [sys.executable, "-c", DRAW, "a.png", str(Path(__file__).parent), *map(str, arguments)],
        cwd=folder,
        env=environment | {"HOME": str(home), "MPLBACKEND": "nonsense"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.iterdir()) == []
    return (folder / "a.png").read_bytes()


def test_settings_of_the_user_neither_change_the_picture_nor_are_written(tmp_path: Path) -> None:
    plain = draw(tmp_path / "plain")
    own = tmp_path / "own"
    own.mkdir()
    (own / "matplotlibrc").write_text(
        "text.usetex: True\nfont.size: 30\npath.sketch: 5, 100, 2\nfont.family: fantasy\npatch.antialiased: False\n"
    )
    assert draw(own) == plain


def test_the_list_of_fonts_is_kept_in_the_cache(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    draw(tmp_path / "a", cache)
    assert [path.name for path in (cache / "matplotlib").glob("fontlist*")] != []
