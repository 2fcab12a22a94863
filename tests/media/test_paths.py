"""Names of results, after inputs that have none themselves, too; and names as systems count and compare them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from frame_booster import files
from frame_booster.errors import InputError
from frame_booster.media.paths import (
    check_input,
    check_length,
    default_output,
    named,
    output_path,
    same_name,
    shortened,
)
from frame_booster.options import BoostOptions
from frame_booster.pipeline.comparison.compare import default_page
from frame_booster.pipeline.comparison.facts import record_beside
from frame_booster.pipeline.comparison.preview import default_preview
from frame_booster.pipeline.folder import FolderOptions, FolderRun
from frame_booster.pipeline.inputs import given_inputs
from frame_booster.pipeline.report import done_inputs, whole_outputs


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "pics"
    (folder / "below").mkdir(parents=True)
    (folder / "1.png").touch()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", [".", "below/..", "../pics/."])
def test_a_folder_that_is_named_by_dots_has_its_own_name(pictures: Path, name: str) -> None:
    path = Path(name)
    assert default_output(path, 2).resolve() == pictures.parent / "pics.2x.mp4"
    assert default_preview(path).resolve() == pictures.parent / "pics.preview.html"
    assert default_page(path).resolve() == pictures.parent / "pics.compare.html"
    assert record_beside(path) is None


def test_the_folder_above_has_its_own_name(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pictures / "below")
    assert default_output(Path(".."), 2) == pictures.parent / "pics.2x.mp4"
    assert named(Path("a/b.mp4")) == Path("a/b.mp4"), "what has a name stays as it is"


def test_the_top_of_a_disk_has_no_name_for_a_result(tmp_path: Path) -> None:
    top = Path(tmp_path.anchor)
    for look in (
        lambda: default_output(top, 2),
        lambda: FolderRun(top, None, BoostOptions(), FolderOptions(pattern="zzz*")),
    ):
        with pytest.raises(InputError, match="no name from which to derive"):
            look()


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WINDOWS", True)


CHINESE, EMOJI = "\u7535" * 240, "\U0001f3ac" * 125
"""Names of 720 and 500 bytes, which Windows counts as 240 and 250."""


def test_windows_counts_names_in_utf_16(windows: None) -> None:
    for stem in (CHINESE, EMOJI, "\ud800"):
        check_length(Path(f"{stem}.mkv"))
    assert shortened(CHINESE, ".2x.mkv") == f"{CHINESE}.2x.mkv"
    assert shortened(EMOJI, ".2x.mkv") == f"{EMOJI[:-1]}.2x.mkv"
    with pytest.raises(InputError, match="longer than 255 UTF-16 code units"):
        check_length(Path(f"{EMOJI}ab.mkv"))


def test_elsewhere_names_are_counted_in_bytes() -> None:
    assert shortened(CHINESE, ".2x.mkv") == f"{CHINESE[:82]}.2x.mkv"
    for look in (output_path, check_input):
        with pytest.raises(InputError, match="longer than 255 bytes"):
            look(f"{CHINESE}.mkv")


def test_an_input_that_is_there_is_not_refused_for_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk of another file system, whose names may be longer."""
    fact = tmp_path.stat()
    with monkeypatch.context() as other:
        other.setattr(Path, "stat", lambda self: fact)
        check_input(f"{CHINESE}.mkv")


def test_names_are_compared_without_case_where_the_system_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film, again = tmp_path / "Film.MP4", tmp_path / "FILM.mp4"
    film.touch()
    assert same_name(film) != same_name(again)
    # As ntpath does, without its backslashes.
    monkeypatch.setattr(os.path, "normcase", str.lower)
    assert same_name(film) == same_name(again)
    assert [given.text for given in given_inputs([str(film), str(again)])] == [str(film)]
    assert same_name("S3://Bucket/Film.mkv") == "S3://Bucket/Film.mkv"
    report = tmp_path / "report.json"
    report.write_text(json.dumps([{"input": str(film), "outcome": "done", "output": str(film), "bytes": 3}]))
    assert same_name(again) in done_inputs(report)
    assert whole_outputs([report]) == {same_name(again): 3}
