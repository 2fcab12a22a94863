"""A command whose options may come from profiles: the command line first, then environment, profile, [default]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import click

from frame_booster.cli.flags import run_options
from frame_booster.cli.foreign_names import advice
from frame_booster.cli.grouped import GIVEN_WAY, GroupedCommand, GroupedOption
from frame_booster.cli.settings import DEFAULT_PROFILE, config_file, read_profiles, save_profile
from frame_booster.errors import InputError, OutputError

USED = "frame_booster.profile"
"""Under this name a context knows the profile that was used, None for none."""
_GIVES_WAY = {
    "factor": {"fps"},
    "fps": {"factor"},
    "audio": {"audio_codec", "audio_bitrate"},
    "audio_codec": {"audio"},
    "audio_bitrate": {"audio"},
    "crf": {"codec"},
    "preset": {"codec"},
    "encoder_option": {"codec"},
}
"""Options of a profile that mean nothing, or would be an error, where a nearer place gives one of these.

Those of the environment give way to the line alike, but not to a codec: they are meant for whichever there is.
"""


class SettingsError(click.ClickException):
    """A fault in the configuration file, or in what is to be saved there."""

    exit_code = InputError.exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints one line."""
        click.echo(f"frame-booster: {self.message}", file=file, err=file is None)


class UnsavedError(SettingsError):
    """The configuration file cannot be written."""

    exit_code = OutputError.exit_code


class ProfiledCommand(GroupedCommand):
    """A command with the options --profile, --no-profile and --save-profile."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As `_parse`; where an option is that of another program, the error says what it is called here."""
        told = None if ctx.resilient_parsing else advice(args, of_letters=True)
        if told is not None:
            raise click.UsageError(told, ctx)
        try:
            return self._parse(ctx, args)
        except click.NoSuchOption as error:
            told = advice(args)
            if told is None:
                raise
            # Click's guesses, by how names are spelt, would stand beside the answer.
            raise click.UsageError(told, ctx) from error

    def _parse(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the arguments, with those of the profiles where the line and the environment have none.

        Raises:
          SettingsError: a profile is missing or has what is no option or no value; or one cannot be saved.
        """
        if not ctx.resilient_parsing and self._topic(ctx, args) is None:
            given, _, order = self.make_parser(ctx).parse_args(args=list(args))
            ctx.meta[GIVEN_WAY] = {name for name, nearer in _GIVES_WAY.items() if nearer & given.keys() - {"codec"}}
            # What shows something and ends, as --help, must work whatever the profiles are.
            if not any(one.is_eager for one in order):
                try:
                    self._take_profiles(ctx, given)
                    if "save_profile" in given:
                        self._save(ctx, given)
                except OutputError as error:
                    raise UnsavedError(str(error)) from error
                except InputError as error:
                    raise SettingsError(str(error)) from error
        return super().parse_args(ctx, args)

    def _options(self) -> list[GroupedOption]:
        return [one for one in self.params if isinstance(one, GroupedOption)]

    def _take_profiles(self, ctx: click.Context, given: Mapping[str, Any]) -> None:
        by_name = {one.name: one for one in self._options()}
        name = given.get("profile", None if "no_profile" in given else by_name["profile"].resolve_envvar_value(ctx))
        if name is not None and "no_profile" in given:
            raise InputError("--profile and --no-profile exclude each other", hint="use one of them")
        ctx.meta[USED] = None
        if "no_profile" in given:
            return
        try:
            path = config_file()
        except InputError:
            if name is not None:
                raise
            # Where there can be no profiles, none is missing.
            return
        profiles = read_profiles(path)
        if name is not None and name not in profiles:
            known = ", ".join(sorted(profiles)) or "none"
            raise InputError(f"there is no profile {name!r}", path=path, hint=f"known profiles: {known}")
        merged: dict[str, Any] = {}
        for profile in dict.fromkeys([DEFAULT_PROFILE, *([] if name is None else [name])]):
            if profile in profiles:
                values = self._checked(path, profile, profiles[profile])
                merged = {**_without(merged, values), **values}
                ctx.meta[USED] = profile
        nearer = [one.name for one in by_name.values() if one.name in given or one.resolve_envvar_value(ctx)]
        ctx.default_map = _without(merged, [name for name in nearer if name])

    def _checked(self, path: Path, profile: str, table: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the options of a profile by the names of parameters, as text and booleans that click takes.

        Raises:
          InputError: a key is no option, or a value is none.
        """
        by_key = {alias.lstrip("-"): one for one in self._options() for alias in one.opts if alias.startswith("--")}
        values: dict[str, Any] = {}
        for key, value in table.items():
            one = by_key.get(key.replace("_", "-"))
            if one is None or one.name is None or not one.in_profiles or one.name == "profile":
                why = (
                    "is not an option"
                    if one is None
                    else "cannot be in a profile: it is for a single run, or names a path"
                )
                raise InputError(f"[{profile}] {key} {why}", path=path, hint="frame-booster --help lists the options")
            if one.name in values:
                raise InputError(f"[{profile}] {key} is set twice, under two names", path=path)
            try:
                values[one.name] = _value(one, value)
            except InputError as error:
                raise InputError(f"[{profile}] {key} = {value!r}: {error}", path=path) from error
        # All others as they are by default, and no environment.
        alone = click.Context(self, info_name="frame-booster", default_map=values)
        try:
            click.Command.parse_args(self, alone, ["-"])
            run_options(alone.params)
        except click.BadParameter as error:
            key = error.param.key if isinstance(error.param, GroupedOption) else ""
            raise InputError(f"[{profile}] {key}: {error.message}", path=path) from error
        except InputError as error:
            raise InputError(f"[{profile}]: {error}", path=path) from error
        return values

    def _save(self, ctx: click.Context, given: Mapping[str, Any]) -> None:
        """Saves the options of the command line as a profile, and ends where there is no input.

        Raises:
          InputError: there is nothing to save, or a value is not one.
          OutputError: the file cannot be written.
        """
        path, name = config_file(), str(given["save_profile"])
        options: dict[str, Any] = {}
        left_out = []
        for one in self._options():
            if one.name not in given or one.name in ("save_profile", "profile", "no_profile"):
                continue
            if not one.in_profiles:
                left_out.append(f"--{one.key}")
                continue
            value, _ = one.consume_value(ctx, given)
            options[one.key] = _plain(one.process_value(ctx, value))
        if not options:
            raise InputError("--save-profile: the command line has no options that a profile can hold")
        self._checked(path, name, options)
        save_profile(path, name, options)
        told = f"; not saved: {', '.join(left_out)}" if left_out else ""
        click.echo(f"profile {name} saved in {path}: {', '.join(options)}{told}", err=True)
        arguments = [one.name for one in self.params if isinstance(one, click.Argument)]
        if not any(isinstance(given.get(one), (str, tuple, list)) and given[one] for one in arguments):
            ctx.exit()


def _without(values: Mapping[str, Any], nearer: Iterable[str]) -> dict[str, Any]:
    """Returns the values of a farther place but for those that give way to what a nearer one has."""
    there = set(nearer)
    return {name: value for name, value in values.items() if not _GIVES_WAY.get(name, set()) & there}


def _value(one: GroupedOption, value: Any) -> Any:
    """Returns a value of TOML as click takes it: booleans for flags, text for all else.

    Raises:
      InputError: it is of the wrong type, or cannot be read.
    """
    if one.is_flag:
        if not isinstance(value, bool):
            raise InputError("must be true or false")
        return value
    several = value if isinstance(value, list) else [value]
    if isinstance(value, list) and not one.multiple:
        raise InputError("must be one value, not a list")
    for item in several:
        if isinstance(item, bool) or not isinstance(item, (str, int, float)):
            raise InputError("must be a number or a string")
        if one.reads is not None:
            one.reads(str(item))
    return tuple(map(str, several)) if one.multiple else str(value)


def _plain(value: Any) -> Any:
    """Returns a value as a person would write it in TOML: lists, and whole numbers as such."""
    if isinstance(value, tuple):
        return list(value)
    whole = (isinstance(value, str) and value.isdecimal()) or (isinstance(value, float) and value.is_integer())
    return int(value) if whole else value
