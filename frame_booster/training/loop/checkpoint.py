"""The checkpoint of a run: one file with all that it goes on from, which only a run of the same kind takes.

What a run may be given anew (steps, rates, seed, loss) is not compared, so that one can be made longer.
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
"""Name of the tensor of Nadam's product, and what the names of gradients that are held begin with."""
_HINT = "the recipe that it was made with, or another --run folder"


def kind_of(config: RunConfig) -> dict[str, str]:
    """Returns what must be the same where a run goes on."""
    return {"network": config.network, "optimizer": config.optimizer}


def write_checkpoint(path: Path, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Writes a checkpoint, whole or not at all; a power cut loses neither it nor the one before.

    Args:
      path: of the file.
      tensors: by name, arrays or numbers.
      state: what else there is, as JSON has it; with `kind_of` its run.
    """
    arrays = {name: np.asarray(value) for name, value in tensors.items()}
    write_arrays(path, arrays, {"state": json.dumps(dict(state))}, durable=True)


def read_checkpoint(
    path: Path, shapes: Mapping[str, tuple[int, ...]], kind: Mapping[str, str], later: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads a checkpoint.

    Args:
      path: of the file.
      shapes: of the tensors that the run has, by name.
      kind: `kind_of` the run.
      later: names of the tensors that checkpoints of earlier versions lack.

    Returns:
      The tensors by name, and the state.

    Raises:
      InputError: it is of a run of another kind.
      ModelError: it is damaged.
    """
    try:
        tensors = load_file(str(path))
        with safe_open(str(path), framework="numpy") as file:
            state = json.loads((file.metadata() or {})["state"])
        step, *_ = [state[key] for key in ("step", "samples", "hours", "best")]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        hint = "move it away: the run begins anew, and can --start-from its best.safetensors"
        raise ModelError(f"the checkpoint is damaged: {error}", path=path, hint=hint) from error
    for name, wanted in kind.items():
        # Those of earlier versions do not say.
        if state.get(name, wanted) != wanted:
            raise InputError(f"the checkpoint has the {name} {state[name]!r}, not {wanted!r}", path=path, hint=_HINT)
    given = {name: array.shape for name, array in tensors.items() if not name.startswith(HELD)}
    expected = {name: shape for name, shape in shapes.items() if not name.startswith(HELD)}
    others = [name for name in expected.keys() | given.keys() if given.get(name) != expected.get(name)]
    if others := sorted(name for name in others if name not in later or name in given):
        what = "network, optimizer, frozen or output_layers differ"
        raise InputError(f"the checkpoint of step {step} has other state ({others[0]}): {what}", path=path, hint=_HINT)
    return tensors, state


def beside_the_variables(optimizer: Any) -> dict[str, Any]:
    """Returns what a Keras optimizer has beside its variables, by the names of their tensors: Nadam's product."""
    product = getattr(optimizer, "_u_product", None)
    return {} if product is None else {PRODUCT: product}


def nadam_product(iterations: int, beta_1: float = 0.9) -> float:
    """Returns the product of Nadam's momenta over its steps, for a checkpoint that lacks it."""
    steps = np.arange(1, iterations + 1)
    return float(np.prod(beta_1 * (1.0 - 0.5 * 0.96**steps)))
