"""The page of an evaluation: one file, with the triplets that came out worst."""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np
import pytest

from frame_booster.training.data.triplets import Triplet
from frame_booster.training.evaluation import evaluate as evaluation
from frame_booster.training.evaluation import page as pages
from frame_booster.training.evaluation.methods import blending, repetition
from tests.conftest import picture


def triplet(name: str, step: float, size: tuple[int, int] = (64, 48)) -> Triplet:
    """Frames of a scene that moves `step` times 1.6 px a frame."""
    frames = [(picture(k * step, *size) * 255).astype(np.uint8) for k in range(3)]
    return Triplet(name, 1.6 * step, *frames)


def measured(triplets: list[Triplet]) -> tuple[list[evaluation.Case], pages.WorstTriplets]:
    worst = pages.WorstTriplets("blending")
    methods = {"repetition": repetition, "blending": blending}
    return evaluation.measure(triplets, methods, worst.see, name="a <set>"), worst


def test_it_shows_the_worst_twenty_and_needs_no_other_file() -> None:
    steps = np.random.default_rng(1).permutation(25) / 10
    cases, worst = measured([triplet(f"step {step:.1f}", step) for step in steps])
    text = pages.page(evaluation.summarise(cases), worst)
    shown = re.findall(r"<h3>a &lt;set&gt; (step [\d.]+), ", text)
    mine = sorted((case.psnr, case.triplet) for case in cases if case.method == "blending")
    assert shown == [name for _, name in mine[:20]], "worst first"
    assert text.count("<img") == 5 * 20
    assert not re.search(r"https?:|<script|<link|src=\"(?!data:)", text)
    for caption in ("truth", "first frame", "second frame", "their difference, times 4", "blending: "):
        assert text.count(f"<figcaption>{caption}") == 20
    assert text.count("<svg") == 1


def test_where_st_lpips_was_measured_it_says_which_are_worst() -> None:
    def case(name: str, psnr: float, distance: float) -> evaluation.Case:
        return evaluation.Case("", "blending", name, 1.0, psnr, 0.9, 3.0, distance)

    worst = pages.WorstTriplets("blending")
    cases = [case("sharp", 20.0, 10.0), case("blurred", 30.0, 90.0), case("blurred too", 30.0, 90.0)]
    for one in cases:
        shown = triplet(one.triplet, 1.0)
        worst.see(shown, {"blending": shown.frame0}, [one])
    text = pages.page(evaluation.summarise(cases), worst)
    assert re.findall(r"<h3>(\w[^,]+), 1.0 px", text) == ["blurred", "blurred too", "sharp"]
    assert "The 3 worst triplets of blending, by ST-LPIPS" in text
    assert "ST-LPIPS 90.0, 30.00 dB" in text
    assert text.count("<svg") == 2


def test_differences_are_shown_four_times_and_cut_off() -> None:
    truth = np.full((2, 2, 3), 100, np.uint8)
    predicted = truth + np.array([0, 3, 100], np.uint8)
    assert (pages.amplified_difference(predicted, truth) == [0, 12, 255]).all()
    assert (pages.amplified_difference(truth, predicted) == [0, 12, 255]).all()


@pytest.mark.parametrize(("size", "shown"), [((64, 48), (48, 64)), ((1280, 480), (360, 960))])
def test_large_pictures_are_scaled_down(size: tuple[int, int], shown: tuple[int, int]) -> None:
    cases, worst = measured([triplet("one", 1.0, size)])
    text = pages.page(evaluation.summarise(cases), worst)
    embedded = re.findall(r"data:image/jpeg;base64,([^\"]+)", text)
    assert len(embedded) == 5
    for data in embedded:
        read = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        assert read.shape == (*shown, 3)
