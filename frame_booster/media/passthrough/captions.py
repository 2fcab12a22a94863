"""Closed captions: moves cc_data triplets (CEA-708, which includes CEA-608) from source frames to encoded packets.

Encoders either write no captions or take them from every input frame: they would repeat those of a held frame and lose
those of a dropped one. So frames reach the encoder without captions, and this module inserts the captions into the
encoded pictures as ATSC A/53 part 4 specifies (GA94 user data).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from fractions import Fraction

MOST = 31
"""Most triplets a picture can carry: cc_count has 5 bits (CTA-708, 4.4)."""
_VALID = 0x04
"""The bit cc_valid in a triplet's first byte."""
_START_CODE = re.compile(rb"\x00?\x00\x00\x01")
_EMULATION = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class CaptionQueue:
    """Queue of captions from source frames to output frames: each is taken once, at its time or with the next frame."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes]] = deque()

    def add(self, pts: int, captions: bytes) -> None:
        """Adds the captions of a source frame; `pts` is in ticks of the source."""
        if captions:
            self._waiting.append((pts, captions))

    def take(self, at: Fraction) -> bytes:
        """Returns the captions due at a time in ticks of the source, at most as many as a picture can carry."""
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
        """Returns how many triplets of source frames before a pts still wait for a frame, without padding."""
        waiting = [data for pts, data in self._waiting if pts < before]
        return sum(not _is_padding(data[k : k + 3]) for data in waiting for k in range(0, len(data) - 2, 3))


def _is_padding(triplet: bytes) -> bool:
    """Returns whether a triplet is padding: invalid, or CEA-608's null pair (with or without parity)."""
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
"""Functions that insert captions into a packet, by FFmpeg's codec names."""


def carries_captions(codec: str) -> bool:
    """Returns whether captions can be inserted into pictures of a codec, given by FFmpeg's name."""
    return codec in _WRITERS


def with_captions(packet: bytes, captions: bytes, codec: str) -> bytes | None:
    """Inserts captions into an encoded picture.

    Args:
      packet: one encoded picture as a byte stream with start codes (H.264 and H.265, annex B).
      captions: cc_data, at most `MOST` triplets.
      codec: a codec for which `carries_captions` is true.

    Returns:
      The packet with captions; None if it is not a byte stream with a picture.
    """
    return _WRITERS[codec](packet, captions)
