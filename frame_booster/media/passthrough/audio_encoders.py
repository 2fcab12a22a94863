"""Choice of an audio encoder for a container, and of its sample rate, sample format, channels and bit rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import av
import av.codec
import av.error

DEFAULT = "aac"
_BY_FORMAT = {"webm": "libopus", "mxf": "pcm_s16le"}
"""Default encoders of containers that cannot hold AAC."""
_HOLD_PCM = frozenset({"matroska", "mov", "nut"})
"""Containers whose players play plain PCM; PCM of discs and broadcasters is converted to it."""
_RATE_OF_FORMAT = {"mxf": 48_000}
"""Containers that accept one sample rate only, in Hz."""
_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus", "vorbis": "libvorbis"}
"""FFmpeg's encoders whose names differ from those of their codecs."""
_BITS_A_CHANNEL = {"aac": 96_000, "libopus": 64_000, "libmp3lame": 96_000, "ac3": 96_000, "eac3": 80_000}
"""Default bit rate per channel in bits per second, at which listeners hardly notice a difference from the source."""
_OF_OTHERS = 64_000
"""Default bit rate per channel for other encoders, in bits per second; lossless encoders ignore it."""
_BITS_A_SAMPLE = 3
"""Limit of the default bit rate, in bits per sample of a channel: speech at 8,000 Hz needs no more."""
_BY_COUNT = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""FFmpeg's default layouts by number of channels."""


@dataclass(frozen=True)
class AudioSettings:
    """Settings with which an audio encoder is opened."""

    encoder: str
    rate: int
    sample_format: str
    layout: str
    bit_rate: int | None


def layout_name(layout: Any) -> str:
    """Returns the name of a PyAV channel layout; FFmpeg's default for that number of channels if it has no name."""
    name: str = layout.name
    return _BY_COUNT.get(layout.nb_channels, name) if _is_count(name) else name


def _is_count(layout: str) -> bool:
    """Returns whether a layout gives only a number of channels, without speaker positions."""
    return layout.endswith("channels")


def tells_speakers(format_name: str, codec: str | None) -> bool:
    """Returns whether a container stores the speaker position of each audio channel (ISO/IEC 14496-12, `chnl`).

    Args:
      format_name: FFmpeg's name of the container.
      codec: FFmpeg's name of the codec; None if unknown.
    """
    return format_name in ("mp4", "ismv") and codec is not None and codec.startswith("pcm_")


def default_encoder(format_name: str, stream: Any, *, asked: bool = False) -> str:
    """Returns the default encoder with which a container gets audio that is re-encoded.

    Args:
      format_name: FFmpeg's name of the container.
      stream: audio stream of the source.
      asked: whether the user asked for re-encoding; then PCM is compressed even if the container holds PCM.
    """
    stays_pcm = not asked and format_name in _HOLD_PCM and _is_pcm(stream)
    usual = _BY_FORMAT.get(format_name, "pcm_s16le" if stays_pcm else DEFAULT)
    return "pcm_s24le" if usual == "pcm_s16le" and _is_finer(stream) else usual


def _is_pcm(stream: Any) -> bool:
    """Returns whether audio is linear PCM, also of DVDs, Blu-rays and SMPTE 302M; A-law, mu-law and VIDC are lossy."""
    name = getattr(stream.codec_context, "name", "")
    return name == "s302m" or (name.startswith("pcm_") and name not in ("pcm_alaw", "pcm_mulaw", "pcm_vidc"))


def _is_finer(stream: Any) -> bool:
    """Returns whether audio has samples of more than 16 bits; float samples from lossy decoders do not count."""
    context = stream.codec_context
    name, samples = getattr(context, "name", ""), getattr(context, "format", None)
    is_exact = name.startswith("pcm_") or name == "wavpack" or (samples is not None and "flt" not in samples.name)
    return samples is not None and samples.bytes > 2 and is_exact


_EXACT = re.compile(r"pcm_[suf](\d+)[lb]e")


def keeps_all(stream: Any, settings: AudioSettings) -> bool:
    """Returns whether PCM is encoded to the same bytes."""
    context = stream.codec_context
    same = (context.name, context.sample_rate) == (settings.encoder, settings.rate)
    return same and settings.encoder.startswith("pcm_") and layout_name(context.layout) == settings.layout


def keeps_samples(stream: Any, settings: AudioSettings) -> bool:
    """Returns whether PCM is encoded to the same sample values, perhaps in another byte format."""
    context = stream.codec_context
    same = (context.sample_rate, layout_name(context.layout)) == (settings.rate, settings.layout)
    exact = _is_pcm(stream) and _EXACT.fullmatch(settings.encoder) is not None and context.name[4:5] != "f"
    return same and exact and lost_bits(stream, settings.encoder) is None


def lost_bits(stream: Any, encoder: str) -> tuple[int, int] | None:
    """Returns the bits per PCM sample before and after encoding; None if no bits are lost."""
    before, now = (_EXACT.fullmatch(name) for name in (stream.codec_context.name, encoder))
    if before is None or now is None or int(before[1]) <= int(now[1]):
        return None
    return int(before[1]), int(now[1])


def encoder_of(stream: Any) -> str:
    """Returns the encoder for a stream's own codec; the default encoder if FFmpeg has none."""
    name: str = stream.codec_context.codec.canonical_name
    for candidate in (_ENCODERS.get(name, name), DEFAULT):
        if find_encoder(candidate) is not None:
            return candidate
    return DEFAULT


def find_encoder(name: str) -> Any:
    """Returns the audio encoder of this name in FFmpeg; None if there is none."""
    try:
        codec = av.codec.Codec(name, "w")
    except ValueError:
        # PyAV's UnknownCodecError is a ValueError.
        return None
    return codec if codec.type == "audio" else None


def settings_for(stream: Any, encoder: str, bit_rate: int | None, format_name: str) -> AudioSettings | None:
    """Returns the settings of an encoder for a stream; None if it accepts no layout the stream can be mixed to.

    Args:
      stream: audio stream of the source, with a decoder.
      encoder: FFmpeg's name of an available encoder.
      bit_rate: bits per second, None for the default.
      format_name: FFmpeg's name of the container.
    """
    codec, context = find_encoder(encoder), stream.codec_context
    rate = _rate(codec.audio_rates, _RATE_OF_FORMAT.get(format_name, context.sample_rate))
    sample_format = _sample_format([f.name for f in codec.audio_formats or []], context.format.name)
    own = layout_name(context.layout)
    # Channels without speaker positions cannot be mixed.
    others = [] if _is_count(own) else [_BY_COUNT.get(context.layout.nb_channels, own), "stereo", "mono"]
    for layout in dict.fromkeys([own, *others]):
        if _is_count(layout) and tells_speakers(format_name, encoder):
            continue
        channels = av.AudioLayout(layout).nb_channels
        usual = min(_BITS_A_CHANNEL.get(encoder, _OF_OTHERS), _BITS_A_SAMPLE * rate) * channels
        # Some encoders accept only a fixed set of bit rates: their own default is tried last.
        for bits in (usual, None) if bit_rate is None else (bit_rate,):
            settings = AudioSettings(encoder, rate, sample_format, layout, bits)
            if _opens(settings):
                return settings
    return None


def _rate(rates: Any, wanted: int) -> int:
    """Returns the lowest sample rate of an encoder, in Hz, that is not below the wanted one; else its highest."""
    if not rates:
        return wanted
    return min((rate for rate in rates if rate >= wanted), default=max(rates))


def _sample_format(names: list[str], wanted: str) -> str:
    """Returns the sample format of an encoder that is nearest to the wanted one, if possible without losing bits."""

    def distance(name: str) -> tuple[bool, int, bool, bool]:
        have, want = av.AudioFormat(name), av.AudioFormat(wanted)
        is_float = [f.packed.name in ("flt", "dbl") for f in (have, want)]
        return (have.bytes < want.bytes, abs(have.bytes - want.bytes), is_float[0] != is_float[1], name != wanted)

    return min(names, key=distance, default=wanted)


def _opens(settings: AudioSettings) -> bool:
    context: Any = av.CodecContext.create(settings.encoder, "w")
    apply_settings(context, settings)
    try:
        context.open()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def apply_settings(context: Any, settings: AudioSettings) -> None:
    """Applies settings to an encoder that is not open yet."""
    context.sample_rate, context.format, context.layout = settings.rate, settings.sample_format, settings.layout
    if settings.bit_rate is not None:
        context.bit_rate = settings.bit_rate
