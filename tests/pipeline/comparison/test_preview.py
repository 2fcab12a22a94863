"""Ten places of a video, found by a quick look, boosted into one page."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.cli.display import Display
from frame_booster.cli.preview import preview_one
from frame_booster.errors import InputError
from frame_booster.media.input.sampling import samples
from frame_booster.options import BoostOptions, EncoderOptions, InputOptions
from frame_booster.pipeline.boost import opened_run
from frame_booster.pipeline.comparison.places import find_places
from frame_booster.pipeline.comparison.preview import _estimate, _record, default_preview, duration_text, preview
from frame_booster.pipeline.result import Result
from tests.cli.test_cli import run
from tests.conftest import MeanModel, make_video

RATE = 10
LENGTH = 60


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute: still and grey, with much motion from 20 s, a cut at 33 s, stripes from 41 s, and dark from 50 s."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    rng = np.random.default_rng(3)
    texture = rng.integers(60, 200, (48, 400), np.uint8).repeat(4, 0).repeat(4, 1)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "g": "20"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for k in range(RATE * LENGTH):
            second, x = k // RATE, 6 * (k - 20 * RATE) if 20 <= k // RATE < 24 else 0
            plane = texture[:96, x : x + 160].copy()
            if second >= 33:
                plane = 255 - texture[96:, 800 : 800 + 160]
            if 41 <= second < 46:
                plane = np.where(np.arange(160) // 6 % 2, 210, 60)[None].repeat(96, 0).astype(np.uint8)
            if second >= 50:
                plane = plane // 4 + 10
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(plane), "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = k, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_places_are_those_that_tell_most(film: Path) -> None:
    places = find_places(
        film, InputOptions(), begin=Fraction(0), end=Fraction(LENGTH), rate=Fraction(RATE), seekable=True
    )
    assert len(places) == 10
    starts = [place.start for place in places]
    assert starts == sorted(starts)
    assert min(b - a for a, b in pairwise(starts)) >= 1

    def times(reason: str) -> list[float]:
        return [float(place.start) for place in places if place.reason.startswith(reason)]

    assert any(20 <= time < 24 for time in times("much motion"))
    assert any(41 <= time < 46 for time in times("a repetitive pattern"))
    assert times("dark")[0] >= 49
    assert any(place.start + place.length / 2 in (33, 41, 46) for place in places if place.reason.startswith("a cut"))


def test_samples_are_two_neighbouring_frames_and_the_next_key(film: Path) -> None:
    found = list(samples(film, InputOptions(), Fraction(0), Fraction(LENGTH), 100, seekable=True))
    assert 25 <= len(found) <= 40, "each key frame once"
    for one in found:
        assert (one.second.pts - one.first.pts) * one.first.time_base == Fraction(1, RATE)
        assert one.time == one.first.pts * one.first.time_base
        assert one.next_key is None or one.next_time > one.time


def test_a_page_of_ten_places_with_the_options_given(film: Path, tmp_path: Path) -> None:
    made = preview(str(film), str(tmp_path / "p.html"), BoostOptions(factor=4, model="fbnet"), model=MeanModel())
    assert len(made.places) == 10
    assert made.page.frames == 10 * 4 * RATE
    assert made.whole_seconds is not None
    assert made.whole_seconds > 0
    text = made.page.path.read_text(encoding="utf-8")
    assert text.count('"reason":') == 10
    assert "option factor" in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.html"], "nothing else is left"


def test_a_short_video_is_previewed_whole(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(40))
    made = preview(str(source), None, BoostOptions(scene_threshold=0.0), model=MeanModel())
    assert made.page.path == tmp_path / "in.preview.html"
    assert [place.start for place in made.places] == [0]
    assert made.page.frames in (49, 50)


def test_a_run_into_pictures_is_previewed_as_any_other(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(40))
    encoder = EncoderOptions(pix_fmt="rgb24", options=(("compression_level", "9"),))
    options = BoostOptions(output_format="png", encoder=encoder, scene_threshold=0.0)
    assert preview(str(source), None, options, model=MeanModel()).page.frames in (49, 50)
    with (
        opened_run(str(source), str(tmp_path / "out"), options, MeanModel()) as work,
        pytest.raises(InputError, match="images cannot be written into one file"),
    ):
        work.to_file()


def test_what_cannot_be_previewed_is_told(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(4))
    done = run(source, "--preview", "-o", tmp_path / "p.mp4")
    assert done.returncode == 2
    assert f"{tmp_path / 'p.mp4'}: is not the name of a page (use -o with a name that ends in .html)" in done.stderr
    silent: dict[str, Any] = {"display": Display(quiet=True), "as_json": False}
    with pytest.raises(InputError, match="a pipe cannot be previewed"):
        preview_one("-", None, BoostOptions(), None, None, **silent)
    with pytest.raises(InputError, match="but --preview takes one video"):
        preview_one(str(tmp_path), None, BoostOptions(), None, None, **silent)
    with pytest.raises(InputError, match="--preview excludes"):
        preview_one(str(source), None, BoostOptions(resume=True), None, None, **silent)


def test_a_page_that_is_there_is_told_of_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(4))
    (tmp_path / "in.preview.html").write_text("mine")
    monkeypatch.setattr("frame_booster.pipeline.comparison.preview.load", lambda *_: pytest.fail("the work has begun"))
    with pytest.raises(InputError, match=r"in\.preview\.html: exists already"):
        preview(str(source), None, BoostOptions())
    assert (tmp_path / "in.preview.html").read_text() == "mine"


@pytest.mark.parametrize(
    ("part", "starts"),
    [
        ({"start": Fraction(30), "duration": Fraction(3)}, [30, 31, 32]),
        ({"start": Fraction(58)}, [58, 59]),
        ({"end": Fraction(2)}, [0, 1]),
    ],
)
def test_of_a_part_that_is_asked_for_nothing_else_is_shown(
    film: Path, tmp_path: Path, part: dict[str, Any], starts: list[int]
) -> None:
    made = preview(str(film), str(tmp_path / "p.html"), BoostOptions(model="fbnet", **part), model=MeanModel())
    assert [place.start for place in made.places] == starts
    assert made.page.frames == 2 * RATE * len(starts)


def result(**facts: Any) -> Result:
    numbers = {"frames_in": 10, "frames_out": 20, "made": 9, "held": 1, "cuts": 0, "gaps": 0, "still": 0, "repeats": 0}
    rest = {"duration": Fraction(1), "rate": Fraction(20), "decode_errors": 0, "seconds": 4.0}
    names = {"input": "a", "output": "b", "model": "fbnet", "device": "cpu", "precision": "float32"}
    return Result(**{**names, **numbers, **rest, **facts})


def test_the_time_of_the_whole_leaves_out_the_first_place() -> None:
    """There the network is loaded and compiled."""
    results = [result(seconds=60.0), result(), result(seconds=6.0)]
    assert _estimate(results, 400) == 100.0
    assert _estimate(results[:1], 400) == 1200.0
    assert _estimate(results, None) is None
    assert _estimate([result(frames_out=0)], 400) is None


def test_the_record_tells_of_all_places_and_of_options_that_are_seen() -> None:
    results = [result(warnings=["odd", "dull"], seconds=60.0), result(warnings=["odd", "new"])]
    options = BoostOptions(shutter=Fraction(180), dedupe=True, threads=3, scene_threshold=0.3)
    told = _record(results, options, 100.0)
    assert told["warnings"] == ["odd", "dull", "new"]
    assert (told["frames_in"], told["frames_out"], told["made"], told["seconds"]) == (20, 40, 18, 64.0)
    assert told["options"] == {"shutter": 180, "dedupe": True, "scene_threshold": 0.3}
    assert told["whole"] == "about 2 min"
    assert "whole" not in _record(results, options, None)


def test_names_and_times() -> None:
    assert default_preview(Path("a/film.mp4")) == Path("a/film.preview.html")
    assert default_preview(Path("a/film.v2.mp4")) == Path("a/film.v2.preview.html")
    assert "%" not in default_preview(Path("a/img%05d.png")).name
    assert [duration_text(s) for s in (40.2, 720.0, 12600.0)] == ["40 s", "12 min", "3.5 h"]
