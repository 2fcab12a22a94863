"""A program of several commands, from its first line to its exit code, whatever its command does or fails at.

What goes wrong outside of a command, as in its arguments, is told in the same way as what goes wrong in it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import Any, ClassVar, NoReturn

import click

from frame_booster import files
from frame_booster.cli.errors import ended_by_errors, take_signals
from frame_booster.cli.lasting_stderr import lasting_stderr
from frame_booster.cli.standard_files import let_any_name_through, open_what_is_closed
from frame_booster.cli.told_stdout import told_stdout
from frame_booster.errors import InputError, Interrupted, OutputError


class Program(click.Group):
    """A group of commands that ends with the exit codes of `errors`, and tells a mistake as JSON where asked."""

    expanded_on_windows: ClassVar[bool] = True
    """Whether click may replace patterns, variables and `~` in the command line on Windows.

    It does so in the values of options and in quoted words, too, and takes the brackets of a name for a pattern.
    """

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs a command, and ends the process; arguments as of `click.Command.main`."""
        command: Any = super().main
        if not extra.pop("standalone_mode", True):
            return command(*args, standalone_mode=False, **extra)
        given: Sequence[str] | None = args[0] if args else extra.get("args")
        if given is None:
            # Started as a program, and not called by another, whose signals and files are its own.
            open_what_is_closed()
            let_any_name_through()
            take_signals()
            if not self.expanded_on_windows:
                extra["windows_expand_args"] = False
                if files.WINDOWS:
                    # Its shells give a program its words as they were typed, patterns and `~` among them.
                    extra["args"] = [_from_home(argument) for argument in sys.argv[1:]]
        arguments = sys.argv[1:] if given is None else given
        as_json, lines = _asks_for_json(arguments), _asks_for_lines(arguments)
        with lasting_stderr(), told_stdout(), ended_by_errors(self.name or "", as_json, lines):
            try:
                code = command(*args, standalone_mode=False, **extra)
            except click.Abort as error:
                raise Interrupted("interrupted") from error
            except click.NoSuchOption as error:
                _end(click.UsageError(error.format_message() + _file_hint(arguments), error.ctx), as_json, lines)
            except click.ClickException as error:
                _end(error, as_json, lines)
        sys.exit(code if isinstance(code, int) else 0)


def _from_home(argument: str) -> str:
    """Returns an argument with the user's folder in the place of a `~` that it begins with, as shells of Unix do."""
    if not argument.startswith(("~/", "~\\")):
        return argument
    # Path.home() fails where the folder is not known; this leaves the `~` then.
    return os.path.expanduser("~") + argument[1:]  # noqa: PTH111


def _options(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments that can be options: those before `--`."""
    return list(takewhile(lambda argument: argument != "--", arguments))


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Tells whether --json is among arguments, which need not be valid."""
    return "--json" in _options(arguments)


def _asks_for_lines(arguments: Sequence[str]) -> bool:
    """Tells whether lines of JSON are wanted on standard error: `--progress json` is among arguments."""
    options = _options(arguments)
    return "--progress=json" in options or ("--progress", "json") in pairwise(options)


def _file_hint(arguments: Sequence[str]) -> str:
    """Returns what to write for a file whose name looks like an option; nothing if there is no such file."""
    # Not by `Path.is_file`, which raises an error of a name that is too long.
    file = next((a for a in _options(arguments) if a.startswith("-") and os.path.isfile(a)), None)  # noqa: PTH113
    return "" if file is None else f" To use the file {file!r}, write './{file}'."


def _end(error: click.ClickException, as_json: bool, lines: bool) -> NoReturn:
    """Reports a mistake in the command line, and ends the process; arguments as of `ended_by_errors`."""
    if as_json:
        click.echo(json.dumps(_facts(error)))
    if lines:
        click.echo(json.dumps({"event": "error", **_facts(error)}), err=True)
    else:
        error.show()
    sys.exit(error.exit_code)


def _facts(error: click.ClickException) -> dict[str, Any]:
    kind = OutputError if error.exit_code == OutputError.exit_code else InputError
    return {"error": kind.__name__, "message": error.format_message(), "exit_code": error.exit_code}
