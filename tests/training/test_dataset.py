"""Material from videos, pictures and published sets: what is left out, what is measured, that training can use it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import av
import numpy as np
import pytest
import tensorflow as tf

cv2 = pytest.importorskip("cv2", reason="the extra `train` is not installed")

from frame_booster.errors import InputError  # noqa: E402
from frame_booster.training.clips import open_store  # noqa: E402
from frame_booster.training.cutting import MAX_FRAMES, Target, fitted, frames_of, runs_of, scaled  # noqa: E402
from frame_booster.training.dataset import DatasetOptions, build  # noqa: E402
from frame_booster.training.layouts import in_validation, recognise, units_of  # noqa: E402
from frame_booster.training.triplets import read_triplets  # noqa: E402
from tests.conftest import make_video, picture  # noqa: E402


def eight_bit(t: float, width: int = 96, height: int = 64) -> np.ndarray:
    return (picture(t, width, height) * 255).round().astype(np.uint8)


def write(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], "yuv444p"
        for rgb in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        container.mux(stream.encode(None))
    return path


def write_pictures(folder: Path, names: list[str], *, first: int = 0, size: tuple[int, int] = (96, 64)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(names):
        cv2.imwrite(str(folder / name), eight_bit(first + k, *size)[..., ::-1])


def lengths(path: Path, short_side: int = 64) -> list[int]:
    return [len(run) for run in runs_of(frames_of((path,)), Target(short_side=short_side))]


def test_cuts_still_stretches_and_missing_frames_end_a_clip(tmp_path: Path) -> None:
    moving = [eight_bit(k) for k in range(60)]
    other = [(255 - eight_bit(k)[::-1, :, ::-1] ** 2.0 / 255).astype(np.uint8) for k in range(500, 512)]
    shown = [*moving[:10], *other, *[moving[20]] * 9, *moving[30:40], *moving[43:52]]
    path = write(tmp_path / "in.mp4", shown)
    runs = list(runs_of(frames_of((path,)), Target(short_side=64)))
    assert [len(run) for run in runs] == [10, 12, 10, 9]
    for run in runs:
        motion = [step.motion for step in run[1:]]
        assert max(motion) < 1.8 * np.mean(motion)


def test_fades_are_left_out_and_what_is_around_them_is_kept(tmp_path: Path) -> None:
    moving = [eight_bit(k).astype(float) for k in range(32)]
    for k in range(12, 20):
        moving[k] *= 1 - (k - 11) / 12
    for k in range(20, 32):
        moving[k] *= 1 / 3
    path = write(tmp_path / "in.mp4", [frame.round().astype(np.uint8) for frame in moving])
    found = lengths(path)
    assert len(found) == 2
    assert 10 <= found[0] <= 12
    assert 11 <= found[1] <= 13


def test_long_shots_are_cut_into_short_clips(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(MAX_FRAMES + 10), size=(96, 64))
    assert lengths(source) == [MAX_FRAMES, 10]


def test_scaling_is_by_area_and_to_multiples() -> None:
    frame = np.zeros((300, 500, 3), np.uint8)
    frame[::2] = 200
    small = scaled(frame, 150)
    assert small.shape == (144, 240, 3)
    assert np.abs(small.astype(int) - 100).max() <= 1
    assert scaled(frame[:100], 150).shape == (96, 496, 3)


def test_an_exact_size_is_cropped_only_where_shapes_differ_much() -> None:
    frame = np.zeros((256, 448, 3), np.uint8)
    frame[:, :8] = 255
    small = fitted(frame, (256, 144))
    assert small is not None
    assert small.shape == (144, 256, 3)
    assert small[0, 0, 0] == 255, "the published size keeps the whole picture"
    square = fitted(frame, (128, 128))
    assert square is not None
    assert square.shape == (128, 128, 3)
    assert square.max() == 0, "the sides are cropped"
    assert fitted(frame, (449, 100)) is None, "never enlarged"


def test_a_video_is_all_in_training_or_all_in_validation() -> None:
    names = [f"{k}.mp4" for k in range(2000)]
    chosen = {name for name in names if in_validation(name, 0.1)}
    assert 150 < len(chosen) < 250
    assert {name for name in names if in_validation(name, 0.05)} < chosen


def test_what_is_built_of_videos_can_be_trained_on_and_measured(tmp_path: Path) -> None:
    videos, data = tmp_path / "videos", tmp_path / "data"
    (videos / "more").mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "more/c.mkv", "d.mp4"):
        make_video(videos / name, pts=range(12), size=(128, 96))
    (videos / "bad.mov").write_bytes(b"no video")
    share = next(
        s / 100 for s in range(100) if 1 <= sum(in_validation(n, s / 100) for n in ("a.mp4", "b.mp4", "d.mp4")) <= 2
    )
    made = build(videos, data, DatasetOptions(short_side=64, validation=share, licence="CC0"), jobs=2, quiet=True)
    assert (made["sources"], made["failed"]) == (5, 1)
    assert made["clips"] >= 1
    assert made["triplets"] >= 2
    store = open_store(data / "train", tmp_path / "cache")
    assert len(store.clips) == made["clips"]
    clip = store.clips[0]
    assert (clip.height, clip.frames, len(clip.pair_motion)) == (64, 12, 11)
    assert np.mean(clip.pair_motion) == pytest.approx(np.hypot(1.5, 0.5) * 64 / 96, rel=0.3)
    triplets = list(read_triplets(data / "val"))
    assert len(triplets) == made["triplets"]
    assert {t.frame0.shape for t in triplets} == {t.truth.shape for t in triplets}
    with (data / "train" / "manifest.csv").open() as file:
        assert {row["licence"] for row in csv.DictReader(file)} == {"CC0"}


def features() -> dict[str, object]:
    return {
        "id": tf.io.FixedLenFeature([], tf.string),
        "frames": tf.io.VarLenFeature(tf.string),
        "width": tf.io.FixedLenFeature([], tf.int64),
        "coding": tf.io.FixedLenFeature([], tf.string),
        "pair_motion": tf.io.VarLenFeature(tf.float32),
    }


@pytest.mark.parametrize("coding", ["jpeg", "png"])
def test_records_are_what_tensorflow_reads_and_the_index_finds_each_frame(tmp_path: Path, coding: str) -> None:
    for name in ("one", "two"):
        write_pictures(tmp_path / "in" / name, [f"{k:02d}.png" for k in range(9)], first=20 * len(name))
    options = DatasetOptions(short_side=64, validation=0.0, coding=coding)
    build(tmp_path / "in", tmp_path / "data", options, quiet=True)
    store = open_store(tmp_path / "data" / "train", tmp_path / "cache")
    shards = sorted(str(path) for path in (tmp_path / "data" / "train").glob("*.tfrecord"))
    assert len(shards) == 2
    seen = 0
    for data in tf.data.TFRecordDataset(shards):
        record = tf.io.parse_single_example(data, features())
        clip = next(c for c in store.clips if c.path == record["id"].numpy().decode())
        coded = record["frames"].values
        assert (len(coded), int(record["width"])) == (clip.frames, clip.width)
        assert record["coding"].numpy() == coding.encode()
        np.testing.assert_allclose(record["pair_motion"].values, clip.pair_motion, atol=0.006)
        for k, picture_bytes in enumerate(coded):
            if coding == "jpeg":
                decoded = tf.io.decode_jpeg(picture_bytes, dct_method="INTEGER_ACCURATE").numpy()
            else:
                decoded = tf.io.decode_png(picture_bytes).numpy()
            mine = store.frame(clip, k)
            # JPEG decoders may round differently; PNG ones may not.
            assert np.abs(decoded.astype(int) - mine).max() <= (2 if coding == "jpeg" else 0)
            seen += 1
    assert seen == 18
    original = eight_bit(20 * 3)
    nearest = min(np.abs(store.frame(c, 0).astype(int) - original).mean() for c in store.clips)
    assert nearest < (1.5 if coding == "jpeg" else 1e-9)


def test_damaged_and_missing_shards_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path / "in" / "one", [f"{k:02d}.png" for k in range(9)])
    build(tmp_path / "in", tmp_path / "data", DatasetOptions(short_side=64, validation=0.0), quiet=True)
    train = tmp_path / "data" / "train"
    [shard] = train.glob("*.tfrecord")
    whole = shard.read_bytes()
    shard.write_bytes(b"\0" * len(whole))
    store = open_store(train, tmp_path / "cache")
    with pytest.raises(InputError, match=shard.name):
        store.frame(store.clips[0], 0)
    shard.unlink()
    with pytest.raises(InputError, match="not whole"):
        open_store(train, tmp_path / "cache")


def layout_of_vimeo(root: Path, prefix: str, count: int) -> None:
    for entry, first in (("00001/0001", 0), ("00001/0002", 9), ("00002/0001", 30), ("00003/0007", 50)):
        write_pictures(root / "sequences" / entry, [f"im{k + 1}.png" for k in range(count)], first=first)
    (root / f"{prefix}_trainlist.txt").write_text("00001/0002\n00002/0001\n00001/0001\n")
    (root / f"{prefix}_testlist.txt").write_text("00003/0007\n\n")


def layout_of_davis(root: Path) -> None:
    for name, first in (("bear", 0), ("camel", 100), ("new", 200)):
        write_pictures(root / "JPEGImages" / "480p" / name, [f"{k:05d}.jpg" for k in range(10)], first=first)
    (root / "ImageSets" / "2016").mkdir(parents=True)
    line = "/JPEGImages/480p/{0}/00000.jpg /Annotations/480p/{0}/00000.png\n"
    (root / "ImageSets" / "2016" / "train.txt").write_text(line.format("bear"))
    (root / "ImageSets" / "2016" / "val.txt").write_text(line.format("camel"))


def layout_of_middlebury(root: Path) -> None:
    write_pictures(root / "other-data" / "Beanbags", ["frame10.png", "skip.png", "frame11.png"])
    write_pictures(root / "other-gt-interp" / "Beanbags", ["frame10i11.png"], first=1)


def layout_of_ucf101(root: Path) -> None:
    for k in (1, 11):
        write_pictures(root / str(k), ["frame_00.png", "frame_01_gt.png", "frame_02.png"], first=30 * k)


def layout_of_x4k(root: Path) -> None:
    write_pictures(root / "train" / "002" / "occ008.320", [f"{k:04d}.png" for k in range(9)])
    write_pictures(root / "test" / "Type1" / "TEST01", [f"{k:04d}.png" for k in range(33)], first=50)


LAYOUTS = {
    "vimeo-triplet": (lambda root: layout_of_vimeo(root, "tri", 3), {"clips": 3, "frames": 9, "triplets": 1}),
    "vimeo-septuplet": (lambda root: layout_of_vimeo(root, "sep", 7), {"clips": 3, "frames": 21, "triplets": 1}),
    "davis": (layout_of_davis, {"triplets": 2}),
    "middlebury": (layout_of_middlebury, {"clips": 0, "triplets": 1}),
    "ucf101": (layout_of_ucf101, {"clips": 0, "triplets": 2}),
    "x4k": (layout_of_x4k, {"clips": 1, "frames": 9, "triplets": 1}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_published_sets_are_known_by_their_layout(tmp_path: Path, layout: str) -> None:
    make, expected = LAYOUTS[layout]
    make(tmp_path / "in")
    assert recognise(tmp_path / "in") == layout
    names = [unit.name for unit in units_of(tmp_path / "in", layout)]
    assert len(set(names)) == len(names), "each is one unit, with shards of its own"
    options = DatasetOptions(short_side=64, validation=0.0)
    made = build(tmp_path / "in", tmp_path / "data", options, quiet=True)
    assert {key: made[key] for key in expected} == expected
    assert made["failed"] == 0
    triplet = next(iter(read_triplets(tmp_path / "data" / "val")))
    blend = (triplet.frame0.astype(int) + triplet.frame1) / 2
    assert np.abs(blend - triplet.truth).mean() < np.abs(triplet.frame0.astype(int) - triplet.truth).mean()
    if layout != "davis":
        straight = next(iter(read_triplets(tmp_path / "in")))
        assert np.array_equal(straight.truth, triplet.truth), "measured in its own layout, it is the same triplet"
        assert straight.motion == pytest.approx(triplet.motion, abs=0.02)


def test_the_triplet_of_a_large_motion_clip_is_first_middle_last(tmp_path: Path) -> None:
    layout_of_x4k(tmp_path)
    [test] = [unit for unit in units_of(tmp_path, "auto") if unit.split == "val"]
    assert [path.name for path in test.snippets[0]] == ["0000.png", "0016.png", "0032.png"]


def test_synthetic_sets_move_as_far_as_asked(tmp_path: Path) -> None:
    write_pictures(tmp_path / "in", [f"{k:02d}.png" for k in range(8)], size=(160, 128))
    options = DatasetOptions(layout="synthetic", size=(128, 96), validation=0.25, count=8, reach=40)
    made = build(tmp_path / "in", tmp_path / "data", options, quiet=True)
    assert (made["clips"], made["triplets"]) == (6, 2)
    store = open_store(tmp_path / "data" / "train", tmp_path / "cache")
    motion = [value for clip in store.clips for value in clip.pair_motion]
    assert max(motion) <= 20.5
    assert max(motion) > 4
    assert {(clip.width, clip.height, clip.frames) for clip in store.clips} == {(128, 96, 3)}
    again = build(tmp_path / "in", tmp_path / "again", options, quiet=True)
    assert again == made
    shards = [sorted(p.read_bytes() for p in (tmp_path / d / "train").glob("*.tfrecord")) for d in ("data", "again")]
    assert shards[0] == shards[1], "the same seed makes the same set"


def test_it_goes_on_where_it_was_stopped_and_not_with_other_options(tmp_path: Path) -> None:
    videos, data = tmp_path / "videos", tmp_path / "data"
    videos.mkdir()
    make_video(videos / "a.mp4", pts=range(12), size=(96, 64))
    options = DatasetOptions(short_side=64, validation=0.0)
    build(videos, data, options, quiet=True)
    make_video(videos / "b.mp4", pts=range(12), size=(96, 64))
    with (data / "journal.jsonl").open("a") as file:
        file.write('{"source": "b.mp4", "rows"')
    kept = next((data / "train").glob("*.tfrecord")).stat().st_mtime_ns
    assert build(videos, data, options, quiet=True)["clips"] == 2
    assert kept in [path.stat().st_mtime_ns for path in (data / "train").glob("*.tfrecord")]
    assert not list((data / "train").glob("*.partial"))
    assert len([line for line in (data / "journal.jsonl").read_text().splitlines() if is_record(line)]) == 3
    with pytest.raises(InputError, match="other options"):
        build(videos, data, DatasetOptions(short_side=96), quiet=True)


def is_record(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("layout", "message"), [("auto", "has no videos"), ("davis", "JPEGImages"), ("ucf101", "no mat")]
)
def test_a_folder_without_material(tmp_path: Path, layout: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(tmp_path, tmp_path / "data", DatasetOptions(layout=layout), quiet=True)


def test_the_command_offers_every_layout() -> None:
    from frame_booster.cli.laboratory.dataset import _LAYOUTS
    from frame_booster.training.layouts import LAYOUTS as known

    assert set(_LAYOUTS) == {"auto", *known}
