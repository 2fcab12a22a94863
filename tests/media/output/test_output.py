"""The output: never another's, never half of it, and every frame at a time of its own."""

from __future__ import annotations

import os
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from frame_booster.errors import EncodeError, FrameBoosterError, InputError, OutputError
from frame_booster.media.output.sink import Written
from frame_booster.media.output.verify import verify
from frame_booster.pipeline.job import Progress
from tests.conftest import boosted, decoded, make_video, probed_times


def side_by_side(source: Path, output: Path, **options: Any) -> list[Any]:
    """What two runs to one output end in, the second begun when the first has written a frame."""
    begun, results = threading.Event(), []

    def first() -> None:
        try:
            results.append(boosted(source, output, progress=lambda done: begun.set(), **options))
        except FrameBoosterError as error:
            results.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(60)
    try:
        results.append(boosted(source, output, **options))
    except FrameBoosterError as error:
        results.append(error)
    thread.join(60)
    return sorted(results, key=lambda result: isinstance(result, Exception))


@pytest.mark.parametrize("options", [{}, {"overwrite": True}, {"resume": True}])
def test_two_runs_to_one_output_at_once(tmp_path: Path, options: dict[str, Any]) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(300), size=(320, 192))
    done, refused = side_by_side(source, tmp_path / "out.mkv", **options)
    assert done.frames_out == 600
    assert isinstance(refused, InputError)
    assert "another run is" in str(refused)
    assert len(decoded(tmp_path / "out.mkv")) == 600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.mkv"]


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """As by another process: the result is kept beside it, not lost."""
    source = make_video(tmp_path / "in.mp4", pts=range(8))
    output = tmp_path / "out.mkv"

    def come(done: Progress) -> None:
        output.write_text("another's")

    with pytest.raises(
        InputError, match=r"another program created it during the run \(the result is kept as .*out-1\.mkv\)"
    ):
        boosted(source, output, progress=come)
    assert output.read_text() == "another's"
    assert len(decoded(tmp_path / "out-1.mkv")) == 16
    boosted(source, output, progress=come, overwrite=True)
    assert len(decoded(output)) == 16


@pytest.mark.parametrize("target", ["out.mkv", "frames/%03d.png", "new/%03d.png"])
def test_what_a_killed_run_has_left_is_told_of(tmp_path: Path, target: str) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3), codec="ffv1")
    (tmp_path / "frames").mkdir()
    places = {"out.mkv": ".out", "frames/%03d.png": "frames/.frames", "new/%03d.png": ".new"}
    left, of_now, of_another = (
        tmp_path / f"{name}.partial-{'0a' * 6}{end}"
        for name, end in ((places[target], ".mkv"), (places[target], ".mp4"), (".other", ".mkv"))
    )
    for path in (left, of_now, of_another):
        path.write_bytes(b"half a film")
    for path in (left, of_another):
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    told = [text for text in boosted(source, tmp_path / target).warnings if "killed" in text]
    assert told == [f"{left} is left from an earlier run that was killed; delete it unless a run is writing it"]
    assert left.exists()


def test_a_name_of_255_bytes_has_room_for_a_partial_one(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(3))
    output = tmp_path / f"{'n' * 251}.mkv"
    boosted(source, output)
    assert len(decoded(output)) == 6
    boosted(source, output, resume=True, overwrite=True)
    assert len(decoded(output)) == 6
    boosted(source, tmp_path / f"a.{'n' * 253}", output_format="matroska")
    assert len(decoded(tmp_path / f"a.{'n' * 253}")) == 6
    assert len(list(tmp_path.iterdir())) == 3
    with pytest.raises(InputError, match="longer than 255 bytes"):
        boosted(source, tmp_path / f"{'n' * 252}.mkv")


@pytest.mark.parametrize(
    ("name", "options"),
    [("out.mkv", {}), ("out.mkv", {"resume": True}), ("out.webm", {}), ("out.mp4", {}), ("out.mov", {"factor": 4})],
)
def test_more_frames_a_second_than_a_container_can_tell_apart(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(12), rate=960, time_base=Fraction(1, 960))
    if name in ("out.mp4", "out.mov"):
        result = boosted(source, tmp_path / name, **options)
        assert probed_times(tmp_path / name) == [k / result.rate for k in range(result.frames_out)]
        return
    with pytest.raises(EncodeError, match=r"does not support 1920 fps.*write an \.mp4 or \.mov"):
        boosted(source, tmp_path / name, progress=lambda done: pytest.fail("frames were made"), **options)
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("resume", [False, True])
def test_frames_that_lie_too_close_for_a_container(tmp_path: Path, resume: bool) -> None:
    """At 25 frames a second in the mean, but two of them within a millisecond."""
    pts = [0, 40, 80, 81, 160, 200]
    source = make_video(tmp_path / "in.mkv", pts=pts, time_base=Fraction(1, 1000))
    with pytest.raises(EncodeError, match=r"two frames are closer than 1/1000 s.*write an \.mp4"):
        boosted(source, tmp_path / "out.mkv", resume=resume)
    boosted(source, tmp_path / "out.mp4", resume=resume)
    times = probed_times(tmp_path / "out.mp4")
    assert times[:11:2] == [Fraction(t, 1000) for t in pts]
    assert len(set(times)) == 12


def test_every_time_of_the_result_is_checked(tmp_path: Path) -> None:
    path = make_video(tmp_path / "out.mkv", pts=[0, 40, 80, 140, 160, 200], time_base=Fraction(1, 1000))
    base = Fraction(1, 1000)

    def written(*times: int) -> Written:
        facts = Written()
        for pts in times:
            facts.add(pts, 40)
        return facts

    assert verify(path, "matroska", written(0, 40, 80, 140, 160, 200), base) == []
    assert verify(path, "matroska", written(7, 47, 147, 87, 167, 207), base) == [], "in the order they were decoded"
    with pytest.raises(OutputError, match=r"frame 3 of the result is at 0\.1400 s instead of 0\.1200 s"):
        verify(path, "matroska", written(0, 40, 80, 120, 160, 200), base)
    equal = tmp_path / "equal.mkv"
    with av.open(str(path)) as source, av.open(str(equal), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                packet.pts = packet.dts = 80 if packet.pts == 140 else packet.pts
                target.mux(packet)
    with pytest.raises(OutputError, match="frames 2 and 3 of the result have the same time"):
        verify(equal, "matroska", written(0, 40, 80, 81, 160, 200), base)


def test_variable_rate_into_a_format_without_timestamps(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=[0, 40, 60, 200, 240, 250], time_base=Fraction(1, 1000))
    for name in ("out.y4m", "out.yuv"):
        assert boosted(source, tmp_path / name).frames_out == 12


@pytest.mark.parametrize("rate", [Fraction(240), Fraction(60000, 1001)])
def test_two_frames_of_any_rate_are_an_mp4(tmp_path: Path, rate: Fraction) -> None:
    # The length of an edit list was told in milliseconds, and readers left out what lay beyond.
    source = make_video(tmp_path / "in.mp4", pts=range(2), time_base=1 / rate, rate=rate)
    result = boosted(source, tmp_path / "out.mp4")
    assert [time for time, _ in decoded(tmp_path / "out.mp4")] == [k / (2 * rate) for k in range(4)]
    assert result.duration == 2 / rate


def test_hevc_in_mp4_has_the_tag_that_apple_plays(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(3))
    for suffix, options in ((".mp4", {}), (".mov", {"resume": True})):
        boosted(source, tmp_path / f"out{suffix}", codec="libx265", preset="ultrafast", **options)
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            assert container.streams.video[0].codec_context.codec_tag == "hvc1"
        assert len(decoded(tmp_path / f"out{suffix}")) == 6
