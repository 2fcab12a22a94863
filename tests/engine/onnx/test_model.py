"""What a network of the ONNX engine asks for: graphs by all that they are built from, and the card that was named."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from frame_booster.engine.memory_plan import Plan
from frame_booster.engine.onnx import model as onnx_model
from frame_booster.engine.onnx.functions import picture_function
from frame_booster.engine.onnx.model import OnnxModel
from frame_booster.engine.onnx.providers import CPU, CUDA
from frame_booster.pixels import PixelLayout

LAYOUTS = [PixelLayout(64, 640, "yuv", depth, 1, 1, matrix) for depth in (8, 10) for matrix in ("bt601", "bt709")]


class _Told:
    """A builder whose graphs say how they were built."""

    def __init__(self, name: str, weights: Any, precision: str) -> None:
        self._facts = name, precision

    def __getattr__(self, kind: str) -> Any:
        return lambda *arguments: repr((*self._facts, kind, *arguments)).encode()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Sessions that were opened, on a machine with cards and graphs that are not built."""
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path))
    monkeypatch.setattr("frame_booster.engine.onnx.providers.available", lambda: (CUDA, CPU))
    monkeypatch.setattr(onnx_model, "room_of", lambda index, limit: 1000 * index + (limit or 0))
    monkeypatch.setattr(onnx_model, "Builder", _Told)
    sessions: list[Any] = []

    def open_session(graph: Path | bytes, provider: str, index: int, precision: str, *others: Any) -> Any:
        text = graph if isinstance(graph, bytes) else graph.read_bytes()
        sessions.append(SimpleNamespace(graph=text.decode(), index=index, precision=precision, others=others))
        return sessions[-1]

    monkeypatch.setattr(onnx_model, "open_session", open_session)
    return sessions


def test_a_graph_is_never_that_of_another_layout_plan_or_precision(opened: list[Any]) -> None:
    models = [OnnxModel("fbnet-2", device="gpu", precision=kind) for kind in ("float16", "float32")]
    for _ in range(2):
        for model, layout, downscale in itertools.product(models, LAYOUTS, (0, 1)):
            facts = "fbnet-2", model.precision
            for pairs in (2, 3):
                model.batch(layout, Plan(pairs, downscale))
                assert opened.pop().graph == repr((*facts, "batch", layout, pairs, downscale))
            model.stream(layout, Plan(1, downscale))
            assert opened.pop().graph == repr((*facts, "decode", layout, downscale))
            assert opened.pop().graph == repr((*facts, "encode", layout, downscale))
            model.strips(LAYOUTS[0], layout, Plan(1, downscale, 2))
            assert opened.pop().graph == repr((*facts, "fuse", layout, downscale))
            assert opened.pop().graph == repr((*facts, "find", LAYOUTS[0], downscale))
        for model, size, top, downscale in itertools.product(models, (32, 64), (1.0, 255.0, 65535.0), (0, 1)):
            shape = (1, size, 32, 3)
            picture_function(model, shape, top, downscale)
            assert opened.pop().graph == repr(("fbnet-2", model.precision, "pictures", shape, top, downscale))


def test_the_card_that_was_named_is_used_and_its_memory_counts(opened: list[Any]) -> None:
    for device, index in (("gpu", 0), ("gpu:1", 1), ("auto", 0)):
        model = OnnxModel("fbnet-2", device=device, device_memory=7)
        assert (model.device, model.device_room) == (f"/GPU:{index}", 1000 * index + 7)
        model.batch(LAYOUTS[0], Plan(2, at_once=3))
        session = opened.pop()
        assert (session.index, session.precision) == (index, "float16")
        assert session.others[0] == 3
        assert session.others[3] == 7, "the limit of the card's memory"


def test_without_a_cache_nothing_is_kept(opened: list[Any], tmp_path: Path) -> None:
    OnnxModel("fbnet-2", device="gpu", cache=False).batch(LAYOUTS[0], Plan(2))
    assert opened.pop().others[2] is None, "nor what a provider compiles"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError("Unable to allocate 3.00 GiB for an array"), True),
        (
            RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for 1073741824"),
            True,
        ),
        (RuntimeError("CUDA failure 2: out of memory ; GPU=0"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("Exception(1) DmlExecutionProvider 8007000E E_OUTOFMEMORY"), True),
        (RuntimeError("CUDA failure 700: an illegal memory access was encountered"), False),
    ],
)
def test_want_of_memory_is_known_by_the_words_of_providers(opened: list[Any], error: Exception, short: bool) -> None:
    assert OnnxModel("fbnet-2", device="gpu").is_out_of_memory(error) == short
