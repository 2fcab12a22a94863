"""The lineage of a training run: which weights it started from, kept in its recipe.

Weights are often the end of a chain of runs. The recipes of such a chain name one another, so that it can be run again
and checked against what the weights file says of itself.
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
    """The averaged weights of a recipe after some of its steps."""

    recipe: str
    """Its file, relative to the one that names it."""
    step: int
    """Counted from the beginning of that recipe."""


@dataclass(frozen=True)
class Start:
    """The weights that a run was given by `fbnet train --start-from`.

    It is a record for readers and tests: `fbnet train` does not look for those weights, since a recipe names a run and
    not the folder that the run is in.
    """

    checkpoints: tuple[Checkpoint, ...] = ()
    """One, or several of whose weights the run started from the mean; empty if it started from random weights."""
    steps: int = 0
    """Steps that the weights had taken beside those of `checkpoints`, under settings that no recipe keeps."""
    samples: int = 0
    """Samples of those steps."""


def read_start(table: Any, path: Path) -> Start:
    """Reads the table `[start]` of a recipe.

    Args:
      table: has `recipe` and `step`, or a list `mean` of tables that have both; and `steps`, `samples` of `Start`.
      path: of the recipe, for errors.

    Raises:
      InputError: it is not such a table.
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
