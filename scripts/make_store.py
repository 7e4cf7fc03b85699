"""Build a weights store of many plausible versions, to measure with.

    scripts/make_store.py --versions 5000 --out weights

Records are written by yolow's own code, and every file agrees with its record. Only the slow part of publishing is
left out (locks, and waiting for the disk). The weights are random bytes, no checkpoints: `yolow weights verify` finds
that they can't be read. Some names have 80 classes, as COCO has.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from yolow.metrics import ClassMetrics, Metrics, Profile
from yolow.store.digest import sha256_bytes
from yolow.store.integrity import record_digest_text
from yolow.store.publish import LAST_NUMBER_FILE
from yolow.store.record import (
    RECORD_DIGEST_FILE,
    RECORD_FILE,
    DataRecord,
    FileEntry,
    ParentRecord,
    VersionRecord,
)
from yolow.store.store import Store

NAMES = ("solar", "birds", "parcels", "coco", "roofs", "cells", "traffic", "coco-small")
OFFICIAL = ParentRecord(
    reference="yolo26n.pt", sha256="9b09cc8bf347f0fc8a5f7657480587f25db09b34bf33b0652110fb03a8ad4fef"
)
LAST_CREATED = datetime(2026, 1, 1, tzinfo=timezone.utc)
SEED = 0


def build_store(root: Path, versions: int) -> Store:
    """Fill an empty folder; the same numbers always give the same store.

    Args:
        root: the store's folder.
        versions: how many to make, over eight names, an hour between two of them.
    """
    rng = random.Random(SEED)
    made: dict[str, list[VersionRecord]] = {}
    for index in range(versions):
        name = NAMES[min(int(rng.expovariate(0.5)), len(NAMES) - 1)]
        created = LAST_CREATED - timedelta(hours=versions - index)
        earlier = made.setdefault(name, [])
        earlier.append(_write_version(root, _record(name, earlier, created, rng), rng))
    store = Store(root)
    for name, records in made.items():
        (root / name / LAST_NUMBER_FILE).write_text(f"{len(records)}\n", encoding="ascii")
        _add_alias_and_note(store, name)
    return store


def _record(name: str, earlier: list[VersionRecord], created: datetime, rng: random.Random) -> VersionRecord:
    number = len(earlier) + 1
    parent = rng.choice(earlier) if earlier and rng.random() < 0.9 else None
    operation = "finetune" if parent is None else rng.choice(("finetune", "finetune", "prune"))
    classes = {index: f"class {index}" for index in range(80 if name.startswith("coco") else 2)}
    metrics = _metrics(classes, rng)
    return VersionRecord(
        name=name,
        number=number,
        created=created.isoformat(timespec="microseconds"),
        operation=operation,
        task="detect",
        weights=f"{name}-v{number}.pt",
        sha256="",
        parent=OFFICIAL if parent is None else ParentRecord(reference=f"{name}:v{parent.number}", sha256=parent.sha256),
        run=f"{operation}-{name}-{created:%Y%m%d-%H%M%S}-{rng.randrange(16**4):04x}",
        classes=classes,
        metrics=metrics,
        baseline=None if parent is None or parent.metrics is None else replace(parent.metrics, per_class=()),
        profile=Profile(
            parameters=2_572_280,
            gflops=6.1,
            size_bytes=rng.randrange(3_000_000, 6_000_000),
            latency_ms=rng.uniform(12, 40),
            threads=2,
        ),
        training={"epochs_planned": 100, "epochs_run": 80, "best_epoch": 61, "seconds": 5123.4},
        data=DataRecord(
            name=name, path=f"/data/{name}/data.yaml", fingerprint=sha256_bytes(name.encode()),
            train_images=181, val_images=43,
        ),
        config={"epochs": 100, "imgsz": 640, "batch": 16, "seed": 0, "gate": [], "optimizer": "auto"},
        environment={"python": "3.12.3", "torch": "2.10.0", "ultralytics": "8.4.190", "threads": 2},
        warnings=(),
        files=(),
    )  # fmt: skip


def _metrics(classes: dict[int, str], rng: random.Random) -> Metrics:
    def value() -> float:
        return rng.uniform(0.2, 0.9)

    per_class = tuple(
        ClassMetrics(
            class_id=index, name=name, images=40, instances=rng.randrange(40, 400),
            precision=value(), recall=value(), map50=value(), map50_95=value(),
        )
        for index, name in classes.items()
    )  # fmt: skip
    return Metrics(
        split="val", images=43, precision=value(), recall=value(), map50=value(), map50_95=value(),
        per_class=per_class,
    )  # fmt: skip


def _write_version(root: Path, record: VersionRecord, rng: random.Random) -> VersionRecord:
    """Write the version's folder; returns the record with the digests of what was written."""
    folder = root / record.name / f"v{record.number}"
    folder.mkdir(parents=True)
    contents = {
        record.weights: rng.randbytes(1024),
        "report.md": f"# {record.name}:v{record.number}\n".encode(),
        "run.yaml": b"epochs: 100\nimgsz: 640\n",
    }
    files = tuple(
        FileEntry(path=path, sha256=sha256_bytes(content), size_bytes=len(content))
        for path, content in sorted(contents.items())
    )
    record = replace(record, files=files, sha256=sha256_bytes(contents[record.weights]))
    text = record.to_json().encode()
    contents |= {RECORD_FILE: text, RECORD_DIGEST_FILE: record_digest_text(text).encode()}
    for path, content in contents.items():
        (folder / path).write_bytes(content)
        (folder / path).chmod(0o444)
    return record


def _add_alias_and_note(store: Store, name: str) -> None:
    numbers = store.numbers(name)
    for number in (numbers[0], numbers[len(numbers) // 2]):
        version = store.get(name, number)
        store.change_alias(
            name, "production", lambda holder, version=version: version, reason="first of the year"
        )
    store.add_note(store.latest(name), "trained on the new labels")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build a weights store of many plausible versions.")
    parser.add_argument("--versions", type=int, default=5000, help="how many (default: 5000)")
    parser.add_argument("--out", type=Path, required=True, help="the new store's folder")
    arguments = parser.parse_args()
    if arguments.out.exists():
        parser.error(f"{arguments.out} is there already")
    started = time.perf_counter()
    build_store(arguments.out, arguments.versions)
    print(f"{arguments.versions:,} versions in {arguments.out}, {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
