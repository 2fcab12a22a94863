"""Chapters that last longer than their file, as those of a film beside a clip of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.conftest import boosted, make_video, probe

MS = Fraction(1, 1000)


def of_a_film(path: Path) -> Path:
    """A second of video with the chapters of three."""
    with av.open(str(make_video(path.with_name("plain.mp4"), pts=range(25)))) as plain, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(plain.streams.video[0])
        out.set_chapters(
            [
                {"id": k, "start": start, "end": end, "time_base": MS, "metadata": {"title": title}}
                for k, (start, end, title) in enumerate([(0, 400, "One"), (400, 2000, "Two"), (2000, 3000, "Three")])
            ]
        )
        for packet in plain.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_they_make_the_result_no_longer(tmp_path: Path, suffix: str) -> None:
    result = boosted(of_a_film(tmp_path / "in.mkv"), tmp_path / f"out{suffix}")
    assert result.warnings == ["chapters that start after the end of the file are dropped: 1"]
    facts = probe(tmp_path / f"out{suffix}")
    assert abs(Fraction(facts["format"]["duration"]) - 1) <= 2 * MS
    found = [(Fraction(c["start_time"]), Fraction(c["end_time"]), c["tags"]["title"]) for c in facts["chapters"]]
    assert found == [(0, 400 * MS, "One"), (400 * MS, 1, "Two")]
