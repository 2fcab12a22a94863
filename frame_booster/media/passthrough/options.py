"""Options of the passthrough: which other streams are kept, and what may be changed of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class PassthroughOptions:
    """What becomes of other streams."""

    allow_drop: bool = False
    """Whether streams may be left out in spite of `strict`."""
    strict: bool = False
    """Whether it is an error where a stream is left out or changed since the container cannot hold it."""
    audio: str | None = None
    """"copy", "encode" or "drop"; None copies, and encodes what cannot be copied."""
    audio_codec: str | None = None
    """FFmpeg's name of the encoder of audio, None for the default of the container."""
    audio_bitrate: int | None = None
    """Of encoded audio, bits a second, None for a usual one."""
    slower: Fraction = Fraction(1)
    """How many times longer the output lasts."""
    slow_audio: str | None = None
    """"drop" or "stretch", in slow motion."""

    @property
    def encodes_audio(self) -> bool:
        """Whether all audio is to be encoded again, or so that it needs to be."""
        return self.audio == "encode" or self.audio_codec is not None or self.audio_bitrate is not None
