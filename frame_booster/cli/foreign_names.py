"""Options of ffmpeg and of RIFE's inference_video.py that are called otherwise here, and what they are here.

People type what they know; the error then says what to type instead. Those that mean the same here are aliases.
"""

from __future__ import annotations

_INPUT = "the input is named without an option, as frame-booster in.mp4 -o out.mp4"
FOREIGN = {
    "-i": _INPUT,
    "--video": _INPUT,
    "--img": "the input, a folder of pictures, is named without an option",
    "--exp": "here it is --factor, of two to that power",
    "--scale": "here it is --flow-scale, whose auto chooses by the size of the frames; that itself stays",
    "--UHD": "here it is --flow-scale 0.5, which auto chooses by itself",
    "--fp16": "here it is --precision float16",
    "-an": "here it is --audio drop",
    "-f": "here it is --output-format, or --input-format",
    "-movflags": "here it is --container-option movflags=...",
    "-tune": "here it is --encoder-option tune=...",
}
"""Names that there are not, with what to do instead."""


def advice(args: list[str]) -> str | None:
    """Returns what to type instead of the first argument that is a name of another program's; None where none is."""
    return next((f"{arg}: {FOREIGN[arg]}" for arg in args if arg in FOREIGN), None)
