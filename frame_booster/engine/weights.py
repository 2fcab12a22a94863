"""Where the weights that ship lie."""

from __future__ import annotations

from pathlib import Path

from frame_booster.errors import ModelError
from frame_booster.network.presets import preset_of


def shipped_weights(name: str) -> Path:
    """Returns the path of the weights that ship with a network.

    In a wheel they lie inside the package; in a checkout (also an editable install) in `weights/` beside it.

    Args:
      name: of the network's preset.

    Raises:
      ModelError: there is no such network, or the weights are not there.
    """
    file = preset_of(name).weights
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "weights", package.parent / "weights"):
        path = folder / file
        if path.is_file():
            return path
    raise ModelError(
        f"the weights of {name} are not installed", hint="reinstall frame-booster, or give a file with --weights"
    )
