"""The frame that every machine must make alike: one wrong block is wrong, and networks without one have no test."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from frame_booster.engine import self_test
from frame_booster.engine.self_test import BLOCK, HEIGHT, STORED, TOLERANCE, WIDTH, difference
from frame_booster.network.presets import PRESETS


def named(name: str) -> Any:
    return SimpleNamespace(name=name)


@pytest.mark.parametrize("name", PRESETS)
def test_the_worst_block_counts(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    means = np.array(json.loads(STORED.read_text(encoding="utf-8"))[name])
    assert means.shape == (HEIGHT // BLOCK, WIDTH // BLOCK, 3)
    monkeypatch.setattr(self_test, "block_means", lambda model: means)
    assert difference(named(name)) == 0.0
    means = means.copy()
    means[-1, -1, 0] -= 2 * TOLERANCE
    assert difference(named(name)) == pytest.approx(2 * TOLERANCE)


def test_another_network_has_none() -> None:
    assert difference(named("another")) is None
