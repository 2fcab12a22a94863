"""PCM as DVDs, Blu-rays and broadcasters have it: where a container has another, no sample is lost on the way."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from frame_booster.media.passthrough.audio_encoders import default_encoder
from tests.conftest import boosted, ffmpeg, make_video

TONE = ("-f", "lavfi", "-i", "sine=r=48000:d=0.5")
KINDS = {
    "s302m": (".ts", "s16", "pcm_s16le"),
    "pcm_dvd": (".vob", "s16", "pcm_s16le"),
    "pcm_bluray": (".m2ts", "s32", "pcm_s24le"),
}
"""Encoders of FFmpeg's, with a container, the samples that go in, and what they become."""


def samples(path: Path) -> tuple[str, np.ndarray]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        parts = [frame.to_ndarray().astype(np.int64).ravel() for frame in container.decode(stream)]
        return stream.codec_context.name, np.concatenate(parts)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
def test_no_sample_is_lost(tmp_path: Path, kind: str, suffix: str) -> None:
    own, form, becomes = KINDS[kind]
    video, source = make_video(tmp_path / "plain.mkv", pts=range(13)), tmp_path / f"in{own}"
    coding = ("-c:v", "mpeg2video", "-c:a", kind, "-sample_fmt", form, "-ac", "2", "-strict", "-2")
    ffmpeg("-i", video, *TONE, *coding, source)
    result = boosted(source, tmp_path / f"out{suffix}", input_strict=True)
    shown = {".mkv": "matroska", ".mov": "mov"}[suffix]
    assert f"audio stream 1 ({kind}) is converted to {becomes} without loss: {shown} cannot store it" in result.warnings
    (_, before), (name, after) = samples(source), samples(tmp_path / f"out{suffix}")
    assert name == becomes
    assert len(before) > 40_000
    assert np.array_equal(before, after)


@pytest.mark.parametrize(
    ("name", "format_name", "encoder"),
    [
        ("pcm_dvd", "matroska", "pcm_s16le"),
        ("pcm_dvd", "mp4", "aac"),
        ("pcm_alaw", "matroska", "aac"),
        ("ac3", "matroska", "aac"),
    ],
)
def test_other_audio_is_encoded_as_players_know_it(name: str, format_name: str, encoder: str) -> None:
    """PCM in MP4 is known to few players, and that of telephones has lost bits before."""
    stream = SimpleNamespace(codec_context=SimpleNamespace(name=name, format=av.AudioFormat("s16")))
    assert default_encoder(format_name, stream) == encoder
