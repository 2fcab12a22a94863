"""What accompanies a picture beside its pixels, as colour profile and orientation, is on every frame, or told of."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageCms

from frame_booster.media.frames.side_data import SideDataCopy, side_data
from tests.conftest import boosted, decoded, ffmpeg

ORIENTATION = 0x112


@functools.cache
def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pictures(folder: Path, kind: str) -> Path:
    """Makes three pictures with a profile, which FFmpeg knows by name in PNG, and turned by a quarter in JPEG."""
    folder.mkdir()
    for k in range(3):
        values = np.zeros((48, 64, 3), np.uint8)
        values[10:30, 10 + 4 * k : 40 + 4 * k] = (255, 80, 20)
        facts = Image.Exif()
        if kind == "jpg":
            facts[ORIENTATION] = 6
        Image.fromarray(values).save(folder / f"{k}.{kind}", icc_profile=profile(), exif=facts, quality=95)
    return folder


def facts_of(path: Path) -> tuple[bytes | None, int | None]:
    with Image.open(path) as picture:
        return picture.info.get("icc_profile"), picture.getexif().get(ORIENTATION)


@pytest.mark.parametrize(("kind", "made"), [("png", "png"), ("jpg", "jpg"), ("jpg", "tif"), ("png", "jpg")])
def test_interpolated_pictures_have_the_profile_and_orientation_of_the_others(
    tmp_path: Path, kind: str, made: str
) -> None:
    result = boosted(pictures(tmp_path / "in", kind), tmp_path / "out" / f"%03d.{made}")
    facts = [facts_of(path) for path in sorted((tmp_path / "out").iterdir())]
    assert len(facts) == 6
    assert len(set(facts)) == 1, "every second one would have other colours, or lie on its side"
    held, turned = facts[0]
    # FFmpeg's encoder of TIFF writes none.
    assert held == (None if made == "tif" else profile())
    assert made != "tif" or turned == 6
    told = "the ICC colour profile is lost: tiff does not store it; colours change unless it is sRGB"
    assert (told in result.warnings) == (made == "tif")


@pytest.mark.parametrize("container", ["in.mov", "in.apng"])
@pytest.mark.parametrize("target", ["out.mkv", "out.gif"])
def test_a_png_with_a_named_profile_does_not_end_the_process(tmp_path: Path, container: str, target: str) -> None:
    source = pictures(tmp_path / "in", "png")
    codec = "apng" if container.endswith("apng") else "copy"
    ffmpeg("-framerate", "10", "-i", source / "%d.png", "-c:v", codec, tmp_path / container)
    result = boosted(tmp_path / container, tmp_path / target)
    name = {"mkv": "matroska", "gif": "gif"}[target.removeprefix("out.")]
    told = f"the ICC colour profile is lost: {name} does not store it; colours change unless it is sRGB"
    assert told in result.warnings
    assert len(decoded(tmp_path / target)) == 6


def test_side_data_is_read_beside_a_named_profile(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", "png")
    path = folder / "0.png"
    data = path.read_bytes()
    chunk = b"iCCP" + b"A name\0\0" + zlib.compress(profile())
    made = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert b"iCCP" in data
    plain = io.BytesIO()
    Image.open(path).save(plain, "png", icc_profile=None)
    path.write_bytes(plain.getvalue()[:33] + made + plain.getvalue()[33:])
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert side_data(frame, "A53_CC") is None


def test_a_copy_has_memory_of_its_own(tmp_path: Path) -> None:
    with av.open(str(pictures(tmp_path / "in", "jpg") / "0.jpg")) as container:
        frame = next(container.decode(video=0))
    frame.pts = 7
    before = bytes(frame.planes[0])
    copy = SideDataCopy(frame).of(frame)
    np.frombuffer(copy.planes[0], np.uint8)[:] = 0
    assert bytes(frame.planes[0]) == before
    assert (copy.pts, side_data(copy, "ICC_PROFILE")) == (7, profile())
