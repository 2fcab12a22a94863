"""What `--dry-run` says to people: all that is known of each input, and of all of them together no more than that."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from frame_booster.cli.dry_run import show
from frame_booster.pipeline.forecast import Forecast

PLANNED = Forecast(
    *("a.mp4", "a.2x.mp4", "planned"),
    frames_in=100,
    frames_out=200,
    rate=Fraction(60000, 1001),
    duration=Fraction(1001, 300),
    width=64,
    height=48,
    container="mp4",
    codec="libx264",
    pix_fmt="yuv420p",
    bytes=2_000_000,
    free=5_000_000_000,
    seconds=40.0,
    speed="measured here",
    engine="tensorflow",
    streams=[{"index": 1, "type": "audio", "codec": "aac", "becomes": "copied"}],
    warnings=["chapters are lost"],
)
SKIPPED = Forecast("b.mp4", "b.2x.mp4", "skipped")
REFUSED = Forecast("c.mp4", "", "refused", error="c.mp4: the file is empty", exit_code=2)


def test_everything_is_told_of_an_input(capsys: pytest.CaptureFixture[str]) -> None:
    show([PLANNED], as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "a.mp4 -> a.2x.mp4",
        "  frames   200 frames from 100 at 59.9401 fps, 3.34 s",
        "  video    64x48, libx264 in yuv420p, mp4",
        "  size     about 2 MB, 5 GB free",
        "  time     about 40 s with tensorflow (measured here)",
        "  stream 1  audio (aac): copied",
        "  warning: chapters are lost",
    ]
    show(
        [replace(PLANNED, rate=None, duration=None, frames_out=None, bytes=None, free=None, seconds=None)],
        as_json=False,
    )
    told = capsys.readouterr().out
    for part in ("frames   unknown at an unknown rate\n", "size     unknown\n", "time     unknown\n"):
        assert part in told


def test_a_name_with_a_line_break_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    show([replace(SKIPPED, input="a\nb\x1b[2J.mp4")], as_json=False)
    assert capsys.readouterr().out == "a\\nb\\x1b[2J.mp4: would be skipped: b.2x.mp4 is complete\n"


def test_several_inputs_end_with_their_sum_and_the_code_of_the_first_refusal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = replace(REFUSED, exit_code=6)
    with pytest.raises(SystemExit) as ended:
        show([SKIPPED, PLANNED, REFUSED, replace(PLANNED, seconds=60.0), other], as_json=False)
    assert ended.value.code == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "b.mp4: would be skipped: b.2x.mp4 is complete"
    assert "c.mp4: would fail with exit code 2: the file is empty" in lines
    assert lines[-1] == "2 of 5 inputs would be processed: about 4 MB in 2 min"
    show([SKIPPED, SKIPPED], as_json=False)
    assert capsys.readouterr().out.splitlines()[-1] == "0 of 2 inputs would be processed: nothing"


@pytest.mark.parametrize("unknown", [{"seconds": None}, {"bytes": None}])
def test_a_sum_says_where_something_is_not_known(unknown: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    show([PLANNED, replace(PLANNED, **unknown)], as_json=False)
    assert capsys.readouterr().out.splitlines()[-1].endswith(", where known")


@pytest.mark.parametrize(
    ("seconds", "told"), [(89.4, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1:30 h"), (100_000, "1 day, 3:47 h")]
)
def test_times_are_as_long_as_they_are_known(seconds: float, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    show([replace(PLANNED, seconds=seconds)], as_json=False)
    assert f"  time     about {told} with tensorflow (measured here)\n" in capsys.readouterr().out
