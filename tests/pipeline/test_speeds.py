"""What a run leaves of its speed: per interpolated frame, under its own conditions, or nothing."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from frame_booster.options import BoostOptions
from frame_booster.pipeline import boost, speeds
from frame_booster.pipeline.makers import NetworkMakers
from frame_booster.pipeline.settings import JobSettings, options_rate
from frame_booster.pipeline.speeds import Speed, conditions
from tests.conftest import boosted, make_video


def test_a_run_of_averaged_frames_says_nothing_of_ordinary_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: dict[str, Speed] = {}
    monkeypatch.setattr(boost, "note_speed", noted.__setitem__)
    asked: list[int] = []
    usual = speeds.Pace.speed

    def speed(self: Any, made: int, *more: Any) -> Speed | None:
        asked.append(made)
        return usual(self, made, *more)

    monkeypatch.setattr(speeds.Pace, "speed", speed)
    source = make_video(tmp_path / "in.mp4", pts=range(24), size=(32, 32))
    options = {"shutter": Fraction(180), "shutter_samples": 4}
    result = boosted(source, tmp_path / "out.mkv", **options)
    assert asked == [4 * result.made], "of an averaged frame four are interpolated"
    ordinary, blurred = (
        conditions(BoostOptions(**kinds), "tensorflow")
        for kinds in ({}, options)  # type: ignore[arg-type]
    )
    assert list(noted) == [blurred]
    assert blurred != ordinary


@pytest.mark.parametrize("cache", [True, False])
def test_a_run_that_is_to_keep_nothing_keeps_no_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: bool
) -> None:
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path / "cache"))
    source = make_video(tmp_path / "in.mp4", pts=range(12), size=(32, 32))
    boosted(source, tmp_path / "out.mkv", cache=cache)
    assert (tmp_path / "cache").exists() == cache
    assert not cache or json.loads((tmp_path / "cache" / "speeds.json").read_text())


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        ({}, 1000),
        ({"shutter": Fraction(180)}, 7000),
        ({"fps": Fraction(24)}, 920),
        ({"fps": Fraction(50)}, 1000),
    ],
)
def test_all_who_ask_are_told_the_same_of_how_much_there_is_to_do(options: dict[str, Any], frames: int) -> None:
    info = SimpleNamespace(rate=Fraction(25), width=1280, height=720)
    source: Any = SimpleNamespace(expected_frames=1000, info=info)
    asked = BoostOptions(**options)
    settings = JobSettings(rate=options_rate(asked))
    none: Any = None
    assert NetworkMakers(source, none, settings, None, 1, None)._expected() == frames
    work = boost._work_of(source, asked)
    assert work is not None
    assert work.frames == frames
