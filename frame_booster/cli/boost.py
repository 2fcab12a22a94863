"""`frame-booster INPUT -o OUTPUT`: the command that boosts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from frame_booster._version import __version__
from frame_booster.cli.completion import complete_input, complete_output
from frame_booster.cli.display import Display
from frame_booster.cli.environment import strange_variables
from frame_booster.cli.errors import reported
from frame_booster.cli.flags import boost_flags, cluster_options, folder_options, run_options
from frame_booster.cli.grouped import COMMON, EXPERT, QUALITY, option
from frame_booster.cli.profiles import USED, ProfiledCommand
from frame_booster.errors import InputError

EXAMPLES = (
    ("frame-booster film.mkv", "twice the frames, to film.2x.mkv"),
    ("frame-booster film.mkv -o film60.mkv --fps 60 --crf 16", "60 frames per second, high quality"),
    ("frame-booster clip.mp4 -t 5", "only the first five seconds"),
    ("frame-booster clip.mp4 --slow-motion 4 --slow-audio stretch", "four times slower, sound too"),
    ("frame-booster season/ -o smooth/ --skip-existing", "every video in a folder"),
    ("frame-booster --codec libx265 --crf 22 --save-profile small", "save a profile"),
    ("frame-booster film.mkv --profile small", "use the profile"),
    ("frame-booster --help crf", "help on one option"),
    ("frame-booster doctor", "check engines, GPUs and drivers"),
)
"""Command lines, and what each is for."""
EXIT_CODES = (
    ("0", "done"),
    ("1", "bug in the program"),
    ("2", "unusable input or option"),
    ("3", "decoding failed"),
    ("4", "model, weights or device"),
    ("5", "encoder or container"),
    ("6", "output not written"),
    ("130", "interrupted"),
)
"""With which the program ends; a run over a folder with that of the first file that failed."""
EPILOG = "\n".join(
    [
        "Examples:",
        *(f"  {line:<60} {meaning}" for line, meaning in EXAMPLES),
        "",
        "Exit codes:",
        *(f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES),
        "A run over a folder ends with the code of the first file that failed.",
    ]
)


def _list_encoders(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    from frame_booster.media.output.encoders import ENCODERS, available_encoders

    there = set(available_encoders())
    for name, entry in ENCODERS.items():
        settings = " ".join(f"{k}={v}" for k, v in entry.options.items()) or "-"
        click.echo(f"{name:<20}{'yes' if name in there else 'no':<10}{settings}")
    context.exit()


@click.command(
    "boost",
    cls=ProfiledCommand,
    epilog=EPILOG,
    context_settings={"auto_envvar_prefix": "FRAME_BOOSTER"},
)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", shell_complete=complete_input)
@option(
    COMMON,
    "-o",
    "--output",
    metavar="PATH",
    help="Output file, folder (out/), pattern of images, or - for standard output. The suffix of a file "
    "chooses the container.",
    default_text="INPUT.2x.mp4 beside INPUT.mp4",
    example="-o smooth.mkv",
    one_run=True,
    shell_complete=complete_output,
)
@boost_flags
@option(
    COMMON,
    "--dry-run",
    is_flag=True,
    one_run=True,
    help="Write nothing; print what the run would do with each input: frames, size, time, and what would be lost.",
)
@option(
    COMMON,
    "--preview",
    is_flag=True,
    one_run=True,
    help="Process only ten short parts of the video, write them to a page for a browser (INPUT.preview.html), "
    "and estimate the time for the whole.",
)
@option(
    EXPERT,
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a JSON report about every input to this file. With the suffix .jsonl, append a line when each "
    "input ends.",
    default_text="no report",
    example="--report report.json",
    one_run=True,
)
@option(COMMON, "--quiet", "-q", is_flag=True, help="No progress, no warnings and no summary; only errors.")
@option(EXPERT, "--json", "as_json", is_flag=True, one_run=True, help="Print the result as JSON on standard output.")
@option(
    QUALITY,
    "--list-encoders",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_encoders,
    one_run=True,
    help="List the known encoders, whether this FFmpeg includes them, and their defaults.",
)
@click.version_option(__version__, prog_name="frame-booster", allow_from_autoenv=False)
def boost(
    inputs: tuple[str, ...],
    output: str | None,
    dry_run: bool,
    preview: bool,
    report: Path | None,
    quiet: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Doubles the frame rate of each video INPUT and keeps its audio, timing and colours.

    INPUT is a video, a folder of videos, a folder or pattern (%05d.png) of images, - for standard input, a quoted
    shell pattern ("**/*.mkv"), or a list of inputs ("@list.txt").
    """
    display = Display(values["progress"], quiet, values["verbose"])
    context = click.get_current_context()
    with reported(as_json=as_json, lines=display.style == "json"):
        warnings = strange_variables(context, os.environ)
        display.warnings(None, warnings)
        options, cluster = run_options(values), cluster_options(values)
        from frame_booster.cli.boosting import Told, boost_one, boost_several, check_report, check_standard_files
        from frame_booster.media.paths import input_path, is_picture_folder
        from frame_booster.pipeline.inputs import given_inputs

        given = given_inputs(inputs)
        check_standard_files(given, output, as_json=as_json, video=not (dry_run or preview))
        if preview:
            from frame_booster.cli.preview import preview_one

            if len(given) > 1 or dry_run:
                raise InputError("--preview takes one input and excludes --dry-run", hint="remove the others")
            return preview_one(given[0].text, output, options, cluster, report, display, as_json=as_json)
        if dry_run and report is not None:
            raise InputError("--dry-run writes no files, so it excludes --report", hint="use --json instead")
        check_report(report, given, output)
        told = Told(report, display, context.meta.get(USED), warnings, as_json=as_json, dry_run=dry_run)
        [*several, last] = given
        source = input_path(last.text)
        folder = not several and last.text != "-" and source.is_dir() and not is_picture_folder(source)
        asked = [name for name in ("skip_existing", "retry_failed", "watch") if values[name]]
        if several or folder or asked or not last.alone:
            boost_several(given, output, options, folder_options(values, report), cluster, told)
        else:
            boost_one(last.text, output, options, cluster, told)
