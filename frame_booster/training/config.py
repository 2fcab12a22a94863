"""One training run, as a TOML file."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from frame_booster.errors import InputError
from frame_booster.training.lineage import Start, read_start

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Phase:
    """A stretch of a run with one picture size; pairs of numbers go linearly from first to last step."""

    steps: int
    height: int
    width: int
    batch: int
    learning_rate: tuple[float, float]
    """Cosine from the first to the second."""
    flow_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of flow supervision beside the loss."""
    choice_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of the expected error of the choice among candidates (FBNet-R) beside the loss."""
    matching_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of what descriptors and the choice of the coarse motion learn by (FBNet-R) beside the loss."""
    strides: tuple[int, ...] = (1, 2, 3)
    """Steps in frames between the middle frame and the inputs, drawn evenly."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Range of the factor by which frames are scaled down before cropping."""
    flow_downscale: tuple[int, ...] = (0,)
    """log2 of the factor by which frames are downscaled before motion is estimated (FBNet-R; 1 from 720p on); drawn
    evenly, by batch."""
    any_timestep: float = 0.0
    """Share of samples with t other than 1/2."""
    synthetic: float = 0.0
    """Share of samples made by moving still pictures over each other."""
    reach: float = 16.0
    """Largest synthetic motion between the outer frames, px."""


@dataclass(frozen=True)
class RunConfig:
    """What a run trains, on what, and how."""

    network: str
    loss: dict[str, float]
    """Terms of the loss (`losses.reconstruction.LOSSES`) and their weights. In the file a name alone is that term with
    weight 1; if there are none, no frame is interpolated and `matching_weight` alone teaches."""
    phases: tuple[Phase, ...]
    optimizer: str = "nadam"
    weight_decay: float = 0.0
    warmup: int = 200
    """Steps over which the learning rate rises from 0."""
    clipnorm: float = 1.0
    """Largest norm of a variable's gradient; a small one makes steps alike where few samples have most of it."""
    beta_2: float = 0.999
    """How long the optimiser remembers squared gradients."""
    ema: float = 0.998
    """Decay of the averaged weights; grows to this value as (1 + step) / (10 + step)."""
    precision: str = "bfloat16"
    seed: int = 1
    permissive_only: bool = True
    min_motion: float = 0.3
    """Triplets that move less, in px a step, are not drawn."""
    max_motion_weight: float = 8.0
    """A triplet is drawn in proportion to its motion in px, up to this."""
    brightness: float = 0.0
    """Largest change of brightness of a sample, as a share."""
    gamma: float = 0.0
    """Largest change of its gamma, in powers of two."""
    even: bool = False
    """Train towards the middle frame as linear motion would have it (`linear_motion`), not as it was taken."""
    frozen: tuple[str, ...] = ()
    """Beginnings of the names of weights that stay as they are, as "encoder" or "fusion.conv1"."""
    start: Start = field(default_factory=Start)
    """Lineage: what the run started from; see `lineage.read_start` for the table of the file."""

    @property
    def loss_text(self) -> str:
        """The loss in words, as "charbonnier + 0.1 census"."""
        terms = [name if weight == 1 else f"{weight:g} {name}" for name, weight in self.loss.items()]
        return " + ".join(terms) or "matching"

    def flow_downscale_at(self, step: int) -> int:
        """Returns the `flow_downscale` of a step's batch."""
        choices = self.phase_at(step)[0].flow_downscale
        return int(np.random.default_rng([self.seed, step, len(choices)]).choice(choices))

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)

    def phase_at(self, step: int) -> tuple[Phase, float]:
        """Returns the phase that `step` belongs to, and how far through it the step is, in [0, 1]."""
        for phase in self.phases:
            if step < phase.steps:
                return phase, step / max(phase.steps - 1, 1)
            step -= phase.steps
        return self.phases[-1], 1.0


def _phase(table: dict[str, Any]) -> Phase:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    return Phase(**values)


def load_config(path: Path) -> RunConfig:
    """Reads a run's TOML file.

    Raises:
      InputError: the file cannot be read, or has a key or a value that is not known.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the configuration: {error.strerror}", path=path) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not a TOML file: {error}", path=path) from error
    for table in data.get("phases", []):
        if "halvings" in table:
            warnings.warn(f"{path}: the key halvings is called flow_downscale now", FutureWarning, stacklevel=2)
            table["flow_downscale"] = table.pop("halvings")
    for kind, table in [(Phase, t) for t in data.get("phases", [])] + [(RunConfig, data)]:
        unknown = set(table) - {f.name for f in fields(kind)}
        if unknown:
            raise InputError(f"unknown key: {', '.join(sorted(unknown))}", path=path)
    if not data.get("phases"):
        raise InputError("a run needs at least one [[phases]] table", path=path)
    try:
        phases = tuple(_phase(table) for table in data.pop("phases"))
        if isinstance(data.get("loss"), str):
            data["loss"] = {data["loss"]: 1.0}
        if "frozen" in data:
            data["frozen"] = tuple(data["frozen"])
        if "start" in data:
            data["start"] = read_start(data["start"], path)
        return RunConfig(phases=phases, **data)
    except TypeError as error:
        raise InputError(f"incomplete configuration: {error}", path=path) from error
