"""Pixel formats by FFmpeg's names: depth, alpha, and what a conversion loses."""

from __future__ import annotations

import av


def has_alpha(pix_fmt: str) -> bool:
    """Tells whether frames of a pixel format have alpha."""
    return any(component.is_alpha for component in av.VideoFormat(pix_fmt, 64, 64).components)


def known_formats() -> list[str]:
    """Returns the names of all pixel formats that this PyAV's FFmpeg has, sorted."""
    from av.video.format import names

    return sorted(names)


def depth_of(pix_fmt: str) -> int:
    """Returns the bits of the deepest component."""
    components = av.VideoFormat(pix_fmt, 64, 64).components
    return max((c.bits for c in components), default=0)


_GRAY = 64
"""Steps of the chroma of gray, which has none."""


def chroma_steps(pix_fmt: str) -> tuple[int, int]:
    """Returns how many px across and down share one value of chroma: (2, 2) in 4:2:0, (4, 1) in 4:1:1."""
    pixel_format = av.VideoFormat(pix_fmt, _GRAY, _GRAY)
    if pixel_format.name.startswith(("gray", "ya")) or len(pixel_format.components) < 3:
        return _GRAY, _GRAY
    chroma = pixel_format.components[1]
    return _GRAY // max(chroma.width, 1), _GRAY // max(chroma.height, 1)


def what_is_lost(source: str, target: str) -> str | None:
    """Says what a conversion between two pixel formats loses: depth, chroma, alpha; None if nothing."""
    if target == "pal8":
        return "colours beyond 256 per frame"
    losses = []
    if depth_of(target) < depth_of(source):
        losses.append("bit depth")
    if has_alpha(source) > has_alpha(target):
        losses.append("alpha")
    if any(have > want for have, want in zip(*map(chroma_steps, (target, source)), strict=True)):
        losses.append("chroma resolution")
    return " and ".join(losses) or None
