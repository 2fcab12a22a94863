"""The partial file is there before the work, so that what keeps it from being there is told before the work."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from frame_booster import files
from frame_booster.errors import FrameBoosterError, OutputError
from frame_booster.media.output.atomic import partial_file
from frame_booster.media.output.picture_folder import partial_folder
from frame_booster.options import BoostOptions, EncoderOptions
from frame_booster.pipeline.boost import run
from tests.conftest import MeanModel, make_video


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Makes this system one that refuses new files of hidden names by an error, as Windows does."""
    code, real, mkdir = request.param, Path.open, Path.mkdir

    def look(path: Path) -> None:
        if ".partial-" in path.name:
            raise OSError(code, os.strerror(code), str(path))

    def opened(self: Path, *args: Any, **kwargs: Any) -> Any:
        look(self)
        return real(self, *args, **kwargs)

    def made(self: Path, *args: Any, **kwargs: Any) -> None:
        look(self)
        mkdir(self, *args, **kwargs)

    monkeypatch.setattr(files, "WINDOWS", True)
    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(Path, "mkdir", made)


def no_network(_options: BoostOptions) -> Any:
    raise AssertionError("the work has begun")


@pytest.mark.parametrize("refused", [errno.EACCES], indirect=True)
def test_a_folder_that_may_not_be_written_is_told_before_the_work(tmp_path: Path, refused: None) -> None:
    """os.access tells nothing of it on Windows."""
    with (
        pytest.raises(OutputError, match=r"out\.mkv: cannot be written: permission denied"),
        partial_file(tmp_path / "out.mkv", overwrite=False),
    ):
        pytest.fail("the work has begun")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("refused", [errno.EACCES], indirect=True)
def test_so_is_it_in_a_run(tmp_path: Path, refused: None) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(3))
    with pytest.raises(OutputError, match="permission denied"):
        run(str(source), str(tmp_path / "out.mkv"), BoostOptions(), model=no_network)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("refused", [errno.ENOENT], indirect=True)
def test_a_path_that_is_too_long_for_windows_is_told_as_that(tmp_path: Path, refused: None) -> None:
    folder = tmp_path / ("d" * 120) / ("e" * 120)
    folder.mkdir(parents=True)
    for writes in (
        partial_file(folder / "out.mkv", overwrite=False),
        partial_folder(Path("in.mp4"), folder / "out", overwrite=False),
    ):
        with pytest.raises(OutputError, match=r"cannot be written: the path is too long .*LongPathsEnabled"), writes:
            pytest.fail("the work has begun")
    with (
        pytest.raises(OutputError, match="no such file or folder"),
        partial_file(tmp_path / "out.mkv", overwrite=False),
    ):
        pytest.fail("the work has begun")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), FrameBoosterError("no")])
def test_it_is_empty_and_gone_where_nothing_is_written(tmp_path: Path, error: BaseException) -> None:
    def stopped() -> None:
        with partial_file(tmp_path / "out.mkv", overwrite=False) as partial:
            assert partial.read_bytes() == b""
            raise error

    with pytest.raises(type(error)):
        stopped()
    assert list(tmp_path.iterdir()) == []


def test_it_is_gone_where_ffmpeg_opens_nothing(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(3))
    options = BoostOptions(encoder=EncoderOptions(codec="libx264", options=(("preset", "none_such"),)))
    with pytest.raises(FrameBoosterError, match="libx264"):
        run(str(source), str(tmp_path / "out.mkv"), options, model=MeanModel())  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
