"""Names that Windows gives no file are refused before any work; its pipes and NUL are known by their names alone."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest

from frame_booster import files
from frame_booster.cli.boosting import check_report
from frame_booster.errors import InputError
from frame_booster.media.output.atomic import check_output, partial_file
from frame_booster.media.paths import default_output, input_path, is_pipe, output_path, output_url
from frame_booster.media.windows_names import possible
from frame_booster.pipeline.comparison.preview import default_preview
from frame_booster.pipeline.result_names import ResultNames
from tests.conftest import boosted, make_video

PIPES = [r"\\.\pipe\film", r"\\.\PIPE\a<b.mkv", r"\\server\pipe\film", "NUL", "nul", r"\\.\NUL"]


@pytest.fixture(autouse=True)
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WINDOWS", True)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((f"film{character}1.mkv", "does not allow") for character in '<>:"|?*\n\x1f'),
        ("12:30.mkv", "does not allow : in"),
        ("C:\\out\\film.mkv:2", "does not allow : in"),
        *((name, "for a device") for name in ("CON", "nul.mkv", "aux.2x.mp4", "Com1.mkv", "lpt9", "prn .mkv")),
        *((name, "full stop or a space") for name in ("film.", "film.mkv ", "out./", "...")),
    ],
)
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str, why: str) -> None:
    source = tmp_path / "in.mkv"
    ways = (
        lambda: output_path(name),
        lambda: check_output(source, tmp_path / name, overwrite=True),
        lambda: check_report(tmp_path / name, [], None),
    )
    for way in ways:
        with pytest.raises(InputError, match=why):
            way()


@pytest.mark.parametrize(
    "name",
    [
        *("film.mkv", "C:film.mkv", "C:\\out\\film.mkv", "\\\\server\\share\\film.mkv", "-", "..", ".", "out/"),
        *("a b.mkv", "com0.mkv", "com10.mkv", "console.mkv", "nulls", ".film.mkv", "frames/%05d.png", "a;b,[c].mkv"),
    ],
)
def test_other_names_are_outputs(tmp_path: Path, name: str) -> None:
    assert output_path(name) == Path(name)
    assert is_pipe(Path(name)) == (name == "-")
    assert possible(PureWindowsPath(name).name) == PureWindowsPath(name).name


def test_elsewhere_all_of_them_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "WINDOWS", False)
    for name in ("12:30.mkv", "nul.mkv", "film.", *PIPES):
        assert output_path(name) == Path(name)
        check_output(tmp_path / "in.mkv", tmp_path / name, overwrite=False)
        assert not is_pipe(Path(name))
        assert output_url(Path(name)).endswith(f"/{name}")


@pytest.mark.parametrize("name", PIPES)
def test_pipes_are_known_without_a_look(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Which would connect to the pipe, as its only reader."""

    def look(path: Path, **_: object) -> None:
        raise AssertionError(path)

    for method in ("stat", "lstat", "exists", "is_symlink"):
        monkeypatch.setattr(Path, method, look)
    target = output_path(name)
    assert is_pipe(target)
    check_output(Path("in.mkv"), target, overwrite=False)
    with partial_file(target, overwrite=False) as given:
        assert given == target
    assert output_url(target).upper().endswith("NUL" if "NUL" in name.upper() else name.upper())


def test_nul_is_written_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3))
    monkeypatch.chdir(tmp_path)
    boosted(source, "NUL", output_format="rawvideo")
    assert (tmp_path / "NUL").stat().st_size > 0, "here it is a file"
    assert len(list(tmp_path.iterdir())) == 2


class TestOfAddresses:
    """Results of inputs by address are called after what these may have in them, and Windows refuses."""

    @pytest.fixture(autouse=True)
    def fsspec(self) -> None:
        pytest.importorskip("fsspec", reason="the extra `remote` is not installed")

    @pytest.mark.parametrize(
        ("name", "result"),
        [
            ("12:30.mp4", "12_30.2x.mp4"),
            ("1:30.mp4", "1_30.2x.mp4"),
            ("a*b|c.mp4", "a_b_c.2x.mp4"),
            ("aux.mp4", "_aux.2x.mp4"),
            ("film. ", "film.2x.mkv"),
        ],
    )
    def test_what_cannot_be_in_a_name_is_replaced(self, name: str, result: str) -> None:
        path = input_path(f"memory://cam/{name}")
        assert str(path) == f"memory://cam/{name}"
        assert default_output(path, 2) == Path(result)
        output_path(str(default_preview(path)))

    def test_two_of_one_name_too(self, tmp_path: Path) -> None:
        results = ResultNames(tmp_path, "2", None, None)
        paths = [input_path(f"memory://cam/12:30{suffix}") for suffix in (".mp4", ".mov")]
        for path in paths:
            results.put(path, tmp_path, marked=True)
        results.give(paths)
        for output in results.outputs.values():
            output_path(str(output))

    def test_elsewhere_it_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "WINDOWS", False)
        assert default_output(input_path("memory://cam/12:30.mp4"), 2) == Path("12:30.2x.mp4")
