"""Files that `predict` can write beside the pictures: COCO-style JSON, CSV and YOLO label text.

All are written image by image, so that memory does not grow, and end up whole or not at all.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, TextIO


class CocoJson:
    """`predictions.json`: a list of detections as COCO's result format has them, `bbox` = [x, y, width, height] px."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._temporary = path.with_name(f".{path.name}.tmp")
        self._stream: TextIO = self._temporary.open("w", encoding="utf-8")
        self._stream.write("[")
        self._first = True

    def add(self, image: dict[str, Any], image_id: int) -> None:
        """Append the detections of one image document."""
        for detection in image["detections"]:
            left, top, right, bottom = detection["box_xyxy"] or (0.0, 0.0, image["width"], image["height"])
            entry = {
                "image_id": image_id,
                "file_name": image["source"],
                "category_id": detection["class_id"],
                "category_name": detection["name"],
                "bbox": [round(value, 3) for value in (left, top, right - left, bottom - top)],
                "score": round(detection["confidence"], 5),
            }
            self._stream.write(("\n" if self._first else ",\n") + json.dumps(entry, ensure_ascii=False))
            self._first = False

    def close(self) -> None:
        self._stream.write("\n]\n")
        self._stream.close()
        self._temporary.replace(self.path)


class Csv:
    """`predictions.csv`: one row a detection, boxes as corners in pixels."""

    _COLUMNS = ("source", "class_id", "name", "confidence", "x1", "y1", "x2", "y2")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._temporary = path.with_name(f".{path.name}.tmp")
        self._stream: TextIO = self._temporary.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream)
        self._writer.writerow(self._COLUMNS)

    def add(self, image: dict[str, Any], image_id: int) -> None:
        """Append the detections of one image document."""
        for detection in image["detections"]:
            box = detection["box_xyxy"]
            corners = ["", "", "", ""] if box is None else [round(value, 2) for value in box]
            row = [
                image["source"],
                detection["class_id"],
                detection["name"],
                round(detection["confidence"], 5),
            ]
            self._writer.writerow([*row, *corners])

    def close(self) -> None:
        self._stream.close()
        self._temporary.replace(self.path)


class LabelTexts:
    """`labels/NAME.txt`: one line a detection: class id, box centre and size in [0, 1], confidence."""

    def __init__(self, folder: Path) -> None:
        self.path = folder

    def add(self, image: dict[str, Any], image_id: int) -> None:
        """Write the file of one image document; an image without detections gets an empty file."""
        target = self.path / Path(image["output_name"]).with_suffix(".txt")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(f"{line}\n" for line in _label_lines(image)), encoding="utf-8")

    def close(self) -> None:
        pass


def _label_lines(image: dict[str, Any]) -> list[str]:
    width, height = image["width"], image["height"]
    lines = []
    for detection in image["detections"]:
        if detection["box_xyxy"] is None:
            lines.append(f"{detection['class_id']} {detection['confidence']:.5f}")
            continue
        left, top, right, bottom = detection["box_xyxy"]
        centre_x, centre_y = (left + right) / 2 / width, (top + bottom) / 2 / height
        size = f"{(right - left) / width:.6f} {(bottom - top) / height:.6f}"
        lines.append(
            f"{detection['class_id']} {centre_x:.6f} {centre_y:.6f} {size} {detection['confidence']:.5f}"
        )
    return lines
