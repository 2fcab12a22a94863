"""Options of ffmpeg and of RIFE's inference_video.py that are called otherwise here, and what they are here.

People type what they know; the error then says what to type instead. Those that mean the same here are aliases.
"""

from __future__ import annotations

from contextlib import suppress

_INPUT = "the input is named without an option, as frame-booster in.mp4 -o out.mp4"
FOREIGN = {
    "-i": _INPUT,
    "--video": _INPUT,
    "--img": "the input, a folder of pictures, is named without an option",
    "--exp": "here it is --factor, which is two to that power",
    "--scale": "here it is --flow-scale, whose auto chooses by the size of the frames; that itself stays",
    "--UHD": "here it is --flow-scale 0.5, which auto chooses by itself",
    "--fp16": "here it is --precision float16",
    "-an": "here it is --audio drop",
    "-f": "here it is --output-format, or --input-format",
    "-movflags": "here it is --container-option movflags=...",
    "-tune": "here it is --encoder-option tune=...",
}
"""Names that there are not, with what to do instead."""


_WITH_VALUES = {
    "--exp": lambda value: f"--factor {2 ** int(value)}",
    "-f": lambda value: f"--output-format {value}, or --input-format",
    "-movflags": lambda value: f"--container-option movflags={value}",
    "-tune": lambda value: f"--encoder-option tune={value}",
}
"""What is typed here for such an option with a value."""


def advice(args: list[str], *, of_letters: bool = False) -> str | None:
    """Returns what to type instead of the first argument that is a name of another program's; None where none is.

    Args:
      args: of the command.
      of_letters: only of names such as -tune, which would be read as -t with the value "une".
    """
    for k, arg in enumerate(args):
        if arg == "--":
            break
        name, equals, value = arg.partition("=")
        if name not in FOREIGN or (of_letters and (name.startswith("--") or len(name) == 2)):
            continue
        value = value if equals else "".join(args[k + 1 : k + 2])
        if name in _WITH_VALUES and value:
            # A value that is none there, as of --exp two, is answered as one that is missing.
            with suppress(ValueError):
                return f"there is no option {name}; here it is {_WITH_VALUES[name](value)}"
        return f"there is no option {name}; {FOREIGN[name]}"
    return None
