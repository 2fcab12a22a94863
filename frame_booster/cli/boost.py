"""`frame-booster INPUT -o OUTPUT`: the command that boosts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from frame_booster._version import __version__
from frame_booster.cli.completion import complete_input, complete_output
from frame_booster.cli.display import Display, busy, seconds_of
from frame_booster.cli.errors import reported
from frame_booster.cli.flags import boost_flags, cluster_options, folder_options, run_options
from frame_booster.cli.grouped import COMMON, EXPERT, QUALITY, option
from frame_booster.cli.profiles import USED, ProfiledCommand
from frame_booster.errors import FrameBoosterError, InputError, UnexpectedError
from frame_booster.options import BoostOptions
from frame_booster.pipeline.stage_times import StageTimes

if TYPE_CHECKING:
    from frame_booster.pipeline.cluster.options import ClusterOptions
    from frame_booster.pipeline.result import Result

EXAMPLES = (
    ("frame-booster film.mkv", "twice the frames, to film.2x.mkv"),
    ("frame-booster film.mkv -o film60.mkv --fps 60 --crf 16", "60 frames a second, of high quality"),
    ("frame-booster clip.mp4 -t 5", "the first five seconds, to try it"),
    ("frame-booster clip.mp4 --slow-motion 4 --slow-audio stretch", "four times slower, sound too"),
    ("frame-booster season/ -o smooth/ --skip-existing", "every video of a folder"),
    ("frame-booster --codec libx265 --crf 22 --save-profile small", "a profile, and then its use"),
    ("frame-booster film.mkv --profile small", "with the options that were saved"),
    ("frame-booster --help crf", "all about one option"),
    ("frame-booster doctor", "what is here to run the network"),
)
"""Command lines, and what each is for."""
EXIT_CODES = (
    ("0", "done"),
    ("1", "a fault of the program"),
    ("2", "input or option not usable"),
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
        click.echo(f"{name:<20}{'yes' if name in there else 'not here':<10}{settings}")
    context.exit()


@click.command(
    "boost",
    cls=ProfiledCommand,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "FRAME_BOOSTER"},
)
@click.argument("input", shell_complete=complete_input)
@option(
    COMMON,
    "-o",
    "--output",
    metavar="PATH",
    help="File, folder or pattern of pictures, or - for standard output.",
    default_text="INPUT.2x.mp4 beside INPUT.mp4",
    example="-o smooth.mkv",
    one_run=True,
    shell_complete=complete_output,
)
@boost_flags
@option(
    COMMON,
    "--preview",
    is_flag=True,
    one_run=True,
    help="Boost ten places of the video only, into a page for a browser (INPUT.preview.html), and say how long the "
    "whole would take.",
)
@option(
    EXPERT,
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a report about every input to this file, as JSON.",
    default_text="none",
    example="--report report.json",
    one_run=True,
)
@option(COMMON, "--quiet", "-q", is_flag=True, help="No progress, no warnings and no summary; errors are still told.")
@option(
    EXPERT, "--json", "as_json", is_flag=True, one_run=True, help="One JSON object about the run on standard output."
)
@option(
    QUALITY,
    "--list-encoders",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_encoders,
    one_run=True,
    help="List the known encoders, whether they are here, and their defaults.",
)
@click.version_option(__version__, prog_name="frame-booster")
def boost(
    input: str, output: str | None, preview: bool, report: Path | None, quiet: bool, as_json: bool, **values: Any
) -> None:
    """Doubles the frame rate of the video INPUT; audio, timing and colours stay as they are.

    INPUT is a video, a folder of videos, a folder or pattern (%05d.png) of pictures, or - for standard input.
    """
    display = Display(values["progress"], quiet, values["verbose"])
    profile = click.get_current_context().meta.get(USED)
    with reported(as_json=as_json, lines=display.style == "json"):
        options, cluster = run_options(values), cluster_options(values)
        if preview:
            from frame_booster.cli.preview import preview_one

            return preview_one(input, output, options, cluster, report, display, as_json=as_json)
        from frame_booster.media.paths import PIPE, check_input, input_path, is_picture_folder, output_path

        if as_json and output is not None and output_path(output) == PIPE:
            raise InputError("--json and a video cannot both go to standard output", hint="--report writes a file")

        check_input(input)
        source = input_path(input)
        _check_report(report, source, output)
        if input != "-" and source.is_dir() and not is_picture_folder(source):
            _boost_folder(source, output, options, values, cluster, report, display, profile, as_json=as_json)
        else:
            _boost_one(input, output, options, cluster, report, display, profile, as_json=as_json)


def _boost_one(
    input: str,
    output: str | None,
    options: BoostOptions,
    cluster: ClusterOptions | None,
    report: Path | None,
    display: Display,
    profile: str | None,
    *,
    as_json: bool,
) -> None:
    from frame_booster.cli.progress import ProgressBar
    from frame_booster.pipeline.boost import run
    from frame_booster.pipeline.folder import FileOutcome

    try:
        if cluster is not None:
            result = _on_cluster(input, output, options, cluster, display, as_json=as_json)
        else:
            with ProgressBar(input, display) as bar:
                result = run(input, output, options, bar.update)
    except Exception as error:
        known = error if isinstance(error, FrameBoosterError) else UnexpectedError.of(error, input)
        failed = FileOutcome(input, output or "", "failed", error=str(known), exit_code=known.exit_code)
        _write_report(report, [failed.as_json()], profile)
        display.ended(failed)
        raise
    done = FileOutcome(result.input, result.output, "done", result)
    _write_report(report, [done.as_json()], profile)
    if as_json:
        click.echo(json.dumps({**result.as_json(), "profile": profile}))
    display.warnings(result.input, result.warnings)
    display.ended(done)
    display.summary(result)
    if profile is not None and display.verbose:
        display.line(f"  profile {profile}")


def _on_cluster(
    input: str, output: str | None, options: BoostOptions, cluster: ClusterOptions, display: Display, *, as_json: bool
) -> Result:
    from frame_booster.cli.cluster_progress import ClusterProgress
    from frame_booster.pipeline.cluster.run import boost_on_cluster

    with ClusterProgress(display, as_json=as_json) as progress:
        return boost_on_cluster(input, output, options, cluster, progress.update)


def _boost_folder(
    source: Path,
    output: str | None,
    options: BoostOptions,
    values: dict[str, Any],
    cluster: ClusterOptions | None,
    report: Path | None,
    display: Display,
    profile: str | None,
    *,
    as_json: bool,
) -> None:
    from frame_booster.cli.progress import FolderProgress
    from frame_booster.pipeline.folder import FolderRun

    target = Path(output) if output else source.with_name(f"{source.resolve().name}.{options.multiple}x")
    with ExitStack() as shown:
        if cluster is not None:
            from frame_booster.cli.cluster_progress import ClusterProgress
            from frame_booster.pipeline.cluster.run import boost_folder_on_cluster

            on_cluster = shown.enter_context(ClusterProgress(display, as_json=as_json))
            run = FolderRun(source, target, options, folder_options(values), on_cluster.ended)
            work: Callable[[], Any] = partial(boost_folder_on_cluster, run, cluster, on_cluster.update)
        else:
            progress = shown.enter_context(FolderProgress(display))
            run = FolderRun(source, target, options, folder_options(values), progress.update)
            progress.begin(len(run.files))
            work = run.run
        try:
            work()
        finally:
            records = [outcome.as_json() for outcome in run.outcomes]
            _write_report(report, records, profile)
    if as_json:
        click.echo(json.dumps(records))
    failed = [outcome for outcome in run.outcomes if outcome.outcome == "failed"]
    for outcome in run.outcomes:
        detail = outcome.error or ("" if outcome.result is None else f"{outcome.result.frames_out} frames")
        display.line(f"{outcome.outcome:<8}{outcome.input}  {detail}")
        for warning in () if outcome.result is None else outcome.result.warnings:
            display.line(f"        warning: {warning}")
    results = [outcome.result for outcome in run.outcomes if outcome.result is not None]
    stages = sum((result.stages for result in results), StageTimes())
    told = busy(stages, sum(result.seconds for result in results))
    display.line(f"{len(run.outcomes) - len(failed)} of {len(run.outcomes)} files done{told}")
    if display.verbose:
        display.line(seconds_of(stages))
    if failed:
        raise SystemExit(failed[0].exit_code)


def _check_report(report: Path | None, source: Path, output: str | None) -> None:
    """Checks that the report can be written, before any work is done.

    Raises:
      InputError: it cannot, or it is the input or the output.
    """
    if report is None:
        return
    for other in (source, *([] if output is None else [Path(output)])):
        if report.absolute() == other.absolute() or (report.exists() and other.exists() and report.samefile(other)):
            raise InputError("the report would replace the input or the output", path=report)
    place = report if report.exists() else report.absolute().parent
    if not place.exists():
        raise InputError("the report cannot be written: no such folder", path=report, hint="make it first")
    if not os.access(place, os.W_OK):
        raise InputError("the report cannot be written: no permission", path=report)


def _write_report(path: Path | None, files: list[dict[str, Any]], profile: str | None) -> None:
    if path is None:
        return
    facts = {
        "version": __version__,
        "profile": profile,
        "files": files,
        "failed": sum(f["outcome"] == "failed" for f in files),
    }
    try:
        path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"the report cannot be written: {error.strerror}", path=path) from error
