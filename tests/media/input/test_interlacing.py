"""Interlaced video: seen in the pixels, made whole or taken as it is, the same wherever reading begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from frame_booster.errors import DecodeError, InputError
from frame_booster.media.frames.combing import Combing
from frame_booster.media.frames.planes import frame_of, layout_of, planes_of
from frame_booster.media.input.interlacing import Decoded, Interlacing
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import Resume, SourceFrame, SourceReport
from frame_booster.options import InputOptions
from frame_booster.pipeline.job import Progress
from tests.conftest import boosted, decoded, picture, probed_times

Moments = Callable[[int], tuple[float, float]]
"""From a frame's number to when its top and its bottom field were taken, in frames."""
SIZE = (96, 64)
FLAGGED = {"flags": "+ilme+ildct", "preset": "ultrafast", "qp": "0"}
BOTTOM_FIRST = FLAGGED | {"x264-params": "bff=1"}
NOT_FLAGGED = {"preset": "ultrafast", "qp": "0"}
WARNING = "the video is interlaced"


def top_first(k: int) -> tuple[float, float]:
    return k, k + 0.5


def bottom_first(k: int) -> tuple[float, float]:
    return k + 0.5, k


def whole(k: int) -> tuple[float, float]:
    return k, k


def still(_: int) -> tuple[float, float]:
    return 0, 0


def pulldown(k: int) -> tuple[float, float]:
    """Frames AA, BB, BC, CD, DD of film, the top field first."""
    return tuple(4 * (k // 5) + moment for moment in ((0, 0), (1, 1), (1, 2), (2, 3), (3, 3))[k % 5])


def frame_at(moment: float) -> av.VideoFrame:
    rgb = (picture(moment, *SIZE) * 255).round().astype(np.uint8)
    return av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")


def woven(top: float, bottom: float) -> av.VideoFrame:
    one, other = frame_at(top), frame_at(bottom)
    layout = layout_of(one)
    planes = []
    for even, odd in zip(planes_of(one, layout), planes_of(other, layout), strict=True):
        plane = even.copy()
        plane[1::2] = odd[1::2]
        planes.append(plane)
    return frame_of(tuple(planes), one, layout)


def video(
    path: Path,
    moments: Moments = top_first,
    frames: int = 12,
    *,
    options: dict[str, str] | None = None,
    rate: Fraction | int = 25,
    first: int = 0,
    keyframes: int = 12,
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options=options or FLAGGED)
        context = stream.codec_context
        (context.width, context.height), context.pix_fmt, context.gop_size = SIZE, "yuv420p", keyframes
        context.time_base = stream.time_base = 1 / Fraction(rate)
        for k in range(frames):
            frame = woven(*moments(k))
            frame.pts, frame.time_base = k + first, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def frames_of(path: Path, resume: Resume | None = None, **options: object) -> list[tuple[int, bytes]]:
    start = options.pop("start", None)
    with open_source(path, InputOptions(**options), start=start) as source:  # type: ignore[arg-type]
        return [(f.pts, bytes_of(f.frame)) for f in source.items(resume=resume) if isinstance(f, SourceFrame)]


def bytes_of(frame: av.VideoFrame) -> bytes:
    return b"".join(plane.tobytes() for plane in planes_of(frame, layout_of(frame)))


def seen(moments: Moments, frames: int = 12) -> Combing:
    combing = Combing(frame_at(0))
    for k in range(frames):
        combing.add(woven(*moments(k)))
    combing.add(None)
    return combing


def test_combing_is_seen_in_the_pixels() -> None:
    assert seen(whole).combed == 0
    assert seen(whole).progressive >= 10
    assert (seen(top_first).order, seen(bottom_first).order) == ("tff", "bff")
    assert seen(top_first).combed >= 10
    assert seen(pulldown, 20).pulldown
    assert not seen(top_first, 20).pulldown
    assert seen(still).combed == seen(still).progressive == 0


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_interlaced_video_is_made_whole_with_a_warning(tmp_path: Path, suffix: str) -> None:
    # A transport stream's clock does not begin at 0.
    source = video(tmp_path / f"in{suffix}")
    result = boosted(source, tmp_path / "out.mp4")
    assert [text for text in result.warnings if text.startswith(WARNING)]
    assert result.frames_in == 12
    assert probed_times(tmp_path / "out.mp4") == [Fraction(k, 50) for k in range(24)]
    with av.open(str(tmp_path / "out.mp4")) as container:
        shown = list(container.decode(video=0))
    assert not any(frame.interlaced_frame for frame in shown)
    combing = Combing(shown[0])
    for frame in [*shown[::2], None]:
        combing.add(frame)
    assert combing.combed == 0
    with pytest.raises(DecodeError, match=WARNING):
        boosted(source, tmp_path / "out.mkv", input_strict=True)
    assert not boosted(source, tmp_path / "on.mkv", input_strict=True, input_deinterlace="on").warnings


def test_either_order_of_fields_whatever_the_flag_says(tmp_path: Path) -> None:
    def distance(path: Path, **options: str) -> float:
        made = np.frombuffer(b"".join(data for _, data in frames_of(path, **options)[2:-2]), np.uint8)
        true = np.frombuffer(b"".join(bytes_of(frame_at(k)) for k in range(2, 10)), np.uint8)
        return float(np.abs(made.astype(int) - true).mean())

    good = distance(video(tmp_path / "top.mkv"))
    assert good < 3
    assert distance(video(tmp_path / "bottom.mkv", bottom_first, options=BOTTOM_FIRST)) < 1.2 * good
    assert distance(video(tmp_path / "wrong.mkv", bottom_first)) < 1.2 * good
    assert distance(video(tmp_path / "no.mkv", bottom_first, options=NOT_FLAGGED), deinterlace="on") < 1.2 * good
    assert distance(tmp_path / "bottom.mkv", deinterlace="off") > 1.5 * good, "the measure sees fields"


def test_what_is_flagged_but_progressive_in_truth_is_taken_as_it_is(tmp_path: Path) -> None:
    source = video(tmp_path / "psf.mkv", whole)
    with av.open(str(source)) as container:
        assert all(frame.interlaced_frame for frame in container.decode(video=0))
    result = boosted(source, tmp_path / "out.mkv", codec="ffv1", input_strict=True)
    assert not result.warnings
    assert [data for _, data in decoded(tmp_path / "out.mkv")][::2] == [data for _, data in decoded(source)]
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert not any(frame.interlaced_frame for frame in container.decode(video=0))


def test_where_nothing_moves_deinterlacing_does_no_harm(tmp_path: Path) -> None:
    source = video(tmp_path / "in.mkv", still)
    first, *rest = (np.frombuffer(data, np.uint8).astype(int) for _, data in frames_of(source))
    assert all((np.abs(frame - first) <= 24).all() for frame in rest)


def test_off_takes_fields_as_they_are(tmp_path: Path) -> None:
    source = video(tmp_path / "in.mkv")
    assert [data for _, data in frames_of(source, deinterlace="off")] == [data for _, data in decoded(source)]
    with pytest.raises(InputError, match="not one of auto, on, off"):
        InputOptions(deinterlace="perhaps")


def test_combing_that_is_not_flagged_is_warned_of(tmp_path: Path) -> None:
    result = boosted(video(tmp_path / "in.mkv", options=NOT_FLAGGED), tmp_path / "out.mkv")
    assert [text for text in result.warnings if "look interlaced" in text and "--deinterlace on" in text]
    result = boosted(video(tmp_path / "progressive.mkv", whole, options=NOT_FLAGGED), tmp_path / "second.mkv")
    assert not result.warnings


def test_combing_that_comes_later_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frame_booster.media.input.interlacing._LOOKED_AT", 10)
    monkeypatch.setattr("frame_booster.media.input.interlacing._WATCHED", 10)
    monkeypatch.setattr("frame_booster.media.input.interlacing._PAUSE", 5)
    source = video(tmp_path / "in.mkv", lambda k: whole(k) if k < 16 else top_first(k), 40)
    result = boosted(source, tmp_path / "out.mkv")
    assert [text for text in result.warnings if "look interlaced" in text]


@pytest.mark.parametrize(("suffix", "mode"), [(".ts", "auto"), (".mp4", "on")])
def test_frames_are_the_same_wherever_reading_begins(tmp_path: Path, mode: str, suffix: str) -> None:
    source = video(tmp_path / f"in{suffix}", frames=80)
    frames = frames_of(source, deinterlace=mode)
    assert len(frames) == 80
    with open_source(source, InputOptions(deinterlace=mode)) as begun:
        items = begun.items(packets=False)
        for _ in range(50):
            next(items)
        at = Resume(frames[60][0], begun.shift, begun.format, begun.fields)
    assert at.fields == "tff"
    assert frames_of(source, resume=at, deinterlace=mode) == frames[60:]
    part = frames_of(source, start=Fraction(60, 25), deinterlace=mode)
    assert [data for _, data in part] == [data for _, data in frames[60:]]


def test_fields_that_come_in_mid_stream_are_the_same_after_a_seek(tmp_path: Path) -> None:
    with (tmp_path / "in.ts").open("wb") as joined:
        parts = [(whole, NOT_FLAGGED), (top_first, FLAGGED), (whole, NOT_FLAGGED), (top_first, FLAGGED)]
        for k, (moments, options) in enumerate(parts):
            part = video(tmp_path / f"{k}.ts", moments, 30, options=options, first=30 * k)
            joined.write(part.read_bytes())
    frames = frames_of(tmp_path / "in.ts")
    assert len(frames) == 120
    with open_source(tmp_path / "in.ts", InputOptions()) as begun:
        list(begun.items())
        at = Resume(frames[85][0], begun.shift, begun.format, begun.fields)
    assert frames_of(tmp_path / "in.ts", resume=at) == frames[85:]
    true = [data for _, data in decoded(tmp_path / "in.ts")]
    assert [data for _, data in frames[:30]] == true[:30]
    assert [data for _, data in frames[60:90]] == true[60:90]
    assert not {data for _, data in frames[30:60]} & set(true)


class Stop(Exception):
    """Ends a run as a crash would."""


@pytest.mark.parametrize("ivtc", [False, True])
def test_a_run_in_segments_that_was_cut_off_gives_the_same(tmp_path: Path, ivtc: bool) -> None:
    source = video(tmp_path / "in.ts", pulldown if ivtc else top_first, frames=60)

    def stop(done: Progress) -> None:
        if done.frames == 80:
            raise Stop

    boosted(source, tmp_path / "whole.mkv", codec="ffv1", input_ivtc=ivtc)
    options = {"codec": "ffv1", "resume": True, "segment": Fraction(2, 5), "input_ivtc": ivtc}
    with pytest.raises(Stop):
        boosted(source, tmp_path / "parts.mkv", progress=stop, **options)
    assert len(list((tmp_path / ".parts.mkv.segments").glob("*.packets"))) >= 3
    boosted(source, tmp_path / "parts.mkv", **options)
    assert decoded(tmp_path / "whole.mkv") == decoded(tmp_path / "parts.mkv")


def test_little_memory_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = []

    def watched(self: Interlacing, item: object) -> Iterator[object]:
        yield from push(self, item)  # type: ignore[arg-type]
        held.append(len(self._held))

    push = Interlacing.push
    monkeypatch.setattr(Interlacing, "push", watched)
    monkeypatch.setattr("frame_booster.media.input.interlacing._HELD_BYTES", 9 * SIZE[0] * SIZE[1] * 3 // 2)
    assert len(frames_of(video(tmp_path / "in.mkv", frames=20))) == 20
    assert 5 <= max(held) <= 9


FILM = Fraction(24000, 1001)


@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
def test_film_comes_out_of_pulldown_with_exact_times(tmp_path: Path, suffix: str) -> None:
    source = video(tmp_path / f"in{suffix}", pulldown, 40, rate=Fraction(30000, 1001))
    film = [bytes_of(frame_at(k)) for k in range(32)]
    result = boosted(source, tmp_path / "out.mp4", input_ivtc=True)
    assert not result.warnings
    assert (result.frames_in, result.frames_out, result.rate) == (32, 64, 2 * FILM)
    assert result.duration == 32 / FILM
    assert probed_times(tmp_path / "out.mp4") == [k / (2 * FILM) for k in range(64)]
    frames = frames_of(source, ivtc=True)
    assert [data for _, data in frames] == film
    at = Resume(frames[22][0], Fraction(0) if suffix == ".mp4" else shift_of(source), None)
    assert frames_of(source, resume=at, ivtc=True) == frames[22:]
    part = frames_of(source, ivtc=True, start=22 / FILM)
    assert [data for _, data in part] == film[22:]


def shift_of(path: Path) -> Fraction:
    with open_source(path, InputOptions()) as source:
        list(source.items())
        return source.shift


def test_a_cycle_that_is_cut_off_keeps_its_times(tmp_path: Path) -> None:
    source = video(tmp_path / "in.mp4", pulldown, 12, rate=Fraction(30000, 1001))
    with open_source(source, InputOptions(ivtc=True)) as opened:
        items = [f for f in opened.items() if isinstance(f, SourceFrame)]
        times = [f.pts * opened.info.time_base for f in items]
    assert times[:8] == [k / FILM for k in range(8)]
    assert times[8:] == [Fraction(1001 * k, 30000) for k in (10, 11)][: len(times) - 8]
    assert len(times) in (9, 10)


def test_inverse_telecine_of_what_is_none_is_warned_of(tmp_path: Path) -> None:
    source = video(tmp_path / "in.mkv", whole, 20, options=NOT_FLAGGED)
    result = boosted(source, tmp_path / "out.mkv", input_ivtc=True)
    assert [text for text in result.warnings if "show no 3:2 pulldown" in text]
    assert result.frames_in == 16


def test_the_order_of_fields_is_taken_from_enough_frames_alone(tmp_path: Path) -> None:
    """A few combed frames say nothing: deinterlacing then goes by what each frame says."""
    chosen = {}
    for frames in range(6, 13):
        fields = Interlacing(tmp_path / "in.mkv", SourceReport(), Fraction(1, 25), "on", strict=False)
        for k in range(frames):
            frame = woven(*top_first(k))
            frame.pts, frame.time_base = k, Fraction(1, 25)
            list(fields.push(Decoded(frame, k, 1, b"", False)))
        list(fields.flush())
        chosen[seen(top_first, frames).combed] = fields.treatment
    assert {7: "auto", 8: "tff"}.items() <= chosen.items()
