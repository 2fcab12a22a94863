"""Material from a folder of videos: what is left out, what is measured, and that training can use it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import av
import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="the extra `train` is not installed")

from frame_booster.errors import InputError  # noqa: E402
from frame_booster.training.clips import ClipStore  # noqa: E402
from frame_booster.training.dataset import (  # noqa: E402
    MAX_FRAMES,
    DatasetOptions,
    build,
    clips_of,
    in_validation,
    scaled,
)
from frame_booster.training.triplets import read_triplets  # noqa: E402
from tests.conftest import make_video, picture  # noqa: E402


def write(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], "yuv444p"
        for rgb in pictures:
            frame = av.VideoFrame.from_ndarray((rgb * 255).round().astype(np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_cuts_still_stretches_and_missing_frames_end_a_clip(tmp_path: Path) -> None:
    moving = [picture(k, 96, 64) for k in range(60)]
    other = [1.0 - picture(k, 96, 64)[::-1, :, ::-1] ** 2 for k in range(500, 512)]
    shown = [*moving[:10], *other, *[moving[20]] * 9, *moving[30:40], *moving[43:52]]
    clips = list(clips_of(write(tmp_path / "in.mp4", shown), 64))
    assert [len(clip) for clip in clips] == [10, 12, 10, 9]
    for clip in clips:
        motion = [step.motion for step in clip[1:]]
        assert max(motion) < 1.8 * np.mean(motion)


def test_long_shots_are_cut_into_short_clips(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(MAX_FRAMES + 10), size=(96, 64))
    assert [len(clip) for clip in clips_of(source, 64)] == [MAX_FRAMES, 10]


def test_scaling_is_by_area_and_to_multiples() -> None:
    frame = np.zeros((300, 500, 3), np.uint8)
    frame[::2] = 200
    small = scaled(frame, 150)
    assert small.shape == (144, 240, 3)
    assert np.abs(small.astype(int) - 100).max() <= 1
    assert scaled(frame[:100], 150).shape == (96, 496, 3)


def test_a_video_is_all_in_training_or_all_in_validation() -> None:
    names = [f"{k}.mp4" for k in range(2000)]
    chosen = {name for name in names if in_validation(name, 0.1)}
    assert 150 < len(chosen) < 250
    assert {name for name in names if in_validation(name, 0.05)} < chosen


def test_what_is_built_can_be_trained_on_and_measured(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    (videos / "more").mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "more/c.mkv", "d.mp4"):
        make_video(videos / name, pts=range(12), size=(128, 96))
    (videos / "bad.mov").write_bytes(b"no video")
    share = next(
        s / 100 for s in range(100) if 1 <= sum(in_validation(n, s / 100) for n in ("a.mp4", "b.mp4", "d.mp4")) <= 2
    )
    options = DatasetOptions(short_side=64, validation=share, licence="CC0")
    made = build(videos, tmp_path / "data", options, quiet=True)
    assert (made["videos"], made["failed"]) == (5, 1)
    assert made["clips"] >= 1
    assert made["triplets"] >= 2
    store = ClipStore(tmp_path / "data" / "train", tmp_path / "cache")
    assert len(store.clips) == made["clips"]
    clip = store.clips[0]
    assert (clip.height, clip.frames, len(clip.pair_motion)) == (64, 12, 11)
    assert np.mean(clip.pair_motion) == pytest.approx(np.hypot(1.5, 0.5) * 64 / 96, rel=0.3)
    triplets = list(read_triplets(tmp_path / "data" / "val"))
    assert len(triplets) == made["triplets"]
    assert triplets[0].frame0.shape == clip_shape(triplets[0].truth)
    with (tmp_path / "data" / "train" / "manifest.csv").open() as file:
        assert {row["licence"] for row in csv.DictReader(file)} == {"CC0"}


def clip_shape(frame: np.ndarray) -> tuple[int, ...]:
    return frame.shape


def test_it_goes_on_where_it_was_stopped_and_not_with_other_options(tmp_path: Path) -> None:
    videos, data = tmp_path / "videos", tmp_path / "data"
    videos.mkdir()
    make_video(videos / "a.mp4", pts=range(12), size=(96, 64))
    options = DatasetOptions(short_side=64, validation=0.0)
    build(videos, data, options, quiet=True)
    make_video(videos / "b.mp4", pts=range(12), size=(96, 64))
    with (data / "journal.jsonl").open("a") as file:
        file.write('{"video": "b.mp4", "rows"')
    kept = next((data / "train").glob("*/0000.mp4")).stat().st_mtime_ns
    assert build(videos, data, options, quiet=True)["clips"] == 2
    assert kept in [path.stat().st_mtime_ns for path in (data / "train").glob("*/0000.mp4")]
    assert len([line for line in (data / "journal.jsonl").read_text().splitlines() if is_record(line)]) == 3
    with pytest.raises(InputError, match="other options"):
        build(videos, data, DatasetOptions(short_side=96), quiet=True)


def is_record(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_a_folder_without_videos(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no videos"):
        build(tmp_path, tmp_path / "data", DatasetOptions(), quiet=True)
