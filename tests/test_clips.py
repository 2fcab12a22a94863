"""The real sample clips, losslessly; FRAME_BOOSTER_CLIP_SECONDS=1 takes more of each."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest

import frame_booster
from frame_booster.network.presets import DEFAULT
from frame_booster.options import BoostOptions, EncoderOptions
from frame_booster.pipeline import folder as folders
from frame_booster.pipeline.folder import FolderOptions, FolderRun
from tests.conftest import MeanModel, boosted, decoded, packets, plane_rows

MODEL = os.environ.get("FRAME_BOOSTER_CLIP_MODEL", DEFAULT)
SECONDS = Fraction(os.environ.get("FRAME_BOOSTER_CLIP_SECONDS", "0.1"))
NAMES = (
    "actioncam_480p30_audio.mp4",
    "bar_1080p30_audio.webm",
    "cartoon_1080p60_audio51.webm",
    "cartoon_720p24_audio.webm",
    "dog_720p30_audio.mp4",
    "film_cuts_640x272p25.mp4",
    "juggle_720p24.mp4",
    "phone_rotated_vfr_1080p_audio.mp4",
    "portrait_540x960p25.mp4",
)


def shown(path: Path, end: Fraction) -> list[tuple[Fraction, Fraction, bytes]]:
    """(time, duration, pixels) of the frames before `end`, s."""
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        base = Fraction(stream.time_base.numerator, stream.time_base.denominator)
        origin = Fraction(container.start_time or 0, av.time_base)
        for frame in container.decode(stream):
            if frame.pts * base - origin >= end:
                break
            frames.append((frame.pts * base, frame.duration * base, b"".join(plane_rows(frame))))
    return frames


@pytest.mark.parametrize("name", NAMES)
def test_clip(clips: Path, tmp_path: Path, name: str) -> None:
    source, output = clips / name, tmp_path / "out.mp4"
    result = frame_booster.boost(
        source, output, model=MODEL, duration=SECONDS, options=(("qp", "0"),), preset="ultrafast", device="cpu"
    )
    before, after = shown(source, SECONDS), decoded(output)
    print(result.as_json())
    assert len(after) == 2 * len(before) == result.frames_out
    assert [data for _, data in after[::2]] == [data for _, _, data in before]
    times = [time for time, _ in after]
    assert times[::2] == [time for time, _, _ in before]
    for k in range(len(before) - 1):
        assert times[2 * k + 1] == (before[k][0] + before[k + 1][0]) / 2
    # Matroska gives a duration in whole ms, MP4 the exact ticks.
    assert result.duration == before[-1][0] + before[-1][1] - before[0][0]
    for mine, theirs in zip(packets(output, "audio"), packets(source, "audio"), strict=True):
        assert mine
        assert mine == theirs[theirs.index(mine[0]) :][: len(mine)]


PIPED = """
from fractions import Fraction
from tests.conftest import boosted
boosted("-", "-", output_format="nut", duration=Fraction("%s"), allow_drop=True)
"""


@pytest.mark.parametrize("name", NAMES[1::2])
def test_file_pipe_and_folder_agree(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The same frames at the same times, whatever way a clip comes in and goes out; with a network that only mixes."""
    seconds = SECONDS
    boosted(clips / name, tmp_path / "file.mkv", codec="ffv1", duration=seconds, allow_drop=True)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).symlink_to(clips / name)
    monkeypatch.setattr(folders, "load", lambda options: MeanModel())
    options = BoostOptions(duration=seconds, encoder=EncoderOptions(codec="ffv1"), allow_drop=True)
    [outcome] = FolderRun(tmp_path / "in", tmp_path / "out", options, FolderOptions(suffix=".mkv")).run()
    assert outcome.outcome == "done"
    command = [sys.executable, "-c", PIPED % seconds]
    root = Path(__file__).resolve().parents[1]
    data = (clips / name).read_bytes()
    with (clips / name).open("rb") as file, (tmp_path / "pipe.nut").open("wb") as out:
        if data.find(b"moov") > data.find(b"mdat") > 0:
            # Its index lies at the end: it can be standard input, but not come through a pipe.
            subprocess.run(command, stdin=file, stdout=out, check=True, cwd=root)
        else:
            subprocess.run(command, input=data, stdout=out, check=True, cwd=root)
    by_file, by_folder, by_pipe = (
        decoded(path) for path in (tmp_path / "file.mkv", Path(outcome.output), tmp_path / "pipe.nut")
    )
    assert by_file == by_folder
    assert [data for _, data in by_file] == [data for _, data in by_pipe]
    # Matroska rounds to 1 ms.
    start = by_file[0][0] - by_pipe[0][0]
    assert all(abs(a - b - start) <= Fraction(1, 1000) for (a, _), (b, _) in zip(by_file, by_pipe, strict=True))
