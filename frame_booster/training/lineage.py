"""The lineage of a training run: the weights it started from, as recorded in its recipe.

Weights often result from a chain of runs. Each recipe names the one before, so that the chain can be repeated and
compared with the metadata of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError

_KEYS = ("recipe", "step", "mean", "steps", "samples")

_TYPES: dict[str, tuple[type, str]] = {
    "recipe": (str, "a text"),
    "step": (int, "a whole number"),
    "mean": (list, "a list of tables"),
    "steps": (int, "a whole number"),
    "samples": (int, "a whole number"),
}


@dataclass(frozen=True)
class Checkpoint:
    """The averaged weights of a run after some of its steps."""

    recipe: str
    """Path of its recipe, relative to the recipe that names it."""
    step: int
    """Step of that recipe, counted from its beginning."""


@dataclass(frozen=True)
class Start:
    """The weights that `fbnet train --start-from` gave to a run.

    A record for readers and tests: `fbnet train` does not look for these weights, since a recipe names a run but not
    the folder of the run.
    """

    checkpoints: tuple[Checkpoint, ...] = ()
    """One checkpoint, or several whose mean the run started from; empty if it started from random weights."""
    steps: int = 0
    """Steps of the weights besides those of `checkpoints`, with settings that no recipe records."""
    samples: int = 0
    """Samples of `steps`."""


def read_start(table: Any, path: Path) -> Start:
    """Reads the table `[start]` of a recipe.

    Args:
      table: has `recipe` and `step`, or a list `mean` of tables that have both; and optionally `steps` and `samples`,
        as in `Start`.
      path: path of the recipe, for error messages.

    Raises:
      InputError: the table does not have this form.
    """
    if not isinstance(table, dict):
        raise InputError("start is not a table", path=path)
    if unknown := set(table) - set(_KEYS):
        raise InputError(f"unknown key in start: {', '.join(sorted(unknown))}", path=path)
    for one in (table, *(table["mean"] if isinstance(table.get("mean"), list) else [])):
        for key, (kind, words) in _TYPES.items():
            if isinstance(one, dict) and key in one and (not isinstance(one[key], kind) or isinstance(one[key], bool)):
                raise InputError(f"start.{key} = {one[key]!r} is not {words}", path=path)
    single = {key: table[key] for key in ("recipe", "step") if key in table}
    if single and "mean" in table:
        raise InputError("start has both a recipe and a mean of several", path=path)
    given = [single] if single else table.get("mean", [])
    try:
        checkpoints = tuple(Checkpoint(**one) for one in given)
    except TypeError as error:
        raise InputError(f"start needs recipe and step: {error}", path=path) from error
    return Start(checkpoints, table.get("steps", 0), table.get("samples", 0))
