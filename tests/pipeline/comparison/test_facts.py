"""Facts of a file, and the record of its run out of whichever report tells of it last."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from frame_booster.media.input.open import open_source
from frame_booster.options import InputOptions
from frame_booster.pipeline.comparison.facts import facts_of, record_beside, record_for, shown_record
from tests.conftest import make_video


@pytest.mark.parametrize(
    ("transfer", "tones", "told"),
    [
        (1, 0, {"colour": "SDR", "sound": "none"}),
        (16, 1, {"colour": "HDR (PQ)", "sound": "1 track, the first aac"}),
        (18, 2, {"colour": "HDR (HLG)", "sound": "2 tracks, the first aac"}),
    ],
)
def test_light_and_sound_are_told(tmp_path: Path, transfer: int, tones: int, told: dict[str, str]) -> None:
    path = make_video(tmp_path / "in.mkv", pts=range(50), tones=tones, tags={"color_trc": transfer})
    with open_source(path, InputOptions()) as source:
        facts = facts_of(source)
    assert facts.items() >= told.items()
    assert facts.items() >= {"file": "in.mkv", "size": "64 x 48", "rate": "25 frames per second, on average"}.items()
    assert (facts["frames"], facts["length"], facts["codec"]) == ("about 50", "00:02.000", "h264, yuv420p")
    assert facts["on disk"].endswith(" MB")


def record(output: object, number: int) -> dict[str, Any]:
    return {"output": str(output), "made": number}


def test_the_last_record_of_a_path_comes_before_those_of_the_name(tmp_path: Path) -> None:
    after = tmp_path / "out.mp4"
    records = [record(after, 1), record(after, 2), record("moved/out.mp4", 3), record("moved/out.mp4", 4), {"made": 5}]
    assert record_for(records, after) == records[1]
    assert record_for(records[2:], after) == records[3]
    assert record_for(records, tmp_path / "other.mp4") is None


@pytest.mark.parametrize("name", ["out.json", "out.mp4.jsonl", "out.report.json", "report.jsonl"])
def test_a_report_is_found_beside_its_video(tmp_path: Path, name: str) -> None:
    after = tmp_path / "out.mp4"
    (tmp_path / "report.json").write_text('{"of": "another program"}')
    assert record_beside(after) is None
    (tmp_path / name).write_text(json.dumps(record(after, 1)) + "\n")
    assert record_beside(after) == record(after, 1)


def test_a_record_is_shown_in_words_and_without_what_did_not_occur() -> None:
    facts = {
        **{"model": "fbnet-2", "provider": None, "frames_in": 1200, "made": 1000, "held": 0, "cuts": 0, "gaps": 2},
        **{"rate": "60000/1001", "duration": "50", "seconds": 3.25, "decode_errors": 0, "whole": "about 2 min"},
        **{"options": {"factor": 4}, "path": "/somewhere"},
    }
    assert shown_record(facts) == {
        **{"network": "fbnet-2", "frames read": "1,200", "interpolated": "1,000", "held": "0"},
        **{"held over a gap": "2", "rate": "59.9401 frames per second", "length": "50 s", "time taken": "3.25 s"},
        **{"estimated time for the whole video": "about 2 min", "option factor": "4"},
    }
    assert shown_record({"rate": "fast", "duration": str(Fraction(1, 2))}) == {"length": "0.5 s"}
