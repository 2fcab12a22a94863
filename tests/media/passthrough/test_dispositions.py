"""Dispositions: what a stream is for arrives where the container can say it, and is named where it cannot."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from av.stream import Disposition

from frame_booster.media.passthrough.dispositions import lost_dispositions
from tests.conftest import boosted, make_video

OF_SOUND = (0, int(Disposition.default | Disposition.comment | Disposition.original))


@pytest.fixture
def commented(tmp_path: Path) -> Path:
    """A film whose second sound is a comment, and the one that players take."""
    base, path = make_video(tmp_path / "base.mkv", pts=range(10), tones=2), tmp_path / "in.mkv"
    with av.open(str(base)) as source, av.open(str(path), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for stream, flags in zip([s for s in out.streams if s.type == "audio"], OF_SOUND, strict=True):
            stream.disposition = flags
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux_one(packet)
    return path


@pytest.mark.parametrize(
    ("suffix", "lost"),
    [(".mkv", None), (".mp4", "original"), (".mov", "original, comment"), (".ts", "default, original, comment")],
)
def test_what_a_container_does_not_keep_is_named(
    commented: Path, tmp_path: Path, suffix: str, lost: str | None
) -> None:
    result = boosted(commented, tmp_path / f"out{suffix}")
    told = [warning.rpartition(": ")[2] for warning in result.warnings if "dispositions of stream 2" in warning]
    assert told == ([] if lost is None else [lost])
    assert not [warning for warning in result.warnings if "dispositions" in warning and "stream 2" not in warning]
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        [first, second] = (int(stream.disposition) for stream in container.streams.audio)
    gone = 0
    for name in (lost or "").split(", ") if lost else ():
        gone |= int(getattr(Disposition, name))
    assert (first, second) == (0, OF_SOUND[1] & ~gone)


def test_a_default_that_changes_nothing_is_not_told_of() -> None:
    default, forced = int(Disposition.default), int(Disposition.forced)
    first = {0: ("video", default), 1: ("audio", default), 2: ("audio", 0), 3: ("subtitle", forced)}
    assert lost_dispositions(first, {0: 0, 1: 0, 2: 0, 3: forced}) == {}
    assert lost_dispositions(first, {0: default, 1: default, 2: 0, 3: 0}) == {3: ["forced"]}
    second = first | {1: ("audio", 0), 2: ("audio", default)}
    assert lost_dispositions(second, {0: 0, 1: 0, 2: 0, 3: forced}) == {2: ["default"]}
    assert lost_dispositions(second, {0: 0, 2: 0}) == {}, "the only one that is there is taken"
    assert lost_dispositions({0: ("video", int(Disposition.still_image))}, {0: 0}) == {}
