"""Triplets and manifests as people write them: what cannot be is refused, with the file and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from frame_booster.errors import InputError
from frame_booster.training.data.clips import ClipStore
from frame_booster.training.data.manifest import read_manifest
from frame_booster.training.data.triplets import read_triplets
from tests.training.sources import write_pictures

Listed = Callable[..., Path]
HEAD = "id,frame0,middle,frame1,mean_motion_px"


@pytest.fixture
def listed(tmp_path: Path) -> Listed:
    """Writes a folder with pictures and the lines of a manifest."""

    def make(*lines: str, head: str = HEAD) -> Path:
        write_pictures(tmp_path, ["a.png", "b.png", "c.png"])
        write_pictures(tmp_path, ["large.png"], size=(128, 96))
        (tmp_path / "manifest.csv").write_text("\n".join([head, *lines]) + "\n")
        return tmp_path

    return make


def test_one_triplet_of_a_snippet_is_taken_where_ids_say_which(listed: Listed) -> None:
    rest = "a.png,b.png,c.png,1.5"
    marked = listed(f"x_123,{rest}", f"x_234,{rest}")
    assert [t.name for t in read_triplets(marked)] == ["x_123"]
    assert [t.name for t in read_triplets(marked, every=True)] == ["x_123", "x_234"]
    assert [t.name for t in read_triplets(listed(f"first,{rest}", f"second,{rest}"))] == ["first", "second"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), "has no triplets"),
        (("x_123,a.png,b.png,c.png,",), "row 1 has no mean_motion_px"),
        (("x_123,a.png,b.png",), "row 1 has no frame1, mean_motion_px"),
        (("x_123,a.png,b.png,c.png,far",), "mean_motion_px of x_123 is not a number"),
        (("x_123,a.png,large.png,c.png,1.5",), "x_123 differ in size: 96x64, 128x96, 96x64"),
    ],
)
@pytest.mark.parametrize("size", [None, (64, 48)])
def test_triplets_that_are_refused(
    listed: Listed, lines: tuple[str, ...], message: str, size: tuple[int, int] | None
) -> None:
    with pytest.raises(InputError, match=message):
        list(read_triplets(listed(*lines), size=size))


def test_clips_are_no_triplets(material: Path) -> None:
    with pytest.raises(InputError, match=r"row 1 has no id, .*clips are given as --clips"):
        list(read_triplets(material))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_manifest_saved_by_a_program_of_windows_is_read(listed: Listed, encoding: str) -> None:
    manifest = listed("é_123,a.png,b.png,c.png,1.5") / "manifest.csv"
    manifest.write_bytes(manifest.read_text().replace("\n", "\r\n").encode(encoding))
    assert [t.name for t in read_triplets(manifest.parent)] == ["é_123"]
    text = "path,width,height,frames,permissive,pair_motion\r\na.mp4,96,80,3,yes,1.6 1.6\r\n"
    manifest.write_bytes(text.encode(encoding))
    assert [clip.path for clip in read_manifest(manifest.parent, permissive_only=True)] == ["a.mp4"]


def test_a_manifest_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="manifest is not"):
        list(read_triplets(tmp_path))
    with pytest.raises(InputError, match="manifest is not"):
        read_manifest(tmp_path, permissive_only=True)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.mp4,96,80,10,yes,1.6 1.6", "pair_motion of a.mp4 has 2 numbers, 10 frames have 9 pairs"),
        ("a.mp4,96,80,3,yes,1.6 nan", "pair_motion of a.mp4 has a value that is negative"),
        ("a.mp4,96,0,3,yes,1.6 1.6", "a.mp4 has 3 frames of 96x0"),
        ("a.mp4,96,80,3,yes", "manifest is not as expected"),
    ],
)
def test_rows_of_clips_that_are_refused(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "manifest.csv").write_text(f"path,width,height,frames,permissive,pair_motion\n{row}\n")
    with pytest.raises(InputError, match=message):
        read_manifest(tmp_path, permissive_only=True)


def test_a_clip_that_was_made_again_is_decoded_again(tmp_path: Path) -> None:
    from tests.conftest import make_video

    def opened(shift: int) -> ClipStore:
        make_video(tmp_path / "a.mp4", pts=range(shift, shift + 4), size=(96, 80))
        return ClipStore(tmp_path, tmp_path / "cache")

    rows = "path,width,height,frames,permissive,pair_motion\na.mp4,96,80,4,yes,1.6 1.6 1.6\n"
    (tmp_path / "manifest.csv").write_text(rows)
    opened(0)
    opened(0)
    assert len(list((tmp_path / "cache").iterdir())) == 2, "a file that was written anew is another file"
    ClipStore(tmp_path, tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2
    (tmp_path / "a.mp4").unlink()
    with pytest.raises(InputError, match=r"a\.mp4: a clip of the manifest cannot be read"):
        ClipStore(tmp_path, tmp_path / "cache")
