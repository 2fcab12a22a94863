"""Opening the container of an output, with the options that a user gives for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av

from frame_booster.errors import EncodeError, OutputError
from frame_booster.media.carry import MP4_FAMILY
from frame_booster.media.container import PIPE, url
from frame_booster.media.writer import SinkOptions
from frame_booster.options import EncoderOptions


def open_output(path: Path, options: SinkOptions) -> Any:
    """Opens a file, or standard output for `PIPE`, as a PyAV container to write.

    Raises:
      OutputError: it cannot be written.
    """
    settings = {"strict": "-1"} if options.format == "yuv4mpegpipe" else {}
    if options.format in MP4_FAMILY:
        if path == PIPE:
            # A pipe cannot be gone back in to fill in what is known at the end.
            settings["movflags"] = "frag_keyframe+empty_moov+default_base_moof"
        elif options.index_first:
            settings["movflags"] = "faststart"
    asked = dict(options.encoder.container_options)
    try:
        return av.open(
            "pipe:1" if path == PIPE else url(path),
            "w",
            format=options.format,
            options=asked,
            container_options={key: value for key, value in settings.items() if key not in asked},
        )
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=options.name) from error


def start_output(container: Any, encoder: EncoderOptions, name: Path) -> None:
    """Opens the encoders of a container and writes its header.

    Args:
      container: from `open_output`, with all its streams.
      encoder: with the options that were asked for.
      name: of the output, for messages.

    Raises:
      EncodeError: there is no such option of the container.
      av.error.FFmpegError, ValueError: an encoder or the container refuses.
    """
    with _left_over() as messages:
        container.start_encoding()
    unknown = {key for key, _ in encoder.container_options if any(repr(key) in message for message in messages)}
    if unknown:
        raise EncodeError(f"{container.format.name} has no option {', '.join(sorted(unknown))}", path=name)


@contextmanager
def _left_over() -> Iterator[list[str]]:
    """Collects what PyAV says of options that nothing went by; it keeps no other account of them."""
    messages: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    log, handler = logging.getLogger("av.container.output"), Collect()
    log.addHandler(handler)
    try:
        yield messages
    finally:
        log.removeHandler(handler)
