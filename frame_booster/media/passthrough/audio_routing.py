"""Decides for each audio stream whether it is copied, re-encoded, stretched for slow motion or dropped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

from frame_booster.errors import EncodeError
from frame_booster.media.passthrough.audio_encoders import (
    AudioSettings,
    default_encoder,
    encoder_of,
    find_encoder,
    keeps_all,
    keeps_samples,
    lost_bits,
    settings_for,
)
from frame_booster.media.passthrough.audio_encoding import AudioEncoding
from frame_booster.media.passthrough.capabilities import (
    better_container,
    container_takes,
    container_takes_encoder,
    needs_wave_header,
    shown_format,
)
from frame_booster.media.passthrough.notices import Notices, described
from frame_booster.media.passthrough.options import PassthroughOptions
from frame_booster.media.passthrough.route import Route


class AudioRouting:
    """Chooses the route of each audio stream into a container.

    Args:
      container: container of the output, open, before its header is written.
      format_name: FFmpeg's name of the container.
      wave_headers: whether the container accepts audio of any codec (`streams.wants_wave_headers`).
      path: path of the output, for messages.
      options: which streams may be dropped or changed.
      notices: collects warnings about streams.
      copy: returns the route of a stream that is copied.
      tag: copies tags and disposition from the source's stream (second argument) to the output's (first).
    """

    def __init__(
        self,
        container: Any,
        format_name: str,
        wave_headers: bool,
        path: Path,
        options: PassthroughOptions,
        notices: Notices,
        copy: Callable[[Any], Route],
        tag: Callable[[Any, Any], None],
    ) -> None:
        self._container, self._format, self._wave_headers = container, format_name, wave_headers
        self._path, self._options, self._notices = path, options, notices
        self._copy, self._tag = copy, tag

    def route(self, stream: Any) -> Route | None:
        """Returns the route of an audio stream; None if it is dropped.

        Raises:
          EncodeError: the container cannot hold the stream and it may not be dropped, or a user's option for it
            cannot be fulfilled.
        """
        options = self._options
        if options.audio == "drop":
            return None
        if options.slower != 1:
            return self._slow_audio(stream)
        asked = options.encodes_audio
        special = needs_wave_header(self._format, stream)
        takes = container_takes(self._format, stream, self._path) or (special and self._wave_headers)
        if takes and not asked:
            return self._copy(stream)
        what = described(stream)
        why = f"{shown_format(self._format)} cannot store it" + ("" if not special else " in a file with chapters")
        better = None if special else better_container(stream)
        encoder = options.audio_codec or default_encoder(self._format, stream, asked=asked)
        if (not takes and not asked) or options.audio == "copy":
            settings = self._settings(stream, encoder)
            if settings is not None and keeps_all(stream, settings):
                # PCM in MXF: its muxer rejects copied packets and accepts an encoder's output of the same bytes.
                return self._encoded(stream, encoder)
        if options.audio == "copy":
            hint = "use --audio encode or drop" if better is None else f"{better}; or use --audio encode or drop"
            raise EncodeError(f"{what} cannot be copied: {why}", path=self._path, hint=hint)
        encoded = self._encoded(stream, encoder)
        if encoded is None and takes:
            self._notices.warn(f"{what} is copied, not re-encoded: it cannot be decoded")
            return self._copy(stream)
        if encoded is None:
            self._notices.leave_out(stream)
        elif not asked:
            codec = encoded.target.codec_context.codec.canonical_name
            bits = lost_bits(stream, codec)
            lost = "" if bits is None else f", which rounds its {bits[0]}-bit samples to {bits[1]} bits"
            settings = self._settings(stream, encoder)
            if settings is not None and keeps_samples(stream, settings):
                self._notices.tell(f"{what} is converted to {codec} without loss: {why}")
            else:
                self._notices.warn(f"{what} is re-encoded to {codec}{lost}: {why}", better)
        return encoded

    def _settings(self, stream: Any, encoder: str) -> AudioSettings | None:
        if stream.codec_context is None or not stream.codec_context.sample_rate or find_encoder(encoder) is None:
            return None
        return settings_for(stream, encoder, self._options.audio_bitrate, self._format)

    def _encoded(self, stream: Any, encoder: str) -> AudioEncoding | None:
        """Returns the route of audio that is re-encoded; None if it cannot be decoded.

        Raises:
          EncodeError: there is no such encoder, it cannot encode this audio, or the container does not hold its codec.
        """
        if stream.codec_context is None or not stream.codec_context.sample_rate:
            return None
        if find_encoder(encoder) is None:
            raise EncodeError(f"unknown audio encoder {encoder!r}", path=self._path, hint="ffmpeg -encoders lists them")
        settings = self._settings(stream, encoder)
        if settings is None:
            raise EncodeError(
                f"{encoder} cannot encode {described(stream)} for {shown_format(self._format)}",
                path=self._path,
                hint="choose another with --audio-codec, or write an .mkv",
            )
        if not container_takes_encoder(self._format, encoder, self._path):
            raise EncodeError(
                f"{shown_format(self._format)} does not support audio from {encoder}",
                path=self._path,
                hint="choose another with --audio-codec, or write an .mkv",
            )
        encoded = AudioEncoding(stream, self._container, settings, self._options.slower, self._path)
        before, now = (av.AudioLayout(name).nb_channels for name in (stream.codec_context.layout.name, settings.layout))
        if now < before:
            what = f"the {before} channels of {described(stream)}"
            self._notices.warn(f"{what} are mixed down to {settings.layout}: {encoder} supports no more")
        self._tag(encoded.target, stream)
        return encoded

    def _slow_audio(self, stream: Any) -> Route | None:
        if self._options.slow_audio is None:
            raise EncodeError(
                f"audio stream {stream.index} would not be in sync with slow motion",
                path=self._path,
                hint="use --slow-audio stretch to slow it down at the same pitch, or --slow-audio drop",
            )
        if self._options.slow_audio == "drop":
            self._notices.tell(f"audio stream {stream.index} is dropped (--slow-audio drop)")
            return None
        own = None if stream.codec_context is None else encoder_of(stream)
        encoder = None if own is None else self._options.audio_codec or self._fitting(own, stream)
        stretched = None if encoder is None else self._encoded(stream, encoder)
        if stretched is None:
            self._notices.leave_out(stream, "it cannot be decoded")
        return stretched

    def _fitting(self, encoder: str, stream: Any) -> str:
        """Returns the given encoder if the container holds its codec, else the container's default encoder."""
        return (
            encoder
            if container_takes_encoder(self._format, encoder, self._path)
            else default_encoder(self._format, stream)
        )
