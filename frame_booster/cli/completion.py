"""What a shell is offered when a word of the command line is completed (click's completion)."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def complete_input(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns files, and the other commands of the program where this is the first word."""
    commands = context.meta.get(COMMANDS, ()) if not context.args else ()
    found = [CompletionItem(name) for name in commands if incomplete and name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


COMMANDS = "frame_booster.commands"
"""Under this name a context knows the names of the commands beside its own."""


def complete_output(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns files and folders."""
    return [CompletionItem(incomplete, type="file")]


def complete_encoders(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns the known encoders that are here."""
    from frame_booster.media.output.encoders import available_encoders

    return [CompletionItem(name) for name in available_encoders() if name.startswith(incomplete)]


def complete_pixel_formats(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Returns the pixel formats of FFmpeg."""
    from frame_booster.media.frames.pixel_formats import known_formats

    return [CompletionItem(name) for name in known_formats() if name.startswith(incomplete)]


def complete_profiles(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns the names of the profiles in the configuration file."""
    from frame_booster.cli.settings import config_file, read_profiles
    from frame_booster.errors import InputError

    try:
        profiles = read_profiles(config_file())
    except InputError:
        # A run says what is wrong with the file; a completion has no place to.
        return []
    return [CompletionItem(name) for name in profiles if name.startswith(incomplete)]
