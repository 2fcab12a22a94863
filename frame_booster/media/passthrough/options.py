"""Options of the passthrough: which other streams are kept, and how they may be changed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class PassthroughOptions:
    """Options for the streams that are not boosted."""

    allow_drop: bool = False
    """Whether streams may be dropped or changed although `strict` is set."""
    strict: bool = False
    """Whether it is an error if the container cannot hold a stream unchanged, or if a packet is damaged."""
    audio: str | None = None
    """"copy", "encode" or "drop"; None copies audio where possible and encodes the rest."""
    audio_codec: str | None = None
    """FFmpeg's name of the audio encoder, None for the default of the container."""
    audio_bitrate: int | None = None
    """Bit rate of encoded audio in bits per second, None for the default."""
    slower: Fraction = Fraction(1)
    """Factor by which the output is longer than the source."""
    slow_audio: str | None = None
    """"drop" or "stretch" in slow motion; None refuses audio there."""

    @property
    def encodes_audio(self) -> bool:
        """Whether all audio is re-encoded: `audio` asks for it, or a codec or a bit rate is given."""
        return self.audio == "encode" or self.audio_codec is not None or self.audio_bitrate is not None
