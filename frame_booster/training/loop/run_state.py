"""The state of a training run, kept in a checkpoint: network, optimizer, averaged weights and counters."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError
from frame_booster.network.layers import named_weights
from frame_booster.network.presets import create_network
from frame_booster.network.weights import load_weights
from frame_booster.training.config import RunConfig
from frame_booster.training.loop.checkpoint import (
    PRODUCT,
    beside_the_variables,
    kind_of,
    nadam_product,
    read_checkpoint,
    write_checkpoint,
)


class RunState:
    """The state of a run; subclasses create the network and the optimizer, and train.

    Args:
      config: configuration of the run.
      folder: folder of the run.
    """

    optimizer: Any
    average: list[Any]

    def __init__(self, config: RunConfig, folder: Path) -> None:
        self.config, self.folder = config, folder
        self.step, self.best = 0, 0.0
        self.spent_s = 0.0
        """Time of the steps of this run, s; limits a run with `minutes`."""

    def _make_network(self) -> None:
        self.network = create_network(self.config.network, self.config.precision)
        self.names = [name for name, _ in named_weights(self.network)]
        self.variables = [variable for _, variable in named_weights(self.network)]

    def _load(self, start_from: Path | None) -> None:
        """Loads the weights to start from, and their steps, samples and hours."""
        earlier = {} if start_from is None else load_weights(start_from, self.network)
        self.samples, self.hours = int(earlier.get("samples", 0)), float(earlier.get("training_hours", 0.0))
        # If batches differed in size, the metadata says, for example, "about 5200".
        number = re.search(r"\d+", earlier.get("steps", ""))
        self.earlier_steps = int(number[0]) if number else 0

    def _trained(self) -> list[Any]:
        for name in self.config.frozen:
            if not any(known.startswith(name) for known in self.names):
                raise InputError(f"no weights of {self.config.network} begin with {name!r}, so none can be frozen")
        named = zip(self.names, self.variables, strict=True)
        trained = [variable for name, variable in named if not name.startswith(self.config.frozen)]
        if not trained:
            raise InputError("all weights are frozen, so there is nothing to train")
        return trained

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    def _kept(self) -> dict[str, Any]:
        """Returns the variables of a checkpoint by tensor name, except those of `_kept_since`."""
        kept = {f"weight.{name}": variable for name, variable in zip(self.names, self.variables, strict=True)}
        return kept | {f"optimizer.{k}": variable for k, variable in enumerate(self.optimizer.variables)}

    def _kept_since(self) -> dict[str, Any]:
        """Returns the variables that checkpoints of earlier versions lack, by tensor name."""
        return beside_the_variables(self.optimizer)

    def save_checkpoint(self) -> None:
        """Writes all state that a resumed run needs, atomically; a power failure does not lose a checkpoint."""
        tensors = {name: variable.numpy() for name, variable in (self._kept() | self._kept_since()).items()}
        tensors |= {f"average.{n}": a for n, a in zip(self.names, self._averages(), strict=True)}
        state = {"step": self.step, "samples": self.samples, "hours": self.hours, "best": self.best}
        state |= {"earlier_steps": self.earlier_steps, "spent_s": self.spent_s}
        write_checkpoint(self.checkpoint, tensors, state | kind_of(self.config))

    def _restore(self) -> None:
        later = self._kept_since()
        variables = self._kept() | later
        averages = [f"average.{name}" for name in self.names]
        shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
        shapes |= {name: tuple(variable.shape) for name, variable in zip(averages, self.variables, strict=True)}
        tensors, state = read_checkpoint(self.checkpoint, shapes, kind_of(self.config), later)
        for name, variable in variables.items():
            if name in tensors:
                variable.assign(tensors[name])
        if PRODUCT in later and PRODUCT not in tensors:
            later[PRODUCT].assign(nadam_product(int(self.optimizer.iterations.numpy())))
        self._set_averages([tensors[name] for name in averages])
        self.step, self.samples, self.hours = state["step"], state["samples"], state["hours"]
        # Earlier versions could store NaN, which no figure exceeds.
        self.best = state["best"] if math.isfinite(state["best"]) else 0.0
        self.earlier_steps, self.spent_s = state.get("earlier_steps", 0), state.get("spent_s", 0.0)

    def _averages(self) -> list[Any]:
        """Returns the averaged weights as arrays."""
        return self.average

    def _set_averages(self, arrays: list[Any]) -> None:
        self.average = arrays

    def _swap_average(self) -> None:
        held, averages = [variable.numpy() for variable in self.variables], self._averages()
        for variable, average in zip(self.variables, averages, strict=True):
            variable.assign(average)
        self._set_averages(held)
