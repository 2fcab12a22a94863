"""The checkpoint of a run: one file with its whole state, which only a run of the same kind can resume.

Steps, rates, seed and loss are not compared, so that they can be edited and a run can be extended.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from frame_booster.errors import InputError, ModelError
from frame_booster.network.weights_file import write_arrays
from frame_booster.training.config import RunConfig

PRODUCT, HELD = "optimizer.u_product", "held."
"""Tensor name of Nadam's product of momenta, and name prefix of accumulated gradients."""
_HINT = "use the recipe that it was made with, or another --run folder"


def kind_of(config: RunConfig) -> dict[str, str]:
    """Returns the settings that must be the same when a run is resumed."""
    return {"network": config.network, "optimizer": config.optimizer}


def write_checkpoint(path: Path, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Writes a checkpoint atomically; a power failure loses neither it nor the previous one.

    Args:
      path: path of the file.
      tensors: arrays or numbers by name.
      state: the other state, as JSON values, with `kind_of` the run.
    """
    arrays = {name: np.asarray(value) for name, value in tensors.items()}
    write_arrays(path, arrays, {"state": json.dumps(dict(state))}, durable=True)


def read_checkpoint(
    path: Path, shapes: Mapping[str, tuple[int, ...]], kind: Mapping[str, str], later: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads a checkpoint.

    Args:
      path: path of the file.
      shapes: shapes of the tensors of the run, by name.
      kind: `kind_of` the run.
      later: names of the tensors that checkpoints of earlier versions lack.

    Returns:
      The tensors by name, and the state.

    Raises:
      InputError: the checkpoint is of another kind of run.
      ModelError: the checkpoint is damaged.
    """
    try:
        tensors = load_file(str(path))
        with safe_open(str(path), framework="numpy") as file:
            state = json.loads((file.metadata() or {})["state"])
        step, *_ = [state[key] for key in ("step", "samples", "hours", "best")]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        hint = "move it away; the run then starts again, and --start-from can give its best.safetensors"
        raise ModelError(f"the checkpoint is damaged: {error}", path=path, hint=hint) from error
    for name, wanted in kind.items():
        # Checkpoints of earlier versions do not say.
        if state.get(name, wanted) != wanted:
            raise InputError(f"the checkpoint has the {name} {state[name]!r}, not {wanted!r}", path=path, hint=_HINT)
    given = {name: array.shape for name, array in tensors.items() if not name.startswith(HELD)}
    expected = {name: shape for name, shape in shapes.items() if not name.startswith(HELD)}
    others = [name for name in expected.keys() | given.keys() if given.get(name) != expected.get(name)]
    if others := sorted(name for name in others if name not in later or name in given):
        what = "network, optimizer, frozen or output_layers differ"
        raise InputError(f"the checkpoint of step {step} does not fit ({others[0]}): {what}", path=path, hint=_HINT)
    return tensors, state


def beside_the_variables(optimizer: Any) -> dict[str, Any]:
    """Returns the state of a Keras optimizer that is not among its variables, by tensor name: Nadam's product of
    momenta."""
    product = getattr(optimizer, "_u_product", None)
    return {} if product is None else {PRODUCT: product}


def nadam_product(iterations: int, beta_1: float = 0.9) -> float:
    """Returns Nadam's product of momenta over its steps, for a checkpoint that lacks it."""
    steps = np.arange(1, iterations + 1)
    return float(np.prod(beta_1 * (1.0 - 0.5 * 0.96**steps)))
