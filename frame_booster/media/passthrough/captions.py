"""Closed captions: cc_data triplets of CEA-708 (which carry CEA-608), from source frames to encoded packets.

Encoders that write captions take them from each frame they are given: they repeat those of a repeated frame and know
nothing of a frame that was dropped; others write none. So frames travel without captions, and these are put into the
encoded pictures here, as ATSC A/53 part 4 has them (GA94 user data).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from fractions import Fraction

MOST = 31
"""Triplets a picture can carry: cc_count has 5 bits (CTA-708, 4.4)."""
_VALID = 0x04
"""Of a triplet's first byte: cc_valid."""
_START_CODE = re.compile(rb"\x00?\x00\x00\x01")
_EMULATION = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class CaptionQueue:
    """Hands captions of source frames to frames of the output: each once, at its time or with the next frame."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes]] = deque()

    def add(self, pts: int, captions: bytes) -> None:
        """Takes the captions of a source frame, ticks of the source."""
        if captions:
            self._waiting.append((pts, captions))

    def take(self, at: Fraction) -> bytes:
        """Returns what is due at a moment, ticks of the source; no more than a picture can carry."""
        due: list[bytes] = []
        while self._waiting and self._waiting[0][0] <= at:
            due.append(self._waiting.popleft()[1])
        if len(due) < 2 and len(b"".join(due)) <= 3 * MOST:
            return b"".join(due)
        triplets = [data[k : k + 3] for data in due for k in range(0, len(data) - 2, 3)]
        if len(triplets) > MOST:
            triplets = [t for t in triplets if not _is_padding(t)]
        if len(triplets) > MOST:
            self._waiting.appendleft((int(at), b"".join(triplets[MOST:])))
        return b"".join(triplets[:MOST])

    def owed(self, before: int) -> int:
        """Returns how many triplets of frames before a moment still wait for a frame; padding does not count."""
        waiting = [data for pts, data in self._waiting if pts < before]
        return sum(not _is_padding(data[k : k + 3]) for data in waiting for k in range(0, len(data) - 2, 3))


def _is_padding(triplet: bytes) -> bool:
    """Tells whether a triplet says nothing: not valid, or CEA-608's null pair (with or without parity)."""
    return not triplet[0] & _VALID or (triplet[0] & 3 < 2 and not (triplet[1] | triplet[2]) & 0x7F)


def _user_data(captions: bytes) -> bytes:
    """Returns ATSC_user_data with cc_data (A/53 part 4, 6.2.3)."""
    count = len(captions) // 3
    return b"GA94\x03" + bytes([0x40 | count, 0xFF]) + captions[: 3 * count] + b"\xff"


def _sei(captions: bytes) -> bytes:
    """Returns an SEI message user_data_registered_itu_t_t35 (H.264, D.1.6; H.265, D.2.6) with its trailing bits."""
    payload = b"\xb5\x00\x31" + _user_data(captions)
    return b"\x04" + bytes([len(payload)]) + payload + b"\x80"


def _before_first_slice(packet: bytes, unit: bytes, is_slice: Callable[[int], bool]) -> bytes | None:
    for start in _START_CODE.finditer(packet):
        if start.end() < len(packet) and is_slice(packet[start.end()]):
            return packet[: start.start()] + unit + packet[start.start() :]
    return None


def _h264(packet: bytes, captions: bytes) -> bytes | None:
    unit = b"\x00\x00\x00\x01\x06" + _EMULATION.sub(b"\x00\x00\x03", _sei(captions))
    return _before_first_slice(packet, unit, lambda head: 1 <= head & 0x1F <= 5)


def _hevc(packet: bytes, captions: bytes) -> bytes | None:
    unit = b"\x00\x00\x00\x01\x4e\x01" + _EMULATION.sub(b"\x00\x00\x03", _sei(captions))
    return _before_first_slice(packet, unit, lambda head: head >> 1 & 0x3F < 32)


def _mpeg2(packet: bytes, captions: bytes) -> bytes | None:
    return _before_first_slice(packet, b"\x00\x00\x01\xb2" + _user_data(captions), lambda head: 1 <= head <= 0xAF)


_WRITERS = {"h264": _h264, "hevc": _hevc, "mpeg2video": _mpeg2}
"""By FFmpeg's names of the codecs."""


def carries_captions(codec: str) -> bool:
    """Tells whether captions can be put into the pictures of a codec, by FFmpeg's name of it."""
    return codec in _WRITERS


def with_captions(packet: bytes, captions: bytes, codec: str) -> bytes | None:
    """Returns an encoded picture that carries captions as well.

    Args:
      packet: one picture as an encoder gives it, in a byte stream with start codes (H.264 and H.265, annex B).
      captions: cc_data, at most `MOST` triplets.
      codec: of `carries_captions`.

    Returns:
      None where the packet is not a byte stream that has a picture.
    """
    return _WRITERS[codec](packet, captions)
