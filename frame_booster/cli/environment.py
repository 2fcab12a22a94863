"""Environment variables that begin like those of the program and set nothing, as FRAME_BOOSTER_CODECC.

A mistyped option on the line is an error at once; a mistyped variable would be a night's work with another codec.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import click

from frame_booster.cli.errors import TRACEBACK
from frame_booster.cli.grouped import GroupedOption

OTHERS = (
    *(TRACEBACK, "FRAME_BOOSTER_CACHE"),
    *("FRAME_BOOSTER_SHARED", "FRAME_BOOSTER_SLOW", "FRAME_BOOSTER_SOAK_FRAMES"),
    *("FRAME_BOOSTER_CLIP_MODEL", "FRAME_BOOSTER_CLIP_SECONDS"),
)
"""Variables of no option: those of the program itself, then those of its tests."""


def strange_variables(context: click.Context, environment: Mapping[str, str]) -> list[str]:
    """Returns a sentence for each variable that has the program's prefix and sets nothing, in the order of names.

    A variable that is empty counts as not set, as it does for options.

    Args:
      context: of a command whose options have variables.
      environment: names and values of all variables.
    """
    prefix = f"{context.auto_envvar_prefix}_"
    options = [one for one in context.command.get_params(context) if isinstance(one, click.Option)]
    by_variable = {one.variable(context): one for one in options if isinstance(one, GroupedOption)}
    known = [name for name in (*by_variable, *OTHERS) if name is not None]
    by_name = {f"{prefix}{name}": (one, typed) for one in options for name, typed in _names(one).items()}
    told = []
    for name in sorted(environment):
        if not name.startswith(prefix) or name in known or not environment[name]:
            continue
        told.append(f"the environment variable {name} has no effect ({_why(name, prefix, known, by_name, context)})")
    return told


def _why(
    name: str,
    prefix: str,
    known: Iterable[str],
    by_name: Mapping[str, tuple[click.Option, str]],
    context: click.Context,
) -> str:
    if name in by_name:
        one, typed = by_name[name]
        variable = one.variable(context) if isinstance(one, GroupedOption) else None
        if variable is not None:
            return f"the variable of {typed} is {variable}"
        return f"{typed} has no environment variable; use it on the command line"
    # Without the prefix, which would make all names alike.
    near = difflib.get_close_matches(name.removeprefix(prefix), [one.removeprefix(prefix) for one in known], 3)
    return (
        f"similar: {', '.join(prefix + one for one in near)}"
        if near
        else "frame-booster --help OPTION shows the variable of an option"
    )


def _names(one: click.Option) -> dict[str, str]:
    """Returns the names by which a person may know an option, in capitals, and what is typed for each."""
    typed = {_in_capitals(name): name for name in one.opts if len(name) > 2}
    long = next((name for name in one.opts if name.startswith("--")), one.opts[0])
    return {(one.name or "").upper(): long, **typed}


def _in_capitals(name: str) -> str:
    return name.lstrip("-").replace("-", "_").replace(":", "_").upper()
