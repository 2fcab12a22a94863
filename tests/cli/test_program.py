"""The command line as the shell of Windows gives it: the program's words reach its commands as they were typed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import pytest

from frame_booster.cli.fbnet import main as fbnet
from frame_booster.cli.main import main as frame_booster
from frame_booster.cli.program import Program


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Starts no command, and has what click's `main` would be called with."""
    found: dict[str, Any] = {}
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("frame_booster.cli.program.open_what_is_closed", lambda: None)
    monkeypatch.setattr("frame_booster.cli.program.let_any_name_through", lambda: None)
    monkeypatch.setattr(click.Command, "main", lambda _self, **given: found.update(given))
    return found


def start(program: Program) -> None:
    with pytest.raises(SystemExit) as ended:
        program(prog_name=program.name)
    assert ended.value.code == 0


def test_click_rewrites_no_words_of_a_program_that_looks_patterns_up_itself(
    started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["frame-booster", "clip [1].mp4", "-o", "film[2].mkv", "--pattern", "*.mov"])
    start(frame_booster)
    assert started["windows_expand_args"] is False
    assert "args" not in started, "elsewhere a shell has done what is to be done"
    started.clear()
    start(fbnet)
    assert started.get("windows_expand_args", True), "its commands take files, and leave patterns to the shell"


def test_the_users_folder_is_put_in_where_a_shell_of_windows_leaves_it_out(
    started: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("frame_booster.files.WINDOWS", True)
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    words = ["~/[1].mp4", "**/*.mkv", "$HOME", "~film.mkv", "a~/b", "-o", "~\\out\\", "~"]
    monkeypatch.setattr(sys, "argv", ["frame-booster", *words])
    start(frame_booster)
    assert started["args"] == [f"{tmp_path}/[1].mp4", *words[1:6], f"{tmp_path}\\out\\", "~"]
    assert started["windows_expand_args"] is False
