"""One training run, as a TOML file."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, field, fields
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
    schedule: str = "cosine"
    """How the learning rate goes from the first to the second of its pair: "cosine" or "linear"."""
    levels_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of what the flows of each level show, beside the loss; stacked-muon."""
    distil_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of the distance to a teacher's flow beside the loss; stacked-muon."""
    perceptual_weight: tuple[float, float] = (0.0, 0.0)
    """Weight of the perceptual distance beside the loss; stacked-muon."""

    def weight(self, name: str, progress: float) -> float:
        """Returns the weight of that name where so much of the phase, in [0, 1], is over."""
        low, high = getattr(self, name)
        return float(low + (high - low) * progress)


@dataclass(frozen=True)
class Windows:
    """How the sampler of windows draws: a square of a clip, larger than the crop, scaled down to it."""

    strides: tuple[int, ...] = (1, 1, 2, 2, 3, 4)
    """Steps in frames between the wanted frame and the inputs, drawn evenly."""
    other_t: float = 0.2
    """Share of samples whose wanted frame is not in the middle."""
    usual_side: int = 256
    """Largest side of most windows, px; the smallest is the crop's. Motion is judged at this short side."""
    large: float = 0.35
    """Share of samples with a larger window, up to the largest short side of a clip."""
    min_motion: float = 0.25
    """Triplets that move less, in px a step, are not drawn."""
    max_motion: float = 10.0
    """Triplets that move more are drawn as often as those."""
    motion_power: float = 0.8
    """Odds are in proportion to motion to this power."""
    colour_order: float = 0.5
    """Share of samples whose colours change places."""


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
    """Largest norm of a variable's gradient; a small one keeps a few samples with large gradients from
    setting the pace."""
    beta_2: float = 0.999
    """How long the optimiser remembers squared gradients."""
    ema: float = 0.998
    """Decay of the averaged weights; grows to this value as (1 + step) / (10 + step)."""
    precision: str = "bfloat16"
    """Dtype of the convolutions, or "auto": bfloat16 where the hardware multiplies it, else float32."""
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
    output_layers: tuple[str, ...] = ("out",)
    """Names of layers that are outputs, as "out" of "coarse.out.kernel"; stacked-muon."""
    output_rate: float = 0.1
    """Learning rate of the output layers, as a share of that of the others; stacked-muon."""
    census_part: float = 1.0
    """Share of a batch that the term census is computed of; stacked-muon."""
    teacher: str = ""
    """Whose flow is a label: name of a network that ships, a weights file, or "stored" for flows that lie beside the
    clips. stacked-muon: what `distil_weight` asks for. Others: beside DIS flow, whichever is better at a place, for
    `flow_weight` and `matching_weight`; not "stored"."""
    teacher_part: float = 0.25
    """Share of a batch that the teacher sees; stacked-muon."""
    perceptual_part: float = 0.25
    """Share of a batch that the perceptual distance is computed of."""
    perceptual_side: int = 256
    """Side of the square of it that is compared, px."""
    coarser_scales: int = -1
    """Scales beyond 1/16 at which flow is sought (FBNet-2); -1: by the size of the crops, as when frames are
    interpolated."""
    refined: bool = False
    """Whether the network is trained with what it does without weights where it runs (FBNet-2: flow of neighbours, fit,
    one linear motion, half of the residual); stacked-muon."""
    sampler: str = "crops"
    """"crops": as the phases say; "windows": squares, as `windows` says, of the size of the phase."""
    windows: Windows = field(default_factory=Windows)
    """Of the sampler of that name."""
    minutes: float = 0.0
    """Above 0: the run ends after so many minutes of steps, and the steps of its phases are shares of that time."""
    compile_step: str = "auto"
    """Whether XLA compiles the whole step: "yes", "no", or "auto": on a GPU; stacked-muon."""
    steps_per_call: int = 1
    """Steps that are taken in one call of the graph; stacked-muon."""
    batches_per_update: int = 1
    """Steps whose gradients are averaged before weights change: as large a batch as on a graphics card, where memory
    has room for a small one; stacked-muon. The weights change at the rate of the last of them."""
    start: Start = field(default_factory=Start)
    """Lineage: what the run started from; see `lineage.read_start` for the table of the file."""

    @property
    def loss_text(self) -> str:
        """The loss in words, as "charbonnier + 0.1 census"."""
        terms = [name if weight == 1 else f"{weight:g} {name}" for name, weight in self.loss.items()]
        return " + ".join(terms) or "matching"

    def flow_downscale_at(self, step: int, place: int | None = None) -> int:
        """Returns the `flow_downscale` of a step's batch.

        Args:
          step: of the run.
          place: where the step lies in the schedule; None: there, too.
        """
        choices = self.phase_at(step if place is None else place)[0].flow_downscale
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

    @property
    def fused(self) -> bool:
        """Whether a step is one compiled computation (`loop.fused_step`)."""
        return self.optimizer == "stacked-muon"


def _checked(value: Any, expected: Any, key: str, path: Path) -> Any:
    """Returns a value of the file as its type says: lists become tuples, whole numbers floats where those are meant.

    Raises:
      InputError: it is of another type.
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
    """Returns the values of a table as the fields of a class say.

    Raises:
      InputError: a key is not known, or a value is of another type.
    """
    if not isinstance(table, dict):
        raise InputError(f"{where.rstrip('.') or 'the file'} is not a table", path=path)
    known, types = {f.name for f in fields(kind)}, get_type_hints(kind)
    unknown = set(table) - known
    if unknown:
        raise InputError(f"unknown key: {', '.join(sorted(unknown))}", path=path)
    return {key: _checked(value, types[key], where + key, path) for key, value in table.items()}


def load_config(path: Path) -> RunConfig:
    """Reads a run's TOML file.

    Raises:
      InputError: the file cannot be read, or has a key or a value that is not known, or out of its range.
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
        try:
            phases.append(Phase(**found))
        except TypeError as error:
            raise InputError(f"incomplete configuration: {error}", path=path) from error
    try:
        return RunConfig(phases=tuple(phases), **apart, **values)
    except TypeError as error:
        raise InputError(f"incomplete configuration: {error}", path=path) from error
