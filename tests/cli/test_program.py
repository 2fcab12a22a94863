"""The command line as the shell of Windows gives it: the program's words reach its commands as they were typed."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize("asked", [["--progress", "json"], ["--progress=json"]])
def test_a_wrong_option_is_a_line_of_json_where_those_are_wanted(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, as_event in (([*asked, "--factr", "3"], True), (["--factr", "3", "--", *asked], False)):
        with pytest.raises(SystemExit) as ended:
            frame_booster(["in.mp4", *arguments])
        told = capsys.readouterr().err
        assert ended.value.code == 2
        if as_event:
            event = json.loads(told)
            assert (event["event"], event["error"], event["exit_code"]) == ("error", "InputError", 2)
        assert ("Usage:" in told) is not as_event


def test_a_file_that_looks_like_an_option_is_told_how_to_be_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for there in (False, True):
        with pytest.raises(SystemExit):
            frame_booster(["-x.mp4"])
        assert ("write './-x.mp4'" in capsys.readouterr().err) is there
        Path("-x.mp4").touch()
    with pytest.raises(SystemExit) as ended:
        frame_booster(["-" + "x" * 300])
    assert ended.value.code == 2
    assert "No such option" in capsys.readouterr().err, "a name too long for a file is none"


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
