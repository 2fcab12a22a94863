"""The `frame-booster` program: a group of commands, of which boosting needs no name."""

from __future__ import annotations

from typing import Any

from frame_booster.cli.early_interrupt import ended_at_once

with ended_at_once("frame-booster"):
    import click

    from frame_booster.cli.boost import boost
    from frame_booster.cli.compare import compare
    from frame_booster.cli.completion import COMMANDS
    from frame_booster.cli.doctor import doctor
    from frame_booster.cli.grouped import HELP_NAMES
    from frame_booster.cli.program import Program


class BoostByDefault(Program):
    """A group that takes what is no command of its own for the arguments of `boost`.

    A file that is called like a command is reached as `./NAME`.
    """

    expanded_on_windows = False  # Patterns are looked up by pipeline/inputs.py, the same on each system.

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Returns the context of the command that the first argument names, else of `boost` as if it were the program.

        A shell that completes a word asks for it, too.
        """
        if len(args) == 2 and args[0] in HELP_NAMES and args[1] in self.commands:
            args = [args[1], args[0]]
        if args and args[0] in self.commands and args[0] != "boost":
            return super().make_context(info_name, args, parent, **extra)
        given = args[1:] if args and args[0] == "boost" else args
        context = boost.make_context(info_name, given, parent, **extra)
        context.meta[COMMANDS] = tuple(self.commands)
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command whose context this is."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


@click.command("frame-booster", cls=BoostByDefault, commands={"boost": boost, "compare": compare, "doctor": doctor})
def main() -> None:
    """Doubles the frame rate of video."""
