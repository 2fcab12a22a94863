"""Flags of timing, loops, shutters and masks: as they are typed, to the file that comes out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from frame_booster.cli.boost import boost
from frame_booster.cli.flags import run_options
from frame_booster.media.paths import default_output
from frame_booster.pipeline import boost as whole
from frame_booster.timecode import Timecode
from tests.conftest import MeanModel, decoded, make_video
from tests.media.passthrough.test_timecode import labelled
from tests.stand_in import STAND_IN


@pytest.fixture(autouse=True)
def stand_in() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "load_network", lambda *_, **__: MeanModel())
        yield


def run(*arguments: object) -> Result:
    return CliRunner().invoke(boost, [*map(str, arguments), "--codec", "ffv1", "-y"], catch_exceptions=False)


def test_the_installed_command_takes_them_all(tmp_path: Path) -> None:
    """A part by timecode, as a loop, slower, blurred, under a mask."""
    source = labelled(tmp_path / "in.mov", "01:00:00:00", Fraction(24))
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(tmp_path / "hud.png")
    flags = ["-ss", "01:00:00:02", "-to", "01:00:00:08", "--loop", "--slow-motion", "2.5", "--shutter", "180"]
    more = ["--shutter-samples", "2", "--mask", str(tmp_path / "hud.png"), "-q", "--codec", "ffv1"]
    command = [*STAND_IN, str(source), "-o", str(tmp_path / "out.nut"), *flags, *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    before, after = decoded(source), decoded(tmp_path / "out.nut")
    assert [time for time, _ in after] == [Fraction(k, 24) for k in range(15)]
    # All is masked: each frame is the source frame before it, and the mean of equal ones.
    assert [data for _, data in after] == [before[2 + k * 2 // 5][1] for k in range(15)]


@pytest.mark.parametrize(
    ("flags", "rate", "frames"),
    [
        (["--multi", "3"], 75, 18),
        (["--fps", "3x"], 75, 18),
        (["--slow-motion", "1.5", "--factor", "3"], 50, 18),
        (["-to", "00:00:00:04", "--loop"], 50, 8),
        (["--shutter", "172.8", "--shutter-samples", "2", "-r", "film"], 24, 6),
    ],
)
def test_rates_and_parts(tmp_path: Path, flags: list[str], rate: int, frames: int) -> None:
    source = make_video(tmp_path / "in.nut", codec="ffv1", size=(16, 16))
    done = run(source, "-o", tmp_path / "out.nut", *flags)
    assert done.exit_code == 0, done.output
    assert [time for time, _ in decoded(tmp_path / "out.nut")] == [Fraction(k, rate) for k in range(frames)]


@pytest.mark.parametrize(
    ("flags", "option", "value"),
    [
        (["--factor", "16"], "factor", 16),
        (["--fps", "double"], "factor", 2),
        (["--fps", "PAL"], "fps", 25),
        (["--fps", "ntsc"], "fps", Fraction(30000, 1001)),
        (["--slomo", "5/2"], "slow_motion", Fraction(5, 2)),
        (["-ss", "1:02.5"], "start", Fraction(125, 2)),
        (["-to", "00:00:01;02"], "end", Timecode(0, 0, 1, 2, True)),
        (["-t", "00:00:01:02"], "duration", Timecode(0, 0, 1, 2)),
    ],
)
def test_what_is_typed_is_read(flags: list[str], option: str, value: object) -> None:
    values = boost.make_context("boost", ["in.mp4", *flags]).params
    assert getattr(run_options(values), option) == value


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--factor", "17"], "2 to 16"),
        (["--factor", "2", "--fps", "3x"], "exclude each other"),
        (["--slow-motion", "0.5"], "is not above 1"),
        (["--slow-motion", "20", "--model", "fbnet"], "supports --slow-motion up to 16 only"),
        (["-t", "1", "-to", "2"], "exclude each other"),
        (["-ss", "2", "-to", "1"], "--to is not after --start"),
        (["-ss", "00:00:00:30"], "no timecode 00:00:00:30"),
        (["--fps", "secam"], "ntsc, pal"),
        (["--shutter", "half"], "degrees"),
        (["--shutter", "180", "--fps", "30", "--resume"], "does not support --resume"),
        (["--mask", "none.png"], "no such file"),
    ],
)
def test_what_cannot_be_is_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    source = make_video(tmp_path / "in.nut", codec="ffv1", size=(16, 16), pts=range(2))
    done = run(source, "-o", tmp_path / "out.nut", *flags)
    assert done.exit_code == 2
    told = capfd.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out.nut").exists()


@pytest.mark.parametrize(
    ("flags", "name"),
    [(["--slow-motion", "2.5"], "in.2.5x.mp4"), (["--shutter", "90"], "in.1x.mp4"), (["--factor", "3"], "in.3x.mp4")],
)
def test_a_result_is_named_after_how_many_times(flags: list[str], name: str) -> None:
    options = run_options(boost.make_context("boost", ["in.mp4", *flags]).params)
    assert default_output(Path("in.mp4"), options.multiple) == Path(name)
