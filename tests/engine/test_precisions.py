"""Precisions of convolutions: which one `auto` takes, and that each gives the frames of float32."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from frame_booster.engine.device import choose_precision
from frame_booster.engine.model import Model
from frame_booster.errors import InputError
from frame_booster.network.compiling import plain_operations
from frame_booster.network.presets import PRESETS
from tests.conftest import picture

HALF = ("bfloat16", "float16")
LEAST_DB = 38.0
"""What every frame has against float32's, but where a hard choice falls the other way."""
HARD_CHOICES = {("fbnet-r", "bfloat16", "drift-straight_1"): 28.0}
"""Frames in which FBNet-R believes another of two motions (`recall.Recalled.motion`), and what they have."""
UNDECIDED = {
    "fbnet-2": (12.0, {"board to moved board", "board to white", "scene to board"}),
    "fbnet-r": (26.0, {"black to noise", "scene to board"}),
    "fbnet": (
        24.0,
        {"black to noise", "board to moved board", "board to white", "noise to moved noise", "scene to board"},
    ),
}
"""Pairs of which no motion is the right one (nothing is alike, or all is, period after period), so that bfloat16's
rounding decides between motions that are as good: how near such frames are, dB, and which they are."""
TRIPLETS = ("drift-straight_1", "motocross-jump_1", "kite-surf_0")
"""Those in which half precision has changed most, or has once left its range."""


@pytest.mark.parametrize(
    ("capability", "safe", "precision"),
    [
        ((9, 0), True, "bfloat16"),
        ((8, 0), False, "bfloat16"),
        ((7, 5), True, "float16"),
        ((7, 0), False, "float32"),
        ((6, 1), True, "float32"),
        (None, True, "float32"),
    ],
)
def test_auto_on_a_gpu_goes_by_the_card_and_the_network(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int] | None, safe: bool, precision: str
) -> None:
    details: dict[str, Any] = {"device_name": "a card"}
    preset = replace(PRESETS["fbnet-2"], float16_is_safe=safe)
    if capability is not None:
        details["compute_capability"] = capability
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["first", "second"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details if gpu == "second" else {})
    assert choose_precision("auto", "/GPU:1", preset) == precision
    assert choose_precision("auto", "/GPU:0", preset) == "float32", "not known of this one"
    assert choose_precision("float16", "/GPU:1", preset) == "float16", "what is asked for is taken"


def test_precisions_that_there_are_not() -> None:
    with pytest.raises(InputError, match="unknown precision"):
        choose_precision("int8", "/CPU:0", PRESETS["fbnet-2"])


@lru_cache
def network(name: str, precision: str) -> Any:
    return Model(name, device="cpu", precision=precision).network


def frames_in(name: str, precision: str, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    with plain_operations():
        made: np.ndarray = network(name, precision)(tf.constant(first), tf.constant(second)).frame.numpy()
    assert np.isfinite(made).all(), (name, precision)
    return made


def psnr(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of each frame of a batch, dB."""
    return -10.0 * np.log10(np.maximum(np.mean((first - second) ** 2, (1, 2, 3)), 1e-12))


@lru_cache
def extremes_in_float32(name: str) -> np.ndarray:
    _, first, second = extreme_pairs()
    return frames_in(name, "float32", first, second)


@lru_cache
def extreme_pairs() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Pairs of black, white, noise, a checkerboard of 4 px, moved or not, and of a scene that moves."""
    sides = (48, 64)
    noise = np.random.default_rng(7).random((*sides, 3))
    board = (np.indices(sides).sum(0)[..., None] // 4 % 2) * np.ones(3)
    pictures = {"black": np.zeros((*sides, 3)), "white": np.ones((*sides, 3)), "noise": noise, "board": board}
    pictures |= {"moved board": np.roll(board, (1, 2), (0, 1)), "moved noise": np.roll(noise, (2, 3), (0, 1))}
    pictures |= {"scene": picture(0, 64, 48), "moved scene": picture(3, 64, 48)}
    names = [("black", "white"), ("white", "black"), ("black", "noise"), ("board", "moved board")]
    names += [("noise", "moved noise"), ("board", "white"), ("scene", "moved scene"), ("scene", "board")]
    first, second = (np.stack([pictures[pair[k]] for pair in names]).astype(np.float32) for k in (0, 1))
    return [f"{a} to {b}" for a, b in names], first, second


@pytest.mark.parametrize("precision", HALF)
@pytest.mark.parametrize("name", PRESETS)
def test_extreme_pictures_are_those_of_float32(name: str, precision: str) -> None:
    names, first, second = extreme_pairs()
    full, half = extremes_in_float32(name), frames_in(name, precision, first, second)
    found = dict(zip(names, psnr(full, half), strict=True))
    floor, undecided = UNDECIDED[name] if precision == "bfloat16" else (LEAST_DB, set())
    assert {pair: db for pair, db in found.items() if db < (floor if pair in undecided else LEAST_DB)} == {}


@pytest.mark.parametrize("precision", HALF)
@pytest.mark.parametrize("name", PRESETS)
def test_real_pictures_are_those_of_float32(triplets: Path, name: str, precision: str) -> None:
    def at(index: int) -> np.ndarray:
        shown = (Image.open(triplets / scene / f"im{index}.png").resize((256, 144)) for scene in TRIPLETS)
        return np.stack([np.asarray(image.convert("RGB"), np.float32) / 255.0 for image in shown])

    full, half = (frames_in(name, kind, at(1), at(3)) for kind in ("float32", precision))
    for scene, db in zip(TRIPLETS, psnr(full, half), strict=True):
        assert db >= HARD_CHOICES.get((name, precision, scene), LEAST_DB), scene
