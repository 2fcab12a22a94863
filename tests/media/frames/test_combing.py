"""Combing is seen in luma alone: chroma may have lost its fields on the way."""

from __future__ import annotations

import numpy as np

from frame_booster.media.frames.combing import Combing
from tests.media.input.test_interlacing import frame_at, top_first, woven


def test_chroma_without_fields_does_not_outvote_luma() -> None:
    """Programs bring chroma from 4:2:0 to 4:2:2 without regard to fields, which makes it smooth."""
    combing = Combing(frame_at(0).reformat(format="yuv422p"))
    for k in range(12):
        frame = woven(*top_first(k)).reformat(format="yuv422p")
        for plane in list(frame.planes)[1:]:
            np.frombuffer(plane, np.uint8)[:] = 128 + k % 2
        combing.add(frame)
    combing.add(None)
    assert combing.combed >= 10
    assert combing.order == "tff"
