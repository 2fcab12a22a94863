"""Options of ffmpeg and of RIFE's inference_video.py that are called otherwise here, and what they are here.

People type what they know; the error then says what to type instead. Those that mean the same here are aliases.
"""

from __future__ import annotations

from contextlib import suppress

_INPUT = "give the input without an option, for example frame-booster in.mp4 -o out.mp4"
FOREIGN = {
    "-i": _INPUT,
    "--video": _INPUT,
    "--img": "give the folder of images without an option, for example frame-booster frames/ -o out.mp4",
    "--exp": "use --factor, which is 2 to that power (--exp 2 is --factor 4)",
    "--scale": "use --flow-scale, or leave it out: auto chooses by the frame size; the output size stays the same",
    "--UHD": "use --flow-scale 0.5, or leave it out: it is chosen by the frame size",
    "--fp16": "use --precision float16",
    "-an": "use --audio drop",
    "-f": "use --output-format or --input-format",
    "-movflags": "use --container-option movflags=...",
    "-tune": "use --encoder-option tune=...",
}
"""Names that there are not, with what to do instead."""


_WITH_VALUES = {
    "--exp": lambda value: f"--factor {2 ** int(value)}",
    "-f": lambda value: f"--output-format {value} or --input-format {value}",
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
                return f"there is no option {name}; use {_WITH_VALUES[name](value)}"
        return f"there is no option {name}; {FOREIGN[name]}"
    return None
