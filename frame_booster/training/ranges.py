"""The allowed values of a recipe: ranges of numbers and choices of texts.

An invalid value is reported with its key when the recipe is read, not by a failure hours later.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

from frame_booster.errors import InputError


class Range(NamedTuple):
    """A range of numbers; for a list, the range of each of its values."""

    low: float = 0.0
    high: float = math.inf
    """Infinity means no limit; infinity itself is never in the range."""
    above: bool = False
    """Whether `low` itself is excluded."""

    def holds(self, value: float) -> bool:
        """Tells whether a number is in the range."""
        return math.isfinite(value) and self.low <= value <= self.high and not (self.above and value == self.low)

    def __str__(self) -> str:
        if self.high < math.inf:
            return f"{self.low:g} to {self.high:g}" + (f", but not {self.low:g}" if self.above else "")
        return f"above {self.low:g}" if self.above else f"{self.low:g} or more"


_SHARE, _POSITIVE, _ANY, _COUNT = Range(0, 1), Range(0, above=True), Range(), Range(1)
RANGES: dict[str, Range] = {
    # Phases and windows.
    "steps": _COUNT,
    "height": Range(16),
    "width": Range(16),
    "batch": _COUNT,
    "learning_rate": _ANY,
    "flow_weight": _ANY,
    "choice_weight": _ANY,
    "matching_weight": _ANY,
    "levels_weight": _ANY,
    "distil_weight": _ANY,
    "perceptual_weight": _ANY,
    "strides": _COUNT,
    "scale": Range(0, 1, above=True),
    "flow_downscale": Range(0, 8),
    "any_timestep": _SHARE,
    "synthetic": _SHARE,
    "reach": _POSITIVE,
    "other_t": _SHARE,
    "usual_side": Range(16),
    "large": _SHARE,
    "max_motion": _POSITIVE,
    "motion_power": _ANY,
    "colour_order": _SHARE,
    # Runs; `min_motion` is a key of windows, too.
    "loss": _ANY,
    "weight_decay": _ANY,
    "warmup": _ANY,
    "clipnorm": _POSITIVE,
    "beta_2": _SHARE,
    "ema": _SHARE,
    "seed": Range(0, 2**32 - 1),
    "min_motion": _ANY,
    "max_motion_weight": _POSITIVE,
    "brightness": _SHARE,
    "gamma": _ANY,
    "output_rate": _ANY,
    "census_part": _SHARE,
    "teacher_part": _SHARE,
    "perceptual_part": _SHARE,
    "perceptual_side": Range(16),
    "coarser_scales": Range(-1, 8),
    "minutes": _ANY,
    "steps_per_call": _COUNT,
    "batches_per_update": _COUNT,
}
"""Ranges by key, for every key whose value is a number, or a list or a table of numbers."""
NOT_EMPTY = ("strides", "flow_downscale")
"""Keys of lists from which values are drawn."""
CHOICES = {
    "schedule": ("cosine", "linear"),
    "sampler": ("crops", "windows"),
    "compile_step": ("auto", "yes", "no"),
    "optimizer": ("nadam", "adamw", "muon", "stacked-muon"),
    "precision": ("auto", "bfloat16", "float32", "float16"),
}


def check_ranges(values: dict[str, Any], where: str, path: Path) -> None:
    """Checks the values of a table of a recipe, whose types are already checked.

    Args:
      values: values by key.
      where: prefix of the keys in error messages, such as "phases.".
      path: path of the recipe, for error messages.

    Raises:
      InputError: a number is out of its range, or a text is not one of the choices.
    """
    for key, value in values.items():
        if key in CHOICES and value not in CHOICES[key]:
            raise InputError(f"{where}{key} = {value!r} is not one of {', '.join(CHOICES[key])}", path=path)
        if key in NOT_EMPTY and not value:
            raise InputError(f"{where}{key} is empty: one of its values is drawn for each batch or sample", path=path)
        if key in RANGES:
            _check_numbers(f"{where}{key}", value, RANGES[key], path)
    low, high = values.get("scale", (0.0, 1.0))
    if low > high:
        raise InputError(f"{where}scale = [{low:g}, {high:g}]: the first value is larger than the second", path=path)


def _check_numbers(key: str, value: Any, known: Range, path: Path) -> None:
    if isinstance(value, dict):
        for name, number in value.items():
            _check_numbers(f"{key}.{name}", number, known, path)
        return
    for number in value if isinstance(value, tuple) else (value,):
        if not known.holds(number):
            raise InputError(f"{key} = {number:g} is out of range", path=path, hint=str(known))
