"""A source and its boosted video on one page, by their timestamps, whatever the video; nothing else passes for it."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.errors import InputError
from frame_booster.media.frames.tone_mapping import HLG, PQ, tone_mapped
from frame_booster.options import BoostOptions
from frame_booster.pipeline.comparison.compare import CompareOptions, _lengths_differ, _span, compare, slower_by
from frame_booster.pipeline.comparison.facts import clock, record_beside
from frame_booster.pipeline.comparison.part import ComparedPart
from frame_booster.pipeline.comparison.uncertainty import Candidates, by_pictures, is_held
from frame_booster.pipeline.report import read_report
from frame_booster.timecode import Timecode
from tests.cli.test_cli import run
from tests.conftest import boosted, make_video
from tests.media.passthrough.test_timecode import labelled

UNEVEN = (0, 40, 80, 130, 170, 300, 340, 360)
"""Timestamps of a clip of variable frame rate, in thousandths of a second."""


def page(before: Path, after: Path, **options: Any) -> tuple[dict[str, Any], str]:
    """What the script of a page works on, and all of the page."""
    asked: dict[str, Any] = {"model": "pictures", "overwrite": True} | options
    made = compare(str(before), str(after), None, CompareOptions(**asked))
    text = made.path.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found is not None
    return json.loads(found[1]), text


def seconds(data: dict[str, Any]) -> list[Fraction]:
    return [ticks * Fraction(*data["tick"]) for ticks in data["times"]]


def test_times_are_the_boosted_video_s_and_kinds_follow_from_them(tmp_path: Path) -> None:
    """Variable frame rate, turned, from MP4 to Matroska, which rounds to milliseconds; the last frame is held."""
    before = make_video(tmp_path / "in.mp4", pts=UNEVEN, time_base=Fraction(1, 1000), rotation=True, tones=1)
    boosted(before, tmp_path / "out.mkv")
    data, text = page(before, tmp_path / "out.mkv")
    assert data["kinds"] == "si" * 7 + "sh"
    assert data["sources"] == [k // 2 for k in range(16)]
    ends = [*UNEVEN[1:], 380]
    exact = [Fraction(t, 1000) for a, b in zip(UNEVEN, ends, strict=True) for t in (a, Fraction(a + b, 2))]
    assert all(abs(a - b) <= Fraction(1, 1000) for a, b in zip(seconds(data)[:-1], exact[:-1], strict=True))
    assert data["size"] == [48, 64], "upright"
    assert data["sound"]
    assert all(data["kinds"][one["frame"]] == "i" and abs(one["t"] - 0.5) < 0.02 for one in data["unsure"])
    assert "://" not in text, "it names no address"


def test_a_rate_of_no_multiple_and_slow_motion(tmp_path: Path) -> None:
    before = make_video(tmp_path / "in.mp4", pts=range(12), rate=24, time_base=Fraction(1, 24))
    boosted(before, tmp_path / "60.mp4", fps=60)
    data, _ = page(before, tmp_path / "60.mp4")
    assert [k for k, kind in enumerate(data["kinds"]) if kind == "s"] == [0, 5, 10, 15, 20, 25]
    boosted(before, tmp_path / "slow.mp4", slow_motion=2)
    data, text = page(before, tmp_path / "slow.mp4")
    assert data["kinds"] == "si" * 11 + "sh"
    assert data["chapters"][0]["slower"] == 2
    assert "is 2 times as long" in text
    assert slower_by(Fraction(10), Fraction(81, 2)) == 4
    assert slower_by(Fraction(10), Fraction(11)) == slower_by(None, Fraction(1)) == 1


def test_a_span_and_a_boost_of_a_part(tmp_path: Path) -> None:
    before = make_video(tmp_path / "in.mp4", pts=range(50), options={"qp": "0", "g": "10"})
    boosted(before, tmp_path / "whole.mp4")
    data, text = page(before, tmp_path / "whole.mp4", start=Fraction(1), duration=Fraction(1, 2))
    assert data["kinds"] == "si" * 13 or data["kinds"] == "si" * 12 + "s"
    assert data["chapters"][0]["begin"] == 1.0
    assert "00:01.000" not in text.partition("About this page")[2].partition("<script")[0]
    boosted(before, tmp_path / "part.mp4", start="1.01", duration="0.4")
    data, _ = page(before, tmp_path / "part.mp4", offset=Fraction(101, 100))
    assert data["kinds"] == "si" * 9 + "sh" or data["kinds"] == "si" * 10
    assert data["chapters"][0]["begin"] == pytest.approx(1.04)


def test_places_are_timecodes_of_the_source_too(tmp_path: Path) -> None:
    before = labelled(tmp_path / "in.mov", "10:00:00:00", Fraction(24))
    boosted(before, tmp_path / "whole.mov")
    start, end, length = (Timecode.parse(text) for text in ("10:00:00:04", "10:00:00:08", "00:00:00:04"))
    by_time, _ = page(before, tmp_path / "whole.mov", start=Fraction(4, 24), duration=Fraction(4, 24))
    for span in ({"end": end}, {"duration": length}):
        data, _ = page(before, tmp_path / "whole.mov", start=start, **span)
        assert data["kinds"] == by_time["kinds"]
        assert data["chapters"][0]["begin"] == by_time["chapters"][0]["begin"] == pytest.approx(4 / 24)
    boosted(before, tmp_path / "part.mov", start=start, end=end)
    data, _ = page(before, tmp_path / "part.mov", offset=start)
    assert data["kinds"].count("s") == 4
    for span, said in (
        ({"start": end, "end": start}, "ends before it starts"),
        ({"offset": end, "end": start}, "ends before the boosted video starts"),
        ({"end": end, "duration": length}, "exclude each other"),
        ({"start": Timecode.parse("09:00:00:00")}, "its first one is 10:00:00:00"),
    ):
        with pytest.raises(InputError, match=said):
            page(before, tmp_path / "whole.mov", **span)


def test_hdr_alpha_and_odd_sizes_are_shown(tmp_path: Path) -> None:
    tags = {"color_trc": 16, "color_primaries": 9, "colorspace": 9, "color_range": 1}
    hdr = make_video(tmp_path / "hdr.mkv", pts=range(3), pix_fmt="yuv420p10le", codec="ffv1", tags=tags, size=(65, 49))
    boosted(hdr, tmp_path / "hdr2.mkv", codec="ffv1")
    data, text = page(hdr, tmp_path / "hdr2.mkv")
    assert (data["size"], data["sound"]) == ([64, 48], False)
    assert "HDR is tone-mapped" in text
    alpha = make_video(tmp_path / "alpha.mkv", pts=range(3), pix_fmt="yuva420p", codec="ffv1")
    boosted(alpha, tmp_path / "alpha2.mkv", codec="ffv1")
    assert "on grey" in page(alpha, tmp_path / "alpha2.mkv")[1]


def test_a_minute_is_shown_unless_more_is_asked_for() -> None:
    whole = ComparedPart(Fraction(0), None, Fraction(0))
    shown: list[object] = [*_span(whole, (Fraction(100), Fraction(100)), Fraction(1))]
    assert shown[:3] == [0, 0, 60]
    assert shown[3] == [
        "only the part from 00:00.000 to 01:00.000 of 01:40.000 is shown; choose another with --start and --duration"
    ]
    shown = [*_span(whole, (Fraction(60), Fraction(60)), Fraction(1))]
    assert shown == [0, 0, 60, []]
    assert _span(whole, (Fraction(20), Fraction(80)), Fraction(4))[2] == 15, "a minute of the page"
    later = ComparedPart(Fraction(70), None, Fraction(30))
    shown = [*_span(later, (Fraction(100), Fraction(70)), Fraction(1))]
    assert shown == [70, 40, 30, []]
    half = replace(whole, duration=Fraction(300))
    assert _span(half, (None, None), Fraction(2))[2] == 300
    with pytest.raises(InputError, match="a page can show at most 600 s"):
        _span(half, (None, None), Fraction(3))


def test_another_length_is_told() -> None:
    whole = ComparedPart(Fraction(0), None, Fraction(0))
    ten, eight = Fraction(10), Fraction(8)
    one = Fraction(1)
    assert _lengths_differ((ten, eight), one, whole) == ["the boosted video is 2 s shorter than its source"]
    assert _lengths_differ((eight, ten), one, whole) == ["the boosted video is 2 s longer than its source"]
    assert _lengths_differ((ten, 2 * ten), Fraction(2), whole) == []
    assert _lengths_differ((ten, ten + Fraction(1, 5)), one, whole) == []
    assert _lengths_differ((ten, eight), one, replace(whole, offset=Fraction(2))) == []
    assert _lengths_differ((None, eight), one, whole) == []


def test_slow_motion_is_followed_from_its_middle_with_its_sound(tmp_path: Path) -> None:
    before = make_video(tmp_path / "in.mkv", pts=range(48), rate=24, time_base=Fraction(1, 24), tones=1)
    boosted(before, tmp_path / "slow.mkv", slow_motion=2, slow_audio="stretch")
    told: list[tuple[int, int | None]] = []
    options = CompareOptions(start=Fraction(1, 2), duration=Fraction(5, 4), model="pictures")
    made = compare(str(before), str(tmp_path / "slow.mkv"), None, options, lambda *news: told.append(news))
    assert made.frames in (60, 61)
    assert told == [(number, 60) for number in range(1, made.frames + 1)]
    text = made.path.read_text(encoding="utf-8")
    found = re.search(r'id="data">(.*?)</script>', text)
    assert found is not None
    data = json.loads(found[1])
    assert data["chapters"][0]["begin"] == pytest.approx(0.5, abs=0.01)
    assert data["sound"]
    video = b"".join(map(base64.b64decode, re.findall(r"data-video>(.*?)</script>", text)))
    with av.open(io.BytesIO(video)) as proxy:
        heard = [float(p.pts * p.time_base) for p in proxy.demux(audio=0) if p.pts is not None and p.time_base]
    assert heard[0] < 0.1
    assert heard[-1] == pytest.approx(2.5, abs=0.2)


def test_the_network_is_that_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = make_video(tmp_path / "in.mp4", pts=range(4))
    after = tmp_path / "out.mp4"
    boosted(before, after)
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "frame_booster.pipeline.comparison.compare.doubt_function",
        lambda name, device: asked.append((name, device)),
    )
    _, text = page(before, after, model=None)
    assert "The boosted file has no sound" in text
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"files": [{"output": str(after), "model": "fbnet", "seconds": 2.5}]}))
    assert "<dt>time taken</dt><dd>2.5 s</dd>" in page(before, after, model=None, device="cpu")[1]
    page(before, after, model="fbnet-r")
    assert asked == [(BoostOptions().model, "auto"), ("fbnet", "cpu"), ("fbnet-r", "auto")]
    report.write_text(json.dumps({"files": [{"output": "other.mp4"}]}))
    with pytest.raises(InputError, match=r"report\.json: the report does not contain out\.mp4"):
        page(before, after, report=report)


def test_what_is_no_boost_is_refused(tmp_path: Path) -> None:
    before = make_video(tmp_path / "in.mp4", pts=range(10))
    after = tmp_path / "out.mp4"
    boosted(before, after)
    other = make_video(tmp_path / "other.mp4", pts=range(20), rate=50, time_base=Fraction(1, 50), cut_at=0)
    wide = make_video(tmp_path / "wide.mp4", pts=range(10), size=(160, 48))
    for first, second, said in (
        (after, before, "no frames between those of the first video"),
        (before, other, "shows other pictures"),
        (before, wide, "another aspect ratio"),
        (before, tmp_path / "none.mp4", "no such file"),
        (before, Path("-"), "a pipe cannot be compared"),
    ):
        with pytest.raises(InputError, match=said):
            compare(str(first), str(second), str(tmp_path / "page.html"), CompareOptions(model="pictures"))
    assert not (tmp_path / "page.html").exists()
    (tmp_path / "same.html").hardlink_to(after)
    with pytest.raises(InputError, match="the output is the input"):
        compare(str(before), str(after), str(tmp_path / "same.html"), CompareOptions(overwrite=True))
    for output in (str(after), "-", f"{tmp_path}/"):
        with pytest.raises(InputError, match=r"is not the name of a page \(use -o with a name that ends in .html"):
            compare(str(before), str(after), output, CompareOptions(overwrite=True))
    for name in ("start", "offset"):
        with pytest.raises(InputError, match=f"^--{name} must not be negative$"):
            page(before, after, **{name: Fraction(-1)})
    with pytest.raises(InputError, match="at most 600 s"):
        compare(str(before), str(after), None, CompareOptions(duration=Fraction(601)))


def test_the_command_takes_the_report_beside_and_escapes_names(tmp_path: Path) -> None:
    before = make_video(tmp_path / "a<b>&'c.mp4", pts=range(4))
    after = tmp_path / "out.mp4"
    boosted(before, after)
    record = {"output": "elsewhere/out.mp4", "model": "fbnet", "made": 3, "warnings": ["<script>alert(1)</script>"]}
    (tmp_path / "report.json").write_text(json.dumps({"version": "1", "files": [{"output": "x.mp4"}, record]}))
    (tmp_path / "out.json").write_text("[1, 2")
    assert record_beside(after) == record
    done = run("compare", before, after, "-m", "pictures", "-q", "-to", "5", "--device", "cpu", "--offset", "0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    text = (tmp_path / "out.compare.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in text
    assert "a&lt;b&gt;&amp;&#x27;c.mp4" in text
    assert text.count("<b>") == 0
    again = run("compare", before, after, "-ss", "0", "-t", "1", "-to", "2", "--report", tmp_path / "report.json", "-y")
    assert (again.returncode, again.stderr) == (
        2,
        "frame-booster: --to and --duration exclude each other (use one of them)\n",
    )
    with pytest.raises(InputError, match="exists already"):
        compare(str(before), str(after))
    (tmp_path / "lines.jsonl").write_text(json.dumps(record) + "\n" + json.dumps({"output": "y"}) + "\n" + '{"out')
    assert read_report(tmp_path / "lines.jsonl") == [record, {"output": "y"}]
    with pytest.raises(InputError, match="not a report"):
        read_report(tmp_path / "out.json")


def test_the_pictures_measure_finds_a_blend_and_a_held_frame() -> None:
    rng = np.random.default_rng(1)
    first = rng.integers(0, 255, (96, 128), np.uint8).repeat(2, 0).repeat(2, 1)
    second, middle = np.roll(first, 8, 1), np.roll(first, 4, 1)
    blend = ((first.astype(int) + second) // 2).astype(np.uint8)
    assert by_pictures(first, blend, second) > 2 * by_pictures(first, middle, second)
    assert by_pictures(first, first, first) == 0
    assert is_held(first, first, second)
    assert not is_held(first, middle, second)
    assert is_held(first, (first.astype(int) * 0.97).astype(np.uint8), np.asarray(255 - first, np.uint8))


def test_a_candidate_of_each_stretch_is_kept_and_the_network_ranks_them() -> None:
    candidates = Candidates(Fraction(32))
    rng = np.random.default_rng(2)
    flat = np.full((32, 32), 128, np.uint8)
    for second in range(12):
        for k in range(3):
            noisy = rng.integers(0, 20 * (k + 1), (64, 64), np.uint8)
            shown = (noisy, flat, flat)
            candidates.see(
                3 * second + k, Fraction(second) + Fraction(k, 3), Fraction(1, 2), shown, shown, shown[:1] + shown[1:]
            )
    assert len(candidates.ranked(None)) == 8
    sure = iter(range(12))
    ranked = candidates.ranked(lambda a, b, t: np.full(a.shape[:2], next(sure) / 100, np.float32))
    assert [round(100 * (one.doubt or 0)) for one in ranked] == [11, 10, 9, 8, 7, 6, 5, 4]


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_tone_mapping_keeps_greys_and_order(transfer: int) -> None:
    codes = np.linspace(0, 65535, 50).astype(np.uint16)
    grey = tone_mapped(np.repeat(codes[None, :, None], 3, 2), transfer)[0]
    assert (np.ptp(grey.astype(int), axis=1) <= 1).all()
    assert (np.diff(grey[:, 1].astype(int)) >= 0).all()
    assert (grey[0, 0], grey[-1, 0]) == (0, 255)
    # Diffuse white, 203 cd/m2 (ITU-R BT.2408, table 1: 58 % of PQ, 75 % of HLG), is bright and not clipped.
    white = round(65535 * (0.58 if transfer == PQ else 0.75))
    assert 180 < tone_mapped(np.full((1, 1, 3), white, np.uint16), transfer)[0, 0, 0] < 225


def test_clock() -> None:
    assert (clock(Fraction(61001, 1000)), clock(Fraction(7325))) == ("01:01.001", "2:02:05.000")
