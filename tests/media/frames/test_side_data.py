"""Side data of frames: read whatever else a frame has, and taken off without a pixel changing."""

from __future__ import annotations

import gc
from pathlib import Path

import av
import numpy as np
from PIL import Image

from frame_booster.media.frames.side_data import SideDataRemoval, side_data
from tests.conftest import boosted, make_video, plane_rows, probe
from tests.media.passthrough.test_captions import captioned


def pictures_of_a_camera(folder: Path) -> Path:
    """JPEG pictures with EXIF, for which PyAV 18 has no name though its FFmpeg hands it on; turned by a quarter."""
    folder.mkdir()
    for k in range(4):
        colours = np.full((48, 64, 3), 40 * k + 20, np.uint8)
        exif = Image.Exif()
        exif[0x010F], exif[0x0112] = "ACME", 6
        Image.fromarray(colours).save(folder / f"{k}.jpg", exif=exif)
    return folder


def test_pictures_with_exif_are_read(tmp_path: Path) -> None:
    folder = pictures_of_a_camera(tmp_path / "frames")
    with av.open(str(folder / "1.jpg")) as container:
        frame = next(container.decode(video=0))
    matrix = side_data(frame, "DISPLAYMATRIX")
    assert matrix is not None
    assert len(matrix) == 36
    assert side_data(frame, "A53_CC") is None
    result = boosted(folder, tmp_path / "out.mp4", scene_threshold=0.0)
    assert (result.frames_in, result.frames_out) == (4, 8)
    if hasattr(av.VideoFrame, "rotation") and not any("rotation is lost" in text for text in result.warnings):
        [video] = probe(tmp_path / "out.mp4")["streams"]
        assert video["side_data_list"][0]["rotation"] in (-90, 90)


def test_taking_side_data_off_changes_no_pixel_and_no_tag(tmp_path: Path) -> None:
    with av.open(str(captioned(tmp_path / "in.ts"))) as container:
        frames = list(container.decode(video=0))
    removal = SideDataRemoval(frames[0], ["A53_CC"])
    for frame in frames:
        frame.color_primaries, frame.colorspace, frame.color_range = 9, 9, 1
        made = removal.take_off(frame)
        assert side_data(frame, "A53_CC") is not None
        assert side_data(made, "A53_CC") is None
        assert plane_rows(made) == plane_rows(frame)
        for name in ("pts", "time_base", "duration", "color_primaries", "colorspace", "color_range", "key_frame"):
            assert getattr(made, name) == getattr(frame, name), name


def test_looking_leaves_nothing_that_refers_to_the_frame(tmp_path: Path) -> None:
    """A frame and PyAV's own `side_data` hold each other up to PyAV 18, and so the frame's memory."""
    with av.open(str(make_video(tmp_path / "in.mkv"))) as container:
        frame = next(container.decode(video=0))
    before = len(gc.get_referrers(frame))
    side_data(frame, "A53_CC")
    assert len(gc.get_referrers(frame)) == before
    assert frame.side_data is not None
    if int(av.__version__.split(".")[0]) < 19:
        assert len(gc.get_referrers(frame)) > before, "what is avoided"
