"""From what a user types to weights on the disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from store_samples import add, add_export, write

from yolow.errors import IntegrityError, NetworkError, UsageError, WeightsNotFoundError
from yolow.progress import Silent
from yolow.store.digest import sha256_bytes, sha256_folder
from yolow.store.resolve import ResolvedWeights, default_cache_dir, resolve_weights
from yolow.store.store import Store


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YOLOW_WEIGHTS_DIR", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    store = Store(folder / "weights")
    add(store, folder, content=b"one")
    add(store, folder, content=b"two")
    add_export(store, folder)
    write(store.root / "solar" / "aliases.json", json.dumps({"production": {"number": 2}}))
    return store.root


@pytest.fixture
def store(prepared: Path, tmp_path: Path) -> Store:
    """solar:v1, v2 (production) and v3 (an export), in `weights`."""
    return Store(shutil.copytree(prepared, tmp_path / "work" / "weights"))


def _resolve(text: str, store: Store, **changes: Any) -> ResolvedWeights:
    arguments: dict[str, Any] = {
        "offline": True,
        "cache_dir": store.root.parent / "cache",
        "progress": Silent(),
    }
    return resolve_weights(text, store=store, **(arguments | changes))


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("solar:v1", "solar:v1"),
        ("solar:production", "solar:v2"),
        ("solar:latest", "solar:v3"),
        ("solar", "solar:v3"),
        ("sha256:" + sha256_bytes(b"one")[:8], "solar:v1"),
        ("weights/solar/v2", "solar:v2"),
        ("./weights/solar/v2/", "solar:v2"),
        ("weights/solar/v2/solar-v2.pt", "solar:v2"),
        ("weights/solar/v3/solar-v3_openvino_model", "solar:v3"),
        ("weights/solar/v3/solar-v3_openvino_model/model.xml", "solar:v3"),
    ],
)
def test_versions_in_all_their_names(store: Store, text: str, reference: str) -> None:
    resolved = _resolve(text, store)
    version = store.get("solar", int(reference[-1]))
    assert resolved == ResolvedWeights(
        path=version.weights_path,
        reference=reference,
        sha256=version.record.sha256,
        version=version,
        origin="store",
    )
    assert resolved.path.is_absolute()


def test_a_path_through_a_link_is_still_the_version(store: Store, tmp_path: Path) -> None:
    link = tmp_path / "best.pt"
    link.symlink_to(store.get("solar", 1).weights_path)
    assert _resolve(str(link), store).reference == "solar:v1"


@pytest.mark.parametrize("text", ["best.pt", "./best.pt", "../work/best.pt"])
def test_a_file_is_named_by_its_absolute_path(store: Store, tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "work" / "best.pt", b"best")
    assert _resolve(text, store) == ResolvedWeights(
        path=path, reference=str(path), sha256=sha256_bytes(b"best"), version=None, origin="path"
    )


def test_relative_paths_start_where_they_are_told_to(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "elsewhere" / "best.pt", b"best")
    assert _resolve("best.pt", store, cwd=tmp_path / "elsewhere").path == path


def test_an_export_folder_is_weights(store: Store, tmp_path: Path) -> None:
    folder = write(tmp_path / "work" / "x_openvino_model" / "x.xml", "<net/>").parent
    resolved = _resolve("x_openvino_model", store)
    assert (resolved.path, resolved.sha256) == (folder, sha256_folder(folder))


def test_a_file_comes_before_the_official_name(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "work" / "yolo26n.pt", b"mine")
    assert _resolve("yolo26n.pt", store).path == path


def test_an_official_name_from_the_weights_folder(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "mine" / "yolo26n.pt", b"rebuilt")
    monkeypatch.setenv("YOLOW_WEIGHTS_DIR", str(path.parent))
    resolved = _resolve("yolo26n.pt", store)
    assert (resolved.path, resolved.reference, resolved.origin) == (path, "yolo26n.pt", "weights-dir")
    [note] = resolved.notes
    assert note.startswith("yolo26n.pt from YOLOW_WEIGHTS_DIR is not the official file: its sha256 is ")


def test_an_official_name_that_is_nowhere(store: Store) -> None:
    with pytest.raises(NetworkError, match="not on this machine"):
        _resolve("yolo26n.pt", store)


def test_a_bare_word_that_means_two_things_is_an_error(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "work" / "solar", b"a file")
    with pytest.raises(UsageError) as caught:
        _resolve("solar", store)
    assert caught.value.message == "'solar' is both a version's name and a file"
    assert caught.value.context == (f"versions: {store.root / 'solar'}", f"file: {path}")
    assert caught.value.hint == "write ./solar for the file, or solar:latest for the version"
    assert _resolve("./solar", store).path == path
    assert _resolve("solar:latest", store).reference == "solar:v3"


def test_a_folder_of_data_does_not_make_a_name_ambiguous(store: Store, tmp_path: Path) -> None:
    (tmp_path / "work" / "solar").mkdir()
    assert _resolve("solar", store).reference == "solar:v3"


def test_a_bare_word_can_be_a_file(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "work" / "weights-of-today", b"w")
    assert _resolve("weights-of-today", store).path == path


@pytest.mark.parametrize("text", ["solar:v1", "solar:production", "weights/solar/v1"])
def test_a_damaged_version_is_refused(store: Store, text: str) -> None:
    for number in (1, 2):
        path = store.get("solar", number).weights_path
        path.chmod(0o644)
        path.write_bytes(b"xxx")
    with pytest.raises(IntegrityError):
        _resolve(text, store)


def test_another_file_of_a_version_is_not_weights(store: Store) -> None:
    with pytest.raises(WeightsNotFoundError) as caught:
        _resolve("weights/solar/v1/run.yaml", store)
    assert caught.value.message == "the path is part of solar:v1, but not its weights"
    assert caught.value.hint == "write solar:v1"


@pytest.mark.parametrize(
    ("text", "message", "lines"),
    [
        ("solr", "there are no weights 'solr'", ["path: {work}/solr (does not exist)", "did you mean solar?"]),
        ("bset.pt", "there are no weights 'bset.pt'", ["did you mean {work}/best.pt?"]),
        ("yolo26n", "there are no weights 'yolo26n'", ["did you mean yolo26n.pt?"]),
        ("yolo26n-sge.pt", "there are no weights 'yolo26n-sge.pt'", ["did you mean yolo26n-seg.pt?"]),
        ("./folder", "there are no weights './folder'", ["path: {work}/folder (a folder that is no export)"]),
        ("~nobody-here/x.pt", "there are no weights '~nobody-here/x.pt'", []),
        ("sha256:" + "0" * 8, "no version has weights with sha256:00000000", []),
        ("solar:v9", "there is no version solar:v9", ["versions of solar: v1, v2, v3"]),
        ("sloar:v1", "there is no version sloar:v1", ["did you mean solar?"]),
        ("solar:prod", "solar has no alias 'prod'", ["aliases of solar: latest, production"]),
        ("weights/x/v9", "there are no weights 'weights/x/v9'", ["path: {work}/weights/x/v9 (does not exist)"]),
    ],
)  # fmt: skip
def test_what_is_not_there_comes_with_what_is(
    store: Store, tmp_path: Path, text: str, message: str, lines: list[str]
) -> None:
    work = tmp_path / "work"
    write(work / "best.pt", b"best")
    (work / "folder").mkdir()
    with pytest.raises(WeightsNotFoundError) as caught:
        _resolve(text, store)
    assert caught.value.message == message
    assert f"store: {store.root}" in caught.value.context
    assert {line.format(work=work) for line in lines} <= set(caught.value.context)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("yolow weights list")


def test_resolving_without_a_store_creates_none(tmp_path: Path) -> None:
    store = Store(tmp_path / "none")
    with pytest.raises(WeightsNotFoundError):
        _resolve("solar", store)
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("own", "xdg", "expected"),
    [
        ("/c", "/x", "/c"), ("~/c", None, "/home/ada/c"), (None, "/x", "/x/yolow"), ("", "/x", "/x/yolow"),
        (None, "relative", "/home/ada/.cache/yolow"), (None, None, "/home/ada/.cache/yolow"),
    ],
)  # fmt: skip
def test_where_the_cache_lies(
    monkeypatch: pytest.MonkeyPatch, own: str | None, xdg: str | None, expected: str
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    for name, value in {"YOLOW_CACHE": own, "XDG_CACHE_HOME": xdg}.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert default_cache_dir() == Path(expected)
