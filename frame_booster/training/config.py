"""The configuration of a training run, read from a TOML file (the recipe)."""

from __future__ import annotations

import sys
import warnings
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from frame_booster.errors import InputError
from frame_booster.text_files import read_text
from frame_booster.training.lineage import Start, read_start
from frame_booster.training.ranges import check_ranges

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Phase:
    """A part of a run with one crop size and batch size.

    Each pair named `*_weight` changes linearly from the first step of the phase to the last.
    """

    steps: int
    height: int
    width: int
    batch: int
    learning_rate: tuple[float, float]
    """First and last learning rate; `schedule` says how it changes between them."""
    flow_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of flow supervision in the loss."""
    choice_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of the expected error of the choice among candidate motions in the loss (FBNet-R)."""
    matching_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of the matching error in the loss, which trains the descriptors and the choice of the coarse motion
    (FBNet-R)."""
    strides: tuple[int, ...] = (1, 2, 3)
    """Distances in frames between the middle frame and the inputs, drawn uniformly for each sample."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Range of the factor by which frames are scaled down before they are cropped."""
    flow_downscale: tuple[int, ...] = (0,)
    """log2 of the factor by which frames are downscaled before motion is estimated (FBNet-2, FBNet-R), drawn uniformly
    for each batch."""
    any_timestep: float = 0.0
    """Share of samples with a random t instead of 1/2."""
    synthetic: float = 0.0
    """Share of samples with synthetic motion: still images moved over each other."""
    reach: float = 16.0
    """Largest synthetic motion between the outer frames, px."""
    schedule: str = "cosine"
    """Curve of the learning rate from its first to its last value: "cosine" or "linear"."""
    levels_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of the error of the frames warped by the flow of each level; stacked-muon only."""
    distil_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of the distance to a teacher's flow; stacked-muon only."""
    perceptual_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of the perceptual distance; stacked-muon only."""

    def weight(self, name: str, progress: float) -> float:
        """Returns the value of a pair such as "flow_weight" at a progress through the phase in [0, 1]."""
        low, high = getattr(self, name)
        return float(low + (high - low) * progress)


@dataclass(frozen=True)
class Windows:
    """Settings of the window sampler, which cuts a square from a clip and scales it down to the crop size."""

    strides: tuple[int, ...] = (1, 1, 2, 2, 3, 4)
    """Distances in frames between the target frame and the inputs, drawn uniformly for each sample."""
    other_t: float = 0.2
    """Share of samples whose target frame is drawn from all frames between the inputs."""
    usual_side: int = 256
    """Largest side of most windows, px; the smallest is that of the crop. Motion is measured at this short side."""
    large: float = 0.35
    """Share of samples with a larger window, up to the largest short side of a clip."""
    min_motion: float = 0.25
    """Smallest motion of a triplet that is drawn: mean motion between neighbouring frames of the triplet, px."""
    max_motion: float = 10.0
    """Motion above which the probability no longer grows, px."""
    motion_power: float = 0.8
    """A triplet is drawn with a probability proportional to its motion to this power."""
    colour_order: float = 0.5
    """Share of samples with permuted colour channels."""


@dataclass(frozen=True)
class RunConfig:
    """The network to train, the data, the loss and the optimizer."""

    network: str
    loss: dict[str, float]
    """Weights of the terms of the loss (`losses.reconstruction.LOSSES`), by name. In the file, a name alone means that
    term with weight 1. Without terms no frame is interpolated, and only `matching_weight` trains."""
    phases: tuple[Phase, ...]
    optimizer: str = "nadam"
    weight_decay: float = 0.0
    warmup: int = 200
    """Steps over which the learning rate rises from 0."""
    clipnorm: float = 1.0
    """Limit for the gradient norm of each variable. A small limit reduces the influence of single samples with large
    gradients."""
    beta_2: float = 0.999
    """Decay of the running mean of squared gradients; nadam and adamw."""
    ema: float = 0.998
    """Decay of the averaged weights; in the first steps (1 + step) / (10 + step)."""
    precision: str = "bfloat16"
    """Dtype of the convolutions, or "auto": bfloat16 if the hardware supports it, else float32."""
    seed: int = 1
    permissive_only: bool = True
    min_motion: float = 0.3
    """Smallest motion of a triplet that is drawn: mean motion between neighbouring frames of the triplet, px."""
    max_motion_weight: float = 8.0
    """A triplet is drawn with a probability proportional to its motion in px, up to this."""
    brightness: float = 0.0
    """Largest relative change of the brightness of a sample."""
    gamma: float = 0.0
    """Largest change of the gamma of a sample, in powers of two."""
    even: bool = False
    """Train towards the middle frame of linear motion (`data.linear_motion`) instead of the true one."""
    frozen: tuple[str, ...] = ()
    """Prefixes of names of weights that are not trained, such as "encoder" or "fusion.conv1"."""
    output_layers: tuple[str, ...] = ("out",)
    """Names of output layers, such as "out" in "coarse.out.kernel"; stacked-muon only."""
    output_rate: float = 0.1
    """Learning rate of the output layers relative to the others; stacked-muon only."""
    census_part: float = 1.0
    """Share of a batch for which the term census is computed; stacked-muon only."""
    teacher: str = ""
    """Source of flow labels: name of a network that ships, a weights file, or "stored" for flows stored beside the
    clips. With stacked-muon `distil_weight` uses it. With the other optimizers `flow_weight` and `matching_weight` use,
    for each pixel and frame, the better of its flow and DIS flow; "stored" is not supported."""
    teacher_part: float = 0.25
    """Share of a batch for which the teacher network computes flow; stacked-muon only."""
    perceptual_part: float = 0.25
    """Share of a batch for which the perceptual distance is computed."""
    perceptual_side: int = 256
    """Side of the square on which the perceptual distance is computed, px."""
    coarser_scales: int = -1
    """Number of scales beyond 1/16 at which FBNet-2 estimates flow; -1: by the size of the crops, as in inference."""
    refined: bool = False
    """Whether FBNet-2 is trained with its inference steps that have no weights (flow of neighbours, fit, one linear
    motion, half of the residual); stacked-muon only."""
    sampler: str = "crops"
    """How samples are drawn: "crops", by the settings of the phases, or "windows", by `windows`."""
    windows: Windows = field(default_factory=Windows)
    """Settings of the window sampler."""
    minutes: float = 0.0
    """If above 0, the run ends after this many minutes of steps, and `steps` of the phases are shares of that time."""
    compile_step: str = "auto"
    """Whether XLA compiles the whole step: "yes", "no", or "auto" (only on a GPU); stacked-muon only."""
    steps_per_call: int = 1
    """Number of steps in one call of the graph; stacked-muon only."""
    batches_per_update: int = 1
    """Number of batches whose gradients are averaged for one update; stacked-muon only. A CPU with little memory can
    thus train with the batch size of a GPU. The learning rate is that of the last batch."""
    start: Start = field(default_factory=Start)
    """Record of the weights that the run started from; `lineage.read_start` describes its table."""

    @property
    def loss_text(self) -> str:
        """A description of the loss, such as "charbonnier + 0.1 census"."""
        terms = [name if weight == 1 else f"{weight:g} {name}" for name, weight in self.loss.items()]
        return " + ".join(terms) or "matching"

    def flow_downscale_at(self, step: int, place: int | None = None) -> int:
        """Returns the `flow_downscale` of the batch of a step.

        Args:
          step: step of the run, which seeds the choice.
          place: step of the schedule, which gives the phase; None: `step`.
        """
        choices = self.phase_at(step if place is None else place)[0].flow_downscale
        return int(np.random.default_rng([self.seed, step, len(choices)]).choice(choices))

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)

    def phase_at(self, step: int) -> tuple[Phase, float]:
        """Returns the phase that `step` belongs to, and its progress through the phase, in [0, 1]."""
        for phase in self.phases:
            if step < phase.steps:
                return phase, step / max(phase.steps - 1, 1)
            step -= phase.steps
        return self.phases[-1], 1.0

    @property
    def fused(self) -> bool:
        """Whether a step is one compiled computation (`loop.fused_step`)."""
        return self.optimizer == "stacked-muon"


def _checked(value: Any, expected: Any, key: str, path: Path) -> Any:
    """Checks the type of a value of the file, and converts it.

    Lists become tuples, and integers become floats where the type is float.

    Raises:
      InputError: the value has another type.
    """
    origin, inner = get_origin(expected), get_args(expected)
    if origin is tuple:
        if not isinstance(value, list):
            raise InputError(f"{key} = {value!r} is not a list", path=path)
        if inner[-1] is not Ellipsis and len(value) != len(inner):
            raise InputError(f"{key} has {len(value)} values, not {len(inner)}", path=path)
        return tuple(_checked(item, inner[0], key, path) for item in value)
    if origin is dict:
        if not isinstance(value, dict):
            raise InputError(f"{key} = {value!r} is not a table", path=path)
        return {name: _checked(item, inner[1], f"{key}.{name}", path) for name, item in value.items()}
    kinds: dict[Any, tuple[tuple[type[Any], ...], str]] = {
        int: ((int,), "a whole number"),
        float: ((int, float), "a number"),
        str: ((str,), "a text"),
        bool: ((bool,), "true or false"),
    }
    accepted, words = kinds[expected]
    if not isinstance(value, accepted) or (isinstance(value, bool) and expected is not bool):
        raise InputError(f"{key} = {value!r} is not {words}", path=path)
    number: Any = value
    return float(number) if expected is float else number


def _read(kind: Any, table: Any, where: str, path: Path) -> dict[str, Any]:
    """Returns the values of a table, converted to the types of the fields of a class.

    Raises:
      InputError: a key is unknown or missing, or a value has another type.
    """
    if not isinstance(table, dict):
        raise InputError(f"{where.rstrip('.') or 'the file'} is not a table", path=path)
    known, types = {f.name for f in fields(kind)}, get_type_hints(kind)
    unknown = set(table) - known
    if unknown:
        raise InputError(f"unknown key: {', '.join(where + key for key in sorted(unknown))}", path=path)
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    # `phases` is read apart.
    if missing := [where + key for key in required if key not in table and key != "phases"]:
        raise InputError(f"missing key: {', '.join(missing)}", path=path)
    return {key: _checked(value, types[key], where + key, path) for key, value in table.items()}


def load_config(path: Path) -> RunConfig:
    """Reads the TOML file of a run.

    Raises:
      InputError: the file cannot be read, a key is unknown or missing, or a value has the wrong type or is out of
        range.
    """
    try:
        data = tomllib.loads(read_text(path))
    except OSError as error:
        raise InputError(f"cannot read the configuration: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8, nor UTF-16 with a BOM", path=path, hint="save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not a TOML file: {error}", path=path) from error
    tables = data.pop("phases", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputError("phases is not a list of tables: each begins with [[phases]]", path=path)
    for table in tables:
        if "halvings" in table:
            warnings.warn(f"{path}: the key halvings is called flow_downscale now", FutureWarning, stacklevel=2)
            table["flow_downscale"] = table.pop("halvings")
    apart: dict[str, Any] = {}
    if isinstance(data.get("loss"), str):
        data["loss"] = {data["loss"]: 1.0}
    if "start" in data:
        apart["start"] = read_start(data.pop("start"), path)
    if "windows" in data:
        found = _read(Windows, data.pop("windows"), "windows.", path)
        check_ranges(found, "windows.", path)
        apart["windows"] = Windows(**found)
    values = _read(RunConfig, data, "", path)
    check_ranges(values, "", path)
    if not tables:
        raise InputError("a run needs at least one [[phases]] table", path=path)
    phases = []
    for number, table in enumerate(tables, 1):
        where = f"phases[{number}]." if len(tables) > 1 else "phases."
        found = _read(Phase, table, where, path)
        check_ranges(found, where, path)
        phases.append(Phase(**found))
    return RunConfig(phases=tuple(phases), **apart, **values)
