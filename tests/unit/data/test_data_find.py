"""`--data TEXT`: what is found, what is refused, and what is suggested."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_samples import write_classes, write_set, write_yaml

from yolow.data.dataset import find_dataset
from yolow.errors import DataError


def _error(text: str, cwd: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        find_dataset(text, cwd=cwd)
    return caught.value


@pytest.mark.parametrize("text", ["solar", "solar.yaml", "./solar.yaml"])
def test_names_are_looked_for_in_the_working_folder(tmp_path: Path, text: str) -> None:
    here = write_yaml(tmp_path / "solar.yaml", "")
    write_yaml(tmp_path / "configs/data/solar.yaml", "")
    assert find_dataset(text, cwd=tmp_path) == here


@pytest.mark.parametrize("text", ["solar", "solar.yaml"])
def test_names_are_then_looked_for_in_the_configs(tmp_path: Path, text: str) -> None:
    config = write_yaml(tmp_path / "configs/data/solar.yaml", "")
    assert find_dataset(text, cwd=tmp_path) == config


def test_a_folder_of_that_name_without_data_does_not_hide_a_config(tmp_path: Path) -> None:
    (tmp_path / "solar").mkdir()
    config = write_yaml(tmp_path / "configs/data/solar.yaml", "")
    assert find_dataset("solar", cwd=tmp_path) == config


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["data.yaml", "other.yaml"], "data.yaml"),
        (["roofs.yml"], "roofs.yml"),
        (["a.yaml", "set.yaml"], "set.yaml"),
        ([".hidden.yaml", "roofs.yaml"], "roofs.yaml"),
    ],
)
def test_a_folder_means_its_yaml(tmp_path: Path, files: list[str], found: str) -> None:
    for name in files:
        write_yaml(tmp_path / "set" / name, "")
    assert find_dataset("set", cwd=tmp_path) == tmp_path / "set" / found


def test_a_folder_of_class_folders_is_a_data_set(tmp_path: Path) -> None:
    write_classes(tmp_path / "pets")
    assert find_dataset("pets", cwd=tmp_path) == tmp_path / "pets"


def test_paths_are_absolute_and_without_dots(tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    (tmp_path / "work").mkdir()
    assert find_dataset("../set/set.yaml", cwd=tmp_path / "work") == tmp_path / "set/set.yaml"


def test_a_linked_yaml_keeps_its_own_folder(tmp_path: Path) -> None:
    original = write_set(tmp_path / "set")
    link = tmp_path / "mine.yaml"
    link.symlink_to(original)
    assert find_dataset("mine", cwd=tmp_path) == link


def test_nearest_names_are_given(tmp_path: Path) -> None:
    near = write_yaml(tmp_path / "configs/data/solar.yaml", "")
    error = _error("solr", tmp_path)
    assert error.message == "no such data set"
    assert error.context == ("solr", f"looked in: {tmp_path}", f"looked in: {tmp_path / 'configs/data'}")
    assert error.note == f"near: {near}"
    assert error.hint == f"yolow finetune --data {near}"


def test_no_default_data_set(tmp_path: Path) -> None:
    assert _error("coco8.yaml", tmp_path).message == "no such data set"
    assert _error(" ", tmp_path).message == "no data set is named"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://example.com/coco8.yaml", "data sets are not fetched from the network"),
        ("ul://user/datasets/coco8", "data sets are not fetched from the network"),
        ("coco8.zip", "a data set in a .zip file can't be read"),
        ("coco8.tar.gz", "a data set in a .gz file can't be read"),
        ("coco8.ndjson", "a data set in a .ndjson file can't be read"),
        ("[a.yaml, b.yaml]", "only one data set can be given"),
        ("a.yaml,b.yaml", "only one data set can be given"),
    ],
)
def test_other_kinds_are_refused(tmp_path: Path, text: str, message: str) -> None:
    error = _error(text, tmp_path)
    assert error.message == message
    assert error.hint


def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    write_yaml(tmp_path / "notes.txt", "")
    assert _error("notes.txt", tmp_path).context == (f"{tmp_path / 'notes.txt'}: neither",)


def test_a_folder_without_data(tmp_path: Path) -> None:
    (tmp_path / "set/train/images").mkdir(parents=True)
    error = _error("set", tmp_path)
    assert error.message == "the folder is no data set"
    assert error.context[0].startswith(f"{tmp_path / 'set'}: holds neither")


def test_a_folder_with_several_yaml_files(tmp_path: Path) -> None:
    first, second = (write_yaml(tmp_path / "set" / name, "") for name in ("a.yaml", "b.yaml"))
    error = _error("set", tmp_path)
    assert error.message == "the folder holds several YAML files"
    assert error.context == (str(first), str(second))
    assert error.hint == f"name one: --data {first}"


@pytest.mark.parametrize("text", ["x" * 5000, "~nosuchuser-yolow/set.yaml"])
def test_impossible_names(tmp_path: Path, text: str) -> None:
    assert _error(text, tmp_path).message in {"the data set can't be looked at", "no such data set"}
