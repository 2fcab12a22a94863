"""The `frame-booster` program: a group of commands, of which boosting needs no name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from frame_booster.cli.boost import boost
from frame_booster.cli.compare import compare
from frame_booster.cli.doctor import doctor


class BoostByDefault(click.Group):
    """A group that takes what is no command of its own for the arguments of `boost`.

    A file that is called like a command is reached as `./NAME`.
    """

    def main(self, args: Sequence[str] | None = None, *more: Any, **extra: Any) -> Any:
        """Runs the command that the first argument names, else `boost` as if it were the program."""
        given = list(sys.argv[1:] if args is None else args)
        if given[:1] == ["boost"]:
            given = given[1:]
        elif given and given[0] in self.commands:
            return super().main(given, *more, **extra)
        return boost.main(given, *more, **extra)


@click.command(cls=BoostByDefault, commands={"boost": boost, "compare": compare, "doctor": doctor})
def main() -> None:
    """Doubles the frame rate of video."""
