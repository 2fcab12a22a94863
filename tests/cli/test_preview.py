"""`--preview` as it is told of: the page, its places and the time of the whole, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from frame_booster.cli.display import Display
from frame_booster.cli.preview import preview_one
from frame_booster.options import BoostOptions
from frame_booster.pipeline.comparison.compare import Page
from frame_booster.pipeline.comparison.places import Place
from frame_booster.pipeline.comparison.preview import Preview

PLACES = [Place(Fraction(5, 2), Fraction(1), "much motion"), Place(Fraction(60), Fraction(1), "dark")]


@pytest.fixture(params=[120.04, None])
def whole_seconds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float | None:
    """How long the whole takes; the preview itself is not made."""

    def preview(
        source: str, output: str | None, options: BoostOptions, tell: Callable[[Place, int, int], None]
    ) -> Preview:
        assert (source, output, options) == ("in.mp4", "p.html", BoostOptions(factor=4))
        for number, place in enumerate(PLACES, 1):
            tell(place, number, len(PLACES))
        page = Page(Path("p.html"), 80, 60, 2_500_000, 3.25, ["the boosted file has no sound"])
        return Preview(page, PLACES, request.param)

    monkeypatch.setattr("frame_booster.pipeline.comparison.preview.preview", preview)
    found: float | None = request.param
    return found


def told(display: Display, capsys: pytest.CaptureFixture[str], **options: Any) -> tuple[str, str]:
    preview_one("in.mp4", "p.html", BoostOptions(factor=4), None, None, display, **options)
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_people_are_told_of_each_place_the_page_and_the_time(
    whole_seconds: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    out, shown = told(Display("plain"), capsys, as_json=False)
    assert out == ""
    assert shown.splitlines() == [
        "in.mp4: place 1 of 2, at 00:02.500: much motion",
        "in.mp4: place 2 of 2, at 01:00.000: dark",
        "frame-booster: note: the boosted file has no sound",
        "p.html: 80 frames, 60 of them interpolated, 2.5 MB, in 3.2 s; open it in a browser",
        *([] if whole_seconds is None else ["estimated time for the whole video on this machine: 2 min"]),
    ]
    assert told(Display("plain", quiet=True), capsys, as_json=False) == ("", "")


def test_programs_are_told_the_same(whole_seconds: float | None, capsys: pytest.CaptureFixture[str]) -> None:
    out, shown = told(Display("json"), capsys, as_json=True)
    assert json.loads(out) == {
        "preview": "p.html",
        "places": [
            {"start": "5/2", "length": "1", "reason": "much motion"},
            {"start": "60", "length": "1", "reason": "dark"},
        ],
        "whole_seconds": None if whole_seconds is None else 120.0,
        "seconds": 3.25,
    }
    assert [json.loads(line) for line in shown.splitlines()][1] == {
        **{"event": "place", "file": "in.mp4", "number": 2, "of": 2},
        **{"start": "60", "reason": "dark"},
    }
