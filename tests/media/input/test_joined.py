"""A file behind the end of another: both are read, or the user is told what is left out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from frame_booster.errors import DecodeError
from frame_booster.media.input.file import FileSource
from frame_booster.media.input.joined import second_file
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import SourceFrame
from frame_booster.options import InputOptions
from tests.conftest import make_video
from tests.media.input.test_sources import make_webp

_CODECS = {"gif": ("gif", "gray"), "apng": ("apng", "rgb24"), "m2v": ("mpeg2video", "yuv420p")}
_PASSED_OVER = ["mp4", "apng", "flv", "nut", "wmv", "webp", "y4m"]
_READ_ON = ["gif", "m2v", "avi"]


def _one(path: Path) -> Path:
    kind = path.suffix[1:]
    if kind == "webp":
        return make_webp(path)
    others = {"wmv": "wmv2", "avi": "mpeg4", "y4m": "wrapped_avframe"}
    codec, pix_fmt = _CODECS.get(kind, (others.get(kind, "libx264"), "yuv420p"))
    return make_video(path, codec=codec, pix_fmt=pix_fmt)


def _joined(tmp_path: Path, kind: str) -> tuple[Path, int]:
    one = _one(tmp_path / f"one.{kind}").read_bytes()
    both = tmp_path / f"both.{kind}"
    both.write_bytes(2 * one)
    return both, len(one)


@pytest.mark.parametrize("kind", [*_PASSED_OVER, *_READ_ON])
def test_a_file_behind_another_is_read_or_told_of(tmp_path: Path, kind: str) -> None:
    path, length = _joined(tmp_path, kind)
    with open_source(path, InputOptions()) as source:
        frames = sum(isinstance(item, SourceFrame) for item in source.items())
        said = " ".join([*source.report.warnings, source.report.truncated or ""])
    if kind in _READ_ON:
        assert frames == 12
        assert "another file" not in said
    else:
        assert 6 <= frames < 12
        assert f"another file begins at byte {length} (" in said


@pytest.mark.parametrize("kind", _PASSED_OVER)
def test_one_file_is_not_taken_for_two(tmp_path: Path, kind: str) -> None:
    with open_source(_one(tmp_path / f"one.{kind}"), InputOptions()) as source:
        assert sum(isinstance(item, SourceFrame) for item in source.items()) == 6
        assert not any("another file" in text for text in source.report.warnings)
        assert source.report.truncated is None


@pytest.mark.parametrize("kind", ["mp4", "webp"])
def test_it_is_an_error_where_warnings_are(tmp_path: Path, kind: str) -> None:
    path, _ = _joined(tmp_path, kind)
    with (
        open_source(path, InputOptions(strict=True)) as source,
        pytest.raises(DecodeError, match="another file"),
    ):
        list(source.items())


def test_a_part_that_ends_before_says_nothing_of_it(tmp_path: Path) -> None:
    path, _ = _joined(tmp_path, "mp4")
    with FileSource(path, duration=Fraction(1, 25)) as source:
        list(source.items())
        assert source.report.warnings == []


def test_a_chain_of_ogg_begins_where_its_streams_do(tmp_path: Path) -> None:
    def page(kind: int, serial: int) -> bytes:
        return b"OggS\x00" + bytes([kind]) + bytes(8) + serial.to_bytes(4, "little") + bytes(9)

    link = page(2, 1) + page(2, 2) + page(0, 1) + page(4, 2)
    path = tmp_path / "chain.ogg"
    path.write_bytes(link)
    assert second_file(path, "ogg") is None
    path.write_bytes(2 * link)
    assert second_file(path, "ogg") == len(link)
