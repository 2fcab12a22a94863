"""Frame Booster: doubles the frame rate of video with a trained network.

import frame_booster

frame_booster.boost("input.mp4", "output.mp4", crf=16)
made = frame_booster.load_model().interpolate(frame0, frame1, t=0.5)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any

from frame_booster._version import __version__
from frame_booster.errors import (
    DecodeError,
    EncodeError,
    FrameBoosterError,
    InputError,
    Interrupted,
    ModelError,
    OutputError,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from frame_booster.engine.interpolator import Interpolator, load_model
    from frame_booster.pipeline.job import Progress
    from frame_booster.pipeline.keywords import BoostKeywords
    from frame_booster.pipeline.result import Result

__all__ = [
    "DecodeError",
    "EncodeError",
    "FrameBoosterError",
    "InputError",
    "Interpolator",
    "Interrupted",
    "ModelError",
    "OutputError",
    "Progress",
    "Result",
    "__version__",
    "boost",
    "load_model",
]


def boost(
    input: str | PathLike[str],
    output: str | PathLike[str] | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
    **options: Unpack[BoostKeywords],
) -> Result:
    """Multiplies the frame rate of a video.

    Args:
      input: video file, folder or pattern of pictures, or "-" for standard input.
      output: file, folder ("out/"), pattern of pictures, or "-" for standard output; None is `input.2x.mp4` beside the
        input, with its suffix where that holds all of it, else `.mkv`.
      progress: called after every frame written, from the thread of the writer.
      **options: as the command's, by the names in docs/reference/python.md and `pipeline.keywords.BoostKeywords`.

    Returns:
      What was done.

    Raises:
      InputError: a keyword is not known, or an argument is of a wrong type or out of range.
      FrameBoosterError: of one of its other kinds; there is then no file under the output's name that was not there
        before.
    """
    from frame_booster.pipeline.boost import boost as checked_boost
    from frame_booster.typed_values import typed

    frames = "give the name of a file; for frames in memory, use load_model().interpolate"
    source = typed("input", input, str | PathLike[str], frames)
    target = typed("output", output, str | PathLike[str] | None)
    return checked_boost(source, target, progress=typed("progress", progress, Callable[..., Any] | None), **options)


_LAZY = {
    "Interpolator": "frame_booster.engine.interpolator",
    "Progress": "frame_booster.pipeline.job",
    "Result": "frame_booster.pipeline.result",
    "load_model": "frame_booster.engine.interpolator",
}


def __getattr__(name: str) -> Any:
    """Imports what needs TensorFlow and PyAV when it is first used: `import frame_booster` stays instant."""
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
