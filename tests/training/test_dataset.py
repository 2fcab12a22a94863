"""Data made of videos and pictures: training can use it, TensorFlow can read it, a stopped build goes on."""

from __future__ import annotations

import csv
import json
import multiprocessing
import multiprocessing.connection
import re
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from frame_booster.errors import InputError, Interrupted
from frame_booster.training.data.dataset import DatasetOptions, build, work_on
from frame_booster.training.data.dataset_layouts import in_validation
from frame_booster.training.data.journal import SOURCE
from frame_booster.training.data.stores import open_store
from frame_booster.training.data.triplets import read_triplets
from tests.conftest import make_video
from tests.training.sources import eight_bit, touch_and_sleep, write_pictures


def test_what_is_built_of_videos_can_be_trained_on_and_measured(tmp_path: Path) -> None:
    videos, data = tmp_path / "videos", tmp_path / "data"
    (videos / "more").mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "more/c.mkv", "d.mp4"):
        make_video(videos / name, pts=range(12), size=(128, 96))
    (videos / "bad.mov").write_bytes(b"no video")
    names = ("a.mp4", "b.mp4", "bad.mov", "d.mp4", "more/c.mkv")
    share = next(
        s / 100 for s in range(1, 100) if len({"a.mp4", "b.mp4", "d.mp4"} & in_validation(names, s / 100)) == 1
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
    with pytest.raises(InputError, match="incomplete"):
        open_store(train, tmp_path / "cache")


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
    with (data / "journal.jsonl").open("ab") as file:
        file.write(b'{"source": "b.mp4", "rows"\xff')
    kept = next((data / "train").glob("*.tfrecord")).stat().st_mtime_ns
    assert build(videos, data, options, quiet=True)["clips"] == 2
    assert kept in [path.stat().st_mtime_ns for path in (data / "train").glob("*.tfrecord")]
    assert not list((data / "train").glob("*.partial"))
    assert len([line for line in (data / "journal.jsonl").read_text().splitlines() if is_record(line)]) == 3
    with pytest.raises(InputError, match="other options"):
        build(videos, data, DatasetOptions(short_side=96), quiet=True)


def test_a_build_that_is_stopped_begins_no_other_source_and_keeps_what_is_done(tmp_path: Path) -> None:
    tasks = [(tmp_path / str(k), 0.0 if k == 0 else 120.0) for k in range(8)]
    kept: list[str] = []

    def ended(_task: tuple[Path, float], made: str) -> None:
        kept.append(made)
        raise Interrupted("stopped")

    before, began = set(multiprocessing.active_children()), time.monotonic()
    with pytest.raises(Interrupted):
        work_on(tasks, touch_and_sleep, ended, jobs=2)
    assert time.monotonic() - began < 100.0, "what is at work is not waited for"
    assert kept == ["0"]
    assert len(list(tmp_path.iterdir())) <= 3
    for child in set(multiprocessing.active_children()) - before:
        # `is_alive` may say so of a process that has ended, where a pool's thread has waited for it at the same time.
        assert multiprocessing.connection.wait([child.sentinel], 20.0)


def test_what_is_done_when_a_build_is_stopped_is_handed_on(tmp_path: Path) -> None:
    kept: list[str] = []

    def ended(_task: tuple[Path, float], made: str) -> None:
        while sum(path.name in "12" for path in tmp_path.iterdir()) < 2 and not kept:
            time.sleep(0.05)
        kept.append(made)
        if len(kept) == 1:
            time.sleep(1.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_on([(tmp_path / str(k), 0.0) for k in (1, 2)], touch_and_sleep, ended, jobs=2)
    assert sorted(kept) == ["1", "2"]


def test_what_failed_says_why_and_is_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    videos, data = tmp_path / "videos", tmp_path / "data"
    videos.mkdir()
    (videos / "a.mp4").write_bytes(b"no video")
    options = DatasetOptions(short_side=64, validation=0.0)
    assert build(videos, data, options)["failed"] == 1
    assert re.search(r"^a\.mp4: .*a\.mp4: ", capsys.readouterr().err, re.MULTILINE)
    make_video(videos / "a.mp4", pts=range(12), size=(96, 64))
    made = build(videos, data, options, quiet=True)
    assert (made["failed"], made["clips"]) == (0, 1)
    assert capsys.readouterr().err == ""


def test_another_folder_into_the_same_set_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_pictures(tmp_path / name / "s", [f"{k:02d}.png" for k in range(9)])
    data, options = tmp_path / "data", DatasetOptions(short_side=64, validation=0.0)
    build(tmp_path / "one", data, options, quiet=True)
    with pytest.raises(InputError, match=r"was made from another folder, .*one"):
        build(tmp_path / "two", data, options, quiet=True)
    # Of an earlier version: it does not say which folder.
    journal = data / "journal.jsonl"
    head, *lines = journal.read_text().splitlines()
    old = {key: value for key, value in json.loads(head).items() if key != SOURCE}
    journal.write_text("\n".join([json.dumps(old, sort_keys=True), *lines]) + "\n")
    assert build(tmp_path / "one", data, options, quiet=True)["clips"] == 1
    assert journal.read_text().splitlines()[0] == head


def test_a_picture_of_another_size_ends_a_run_and_not_its_sequence(tmp_path: Path) -> None:
    write_pictures(tmp_path / "in", [f"{k:02d}.png" for k in range(20)])
    write_pictures(tmp_path / "in", ["09.png"], size=(128, 96))
    made = build(tmp_path / "in", tmp_path / "data", DatasetOptions(short_side=64, validation=0.0), quiet=True)
    assert (made["failed"], made["clips"], made["frames"]) == (0, 2, 19)


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
