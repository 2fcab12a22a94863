"""Published sets are known by their layout, and sources stay whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from frame_booster.cli.fbnet.dataset import dataset as command
from frame_booster.errors import InputError
from frame_booster.training.data.dataset import DatasetOptions, build
from frame_booster.training.data.dataset_layouts import LAYOUTS, in_validation, recognise, units_of
from frame_booster.training.data.triplets import read_triplets
from tests.training.sources import write_pictures


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


PUBLISHED = {
    "vimeo-triplet": (lambda root: layout_of_vimeo(root, "tri", 3), {"clips": 3, "frames": 9, "triplets": 1}),
    "vimeo-septuplet": (lambda root: layout_of_vimeo(root, "sep", 7), {"clips": 3, "frames": 21, "triplets": 1}),
    "davis": (layout_of_davis, {"triplets": 2}),
    "middlebury": (layout_of_middlebury, {"clips": 0, "triplets": 1}),
    "ucf101": (layout_of_ucf101, {"clips": 0, "triplets": 2}),
    "x4k": (layout_of_x4k, {"clips": 1, "frames": 9, "triplets": 1}),
}


@pytest.mark.parametrize("layout", PUBLISHED)
def test_published_sets_are_known_by_their_layout(tmp_path: Path, layout: str) -> None:
    make, expected = PUBLISHED[layout]
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


def test_a_list_in_another_encoding_is_refused_and_one_with_a_bom_is_read(tmp_path: Path) -> None:
    layout_of_vimeo(tmp_path, "tri", 3)
    names = [unit.name for unit in units_of(tmp_path, "vimeo-triplet")]
    listed = tmp_path / "tri_trainlist.txt"
    listed.write_bytes(listed.read_text().encode("utf-16"))
    assert [unit.name for unit in units_of(tmp_path, "vimeo-triplet")] == names
    listed.write_bytes(b"00001/0002\n00002/\xe9\n")
    with pytest.raises(InputError, match=r"tri_trainlist.txt: line 2 is not UTF-8 text \(save it as UTF-8\)"):
        units_of(tmp_path, "vimeo-triplet")


def test_the_triplet_of_a_large_motion_clip_is_first_middle_last(tmp_path: Path) -> None:
    layout_of_x4k(tmp_path)
    [test] = [unit for unit in units_of(tmp_path, "auto") if unit.split == "val"]
    assert [path.name for path in test.snippets[0]] == ["0000.png", "0016.png", "0032.png"]


def test_a_video_is_all_in_training_or_all_in_validation() -> None:
    names = [f"{k}.mp4" for k in range(2000)]
    chosen = in_validation(names, 0.1)
    assert 150 < len(chosen) < 250
    assert in_validation(names, 0.05) < chosen
    assert in_validation(names[:1000], 0.1) == chosen & set(names[:1000]), "others move none"


@pytest.mark.parametrize("share", [0.0, 1e-6, 0.2, 0.999999])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_of_few_sources_there_is_one_of_each_kind(share: float, count: int) -> None:
    chosen = in_validation([f"{k}.mp4" for k in range(count)], share)
    if share == 0:
        assert not chosen
    elif count > 1:
        assert 1 <= len(chosen) < count


def test_the_command_offers_every_layout() -> None:
    [option] = [parameter for parameter in command.params if parameter.name == "layout"]
    assert set(option.type.choices) == {"auto", "synthetic", *LAYOUTS}
