"""Sound in MXF, which takes PCM of 16 and 24 bits."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.conftest import boosted, packets
from tests.media.passthrough.test_audio import with_audio


@pytest.mark.parametrize(
    ("codec", "made", "told"),
    [
        ("pcm_s16le", "pcm_s16le", None),
        ("pcm_s24le", "pcm_s24le", None),
        ("pcm_s32le", "pcm_s24le", "32-bit samples to 24"),
        ("aac", "pcm_s16le", "stream 1 (aac) is re-encoded to pcm_s16le: mxf"),
    ],
)
def test_mxf_keeps_all_bits_that_it_can(tmp_path: Path, codec: str, made: str, told: str | None) -> None:
    source, output = with_audio(tmp_path / "in.mkv", codec, 48000), tmp_path / "out.mxf"
    found = [text for text in boosted(source, output, codec="mpeg2video", fps=50).warnings if "stream 1" in text]
    assert len(found) == (told is not None)
    assert all((told or "") in text for text in found)
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.name == made
    [before], [after] = (packets(path, "audio") for path in (source, output))
    if told is None:
        assert b"".join(after) == b"".join(before)
        boosted(source, tmp_path / "copied.mxf", codec="mpeg2video", fps=50, audio="copy", input_strict=True)
