"""Decoding of a packet that may be damaged, which is no reason to end a run.

Every decoder has errors of its own for it: AAC's is "operation not permitted", DTS's "not yet implemented", AC-3's an
unknown one. All but the end of a stream and used-up memory are therefore taken for damage, as by FFmpeg's programs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import av.error

_Packet = TypeVar("_Packet")
_Decoded = TypeVar("_Decoded")


class DamagedPacketError(Exception):
    """A decoder has refused a packet; the error of FFmpeg is its cause."""


def decoded(decode: Callable[[_Packet], _Decoded], packet: _Packet) -> _Decoded:
    """Returns what a decoder makes of a packet.

    Args:
      decode: of the decoder.
      packet: what it is given.

    Raises:
      DamagedPacketError: the packet cannot be decoded.
    """
    try:
        return decode(packet)
    except (av.error.EOFError, av.error.MemoryError):
        raise
    except av.error.FFmpegError as error:
        raise DamagedPacketError(error.strerror) from error
