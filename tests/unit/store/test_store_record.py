"""The record's JSON text: one text for one record, read back strictly."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from store_samples import BARE, DRAFT, METRICS, RECORD

from yolow.errors import StoreError
from yolow.store.digest import sha256_listing
from yolow.store.record import FileEntry, VersionDraft, VersionRecord, is_inner_path


@pytest.mark.parametrize("record", [RECORD, replace(RECORD, **BARE)], ids=["full", "bare"])
def test_a_record_survives_its_text(record: VersionRecord) -> None:
    text = record.to_json()
    assert VersionRecord.from_json(text) == record
    assert VersionRecord.from_json(text.encode()).to_json() == text


def test_a_draft_has_the_same_fields_as_the_record() -> None:
    types = {item.name: item.type for item in fields(VersionRecord)}
    assert {item.name: item.type for item in fields(VersionDraft)}.items() <= types.items()


def test_equal_records_have_equal_text() -> None:
    other = replace(
        RECORD,
        classes=dict(reversed(RECORD.classes.items())),
        config={"nested": {"a": None, "b": 1}, **dict(reversed(RECORD.config.items()))},
    )
    assert other == RECORD
    assert other.to_json() == RECORD.to_json()
    assert list(json.loads(RECORD.to_json())["classes"]) == ["0", "2", "10"]


def test_the_text_is_for_people_too() -> None:
    text = RECORD.to_json()
    assert text.startswith('{\n  "schema_version": 1,\n  "name": "solar",\n  "number": 3,\n')
    assert text.endswith("}\n")
    assert "Dach-Fläche" in text


FILES = RECORD.to_json_value()["files"]


def _changed(**changes: Any) -> str:
    return json.dumps(RECORD.to_json_value() | changes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("[]", "it has no schema_version"),
        ("{}", "it has no schema_version"),
        ("[" * 100_000, "maximum recursion depth exceeded"),
        (_changed(schema_version=True), "it has no schema_version"),
        (_changed(number="3"), "number: expected a whole number, found a text"),
        (_changed(surprise=1), "surprise: unknown"),
        (_changed(metrics={"split": "val", "images": 1, "surprise": 1}), "metrics.surprise: unknown"),
        (_changed(classes={"zero": "panel"}), "classes.zero: the key is not a whole number"),
        (_changed(number=True), "number: expected a whole number, found true or false"),
        (_changed(name=None), "name: expected a text, found null"),
        (_changed(files={}), "files: expected a list, found an object"),
        (_changed(metrics=[]), "metrics: expected an object, found a list"),
        (_changed(warnings=["a", 1]), "warnings[1]: expected a text, found a whole number"),
        (_changed(profile={"parameters": 1.0}), "profile.parameters: expected a whole number, found a number"),
        (_changed(profile={"gflops": 10**400}), "profile.gflops: expected a finite number, found a whole number"),
        (_changed(profile={"gflops": "1"}), "profile.gflops: expected a number, found a text"),
        (_changed(classes={"1": "panel", "01": "x"}), "classes.01: the key is not a whole number"),
        (_changed(classes={"9" * 5000: "panel"}), "classes.9"),
        (_changed(run="\ud800"), "a text is not Unicode"),
        (_changed(config={"a": ["\udfff"]}), "a text is not Unicode"),
        (_changed(metrics={"split": "val", "images": 1, "main": "__class__"}), "metrics.main: '__class__' is not"),
        (_changed(parent={"reference": "x:v1", "sha256": ""}), "parent.sha256: is no digest"),
        (_changed(environment={"load": float("nan")}), "NaN is not JSON"),
        (_changed(name="../solar"), "'../solar:v3' is not a version"),
        (_changed(number=0), "'solar:v0' is not a version"),
        (_changed(weights="../solar-v3.pt"), "weights: '../solar-v3.pt' is not a name inside the folder"),
        (_changed(weights="other.pt"), "files: the weights 'other.pt' are not listed"),
        (_changed(sha256="cd" * 32), "sha256: differs from the files that it stands for"),
        (_changed(files=[*FILES, {**FILES[0], "path": "/etc/x"}]), "files: '/etc/x' is not a path inside the folder"),
        (_changed(files=FILES * 2), "files: a path is listed twice"),
        (
            _changed(files=[{"path": "solar-v3.pt", "sha256": "x", "size_bytes": 1}]),
            "files: 'solar-v3.pt' has no sha256 or size",
        ),
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(StoreError) as caught:
        VersionRecord.from_json(text, source="weights/solar/v3/record.json")
    assert caught.value.message == "the record can't be read"
    assert caught.value.context[0] == "weights/solar/v3/record.json"
    assert any(line.startswith(reason) for line in caught.value.context[1:]), caught.value.context


def test_whole_numbers_are_numbers_too() -> None:
    value = RECORD.to_json_value()
    value["profile"]["gflops"] = 6
    profile = VersionRecord.from_json(json.dumps(value)).profile
    assert profile is not None
    assert type(profile.gflops) is float


def test_missing_keys_are_all_named() -> None:
    value = RECORD.to_json_value()
    del value["classes"], value["parent"]
    with pytest.raises(StoreError) as caught:
        VersionRecord.from_json(json.dumps(value))
    assert sorted(line.partition(":")[0] for line in caught.value.context[1:]) == ["classes", "parent"]


def test_a_newer_record_is_told_from_a_broken_one() -> None:
    with pytest.raises(StoreError) as caught:
        VersionRecord.from_json(_changed(schema_version=2, surprise=1), source="record.json")
    assert caught.value.message == "the record was written by a newer yolow"
    assert caught.value.context == ("record.json", "schema_version 2, this yolow reads up to 1")


@pytest.mark.parametrize(
    ("record", "message", "place"),
    [
        (
            replace(RECORD, metrics=replace(METRICS, recall=float("nan"))),
            "the record would hold a number that is not finite",
            "record.metrics.recall: nan",
        ),
        (
            replace(RECORD, training={"losses": [1.0, float("inf")]}),
            "the record would hold a number that is not finite",
            "record.training.losses[1]: inf",
        ),
        (
            replace(RECORD, config={"model": object()}),
            "the record would hold a value that JSON can't",
            "record.config.model: object",
        ),
    ],
)
def test_what_json_has_no_words_for_is_refused(record: VersionRecord, message: str, place: str) -> None:
    with pytest.raises(StoreError) as caught:
        record.to_json()
    assert (caught.value.message, caught.value.context) == (message, (place,))


def test_a_path_that_is_not_utf8_can_be_recorded() -> None:
    assert DRAFT.data is not None
    text = replace(RECORD, data=replace(DRAFT.data, path="/data/\udcff.yaml")).to_json()
    read = VersionRecord.from_json(text.encode())
    assert read.data is not None
    assert read.data.path == "/data/\\udcff.yaml"


@pytest.mark.parametrize("text", ["a", "a/b.png", "a b/ü.png", ".hidden", "..a"])
def test_inner_paths(text: str) -> None:
    assert is_inner_path(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "../a", "a/../b", "/a", "a//b", "a/", "./a", "a\\b", "a\nb", "a\x00"]
)
def test_paths_that_are_not_inner(text: str) -> None:
    assert not is_inner_path(text)


def test_the_digest_of_a_folder_is_that_of_its_listing() -> None:
    files = (
        FileEntry(path="x_openvino_model/b", sha256="cd" * 32, size_bytes=1),
        FileEntry(path="x_openvino_model/a", sha256="ab" * 32, size_bytes=1),
        FileEntry(path="x_openvino_model.txt", sha256="ef" * 32, size_bytes=1),
    )
    listing = sha256_listing({"a": "ab" * 32, "b": "cd" * 32})
    record = replace(RECORD, weights="x_openvino_model", files=files, sha256=listing)
    assert VersionRecord.from_json(record.to_json()) == record
