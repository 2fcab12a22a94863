"""What is not to be heard of the last packet of copied audio, which is longer than what is left of the sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import boosted, packets, probe
from tests.media.passthrough.test_audio import with_audio

SAMPLES = 43_858
"""46 packets of Opus but for 302 samples, and what decoders skip before them."""


@pytest.mark.parametrize("codec", ["opus", "aac"])
def test_a_track_of_mp4_is_as_long_as_what_is_heard(tmp_path: Path, codec: str) -> None:
    sound = np.random.default_rng(3).uniform(-0.3, 0.3, (1, SAMPLES)).astype(np.float32)
    source, output = with_audio(tmp_path / "opus.mkv", "libopus", 48000, sound=sound), tmp_path / "out.mp4"
    if codec == "aac":
        boosted(source, tmp_path / "aac.mkv", audio_codec="aac")
        source = tmp_path / "aac.mkv"
    boosted(source, output)
    [found] = [stream for stream in probe(output)["streams"] if stream["codec_type"] == "audio"]
    assert found["codec_name"] == codec
    assert abs(Fraction(found["duration"]) - Fraction(SAMPLES, 48000)) <= Fraction(1, 1000)
    assert packets(output, "audio") == packets(source, "audio")
