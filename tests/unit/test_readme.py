"""What the README says is true: its commands parse, its flags exist, its files are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from harness import ROOT, Yolow

README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCKS = re.findall(r"^```[a-z]*\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
_LINES = [line.lstrip("$ ") for block in _BLOCKS for line in block.splitlines()]
COMMANDS = sorted({line.split("  #")[0].strip() for line in _LINES if line.startswith("yolow ")})
SCRIPTS = sorted(set(re.findall(r"scripts/[a-z_]+(?:\.sh|\.py)?", README)))


@cache
def _help(run: Yolow, command: tuple[str, ...]) -> str:
    finished = run(*command, "--help", cwd=ROOT)
    assert finished.code == 0, finished.err
    return finished.out


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_readme_exist_with_their_flags(line: str, run_yolow: Yolow) -> None:
    words = line.split()[1:]
    command = tuple(words[:2]) if words[0] == "weights" else (words[0],)
    flags = set(re.findall(r"(?<=\s)--[a-z-]+", line))
    missing = {flag for flag in flags if flag not in _help(run_yolow, command)}
    assert not missing


def test_the_readme_shows_commands() -> None:
    assert len(COMMANDS) > 5


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_of_the_readme_exist(script: str) -> None:
    assert (ROOT / script).is_file()


def test_rooms_of_the_readme_are_the_packages() -> None:
    for room in ("cli", "recipes", "report", "engine", "store", "checkpoint", "data", "config"):
        assert re.search(rf"^{room}\s", README, flags=re.MULTILINE)
        assert (ROOT / "yolow" / room / "__init__.py").is_file()


def test_nothing_is_left_to_fill_in() -> None:
    assert "@@" not in README
    assert not re.search(r"\b(TODO|FIXME)\b", README)


def test_paths_of_example_configs_exist() -> None:
    for name in re.findall(r"configs/[a-z/]+\.yaml", README):
        assert Path(ROOT / name).is_file()
