"""Facts of the conversion between planes and the network's RGB that both engines share. Imports nothing heavy."""

from __future__ import annotations

from frame_booster.pixels import PixelLayout

GAMMA = 2.2
"""Exponent that brings linear light near to the coding of ordinary video, which networks have learned from."""


def code_scales(layout: PixelLayout) -> tuple[float, float, float, float]:
    """Returns luma offset and span, chroma offset and span, in code values (H.273, 8.3)."""
    if layout.full_range or layout.kind == "rgb" or layout.floating:
        return 0.0, layout.top, (layout.top + 1.0) / 2.0, layout.top
    unit = float(1 << (layout.depth - 8))
    return 16.0 * unit, 219.0 * unit, 128.0 * unit, 224.0 * unit


def padded(side: int, multiple: int) -> int:
    """Returns the smallest side a network takes that holds `side` px: two or more times `multiple`.

    At one time `multiple` the coarsest level would be a single pixel, which cannot be warped.
    """
    return max(2, -(-side // multiple)) * multiple
