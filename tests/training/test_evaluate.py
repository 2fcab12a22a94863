"""Quality figures, and networks measured beside doing without one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from frame_booster.engine.model import shipped_weights
from frame_booster.errors import InputError
from frame_booster.training.data.triplets import Triplet, read_triplets
from frame_booster.training.evaluation import evaluate as evaluation
from frame_booster.training.evaluation import metrics
from tests.conftest import picture


def test_metrics_are_those_of_tensorflow() -> None:
    rng = np.random.default_rng(2)
    a, b = (rng.integers(0, 256, (24, 24, 3)).astype(np.uint8) for _ in range(2))
    mse = np.mean((a.astype(float) - b) ** 2)
    assert metrics.psnr(a, b) == pytest.approx(10 * np.log10(255**2 / mse), abs=1e-3)
    assert metrics.ssim(a, a) == pytest.approx(1.0)


def test_evaluation_sorts_by_motion() -> None:
    def triplet(motion: float, step: float) -> Triplet:
        frames = [(picture(k * step, 64, 48) * 255).astype(np.uint8) for k in range(3)]
        return Triplet("x", motion, frames[0], frames[1], frames[2])

    methods = {"repetition": evaluation.repetition, "blending": evaluation.blending, "flow": evaluation.optical_flow}
    scores = evaluation.evaluate([triplet(1.0, 0.6), triplet(7.0, 3.0)], methods)
    found = {(score.method, score.bucket): score for score in scores}
    assert {bucket for _, bucket in found} == {"all", "0-2 px", "5-10 px"}
    assert found["repetition", "0-2 px"].psnr > found["repetition", "5-10 px"].psnr
    assert found["flow", "all"].psnr > found["blending", "all"].psnr > found["repetition", "all"].psnr
    assert "blending" in evaluation.table(scores)
    assert len(json.loads(evaluation.as_json(scores))) == len(scores)
    with pytest.raises(InputError, match="no triplets"):
        evaluation.evaluate([], methods)


def test_blending_has_its_known_figures(triplets: Path) -> None:
    """21.11 dB / .504 at 448x256, measured by others with other code."""
    scores = evaluation.evaluate(read_triplets(triplets), {"blending": evaluation.blending})
    assert scores[0].triplets == 40
    assert scores[0].psnr == pytest.approx(21.11, abs=0.02)
    assert scores[0].ssim == pytest.approx(0.504, abs=0.002)


def test_shipped_networks_beat_blending(triplets: Path) -> None:
    some = list(read_triplets(triplets, size=(256, 144)))[::5]
    methods = {name: evaluation.network_method(shipped_weights(name)) for name in ("fbnet", "fbnet-r")}
    methods["blending"] = evaluation.blending
    scores = {score.method: score.psnr for score in evaluation.evaluate(some, methods) if score.bucket == "all"}
    assert scores["fbnet"] > scores["blending"] + 0.5
    assert scores["fbnet-r"] > scores["fbnet"]
