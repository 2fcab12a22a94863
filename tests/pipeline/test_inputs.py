"""What the words of a command line name: files, folders, patterns and lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from frame_booster.errors import InputError
from frame_booster.options import BoostOptions
from frame_booster.pipeline.destination import destination
from frame_booster.pipeline.folder import FolderOptions, FolderRun
from frame_booster.pipeline.inputs import given_inputs


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.mkv", "b.mp4", "take [1].mkv", "@x.mkv", "notes.txt", "s/1/e.mp4", "s/2/e.mp4", "p/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(*arguments: str) -> list[str]:
    return [given.text for given in given_inputs(arguments)]


def outputs(target: str | None, *arguments: str) -> list[str]:
    run = FolderRun(given_inputs(arguments), None if target is None else Path(target), BoostOptions(), FolderOptions())
    return [str(run.output_of(path)) for path in run.files]


def test_patterns_are_looked_up_and_names_that_look_like_one_are_names(here: Path) -> None:
    assert named("*.mkv") == ["@x.mkv", "a.mkv", "take [1].mkv"]
    assert named("take [1].mkv", "@x.mkv", "./a.mkv", "a.mkv") == ["take [1].mkv", "@x.mkv", "./a.mkv"]
    assert named("s/**/*") == ["s/1/e.mp4", "s/2/e.mp4"]
    for pattern in ("*.avi", "[z]/*"):
        with pytest.raises(InputError, match="matches no file"):
            given_inputs([pattern])
    with pytest.raises(InputError, match="matches images"):
        given_inputs(["p/*.png"])


def test_several_inputs_must_be_there(here: Path) -> None:
    assert named("none.mp4") == ["none.mp4"], "alone, the run itself says so"
    with pytest.raises(InputError, match=r"c\.mp4: no such file \(for an output, use -o\)"):
        given_inputs(["a.mkv", "c.mp4"])
    with pytest.raises(InputError, match="the only input"):
        given_inputs(["-", "a.mkv"])


def test_a_list_is_read_as_seen_from_its_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '\ufeff# a comment\r\n\r\n  1/e.mp4  \r\n"../take [1].mkv"\r\n*/e.mp4\r\n'
    (here / "s" / "list.txt").write_bytes(text.encode())
    found = given_inputs(["@s/list.txt"])
    assert [Path(given.text).resolve().relative_to(here).as_posix() for given in found] == [
        "s/1/e.mp4",
        "take [1].mkv",
        "s/2/e.mp4",
    ]
    assert found[0].where.endswith("list.txt, line 3")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a.mkv\n\nnone.mp4\n", r"bad\.txt, line 3: .*none\.mp4: no such file"),
        (b"a.mkv\n'b.mp4\n", r"line 2: a name in quotes"),
        (b"\xff.mkv\n", r"line 1: is neither UTF-8"),
        (b"# nothing\n", r"bad\.txt: the list contains no input"),
        (b"*.avi\n", r"line 1: .*matches no file"),
        (b"-\n", r"line 1: standard input"),
        (b"@other.txt\n", r"line 1: a list cannot name another"),
    ],
)
def test_what_is_wrong_with_a_list_is_told_with_its_line(here: Path, content: bytes, message: str) -> None:
    (here / "bad.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        given_inputs(["@bad.txt"])
    with pytest.raises(InputError, match="no such list"):
        given_inputs(["@none.txt"])


def test_a_folder_of_a_list_is_no_pattern_whatever_its_name(here: Path) -> None:
    (here / "br[1]" / "more").mkdir(parents=True)
    for name in ("a.mkv", "more/b.mkv"):
        (here / "br[1]" / name).touch()
    (here / "br[1]" / "list.txt").write_text("**/*.mkv\n")
    found = {Path(given.text).name: given.below for given in given_inputs(["@br[1]/list.txt"])}
    assert found == {"a.mkv": Path(), "b.mkv": Path("more")}


def test_where_results_go(here: Path) -> None:
    assert outputs("out", "a.mkv", "b.mp4") == ["out/a.2x.mkv", "out/b.2x.mp4"]
    assert outputs(None, "a.mkv", "s/1/e.mp4", "s/2") == ["a.2x.mkv", "s/1/e.2x.mp4", "s/2.2x/e.mp4"]
    assert outputs("out", "s") == ["out/1/e.mp4", "out/2/e.mp4"]
    assert outputs("out", "s", "a.mkv") == ["out/s/1/e.mp4", "out/s/2/e.mp4", "out/a.2x.mkv"]
    assert outputs("out", "s/**/*.mp4") == ["out/1/e.2x.mp4", "out/2/e.2x.mp4"]
    (here / "a.avi").touch()
    assert outputs("out", "a.mkv", "a.avi") == ["out/a.mkv.2x.mkv", "out/a.avi.2x.mkv"], "the rule of folders"
    with pytest.raises(InputError, match=r"two inputs are called e\.mp4"):
        outputs("out", "s/1/e.mp4", "s/2/e.mp4")
    (here / "a.2x.mkv").hardlink_to(here / "b.mp4")
    with pytest.raises(InputError, match="would be the input"):
        outputs(None, "a.mkv", "b.mp4")


def test_a_folder_takes_a_video_under_a_name_and_pictures_where_they_are_meant(here: Path) -> None:
    def goes(source: str, output: str, output_format: str | None = None) -> tuple[str, bool]:
        found = destination(Path(source), output, BoostOptions(output_format=output_format))
        return found.path.as_posix(), found.pictures

    assert goes("a.mkv", "new/") == goes("a.mkv", "new/") == ("new/a.2x.mkv", False)
    assert goes("a.mkv", "s") == ("s/a.2x.mkv", False), "a folder that is there"
    assert goes("a.mkv", "new") == ("new", False)
    assert goes("a.mkv", "new/", "png") == ("new", True)
    assert goes("a.mkv", "new/", "matroska") == ("new/a.2x.mkv", False)
    assert goes("a.mkv", "new/%03d.png") == ("new/%03d.png", True)
    assert goes("p", "new/") == goes("p/%d.png", "new/") == ("new", True), "pictures stay pictures"
    with pytest.raises(InputError, match="standard input has no name"):
        goes("-", "new/")
