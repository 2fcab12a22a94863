"""Where training material lies: the folder layouts of published sets, picture sequences, videos.

Sources for the layouts: Vimeo90K (Xue et al., IJCV 2019, toflow.csail.mit.edu), DAVIS 2016/2017 (davischallenge.org),
the interpolation set of Middlebury (Baker et al., IJCV 2011), the UCF101 triplets of Liu et al. (ICCV 2017), X4K1000FPS
(Sim et al., ICCV 2021).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from frame_booster.errors import InputError
from frame_booster.media.paths import PICTURES, find_videos

TRAIN, VALIDATION = "train", "val"


@dataclass(frozen=True)
class Unit:
    """What one worker makes one group of shards of."""

    name: str
    """By which it is known, unique in its set."""
    snippets: tuple[tuple[Path, ...], ...]
    """Pictures in the order they are shown; of a video its path alone."""
    whole: bool
    """Each snippet is taken as it is; otherwise it is cut into shots and what does not move is left out."""
    split: str | None = None
    """`TRAIN` or `VALIDATION`; None: by name."""


def _place(name: str) -> float:
    """Returns where a source lies in [0, 1), by its name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32


def in_validation(names: Sequence[str], share: float) -> set[str]:
    """Returns the sources that go into validation: by their names, so that adding sources moves none of many.

    Of two or more there is always one in training, and one in validation if there is to be any.

    Args:
      names: of all sources that no layout says it of.
      share: of them, in [0, 1).
    """
    chosen = {name for name in names if _place(name) < share}
    if share > 0 and len(set(names)) > 1:
        if not chosen:
            chosen.add(min(names, key=_place))
        elif len(chosen) == len(set(names)):
            chosen.remove(max(names, key=_place))
    return chosen


def pictures_in(folder: Path) -> list[Path]:
    """Returns the pictures directly in a folder, sorted by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith("."))


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").split()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    return [line for line in lines if line]


def _vimeo(root: Path, prefix: str, count: int) -> Iterator[Unit]:
    for split, name in ((TRAIN, f"{prefix}_trainlist.txt"), (VALIDATION, f"{prefix}_testlist.txt")):
        if not (root / name).exists():
            continue
        # Sorted: a source must be one unit, or a later one would take the place of its shards.
        for source, entries in groupby(sorted(_listed(root / name)), key=lambda entry: entry.split("/")[0]):
            snippets = tuple(
                tuple(root / "sequences" / entry / f"im{k + 1}.png" for k in range(count)) for entry in entries
            )
            yield Unit(f"{split}/{source}", snippets, whole=True, split=split)


def vimeo_triplet(root: Path) -> Iterator[Unit]:
    """`sequences/00001/0001/im1.png` to `im3.png`, `tri_trainlist.txt`, `tri_testlist.txt`."""
    return _vimeo(root, "tri", 3)


def vimeo_septuplet(root: Path) -> Iterator[Unit]:
    """`sequences/00001/0001/im1.png` to `im7.png`, `sep_trainlist.txt`, `sep_testlist.txt`."""
    return _vimeo(root, "sep", 7)


def davis(root: Path) -> Iterator[Unit]:
    """`JPEGImages/480p/bear/00000.jpg`, `ImageSets/2016/train.txt` and `val.txt` (or 2017)."""
    resolution = next((d for d in ("480p", "Full-Resolution", "1080p") if (root / "JPEGImages" / d).is_dir()), None)
    if resolution is None:
        raise InputError("JPEGImages has neither 480p nor Full-Resolution nor 1080p", path=root)
    splits: dict[str, str] = {}
    for year in ("2016", "2017"):
        for split in (TRAIN, VALIDATION):
            listed = root / "ImageSets" / year / f"{split}.txt"
            for entry in _listed(listed) if listed.exists() else ():
                # 2016 lists files ("/JPEGImages/480p/bear/00000.jpg ..."), 2017 sequences.
                name = entry.split("/")[-2] if "/" in entry else entry
                splits.setdefault(name, split)
    for folder in sorted(p for p in (root / "JPEGImages" / resolution).iterdir() if p.is_dir()):
        yield Unit(folder.name, (tuple(pictures_in(folder)),), whole=False, split=splits.get(folder.name))


def middlebury(root: Path) -> Iterator[Unit]:
    """`other-data/Beanbags/frame10.png`, `frame11.png`, with `other-gt-interp/Beanbags/frame10i11.png` between."""
    for truth in sorted((root / "other-gt-interp").glob("*/frame10i11.png")):
        around = [root / "other-data" / truth.parent.name / f"frame1{k}.png" for k in (0, 1)]
        yield Unit(truth.parent.name, ((around[0], truth, around[1]),), whole=True, split=VALIDATION)


def ucf101(root: Path) -> Iterator[Unit]:
    """`1/frame_00.png`, `frame_01_gt.png`, `frame_02.png`."""
    for truth in sorted(root.glob("*/frame_01_gt.png")):
        triplet = (truth.with_name("frame_00.png"), truth, truth.with_name("frame_02.png"))
        yield Unit(truth.parent.name, (triplet,), whole=True, split=VALIDATION)


def x4k(root: Path) -> Iterator[Unit]:
    """`train/002/occ008.320/0000.png` to `0064.png`; `test/Type1/TEST01/0000.png` to `0032.png`.

    Of a test clip the first, the middle and the last frame are the triplet, as its authors measure.
    """
    for scene in sorted(p for p in (root / "train").glob("*") if p.is_dir()):
        snippets = tuple(tuple(pictures_in(clip)) for clip in sorted(scene.iterdir()) if clip.is_dir())
        yield Unit(f"train/{scene.name}", snippets, whole=False, split=TRAIN)
    for clip in sorted(p for p in (root / "test").glob("*/*") if p.is_dir()):
        frames = pictures_in(clip)
        if len(frames) >= 3:
            triplet = (frames[0], frames[(len(frames) - 1) // 2], frames[-1])
            yield Unit(f"test/{clip.parent.name}/{clip.name}", (triplet,), whole=True, split=VALIDATION)


def sequences(root: Path) -> Iterator[Unit]:
    """Any folder below ROOT that holds pictures is a sequence, in the order of the names."""
    for folder in sorted({path.parent for path in root.rglob("*") if path.suffix.lower() in PICTURES}):
        yield Unit(str(folder.relative_to(root)), (tuple(pictures_in(folder)),), whole=False)


def videos(root: Path) -> Iterator[Unit]:
    """Any video below ROOT."""
    for path in find_videos(root, None):
        yield Unit(str(path.relative_to(root)), ((path,),), whole=False)


LAYOUTS: dict[str, Callable[[Path], Iterator[Unit]]] = {
    "videos": videos,
    "vimeo-triplet": vimeo_triplet,
    "vimeo-septuplet": vimeo_septuplet,
    "davis": davis,
    "middlebury": middlebury,
    "ucf101": ucf101,
    "x4k": x4k,
    "sequences": sequences,
}


def recognise(root: Path) -> str:
    """Returns the layout that a folder has; "videos" if it has any, "sequences" if only pictures.

    Raises:
      InputError: there is no folder.
    """
    if not root.is_dir():
        raise InputError("no such folder", path=root)
    marks = {
        "vimeo-triplet": root / "tri_trainlist.txt",
        "vimeo-septuplet": root / "sep_trainlist.txt",
        "davis": root / "JPEGImages",
        "middlebury": root / "other-gt-interp",
    }
    for layout, mark in marks.items():
        if mark.exists():
            return layout
    if next(root.glob("*/frame_01_gt.png"), None) is not None:
        return "ucf101"
    if next(root.glob("train/*/*/0000.png"), None) or next(root.glob("test/Type*/*/0000.png"), None):
        return "x4k"
    if find_videos(root, None):
        return "videos"
    return "sequences"


def units_of(root: Path, layout: str) -> list[Unit]:
    """Returns all units of a folder, sorted by name.

    Args:
      root: the folder.
      layout: one of `LAYOUTS`, or "auto".

    Raises:
      InputError: there is nothing, or a list is missing.
    """
    if layout == "auto":
        layout = recognise(root)
    units = sorted((unit for unit in LAYOUTS[layout](root) if any(unit.snippets)), key=lambda unit: unit.name)
    if not units:
        what = {"videos": "videos", "sequences": "videos or pictures"}.get(layout, f"material of the layout {layout}")
        raise InputError(f"has no {what}", path=root)
    return units
