"""Folders and files that may not be looked at: each is told as an input that has failed, and stops no other."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frame_booster.errors import InputError
from frame_booster.media.paths import check_input, find_videos, is_picture_folder
from frame_booster.options import BoostOptions
from frame_booster.pipeline import folder as folders
from frame_booster.pipeline.folder import FolderOptions, FolderRun
from frame_booster.pipeline.forecast import forecasts
from frame_booster.pipeline.inputs import Given
from tests.conftest import MeanModel, make_video


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a video and two folders, `closed` and `lost+found`, that only another user may read.

    Tests may run as root, whom permissions do not stop; so the system's answer is what is replaced.
    """
    folder = tmp_path / "tree"
    for name in ("a.mkv", "closed/b.mkv", "lost+found/c.mkv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        make_video(folder / name, pts=range(3), codec="ffv1")
    plain = os.scandir

    def scandir(path: Any = ".") -> Any:
        if os.path.basename(path) in ("closed", "lost+found"):  # noqa: PTH119
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        return plain(path)

    def iterdir(path: Path) -> Iterator[Path]:
        return iter([path / entry.name for entry in scandir(path)])

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(Path, "iterdir", iterdir)
    monkeypatch.setattr(folders, "load", lambda _options: MeanModel())
    return folder


def test_a_closed_folder_fails_and_stops_no_video(tree: Path, tmp_path: Path) -> None:
    heard: list[Path] = []
    run = FolderRun(tree, tmp_path / "out", BoostOptions(), FolderOptions(), lambda path, _: heard.append(path))
    outcomes = {Path(outcome.input).name: outcome for outcome in run.run()}
    assert {name: outcome.outcome for name, outcome in outcomes.items()} == {"closed": "failed", "a.mkv": "done"}
    assert outcomes["closed"].exit_code == InputError.exit_code
    assert "cannot be read: Permission denied" in str(outcomes["closed"].error)
    assert tree / "closed" in heard, "the report has it, too"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.mkv"]


def test_a_dry_run_tells_of_it(tree: Path, tmp_path: Path) -> None:
    found = list(forecasts(FolderRun(tree, tmp_path / "out", BoostOptions(), FolderOptions())))
    assert [(Path(one.input).name, one.outcome, one.exit_code) for one in found] == [
        ("closed", "refused", 2),
        ("a.mkv", "planned", 0),
    ]


def test_a_closed_folder_among_inputs_stops_no_other(tree: Path, tmp_path: Path) -> None:
    given = [Given(str(tree / "closed")), Given(str(tree / "a.mkv"))]
    run = FolderRun(given, tmp_path / "out", BoostOptions(), FolderOptions())
    assert [outcome.outcome for outcome in run.run()] == ["failed", "done"]


def test_a_closed_folder_by_itself_is_an_input_that_cannot_be_read(tree: Path) -> None:
    for look in (is_picture_folder, lambda path: find_videos(path, None)):
        with pytest.raises(InputError, match="closed: cannot be read: Permission denied"):
            look(tree / "closed")


def test_a_file_that_may_not_be_looked_at_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder that may be listed and not entered."""
    make_video(tmp_path / "a.mkv", pts=range(3), codec="ffv1")
    told: list[str] = []

    def denied(path: Path, **_: Any) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "is_file", denied)
    assert find_videos(tmp_path, None, unreadable=lambda path, error: told.append(str(error))) == []
    assert len(told) == 1
    assert "a.mkv: cannot be read: Permission denied" in told[0]
    monkeypatch.setattr(Path, "stat", denied)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        check_input(str(tmp_path / "a.mkv"))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (None, ["a.mkv", "sub/b.mkv", "sub/deep/c.mkv"]),
        ("[ab].*", ["a.mkv", "sub/b.mkv"]),
        ("sub/*.mkv", ["sub/b.mkv"]),
        ("*.txt", ["sub/notes.txt"]),
        ("/a.mkv", []),
    ],
)
def test_a_pattern_is_of_names_at_any_depth(tmp_path: Path, pattern: str | None, found: list[str]) -> None:
    for name in ("a.mkv", "sub/b.mkv", "sub/deep/c.mkv", "sub/notes.txt", ".hidden/d.mkv", "sub/.e.mkv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in find_videos(tmp_path, pattern)] == found
