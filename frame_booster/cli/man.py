"""The manual page of `frame-booster`, in the macros of man(7), made from what `--help` shows.

`python -m frame_booster.cli.man` prints it; `make man` writes it to man/frame-booster.1, which is installed as data.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import click

from frame_booster._version import __version__
from frame_booster.cli.boost import EXAMPLES, EXIT_CODES, boost
from frame_booster.cli.grouped import GroupedOption
from frame_booster.cli.main import main as program

_VARIABLES = (
    ("FRAME_BOOSTER_OPTION", "Sets the option of that name, as FRAME_BOOSTER_CRF=18; dashes are underscores."),
    ("FRAME_BOOSTER_CACHE", "Folder for what can be made again: graphs, compiled computations, measured speeds."),
    ("FRAME_BOOSTER_TRACEBACK", "Set to 1, an unexpected error shows its traceback."),
)


def page() -> str:
    """Returns the manual page, as troff source in ASCII."""
    context = click.Context(boost, info_name="frame-booster", **boost.context_settings)
    about, *more = [" ".join(part.split()) for part in (boost.help or "").split("\n\n")]
    lines = [
        f'.TH FRAME\\-BOOSTER 1 "" "Frame Booster {_text(__version__)}" "User Commands"',
        *(".SH NAME", "frame\\-booster \\- doubles the frame rate of video with a neural network"),
        *(".SH SYNOPSIS", ".B frame\\-booster", ".I INPUT", ".RB [ \\-o", ".IR OUTPUT ]", ".RI [ options ]", ".br"),
        *(".B frame\\-booster \\-\\-help", ".RI [ OPTION ]"),
        *(".SH DESCRIPTION", _text(about)),
        *(line for part in more for line in (".PP", _text(part))),
        ".SH OPTIONS",
    ]
    for group, options in boost.grouped(context).items():
        lines.append(f".SS {group}")
        for one in options:
            lines += _option(context, one)
    lines.append(".SH COMMANDS")
    for name, command in program.commands.items():
        if command is not boost:
            lines += [".TP", f".B frame\\-booster {_text(name)}", _text(command.get_short_help_str(limit=200))]
    lines += [".SH ENVIRONMENT", *_definitions(_VARIABLES)]
    lines += [".SH FILES", ".TP", ".I ~/.config/frame\\-booster/config.toml"]
    lines.append("Profiles: a table for each, of which [default] is taken by every run (see \\-\\-profile).")
    lines += [".SH EXIT STATUS", *_definitions(EXIT_CODES)]
    lines.append(".SH EXAMPLES")
    for command_line, meaning in EXAMPLES:
        lines += [".TP", f".B {_text(command_line)}", _text(f"{meaning[:1].upper()}{meaning[1:]}.")]
    return "\n".join(lines) + "\n"


def _definitions(rows: Iterator[tuple[str, str]] | tuple[tuple[str, str], ...]) -> Iterator[str]:
    for term, meaning in rows:
        yield from (".TP", f".B {_text(term)}", _text(meaning))


def _option(context: click.Context, one: click.Option) -> Iterator[str]:
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in (*one.opts, *one.secondary_opts))
    value = one.value_name(context) if isinstance(one, GroupedOption) else ""
    yield from (".TP", f"{names} \\fI{_text(value)}\\fR" if value else names)
    yield _text(one.text if isinstance(one, GroupedOption) else one.help or "")


def _text(text: str) -> str:
    """Returns a text as troff shows it: its dashes are those that people can copy, nothing in it is a macro."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return re.sub(r"^([.'])", r"\\&\1", escaped)


if __name__ == "__main__":
    sys.stdout.write(page())
