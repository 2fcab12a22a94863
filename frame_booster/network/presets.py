"""The networks by name."""

from __future__ import annotations

from typing import Any

from frame_booster.errors import ModelError

NAMES = ("fbnet-r", "fbnet")


def create_network(name: str, precision: str = "float32") -> Any:
    """Builds a network with fresh weights.

    Args:
      name: one of `NAMES`.
      precision: dtype of the convolutions, "float32", "bfloat16" or "float16".

    Raises:
      ModelError: there is no such network.
    """
    if name == "fbnet":
        from frame_booster.network.fbnet.network import FBNet

        return FBNet(precision)
    if name == "fbnet-r":
        from frame_booster.network.fbnet_r.network import FBNetR

        return FBNetR(precision)
    raise ModelError(f"no network named {name!r}", hint=f"there is: {', '.join(NAMES)}")
