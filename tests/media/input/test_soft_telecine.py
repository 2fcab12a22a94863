"""Film whose pulldown is a flag of each frame: every frame stays, at even times."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from frame_booster.media.input.interlacing import Decoded
from frame_booster.media.input.open import open_source
from frame_booster.media.input.soft_telecine import LOOKED_AT, EvenFrames, is_soft
from frame_booster.media.input.source import SourceFrame
from frame_booster.options import InputOptions
from tests.conftest import boosted, probed_times

FIELD = Fraction(1001, 60000)
FRAME: Any = SimpleNamespace()


def fields(count: int, *, longer_first: bool) -> list[int]:
    """Times of frames that are shown for three and two fields in turn, in fields."""
    lengths = (3, 2) if longer_first else (2, 3)
    times = [0]
    while len(times) < count:
        times.append(times[-1] + lengths[(len(times) - 1) % 2])
    return times


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("longer_first", [False, True])
def test_it_is_told_by_the_times_of_the_first_frames(longer_first: bool, rounded: bool) -> None:
    tick = Fraction(1000 * 1001, 60000) if rounded else 1
    assert is_soft(round(tick * k) for k in fields(LOOKED_AT, longer_first=longer_first))


@pytest.mark.parametrize(
    "times",
    [
        range(LOOKED_AT),
        [0, 33, 67, 100, 133, 167, 200, 234, 267, 300],
        # Film at 24 frames a second in milliseconds, a video with a gap, and frames at any time.
        [0, 42, 83, 125, 167, 208, 250, 292],
        [0, 2, 4, 6, 9, 11, 13, 15, 17],
        [0, 3, 10, 12, 15, 16, 22, 23, 31],
        # Too few to tell.
        [0, 3, 5, 8],
    ],
)
def test_other_times_are_not_taken_for_it(times: Any) -> None:
    assert not is_soft(times)


@pytest.mark.parametrize("longer_first", [False, True])
def test_frames_are_even_but_for_the_ends(longer_first: bool) -> None:
    even, made = EvenFrames(), []
    for at in fields(12, longer_first=longer_first):
        made += even.push(Decoded(FRAME, at * 2, 4, b"%d" % at, False))
    assert len(made) == 10
    made += even.flush()
    gaps = [b.pts - a.pts for a, b in pairwise(made)]
    # A pair of frames lasts five fields; ticks are half fields.
    assert set(gaps[1:-1]) == {5}
    assert made[0].pts == 0
    assert [item.duration for item in made[:-1]] == gaps
    assert [item.captions for item in made] == [b"%d" % at for at in fields(12, longer_first=longer_first)]


def test_where_the_rhythm_ends_times_stay() -> None:
    even, made = EvenFrames(), []
    for at in (0, 3, 5, 8, 10, 12, 14, 16, 30):
        made += even.push(Decoded(FRAME, at * 2, 4, b"", False))
    made += even.flush()
    assert [item.pts for item in made] == [0, 5, 10, 15, 20, 24, 28, 32, 60]


def soft_film(path: Path, frames: int) -> Path:
    """A video whose frames, of one grey each, are shown for three and two fields in turn."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=Fraction(30000, 1001), options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = stream.time_base = FIELD
        for k, at in enumerate(fields(frames, longer_first=True)):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([100 + 4 * (k % 10)]) * plane.buffer_size)
            frame.pts, frame.time_base = at, FIELD
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("frames", [8, 30])
def test_no_frame_of_the_film_is_left_out(tmp_path: Path, frames: int) -> None:
    source = soft_film(tmp_path / "in.mp4", frames)
    result = boosted(source, tmp_path / "out.mp4", input_ivtc=True)
    assert [text for text in result.warnings if "soft telecine" in text]
    assert not [text for text in result.warnings if "drops one frame in five" in text]
    assert (result.frames_in, result.frames_out) == (frames, 2 * frames)
    times = probed_times(tmp_path / "out.mp4")
    assert {b - a for a, b in pairwise(times[: 2 * frames - 4])} == {FIELD * 5 / 4}


def test_without_the_option_times_are_those_of_the_file(tmp_path: Path) -> None:
    source = soft_film(tmp_path / "in.mp4", 8)
    with open_source(source, InputOptions()) as opened:
        times = [f.pts * opened.info.time_base for f in opened.items() if isinstance(f, SourceFrame)]
    assert times == [at * FIELD for at in fields(8, longer_first=True)]
