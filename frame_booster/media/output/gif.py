"""The first picture of a GIF encoder, made fit to follow others (GIF89a, W3C 1990)."""

from __future__ import annotations

_HEADER = 13
"""Bytes of signature and logical screen descriptor (17 and 18)."""
_DESCRIPTOR = 10
"""Bytes of an image descriptor (20)."""
_TABLE = 0x80
"""Of a flags byte: a colour table follows, of 2 to the power of its last three bits, plus one, colours."""


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & _TABLE else 0


def without_header(packet: bytes) -> bytes:
    """Returns a picture without the file header that an encoder puts before its first; its colours go with it.

    Args:
      packet: signature, screen descriptor and colour table, an extension, and one image.

    Returns:
      The extension and the image, with the colour table as its own; the packet itself where it has no header.
    """
    if packet[:3] != b"GIF":
        return packet
    flags = packet[10]
    start = _HEADER + _table_bytes(flags)
    table = packet[_HEADER:start]
    image = start
    while packet[image] == 0x21:
        # An extension (23 to 26): a label, then blocks that tell their length, the last of length 0.
        image += 2
        while packet[image]:
            image += packet[image] + 1
        image += 1
    own = packet[image + _DESCRIPTOR - 1]
    if own & _TABLE or not table:
        return packet[start:]
    descriptor = packet[image : image + _DESCRIPTOR - 1] + bytes([own | _TABLE | flags & 7])
    return packet[start:image] + descriptor + table + packet[image + _DESCRIPTOR :]
