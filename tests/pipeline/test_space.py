"""Room on the disk and the speeds of earlier runs: estimates that never stand in a run's way wrongly."""

from __future__ import annotations

import json
from collections import namedtuple
from pathlib import Path

import pytest

from frame_booster.errors import InputError, OutputError
from frame_booster.media.output.earlier_output import check_whole
from frame_booster.media.output.size import Size
from frame_booster.pipeline import boost, space, speeds
from frame_booster.pipeline.job import Progress
from frame_booster.pipeline.keywords import options_of
from frame_booster.pipeline.report import inputs_of
from frame_booster.pipeline.speeds import Pace, Speed, known_speed, note_speed
from tests.conftest import MeanModel, boosted, make_video

Usage = namedtuple("Usage", "total used free")


def test_space_is_refused_warned_of_or_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(10), codec="ffv1")
    target = tmp_path / "out.nut"
    free = 0
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: Usage(1 << 40, 0, free))
    with pytest.raises(
        OutputError, match=r"the disk is too small: the output needs .* but 0 bytes are free \(free some space"
    ):
        boosted(source, target)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]
    # 20 raw frames of 64x48 in 4:2:0 have 92160 bytes.
    free = 95_000
    assert any(
        "the disk may be too small: the output needs about 92.2 kB" in text for text in boosted(source, target).warnings
    )
    free = 200_000
    assert boosted(source, target, overwrite=True).warnings == []
    free = 1000
    with pytest.raises(OutputError, match="move it to another disk first"):
        boosted(source, target, overwrite=True)
    # Of a constant quality only the least is refused.
    assert any("may be too small" in text for text in boosted(source, tmp_path / "out.mp4").warnings)
    free = 95_000
    boosted(source, tmp_path / "free.gif")
    with pytest.raises(OutputError, match="disk is too small"):
        space.check_space(tmp_path / "out.mkv", Size(60_000, 50_000), twice=True)
    (tmp_path / ".out.mkv.segments").mkdir()
    (tmp_path / ".out.mkv.segments" / "0").write_bytes(bytes(40_000))
    assert "may be too small" in str(space.check_space(tmp_path / "out.mkv", Size(60_000, 50_000), twice=True))
    # 80 kB are to come, and a quarter more is enough.
    free = 105_000
    assert space.check_space(tmp_path / "out.mkv", Size(60_000, 50_000), twice=True) is None


@pytest.mark.parametrize("sharers", [1, 2])
def test_a_speed_is_noted_of_a_run_that_has_the_machine_for_itself(
    tmp_path: Path, sharers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, noted = make_video(tmp_path / "in.mkv", pts=range(4), codec="ffv1"), []
    monkeypatch.setattr(Pace, "speed", lambda *_: Speed(4.0, 1.0, (64, 48)))
    monkeypatch.setattr(boost, "note_speed", lambda *facts: noted.append(facts))
    options = options_of({"codec": "ffv1"})
    boost.run(str(source), str(tmp_path / "out.mkv"), options, None, MeanModel(), sharers=sharers)  # type: ignore[arg-type]
    assert len(noted) == (sharers == 1)


def test_speeds_are_kept_whatever_is_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path / "cache"))
    pace = Pace()
    for k in range(1, 21):
        pace.update(Progress(k, 20, 2.0 + k * 0.5))
    speed = pace.speed(10, 20, (640, 360))
    assert speed == Speed(4.0, 1.0, (640, 360))
    assert Pace().speed(10, 20, (640, 360)) is None
    file = tmp_path / "cache" / "speeds.json"
    for content in ("", "[1]", "{", '{"net|640x360": {"start": "x"}}', '{"net|1x1": {"start": 1, "per_frame": 1}}'):
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
        assert known_speed("net", (640, 360)) is None
    note_speed("net", speed)
    assert known_speed("net", (640, 360)) == speed
    assert known_speed("net", (1280, 360)) == Speed(4.0, 2.0, (640, 360)), "by the pixels"
    assert known_speed("net", (3840, 2160)) is None, "too far"
    assert known_speed("other", (640, 360)) is None
    for k in range(speeds._KEPT + 5):
        file.write_text(json.dumps({**json.loads(file.read_text()), f"n{k}|1x1": {}}))
    note_speed("last", speed)
    assert len(json.loads(file.read_text())) == speeds._KEPT
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(file))
    note_speed("net", speed)
    assert known_speed("net", (640, 360)) is None, "a cache that cannot be is no reason to fail"


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".webp", ".gif", ".ts", ".nut"])
def test_a_whole_output_is_told_from_a_broken_one(tmp_path: Path, suffix: str) -> None:
    source = make_video(tmp_path / "in.mkv", pts=range(20), codec="ffv1", size=(16, 16))
    path = tmp_path / f"out{suffix}"
    result = boosted(source, path)
    check_whole(path, result.duration)
    with pytest.raises(OutputError, match=r"it cannot be read|it has|it ends at"):
        check_whole(path, result.duration * 3) if suffix != ".webp" else _halved(path)
    _halved_is_refused(path, result.duration)


def _halved(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 4])
    check_whole(path, None)


def _halved_is_refused(path: Path, duration: object) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(OutputError):
        check_whole(path, duration)  # type: ignore[arg-type]


def test_a_report_of_lines_holds_the_last_of_each(tmp_path: Path) -> None:
    report = tmp_path / "r.jsonl"
    report.write_text(
        '{"input": "a", "outcome": "failed"}\n{"inp\n{"input": "a", "outcome": "done"}\n[]\n{"input": "b", "outco'
    )
    assert inputs_of(report) == [{"input": "a", "outcome": "done"}]


@pytest.mark.parametrize("text", ["{}", "[]", '{"files": 3}', '{"name": "package"}\n{"a": 1}', "", "[1, 2"])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(InputError, match="is not a report"):
        inputs_of(path)
    path = tmp_path / "lines.jsonl"
    path.write_text(text)
    if text:
        with pytest.raises(InputError, match="is not a report"):
            inputs_of(path)
    else:
        assert inputs_of(path) == []


def test_what_json_printed_is_a_report_as_well(tmp_path: Path) -> None:
    path = tmp_path / "printed.json"
    path.write_text('{"input": "a", "output": "b", "outcome": "failed"}\n')
    assert [entry["input"] for entry in inputs_of(path)] == ["a"]
