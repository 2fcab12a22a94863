"""Pixel formats by FFmpeg's names: depth, alpha, and what a conversion loses."""

from __future__ import annotations

import av


def has_alpha(pix_fmt: str) -> bool:
    """Tells whether frames of a pixel format have alpha."""
    return any(component.is_alpha for component in av.VideoFormat(pix_fmt, 64, 64).components)


def depth_of(pix_fmt: str) -> int:
    """Returns the bits of the deepest component."""
    components = av.VideoFormat(pix_fmt, 64, 64).components
    return max((c.bits for c in components), default=0)


def what_is_lost(source: str, target: str) -> str | None:
    """Says what a conversion between two pixel formats loses: depth, chroma, alpha; None if nothing."""
    formats = [av.VideoFormat(name, 64, 64) for name in (source, target)]
    if target == "pal8":
        return "all but 256 colours a frame"
    losses = []
    if depth_of(target) < depth_of(source):
        losses.append(f"{depth_of(source)} bits")
    if has_alpha(source) > has_alpha(target):
        losses.append("alpha")
    chroma = [sum(c.width * c.height for c in f.components[1:3]) * (not f.name.startswith("gray")) for f in formats]
    if chroma[1] < chroma[0]:
        losses.append("chroma")
    return " and ".join(losses) or None
