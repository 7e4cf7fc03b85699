"""Label lines: what is understood, what is refused, and that upstream judges alike (test_data_upstream)."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_samples import BOX, CORNERS, TRIANGLE

from yolow.data.labels import LabelFacts, parse_label, read_label


def _parse(text: str, kpt_shape: tuple[int, int] | None = None) -> LabelFacts:
    return parse_label(text.encode(), kpt_shape)


@pytest.mark.parametrize(
    ("text", "kpt_shape", "kind"),
    [
        (BOX, None, "boxes"),
        (TRIANGLE, None, "polygons"),
        (CORNERS, None, "obb"),
        ("0 .5 .5 .2 .2 .4 .4 2 .6 .6 0\n", (2, 3), "keypoints"),
        ("0 .5 .5 .2 .2 .4 .4 .6 .6\n", (2, 2), "keypoints"),
    ],
)
def test_kinds_of_lines(text: str, kpt_shape: tuple[int, int] | None, kind: str) -> None:
    facts = _parse("\n" + text, kpt_shape)
    assert facts.kinds == ((kind, 2),)
    assert facts.classes == ((0, 1, 2),)
    assert (facts.instances, facts.fault_count) == (1, 0)


def test_an_empty_file_is_background() -> None:
    assert _parse("\n  \n").instances == 0
    assert parse_label(b"", None).fault_count == 0


def test_a_byte_order_mark_and_crlf_do_no_harm() -> None:
    facts = parse_label(b"\xef\xbb\xbf0 0.5 0.5 0.1 0.1\r\n1 0.5 0.5 0.1 0.1\r\n", None)
    assert facts.classes == ((0, 1, 1), (1, 1, 2))


def test_repeated_lines_count_once() -> None:
    facts = _parse(BOX + BOX + "1 0.5 0.5 0.4 0.4\n" + "0 .50 .50 .40 .40\n")
    assert (facts.instances, facts.duplicates) == (2, 2)


def test_objects_over_the_edge_or_without_area_are_counted() -> None:
    facts = _parse("0 0.9 0.5 0.4 0.1\n0 0.5 0.5 0 0.1\n0 0.5 0.5 1 1\n")
    assert (facts.over_edge, facts.without_area, facts.fault_count) == (1, 1, 0)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("0 0.5 0.5 0.4", "4 columns; expected `class x y w h`, or a class and at least three points"),
        (
            "0 0.5 0.5 0.4 0.4 0.9",
            "6 columns; expected `class x y w h`, or a class and at least three points",
        ),
        (
            "0 .1 .1 .2 .2 .3 .3 .4",
            "8 columns; expected `class x y w h`, or a class and at least three points",
        ),
        ("roof 0.5 0.5 0.4 0.4", "'roof' is not a number"),
        ("0 0.5 0,5 0.4 0.4", "'0,5' is not a number"),
        ("0 0.5 nan 0.4 0.4", "'nan' is not a finite number"),
        ("0 0.5 0.5 inf 0.4", "'inf' is not a finite number"),
        ("1.5 0.5 0.5 0.4 0.4", "class '1.5' is not a whole number from 0"),
        ("-1 0.5 0.5 0.4 0.4", "class '-1' is not a whole number from 0"),
        ("1e300 0.5 0.5 0.4 0.4", "class '1e300' is not a whole number from 0"),
        ("0 1.5 0.5 0.4 0.4", "x centre 1.5 is outside [0, 1]"),
        ("0 0.5 -0.02 0.4 0.4", "y centre -0.02 is outside [0, 1]"),
        ("0 0.5 0.5 416 0.4", "width 416 is outside [0, 1]"),
        ("0 0.5 0.5 0.4 -0.001", "height -0.001 is outside [0, 1]"),
        ("0 .1 .1 3 .2 .3 .3", "polygon with coordinates from 0.1 to 3 is outside [0, 1]"),
    ],
)
def test_lines_that_do_not_parse(line: str, what: str) -> None:
    facts = _parse(BOX + line + "\n")
    assert facts.faults == ((2, what),)
    assert facts.fault_count == 1
    assert facts.instances == 1


@pytest.mark.parametrize(
    ("points", "what"),
    [
        ("1.2 .4 2 .6 .6 2", "keypoint 0 at 1.2 0.4 is outside [0, 1]"),
        (".4 .4 2 .6 -.2 2", "keypoint 1 at 0.6 -0.2 is outside [0, 1]"),
        (".4 .4 2 .6 .6 -1", "keypoint 1 has a negative visibility"),
    ],
)
def test_keypoints_that_are_wrong(points: str, what: str) -> None:
    assert _parse(f"0 .5 .5 .2 .2 {points}\n", (2, 3)).faults == ((1, what),)


def test_upstreams_tolerance_is_kept() -> None:
    assert _parse("0 1.01 -0.01 1.01 0\n").fault_count == 0


def test_boxes_and_polygons_do_not_mix() -> None:
    assert _parse(BOX + TRIANGLE).faults == ((2, "boxes and polygons in one file (see line 1)"),)


def test_bytes_that_are_no_text() -> None:
    facts = parse_label("0 0.5 0.5 0.1 0.1\n".encode("utf-16"), None)
    assert facts.faults == ((0, "not UTF-8 text (byte 0)"),)


def test_only_the_first_faults_of_a_file_are_kept() -> None:
    facts = _parse("x\n" * 1000)
    assert len(facts.faults) == 5
    assert facts.fault_count == 1000


def test_a_label_file_that_is_gone(tmp_path: Path) -> None:
    facts = read_label(tmp_path / "gone.txt", None)
    assert facts.sha256 == ""
    assert facts.faults == ((0, "can't be read: No such file or directory"),)
