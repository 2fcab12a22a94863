"""Converts the first packet of a GIF encoder so that it can follow other packets (GIF89a, W3C 1990).

With `--resume`, each segment has an encoder of its own, whose first packet contains a file header.
"""

from __future__ import annotations

_HEADER = 13
"""Bytes of signature and logical screen descriptor (17 and 18)."""
_DESCRIPTOR = 10
"""Bytes of an image descriptor (20)."""
_TABLE = 0x80
"""Bit of a flags byte that announces a colour table, of 2 ** (n + 1) colours, n being the last three bits."""


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & _TABLE else 0


def without_header(packet: bytes) -> bytes:
    """Removes the file header from an encoder's first packet; the global colour table becomes that of the image.

    Args:
      packet: signature, screen descriptor, global colour table, extensions, and one image.

    Returns:
      The extensions and the image with a local colour table; the packet itself if it has no header.
    """
    if packet[:3] != b"GIF":
        return packet
    flags = packet[10]
    start = _HEADER + _table_bytes(flags)
    table = packet[_HEADER:start]
    image = start
    while packet[image] == 0x21:
        # An extension (23 to 26): a label, then blocks that begin with their length, the last with 0.
        image += 2
        while packet[image]:
            image += packet[image] + 1
        image += 1
    own = packet[image + _DESCRIPTOR - 1]
    if own & _TABLE or not table:
        return packet[start:]
    descriptor = packet[image : image + _DESCRIPTOR - 1] + bytes([own | _TABLE | flags & 7])
    return packet[start:image] + descriptor + table + packet[image + _DESCRIPTOR :]
