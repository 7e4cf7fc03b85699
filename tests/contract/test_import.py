"""What importing Ultralytics reads, writes and switches on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from yolow.engine.upstream import QUIET_SETTINGS

from .conftest import Probe

_FACTS = """
import json, os, sys
from pathlib import Path
if len(sys.argv) > 1:
    from yolow.engine.upstream import load
    load(Path(sys.argv[1]))
from ultralytics import utils
from ultralytics.utils.events import Events
print(json.dumps({
    "online": utils.ONLINE, "autoinstall": utils.AUTOINSTALL, "safe_load": utils.SAFE_LOAD,
    "verbose": utils.VERBOSE, "settings": dict(utils.SETTINGS), "settings_file": str(utils.SETTINGS_FILE),
    "events": Events().enabled, "testing": utils.TESTS_RUNNING,
    "log_handlers": [[type(h).__name__, h.stream.name] for h in utils.LOGGER.handlers],
    "log_propagates": utils.LOGGER.propagate,
    "config_dir": os.environ.get("YOLO_CONFIG_DIR"),
}))
"""


@pytest.fixture(scope="module")
def prepared(probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The facts in a process of yolow's."""
    folder = tmp_path_factory.mktemp("prepared")
    facts: dict[str, Any] = json.loads(probe(_FACTS, folder / "cache", cwd=folder).splitlines()[-1])
    assert not facts["testing"]  # else events are off for another reason
    return facts


@pytest.fixture(scope="module")
def bare(probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The facts in a process that nobody prepared, but for the look at the network."""
    folder = tmp_path_factory.mktemp("bare")
    facts: dict[str, Any] = json.loads(probe(_FACTS, cwd=folder, YOLO_OFFLINE="1").splitlines()[-1])
    return facts


@pytest.mark.parametrize(
    ("fact", "value"), [("online", False), ("autoinstall", False), ("safe_load", True), ("verbose", False)]
)
def test_environment_decides_at_import(prepared: dict[str, Any], fact: str, value: bool) -> None:
    """Each variable that engine/upstream.py `_set_environment` sets is heeded."""
    assert prepared[fact] is value


@pytest.mark.parametrize(("fact", "value"), [("autoinstall", True), ("safe_load", False), ("verbose", True)])
def test_upstreams_own_choice_is_the_other_one(bare: dict[str, Any], fact: str, value: bool) -> None:
    """Why engine/upstream.py `_set_environment` is needed at all."""
    assert bare[fact] is value


def test_settings_live_in_the_private_folder(prepared: dict[str, Any]) -> None:
    """`<YOLO_CONFIG_DIR>/Ultralytics/settings.json`: engine/upstream.py, engine/data_script.py."""
    file = Path(prepared["settings_file"])
    assert file == Path(prepared["config_dir"]) / "Ultralytics" / "settings.json"
    assert json.loads(file.read_text(encoding="utf-8")) == prepared["settings"]


@pytest.mark.parametrize("key", QUIET_SETTINGS)
def test_quiet_settings_exist_and_are_off(prepared: dict[str, Any], bare: dict[str, Any], key: str) -> None:
    """An unknown key raises in upstream: engine/upstream.py `QUIET_SETTINGS`."""
    assert key in bare["settings"]
    assert prepared["settings"][key] is False


def test_no_switch_is_left_on(prepared: dict[str, Any]) -> None:
    """A new integration must be added to engine/upstream.py `QUIET_SETTINGS`."""
    assert [key for key, value in prepared["settings"].items() if value is True] == []


def test_folders_in_the_settings_are_private(prepared: dict[str, Any]) -> None:
    """Downloads and data sets of upstream can only land in the cache: engine/upstream.py."""
    private = Path(prepared["config_dir"])
    folders = {
        key: Path(prepared["settings"][key]).parent for key in ("datasets_dir", "weights_dir", "runs_dir")
    }
    assert folders == dict.fromkeys(folders, private)


def test_analytics_are_off(prepared: dict[str, Any]) -> None:
    """Off by the setting `sync` and by being offline: engine/upstream.py."""
    assert prepared["events"] is False


def test_partial_settings_are_completed_and_kept(probe: Probe, tmp_path: Path) -> None:
    """A settings file with some keys keeps their values: engine/data_script.py writes one."""
    file = tmp_path / "Ultralytics" / "settings.json"
    file.parent.mkdir()
    ours = {**dict.fromkeys(QUIET_SETTINGS, False), "datasets_dir": str(tmp_path / "here")}
    file.write_text(json.dumps(ours), encoding="utf-8")
    facts = json.loads(
        probe(_FACTS, cwd=tmp_path, YOLO_CONFIG_DIR=str(tmp_path), YOLO_OFFLINE="1").splitlines()[-1]
    )
    assert {key: facts["settings"][key] for key in ours} == ours
    assert set(facts["settings"]) > set(ours)


@pytest.mark.parametrize("font", ["Arial.ttf", "Arial.Unicode.ttf"])
def test_a_font_in_the_private_folder_is_used(ultralytics: Any, font: str) -> None:
    """Else training downloads one, offline or not: engine/upstream.py `_place_fonts`."""
    from ultralytics.utils import USER_CONFIG_DIR
    from ultralytics.utils.checks import check_font

    assert check_font(font) == USER_CONFIG_DIR / font
    assert (USER_CONFIG_DIR / font).stat().st_size > 100_000


def test_the_placed_font_draws(ultralytics: Any) -> None:
    """The font is a real one that Pillow opens: engine/upstream.py `_place_fonts`."""
    import numpy as np
    from ultralytics.utils.plotting import Annotator

    blank = np.full((64, 128, 3), 255, dtype=np.uint8)
    annotator = Annotator(blank.copy(), pil=True)
    annotator.text([5, 5], "label", txt_color=(0, 0, 0))
    assert (annotator.result() != blank).any()


def test_the_log_goes_through_one_stream_handler(prepared: dict[str, Any]) -> None:
    """engine/upstream.py turns it to stderr, since stdout carries data only."""
    assert prepared["log_handlers"] == [["StreamHandler", "<stderr>"]]
    assert prepared["log_propagates"] is False
