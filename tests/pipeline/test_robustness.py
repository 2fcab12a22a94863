"""Every kind of input that FFmpeg's programs show is boosted: all of tests/robustness.py, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frame_booster.engine.maker import Maker
from frame_booster.errors import FrameBoosterError
from frame_booster.pipeline.boost import run
from frame_booster.pipeline.keywords import BoostKeywords, options_of
from frame_booster.pipeline.makers import NetworkMakers
from frame_booster.pipeline.result import Result
from frame_booster.pixels import PixelLayout
from tests.conftest import MeanModel, ffmpeg
from tests.robustness import DAMAGE, GROUPS, KINDS, PAGE, Kind, frames_shown_by_ffmpeg, make_all, table

LEAST = 60
"""Kinds that the installed ffmpeg must at least make and show, or the test would say little."""
KNOWN: set[str] = set()
"""Kinds that are not boosted yet; it only shrinks, since one that is boosted must not stand here."""


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ffmpeg("-version")
    folder = tmp_path_factory.mktemp("media")
    make_all(folder)
    return folder


@pytest.fixture(scope="module")
def shown(media: Path) -> dict[str, int]:
    return frames_shown_by_ffmpeg(media)


@pytest.fixture(autouse=True, scope="module")
def compiled_once() -> Iterator[None]:
    """The stand-in network is compiled once for all files of a layout, which takes longer than to run it."""
    made: dict[PixelLayout, Maker] = {}
    maker_of = NetworkMakers.__call__

    def cached(self: NetworkMakers, layout: PixelLayout) -> Maker:
        if layout not in made:
            made[layout] = maker_of(self, layout)
        return made[layout]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NetworkMakers, "__call__", cached)
        yield


def boosted(kind: Kind, media: Path) -> Result:
    """Boosts a file as the command does that is given nothing else."""
    keywords: dict[str, Any] = {"overwrite": True}
    if kind in DAMAGE and "allow_truncated" in BoostKeywords.__annotations__:
        keywords["allow_truncated"] = True
    return run(str(media / kind.file), None, options_of(keywords), None, MeanModel())  # type: ignore[arg-type]


@pytest.mark.parametrize("group", GROUPS)
def test_what_ffmpeg_shows_is_boosted(media: Path, shown: dict[str, int], group: str) -> None:
    failures = []
    for kind in GROUPS[group]:
        if shown.get(kind.file, 0) < 2 and kind.file != "one.mkv":
            continue
        try:
            result = boosted(kind, media)
        except FrameBoosterError as error:
            if kind.file not in KNOWN:
                failures.append(f"{kind.file}: {type(error).__name__}: {error}")
            continue
        if kind.file in KNOWN:
            failures.append(f"{kind.file}: is boosted: it need not be among the known")
        if result.frames_in < shown[kind.file] or result.frames_out != 2 * result.frames_in:
            seen = f"{result.frames_in} frames, of {shown[kind.file]} that FFmpeg shows, became {result.frames_out}"
            failures.append(f"{kind.file}: {seen}")
        if kind.warning and not any(kind.warning in text for text in result.warnings):
            failures.append(f"{kind.file}: not warned of: {result.warnings}")
    assert not failures, "\n".join(failures)


def test_there_are_kinds_enough(shown: dict[str, int]) -> None:
    assert sum(count >= 2 for count in shown.values()) >= LEAST
    assert set(KINDS) >= KNOWN


def test_the_page_lists_what_is_tried() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == table(), "python -m tests.robustness writes it anew"
    assert len(re.findall(r"^\| .* \| `[^`]+` \| .* \|$", page, re.MULTILINE)) == len(KINDS)
