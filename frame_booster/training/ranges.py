"""What the values of a recipe may be: numbers from the lowest to the highest, texts out of a few.

A value that cannot be is refused where its file is read, with its key, and not by what goes wrong hours later.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

from frame_booster.errors import InputError


class Range(NamedTuple):
    """The numbers that a value may be; of a list, each of its values."""

    low: float = 0.0
    high: float = math.inf
    """Never infinity itself."""
    above: bool = False
    """Whether the lowest is too low."""

    def holds(self, value: float) -> bool:
        """Tells whether a number is in it."""
        return math.isfinite(value) and self.low <= value <= self.high and not (self.above and value == self.low)

    def __str__(self) -> str:
        if self.high < math.inf:
            return f"{self.low:g} to {self.high:g}" + (f", but not {self.low:g}" if self.above else "")
        return f"above {self.low:g}" if self.above else f"{self.low:g} or more"


_SHARE, _POSITIVE, _ANY, _COUNT = Range(0, 1), Range(0, above=True), Range(), Range(1)
RANGES: dict[str, Range] = {
    # Of phases, and of windows.
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
    # Of runs; `min_motion` also of windows.
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
"""By key; every key whose value is a number, or a list or a table of numbers, is here."""
NOT_EMPTY = ("strides", "flow_downscale")
"""Lists that one value is drawn of."""
CHOICES = {
    "schedule": ("cosine", "linear"),
    "sampler": ("crops", "windows"),
    "compile_step": ("auto", "yes", "no"),
    "optimizer": ("nadam", "adamw", "muon", "stacked-muon"),
    "precision": ("auto", "bfloat16", "float32", "float16"),
}


def check_ranges(values: dict[str, Any], where: str, path: Path) -> None:
    """Checks the values of a table of a recipe, whose types are right.

    Args:
      values: by key.
      where: what stands before the keys, for errors, as "phases.".
      path: of the recipe, for errors.

    Raises:
      InputError: a value is out of its range, or none of the texts that there are.
    """
    for key, value in values.items():
        if key in CHOICES and value not in CHOICES[key]:
            raise InputError(f"{where}{key} = {value!r} is none of {', '.join(CHOICES[key])}", path=path)
        if key in NOT_EMPTY and not value:
            raise InputError(f"{where}{key} is empty: one of its values is drawn for each batch or sample", path=path)
        if key in RANGES:
            _check_numbers(f"{where}{key}", value, RANGES[key], path)
    low, high = values.get("scale", (0.0, 1.0))
    if low > high:
        raise InputError(f"{where}scale = [{low:g}, {high:g}] goes from the larger to the smaller", path=path)


def _check_numbers(key: str, value: Any, known: Range, path: Path) -> None:
    if isinstance(value, dict):
        for name, number in value.items():
            _check_numbers(f"{key}.{name}", number, known, path)
        return
    for number in value if isinstance(value, tuple) else (value,):
        if not known.holds(number):
            raise InputError(f"{key} = {number:g} is out of its range", path=path, hint=str(known))
