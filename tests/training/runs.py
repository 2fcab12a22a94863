"""Small training runs for tests, also those in processes of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from frame_booster.network.layers import Convolution, Stage
from frame_booster.network.prediction import Prediction
from frame_booster.training.config import Phase, RunConfig, Windows
from frame_booster.training.loop.checkpoint import HELD, PRODUCT

ROOT = Path(__file__).resolve().parents[2]


def config(**changes: Any) -> RunConfig:
    phase = Phase(
        steps=6,
        height=32,
        width=32,
        batch=2,
        learning_rate=(1e-3, 1e-4),
        flow_weight=(0.5, 0.1),
        choice_weight=(2.0, 1.0),
        strides=(1, 2),
        scale=(0.5, 1.0),
        any_timestep=0.3,
        synthetic=0.3,
    )
    values: dict[str, Any] = {
        "network": "fbnet-r",
        "loss": {"charbonnier": 1.0, "census": 0.1},
        "phases": (phase,),
        "precision": "float32",
    }
    return RunConfig(**{**values, "optimizer": "adamw", "warmup": 2, **changes})


def curve(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]


def without_later_keys(path: Path) -> None:
    """Makes a checkpoint one of an earlier version, which had none of what was added to it since."""
    tensors = {name: array for name, array in load_file(path).items() if not name.startswith(HELD) and name != PRODUCT}
    with safe_open(path, framework="numpy") as file:
        state = json.loads(file.metadata()["state"])
    old = {key: value for key, value in state.items() if key not in ("network", "optimizer")}
    save_file(tensors, path, metadata={"state": json.dumps(old)})


class Small(Stage):
    """Stands in for a network: two convolutions that correct the blend."""

    def __init__(self) -> None:
        super().__init__("small")
        self.one, self.two = Convolution(6, 8, name="one"), Convolution(8, 3, slope=None, name="two")

    def parts(self) -> list[Any]:
        return [self.one, self.two]

    def call(self, first: Any, second: Any, t: Any = None) -> Prediction:
        made = 0.5 * (first + second) + self.two(self.one(tf.concat([first, second], -1)))
        return Prediction(frame=made, unclipped=made, flows=[(made[..., :2], made[..., 1:])])


def simple_config(**changes: Any) -> RunConfig:
    """A run of `Small` by `step`."""
    phase = replace(config().phases[0], choice_weight=(0.0, 0.0), any_timestep=0.0)
    return config(**{"phases": (phase,), "loss": {"charbonnier": 1.0}, **changes})


def fused_config(**changes: Any) -> RunConfig:
    """A run of `Small` by `fused_step`; changes are of the phase or of the run."""
    phase: dict[str, Any] = {"steps": 6, "height": 32, "width": 32, "batch": 2, "learning_rate": (1e-2, 1e-3)}
    values: dict[str, Any] = {
        "network": "fbnet-2",
        "loss": {"squared": 1.0},
        "optimizer": "stacked-muon",
        "output_layers": ("two",),
        "warmup": 2,
        "ema": 0.9,
        "precision": "float32",
        "min_motion": 0.1,
        "windows": Windows(usual_side=64),
    }
    for key, value in changes.items():
        (phase if key in Phase.__dataclass_fields__ else values)[key] = value
    return RunConfig(phases=(Phase(**phase),), **values)
