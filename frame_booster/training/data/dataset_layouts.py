"""Folder layouts of training material: published sets, image sequences, videos.

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
from frame_booster.text_files import line_of, read_text

TRAIN, VALIDATION = "train", "val"


@dataclass(frozen=True)
class Unit:
    """Material that one worker makes into one group of shards: a source, or a part of a published set."""

    name: str
    """Name, unique in the set."""
    snippets: tuple[tuple[Path, ...], ...]
    """The images of each snippet in display order; for a video, only its path."""
    whole: bool
    """Whether snippets are used unchanged. Otherwise they are cut into shots, and parts without motion are left out."""
    split: str | None = None
    """`TRAIN` or `VALIDATION`; None: decided by the name."""


def _place(name: str) -> float:
    """Returns a number in [0, 1) that depends only on the name of a source."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32


def in_validation(names: Sequence[str], share: float) -> set[str]:
    """Returns the sources used for validation, chosen by their names.

    Adding sources does not move the others, unless there are very few. With two or more sources, at least one is used
    for training, and at least one for validation if the share is above 0.

    Args:
      names: all sources for which the layout does not decide.
      share: share of them, in [0, 1).
    """
    chosen = {name for name in names if _place(name) < share}
    if share > 0 and len(set(names)) > 1:
        if not chosen:
            chosen.add(min(names, key=_place))
        elif len(chosen) == len(set(names)):
            chosen.remove(max(names, key=_place))
    return chosen


def pictures_in(folder: Path) -> list[Path]:
    """Returns the images directly in a folder, sorted by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith("."))


def _listed(path: Path) -> list[str]:
    try:
        return read_text(path).split()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise InputError(f"line {line_of(error)} is not UTF-8 text", path=path, hint="save it as UTF-8") from error


def _vimeo(root: Path, prefix: str, count: int) -> Iterator[Unit]:
    for split, name in ((TRAIN, f"{prefix}_trainlist.txt"), (VALIDATION, f"{prefix}_testlist.txt")):
        if not (root / name).exists():
            continue
        # Sorted, so that each source is one unit; the shards of a second unit would replace those of the first.
        for source, entries in groupby(sorted(_listed(root / name)), key=lambda entry: entry.split("/")[0]):
            snippets = tuple(
                tuple(root / "sequences" / entry / f"im{k + 1}.png" for k in range(count)) for entry in entries
            )
            yield Unit(f"{split}/{source}", snippets, whole=True, split=split)


def vimeo_triplet(root: Path) -> Iterator[Unit]:
    """Vimeo90K triplets: `sequences/00001/0001/im1.png` to `im3.png`, `tri_trainlist.txt`, `tri_testlist.txt`."""
    return _vimeo(root, "tri", 3)


def vimeo_septuplet(root: Path) -> Iterator[Unit]:
    """Vimeo90K septuplets: `sequences/00001/0001/im1.png` to `im7.png`, `sep_trainlist.txt`, `sep_testlist.txt`."""
    return _vimeo(root, "sep", 7)


def davis(root: Path) -> Iterator[Unit]:
    """DAVIS: `JPEGImages/480p/bear/00000.jpg`, `ImageSets/2016/train.txt` and `val.txt` (or 2017)."""
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
    """Middlebury: `other-data/Beanbags/frame10.png`, `frame11.png`; between them
    `other-gt-interp/Beanbags/frame10i11.png`."""
    for truth in sorted((root / "other-gt-interp").glob("*/frame10i11.png")):
        around = [root / "other-data" / truth.parent.name / f"frame1{k}.png" for k in (0, 1)]
        yield Unit(truth.parent.name, ((around[0], truth, around[1]),), whole=True, split=VALIDATION)


def ucf101(root: Path) -> Iterator[Unit]:
    """UCF101 triplets: `1/frame_00.png`, `frame_01_gt.png`, `frame_02.png`."""
    for truth in sorted(root.glob("*/frame_01_gt.png")):
        triplet = (truth.with_name("frame_00.png"), truth, truth.with_name("frame_02.png"))
        yield Unit(truth.parent.name, (triplet,), whole=True, split=VALIDATION)


def x4k(root: Path) -> Iterator[Unit]:
    """X4K1000FPS: `train/002/occ008.320/0000.png` to `0064.png`; `test/Type1/TEST01/0000.png` to `0032.png`.

    A test clip gives one triplet, its first, middle and last frame, as in the authors' evaluation.
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
    """Image sequences: every folder in ROOT or below that contains images, in the order of their names."""
    for folder in sorted({path.parent for path in root.rglob("*") if path.suffix.lower() in PICTURES}):
        yield Unit(str(folder.relative_to(root)), (tuple(pictures_in(folder)),), whole=False)


def videos(root: Path) -> Iterator[Unit]:
    """Videos: every video in ROOT or below."""
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
    """Returns the layout of a folder: "videos" if it contains any, "sequences" if it contains only images.

    Raises:
      InputError: the folder does not exist.
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
      InputError: there are no units, or a list is missing.
    """
    if layout == "auto":
        layout = recognise(root)
    units = sorted((unit for unit in LAYOUTS[layout](root) if any(unit.snippets)), key=lambda unit: unit.name)
    if not units:
        what = {"videos": "videos", "sequences": "videos or pictures"}.get(layout, f"material of the layout {layout}")
        raise InputError(f"has no {what}", path=root)
    return units
