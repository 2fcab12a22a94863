"""Messages about streams that are changed or dropped: warnings, or errors with `--strict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from frame_booster.errors import EncodeError
from frame_booster.media.passthrough.capabilities import (
    VIDEO_ONLY,
    better_container,
    codec_name,
    codec_of,
    shown_format,
)
from frame_booster.media.passthrough.options import PassthroughOptions


def described(stream: Any) -> str:
    """Returns a description of a stream, such as `audio stream 1 (opus)`."""
    unknown = "unknown to FFmpeg" if stream.type == "data" else "no decoder"
    name = codec_of(stream) or unknown
    return f"{stream.type} stream {stream.index} ({name})"


def _what_is_missing(stream: Any) -> str | None:
    """Returns why a stream cannot be copied into any container; None if it depends on the container."""
    context = stream.codec_context
    if stream.type in ("audio", "video", "subtitle") and context is None:
        return "PyAV cannot copy a stream without a decoder, such as AC-4, teletext or TTML"
    if (stream.type == "audio" and not context.sample_rate) or (stream.type == "video" and not context.width):
        return "it has no packets near the start of the file"
    return None


class Notices:
    """Collects warnings about streams that are changed or dropped.

    Args:
      format_name: FFmpeg's name of the output's container.
      path: path of the output, for messages.
      options: which streams may be dropped or changed.
    """

    def __init__(self, format_name: str, path: Path, options: PassthroughOptions) -> None:
        self.format, self.path, self.options = format_name, path, options
        self.warnings: list[str] = []

    def tell(self, text: str) -> None:
        """Adds a warning, also with `strict`."""
        self.warnings.append(text)

    def warn(self, text: str, advice: str | None = None) -> None:
        """Adds a warning about a changed stream, followed by advice in parentheses.

        Raises:
          EncodeError: `strict` is set, and `allow_drop` is not.
        """
        if self.options.strict and not self.options.allow_drop:
            hint = "without --strict this is only a warning"
            raise EncodeError(text, path=self.path, hint=hint if advice is None else f"{advice}; {hint}")
        self.warnings.append(text if advice is None else f"{text} ({advice})")

    def leave_out(self, stream: Any, why: str | None = None) -> None:
        """Adds a warning about a dropped stream.

        Args:
          stream: stream of the source.
          why: reason for the message; None if the container or PyAV cannot hold the stream.

        Raises:
          EncodeError: `strict` is set, and `allow_drop` is not.
        """
        what, better, why = described(stream), better_container(stream), why or _what_is_missing(stream)
        text = f"{what} is dropped: {why or f'{shown_format(self.format)} cannot store it'}"
        advice = f" ({better})" if why is None and better is not None else ""
        if self.format in VIDEO_ONLY or codec_name(stream) == "dvd_nav_packet":
            # Formats that hold frames only, and DVD menus, which mean nothing outside the disc.
            self.warnings.append(text)
        elif self.options.strict and not self.options.allow_drop:
            raise EncodeError(
                f"{shown_format(self.format)} cannot store {what}" if why is None else text,
                path=self.path,
                hint="use --allow-drop to drop it" if better is None else f"{better}; or use --allow-drop to drop it",
            )
        else:
            self.warnings.append(text + advice)
