"""Options in groups, each with its unit, default and an example, and the help that is made of them.

A command of sixty options is read by its groups; the same facts make `--help`, `--help OPTION` and the manual page.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from frame_booster.errors import InputError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

COMMON, TIMING, QUALITY, STREAMS = "Common", "Timing", "Quality", "Streams"
DEVICES, FOLDERS, EXPERT = "Devices", "Folders", "Expert"
GROUPS = (COMMON, TIMING, QUALITY, STREAMS, DEVICES, FOLDERS, EXPERT)
"""In the order of the help."""
HELP_NAMES = ("-h", "--help")
GIVEN_WAY = "frame_booster.given_way"
"""Under this name a context knows the options whose variables mean nothing beside what is on the line."""
_NAMES = 24
"""Width of the column of names; longer ones have a line of their own."""


class GroupedOption(click.Option):
    """An option that tells its default and an example.

    Args:
      group: one of `GROUPS`.
      default_text: the default in words, where it is not a fixed value.
      example: of its use, as it is typed.
      reads: reads its text, and raises InputError where that is not a value.
      one_run: whether it is about one run, and so neither in a profile nor in the environment.
    """

    def __init__(
        self,
        *names: Any,
        group: str = EXPERT,
        default_text: str | None = None,
        example: str | None = None,
        reads: Callable[[str], Any] | None = None,
        one_run: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(*names, **{"allow_from_autoenv": not one_run, **rest, "show_default": False})
        self.group, self.example, self.reads = group, example, reads
        self.in_profiles = not one_run and not isinstance(self.type, click.Path)
        """Whether a profile may have it; paths mean something in one folder only."""
        given = rest.get("default")
        if default_text is None and not self.is_flag and given is not None:
            default_text = " ".join(map(str, given)) if isinstance(given, (list, tuple)) else str(given)
        self.default_text = default_text

    @property
    def key(self) -> str:
        """Its first long name without the dashes, as profiles have it."""
        return next((name for name in self.opts if name.startswith("--")), self.opts[0]).lstrip("-")

    def variable(self, context: click.Context) -> str | None:
        """Returns the environment variable that sets it; None where there is none."""
        if context.auto_envvar_prefix is None or not self.allow_from_autoenv or self.name is None:
            return None
        return f"{context.auto_envvar_prefix}_{self.name.upper()}"

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Returns what its variable of the environment says; None where that gives way to the line."""
        return None if self.name in ctx.meta.get(GIVEN_WAY, ()) else super().resolve_envvar_value(ctx)

    @property
    def text(self) -> str:
        """What it does, its default and an example, as plain sentences."""
        told = [(self.help or "").strip()]
        if self.default_text is not None and "Default:" not in told[0]:
            told.append(f"Default: {self.default_text}.")
        if self.example is not None:
            told.append(f"Example: {self.example}")
        return " ".join(part for part in told if part)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Returns its names, and all that there is to tell about it."""
        record = super().get_help_record(ctx)
        if record is None:
            return None
        # A name with one dash, as ffmpeg has it, needs no mention beside the same with two.
        long = {name.lstrip("-").replace("_", "-") for name in self.opts if name.startswith("--")}
        shown = [name for name in self.opts if name.startswith("--") or name[1:].replace("_", "-") not in long]
        return f"{', '.join(sorted(shown, key=len))} {self.value_name(ctx)}".rstrip(), self.text

    def value_name(self, ctx: click.Context) -> str:
        """Returns what stands for its value in the help, as "RATE" or "[2|4|8]"; empty where it takes none."""
        record = super().get_help_record(ctx)
        return "" if record is None or self.is_flag else record[0].rpartition(" ")[2]

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Returns its name, with the environment variable where that is what has set it."""
        hint = super().get_error_hint(ctx)
        if ctx is None or not self._is_from_environment(ctx):
            return hint
        return f"{hint} (environment variable {self.variable(ctx)})"

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Returns the value as the command gets it; what a variable of the environment says is read at once.

        Raises:
          click.BadParameter: it is not a value.
        """
        value = super().process_value(ctx, value)
        if self.reads is not None and value is not None and self._is_from_environment(ctx):
            try:
                self.reads(value)
            except InputError as error:
                raise click.BadParameter(str(error), ctx, self) from error
        return value

    def _is_from_environment(self, context: click.Context) -> bool:
        return self.name is not None and context.get_parameter_source(self.name) is ParameterSource.ENVIRONMENT


def option(group: str, *names: str, **facts: Any) -> Callable[[Decorated], Decorated]:
    """As `click.option`, in a group; further arguments as of `GroupedOption`."""
    return click.option(*names, cls=GroupedOption, group=group, **facts)


class GroupedCommand(click.Command):
    """A command whose help is in groups, with `--help OPTION` for one of its options."""

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        """Returns the names of `--help`, the same in every context: click keeps the option that the first one makes."""
        return list(HELP_NAMES)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Returns the option `--help`, which stands with the common ones."""
        found = super().get_help_option(ctx)
        if found is not None:
            found.help = "Show this help; with a name, as in --help OPTION, only one option or one group."
        return found

    def grouped(self, ctx: click.Context) -> dict[str, list[click.Option]]:
        """Returns the options that are shown, by group; where none has a group, all are common."""
        has_groups = any(isinstance(one, GroupedOption) for one in self.params)
        found: dict[str, list[click.Option]] = {group: [] for group in GROUPS}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option) and not parameter.hidden:
                own = EXPERT if has_groups and not set(parameter.opts) & {*HELP_NAMES, "--version"} else COMMON
                found[getattr(parameter, "group", own)].append(parameter)
        return {group: options for group, options in found.items() if options}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes all options, a section for each group."""
        groups = self.grouped(ctx)
        for group, options in groups.items():
            records = [record for one in options if (record := one.get_help_record(ctx)) is not None]
            with formatter.section(group if len(groups) > 1 else "Options"):
                _write_records(formatter, records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes what comes after the options with its lines as they are."""
        if self.epilog:
            formatter.write_paragraph()
            for line in self.epilog.splitlines():
                formatter.write(f"{line}\n")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the arguments; `--help` with a name after it shows that option, or that group.

        Raises:
          click.UsageError: there is no such option, or an argument is not usable.
        """
        topic = None if ctx.resilient_parsing else self._topic(ctx, args)
        if topic is not None:
            click.echo(self.help_on(ctx, topic))
            ctx.exit()
        return super().parse_args(ctx, args)

    def _topic(self, ctx: click.Context, args: Sequence[str]) -> str | None:
        """Returns what help is asked about, as it is typed; None where it is asked for as a whole, or not at all."""
        takes_value = {
            name
            for one in self.get_params(ctx)
            if isinstance(one, click.Option) and not one.is_flag
            for name in one.opts
        }
        for k, arg in enumerate(args):
            if arg == "--":
                break
            if arg.startswith("--help="):
                return arg.partition("=")[2]
            if arg in HELP_NAMES and (k == 0 or args[k - 1] not in takes_value):
                return args[k + 1] if k + 1 < len(args) else None
        return None

    def help_on(self, ctx: click.Context, topic: str) -> str:
        """Returns the help on one option or one group.

        Args:
          topic: its name, with or without dashes.

        Raises:
          click.UsageError: there is none of that name; the message has the nearest names.
        """
        groups = self.grouped(ctx)

        def heading(group: str) -> str:
            return f"  ({group})" if len(groups) > 1 else ""

        wanted = topic.lstrip("-").replace("_", "-").casefold()
        for group, options in groups.items():
            for one in options:
                if topic in one.opts or wanted in [name.lstrip("-").replace("_", "-").casefold() for name in one.opts]:
                    return _page(ctx, one, heading(group))
        for group, options in groups.items():
            if group.casefold() == wanted:
                return "\n\n".join(_page(ctx, one, heading(group)) for one in options)
        names = {name.lstrip("-"): name for options in groups.values() for one in options for name in one.opts}
        near = difflib.get_close_matches(wanted, [*names, *(group.casefold() for group in groups)], 3, 0.5)
        hint = f"similar: {', '.join(names.get(name, name) for name in near)}" if near else "see --help"
        raise click.UsageError(f"there is no option {topic!r} ({hint})", ctx)


def _write_records(formatter: click.HelpFormatter, records: Sequence[tuple[str, str]]) -> None:
    """Writes names and texts in two columns; unlike click's own way, no line is broken within an option's name."""
    margin = formatter.current_indent
    across = margin + _NAMES + 2
    for names, text in records:
        lines = textwrap.wrap(text, max(formatter.width - across, 20), break_on_hyphens=False) or [""]
        if len(names) > _NAMES:
            formatter.write(f"{'':{margin}}{names}\n")
            first = f"{'':{across}}"
        else:
            first = f"{'':{margin}}{names:<{_NAMES + 2}}"
        for k, line in enumerate(lines):
            formatter.write(f"{first if k == 0 else ' ' * across}{line}\n")


def _page(ctx: click.Context, shown: click.Option, heading: str) -> str:
    record = click.Option.get_help_record(shown, ctx)
    formatter = ctx.make_formatter()
    formatter.write(f"{record[0] if record else shown.opts[0]}{heading}\n")
    formatter.indent()
    formatter.write_text((shown.help or "").strip())
    formatter.write_paragraph()
    facts = []
    if isinstance(shown.type, click.Choice):
        facts.append(("Values", ", ".join(map(str, shown.type.choices))))
    if isinstance(shown, GroupedOption):
        if shown.default_text is not None:
            facts.append(("Default", shown.default_text))
        if shown.example is not None:
            facts.append(("Example", f"{ctx.command_path} film.mp4 {shown.example}"))
        variable = shown.variable(ctx)
        if variable is not None:
            text = "separated by spaces" if shown.multiple else "1 or 0" if shown.is_flag else ""
            facts.append(("Environment", f"{variable}{f' ({text})' if text else ''}"))
        if variable is not None and shown.in_profiles:
            facts.append(("In a profile", shown.key))
    if facts:
        formatter.write_dl(facts)
    return formatter.getvalue().rstrip("\n")
