"""The page's text and data: nothing in them is taken for markup, and doubt is told as what it is."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from frame_booster.pipeline.comparison.compare import page_text
from frame_booster.pipeline.comparison.doubt import measure_text
from frame_booster.pipeline.comparison.page import write_page
from frame_booster.pipeline.comparison.recording import Chapter, Recorded
from frame_booster.pipeline.comparison.uncertainty import Candidate

PICTURE = np.full((8, 12, 3), 128, np.uint8)
ASKED = Candidate(1, Fraction(1, 2), 7.14, *(PICTURE,) * 3, doubt=0.1234, map=np.full((8, 12), 0.5, np.float32))
BY_PICTURES = replace(ASKED, doubt=None, map=None)
RECORDED = Recorded(
    *(Fraction(1, 50), (64, 48), [0, 1, 2], 3, ["s", "i", "h"], [0, 0, 1]),
    chapters=[Chapter("</script><b>", "a & b", Fraction(5, 2), Fraction(2), 0, 3)],
)
EVIL = "</title><script>alert(1)</script>"


def written(folder: Path, unsure: list[Candidate], **text: Any) -> tuple[str, dict[str, Any]]:
    proxy = folder / "proxy.mp4"
    proxy.write_bytes(b"the video")
    told = page_text(
        title=EVIL,
        heading=EVIL,
        lead=EVIL,
        facts=({"file": EVIL, "rate": "25"}, {"file": "b", "sound": EVIL}),
        record={"model": EVIL, "warnings": [EVIL]},
        measure=EVIL,
        notes=[EVIL],
        proxy=proxy,
        recorded=RECORDED,
        **text,
    )
    out = io.StringIO()
    write_page(out, proxy, RECORDED, unsure, told)
    page = out.getvalue()
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert found is not None
    return page, json.loads(found[1])


def test_nothing_is_taken_for_markup(tmp_path: Path) -> None:
    page, data = written(tmp_path, [])
    assert "alert(1)</script>" not in page
    assert "<b>" not in page
    told = "title, heading, lead, two facts, the record, its warning, the note, and how unsure frames were found"
    assert page.count("&lt;/title&gt;&lt;script&gt;alert(1)") == 9, told
    assert data["chapters"][0]["title"] == "</script><b>"
    assert (data["chapters"][0]["begin"], data["chapters"][0]["slower"]) == (2.5, 2.0)
    assert (data["tick"], data["times"], data["end"], data["kinds"]) == ([1, 50], [0, 1, 2], 3, "sih")
    [video] = re.findall(r"data-video>(.*?)</script>", page)
    assert base64.b64decode(video) == b"the video"


def test_frames_are_counted_by_their_kind(tmp_path: Path) -> None:
    page, data = written(tmp_path, [], preview=True)
    assert "3 frames, of which 1 are interpolated, and 1 held, judging by their timestamps" in page
    assert data["preview"]
    assert not written(tmp_path, [])[1]["preview"]


def test_doubt_is_a_share_where_a_network_was_asked_and_else_a_difference(tmp_path: Path) -> None:
    asked, by_pictures = written(tmp_path, [ASKED, BY_PICTURES])[1]["unsure"]
    assert (asked["frame"], asked["t"], asked["size"]) == (1, 0.5, [12, 8])
    assert (asked["score"], by_pictures["score"]) == ("12.3 %", "7.1")
    assert asked["where"].startswith("data:image/jpeg;base64,")
    assert by_pictures["where"] is None
    assert len(asked["pictures"]) == 3


def test_how_unsure_frames_were_found_is_told() -> None:
    assert "fbnet-2 was then run on its neighbours" in measure_text("fbnet-2", [ASKED, ASKED])
    for unsure in ([ASKED, BY_PICTURES], [BY_PICTURES], []):
        assert measure_text("fbnet-2", unsure).startswith("Found from the pictures alone")
