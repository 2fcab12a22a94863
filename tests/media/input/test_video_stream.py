"""What a video's stream says of itself: how many frames there are, whatever the ticks of the container's clock."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from frame_booster.errors import InputError
from frame_booster.media.input.open import open_source
from frame_booster.media.mp4.tracks import is_protected
from frame_booster.options import InputOptions
from tests.conftest import boosted, ffmpeg, make_video, probe, probed_times

CLIP = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=4", "-pix_fmt", "yuv420p")


@pytest.fixture
def reordered(tmp_path: Path) -> Path:
    """An AVI of 100 frames that are decoded in another order than shown, in 200 entries of which half are empty."""
    ffmpeg(*CLIP, "-c:v", "libx264", tmp_path / "in.mp4")
    ffmpeg("-i", tmp_path / "in.mp4", "-c", "copy", tmp_path / "in.avi")
    return tmp_path / "in.avi"


def test_empty_entries_of_an_avi_are_no_lost_frames(reordered: Path, tmp_path: Path) -> None:
    with open_source(reordered, InputOptions()) as source:
        assert (source.info.rate, source.info.frames) == (25, 100)
    result = boosted(reordered, tmp_path / "out.mkv")
    assert result.frames_in == 100
    # An AVI has no times of its own, and FFmpeg guesses them in the order of decoding.
    assert [warning for warning in result.warnings if "were sorted" not in warning] == []
    times = probed_times(tmp_path / "out.mkv")
    assert len(times) == 200
    assert sum(b - a == Fraction(1, 50) for a, b in itertools.pairwise(times)) > 190


def test_such_an_avi_that_breaks_off_is_truncated(reordered: Path, tmp_path: Path) -> None:
    data = reordered.read_bytes()
    reordered.write_bytes(data[: len(data) // 3])
    result = boosted(reordered, tmp_path / "out.mkv", allow_truncated=True)
    assert any("instead of 4.00 s" in warning for warning in result.warnings)


def test_an_animated_avif_is_its_animation_and_not_the_still_that_stands_for_it(tmp_path: Path) -> None:
    path = tmp_path / "in.avif"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libsvtav1", rate=25, options={"preset": "12"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for k in range(12):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 10 * k, np.uint8), "rgb24")
            frame.pts = k
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert [stream.frames for stream in container.streams.video] == [1, 12]
    result = boosted(path, tmp_path / "out.mp4")
    assert (result.frames_in, result.frames_out, result.warnings) == (12, 24, [])
    facts = probe(tmp_path / "out.mp4")
    assert len(facts["streams"]) == 1
    assert float(facts["format"]["duration"]) == pytest.approx(12 / 25)


def test_an_encrypted_video_is_said_to_be_one(tmp_path: Path) -> None:
    encryption = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "7" * 32, "encryption_kid": "a" * 32}
    path = make_video(tmp_path / "in.mp4", container_options=encryption)
    with pytest.raises(InputError, match=r"in\.mp4: the video is encrypted \(DRM\)"):
        boosted(path, tmp_path / "out.mp4")
    assert not is_protected(make_video(tmp_path / "clear.mp4"), 1)


def test_of_the_variants_of_a_playlist_the_finest_is_taken_with_its_own_sound(tmp_path: Path) -> None:
    """FFmpeg gives the streams of all of them; they are the same film."""
    listed = "#EXTM3U\n"
    for name, rate, size in (("low", 100_000, (64, 48)), ("high", 900_000, (96, 64)), ("middle", 500_000, (80, 56))):
        make_video(tmp_path / f"{name}.ts", pts=range(25), size=size, tones=1)
        piece = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{name}.ts\n#EXT-X-ENDLIST\n"
        (tmp_path / f"{name}.m3u8").write_text(piece)
        listed += f"#EXT-X-STREAM-INF:BANDWIDTH={rate}\n{name}.m3u8\n"
    source = tmp_path / "in.m3u8"
    source.write_text(listed)
    for number, (rate, size) in enumerate([(900_000, (96, 64)), (500_000, (80, 56)), (100_000, (64, 48))]):
        output = tmp_path / f"{number}.mkv"
        result = boosted(source, output, input_video_stream=number)
        assert result.warnings == [f"only one of 3 variants is used, that of {rate} bit/s"]
        with av.open(str(output)) as container:
            assert [stream.type for stream in container.streams] == ["video", "audio"]
            assert (container.streams.video[0].width, container.streams.video[0].height) == size
    # In another container the tag is but one of what it was made of.
    assert boosted(output, tmp_path / "again.mkv").warnings == []
