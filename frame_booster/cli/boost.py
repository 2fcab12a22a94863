"""`frame-booster INPUT -o OUTPUT`: the command that boosts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from frame_booster._version import __version__
from frame_booster.cli.errors import reported
from frame_booster.cli.flags import boost_flags, cluster_options, folder_options, run_options
from frame_booster.errors import InputError
from frame_booster.options import BoostOptions

if TYPE_CHECKING:
    from frame_booster.pipeline.cluster.options import ClusterOptions
    from frame_booster.pipeline.folder import FileOutcome, FolderOptions
    from frame_booster.pipeline.inputs import Given
    from frame_booster.pipeline.job import Progress
    from frame_booster.pipeline.report import Report
    from frame_booster.pipeline.result import Result

EPILOG = (
    "Exit codes: 0 done, 1 a fault of the program, 2 input or option not usable, 3 decoding failed, "
    "4 model, weights or device, 5 encoder or container, 6 output not written, 130 interrupted. "
    "A folder's run ends with the code of the first file that failed."
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


@click.command("boost", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "-o",
    "--output",
    help="File, folder (out/), pattern of pictures, or - for standard output. Default: INPUT.2x.mp4 beside INPUT.mp4.",
)
@boost_flags
@click.option(
    "--dry-run",
    is_flag=True,
    help="Write nothing, and say what would be made of each input: frames, size, minutes, and what would be lost.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a JSON report to this file; a .jsonl gets a line as each input ends.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress, no warnings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object about the run on stdout.")
@click.option(
    "--list-encoders",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_encoders,
    help="List the encoders, whether they are here, and their defaults.",
)
@click.version_option(__version__, prog_name="frame-booster")
def boost(
    inputs: tuple[str, ...],
    output: str | None,
    dry_run: bool,
    report: Path | None,
    quiet: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Doubles the frame rate of the videos INPUT; audio, timing and colours stay as they are.

    INPUT is a video, a folder of videos, a folder or pattern (%05d.png) of pictures, - for standard input, a pattern
    of the shell in quotes ('**/*.mkv'), or a list of inputs (@list.txt).
    """
    with reported(as_json=as_json):
        options, cluster = run_options(values), cluster_options(values)
        from frame_booster.media.paths import PIPE, input_path, is_picture_folder, output_path
        from frame_booster.pipeline.inputs import given_inputs

        if as_json and not dry_run and output is not None and output_path(output) == PIPE:
            raise InputError("--json and a video cannot both go to standard output", hint="--report writes a file")
        given = given_inputs(inputs)
        if dry_run and report is not None:
            raise InputError("--dry-run writes nothing, and so no report", hint="--json prints what it finds")
        _check_report(report, given, output)
        told = _Told(report, quiet=quiet, as_json=as_json, dry_run=dry_run)
        [*several, last] = given
        source = input_path(last.text)
        folder = last.text != "-" and source.is_dir() and not is_picture_folder(source)
        asked = [name for name in ("skip_existing", "retry_failed", "watch") if values[name]]
        if several or folder or asked or not last.alone:
            _boost_several(given, output, options, folder_options(values, report), cluster, told)
        else:
            _boost_one(last.text, output, options, cluster, told)


@dataclass(frozen=True)
class _Told:
    """What the user is told of a run, and where."""

    report: Path | None
    quiet: bool
    as_json: bool
    dry_run: bool


def _boost_one(
    input: str, output: str | None, options: BoostOptions, cluster: ClusterOptions | None, told: _Told
) -> None:
    from frame_booster.cli.progress import ProgressBar
    from frame_booster.media.paths import input_path
    from frame_booster.pipeline.boost import run
    from frame_booster.pipeline.folder import FileOutcome
    from frame_booster.pipeline.report import Report

    if told.dry_run:
        from frame_booster.cli.dry_run import show
        from frame_booster.pipeline.forecast import forecast

        show([forecast(input, output, options)], as_json=told.as_json)
        return
    name = "standard input" if input == "-" else input_path(input).name
    report = Report(told.report)
    try:
        if cluster is not None:
            result = _on_cluster(input, output, options, cluster, quiet=told.quiet, as_json=told.as_json)
        else:
            with ProgressBar(name, quiet=told.quiet) as bar:
                result = run(input, output, options, bar.update)
    except Exception as error:
        _reported(report, FileOutcome.failed(input, output or "", error))
        raise
    _reported(report, FileOutcome.done(result.input, result.output, result))
    if told.as_json:
        click.echo(json.dumps(result.as_json()))
    if not told.quiet:
        for warning in result.warnings:
            click.echo(f"frame-booster: warning: {warning}", err=True)
        rate = f" at {float(result.rate):.6g} fps" if result.rate else ""
        where = "standard output" if result.output == "-" else result.output
        click.echo(
            f"{where}: {result.frames_out} frames{rate} from {result.frames_in} in {result.seconds:.1f} s", err=True
        )


def _reported(report: Report, outcome: FileOutcome) -> None:
    report.add(outcome)
    report.finish([outcome])


def _on_cluster(
    input: str, output: str | None, options: BoostOptions, cluster: ClusterOptions, *, quiet: bool, as_json: bool
) -> Result:
    from frame_booster.cli.cluster_progress import ClusterProgress
    from frame_booster.pipeline.cluster.run import boost_on_cluster

    with ClusterProgress(quiet=quiet, as_json=as_json) as progress:
        return boost_on_cluster(input, output, options, cluster, progress.update)


def _boost_several(
    given: list[Given],
    output: str | None,
    options: BoostOptions,
    folder: FolderOptions,
    cluster: ClusterOptions | None,
    told: _Told,
) -> None:
    from frame_booster.cli.progress import FolderProgress
    from frame_booster.pipeline.folder import FileOutcome, FolderRun
    from frame_booster.pipeline.report import Report

    target = _target_of_several(given, output)
    if told.dry_run:
        from frame_booster.cli.dry_run import show
        from frame_booster.pipeline.forecast import forecasts

        show(forecasts(FolderRun(given, target, options, folder)), as_json=told.as_json)
        return
    report = Report(told.report)

    def heard(progress: Callable[[Path, Progress | FileOutcome], None], path: Path, news: Any) -> None:
        if isinstance(news, FileOutcome):
            report.add(news)
        progress(path, news)

    with ExitStack() as shown:
        if cluster is not None:
            from frame_booster.cli.cluster_progress import ClusterProgress
            from frame_booster.pipeline.cluster.run import boost_folder_on_cluster

            on_cluster = shown.enter_context(ClusterProgress(quiet=told.quiet, as_json=told.as_json))
            run = FolderRun(given, target, options, folder, partial(heard, on_cluster.ended))
            work: Callable[[], Any] = partial(boost_folder_on_cluster, run, cluster, on_cluster.update)
        else:
            progress = shown.enter_context(FolderProgress(quiet=told.quiet))
            run = FolderRun(given, target, options, folder, partial(heard, progress.update))
            progress.begin(len(run.files))
            work = run.run
        warning = run.space_warning()
        if warning is not None and not told.quiet:
            click.echo(f"frame-booster: warning: {warning}", err=True)
        try:
            work()
        finally:
            report.finish(run.outcomes)
    if told.as_json:
        click.echo(json.dumps([outcome.as_json() for outcome in run.outcomes]))
    failed = [outcome for outcome in run.outcomes if outcome.outcome == "failed"]
    if not told.quiet:
        for outcome in run.outcomes:
            detail = outcome.error or ("" if outcome.result is None else f"{outcome.result.frames_out} frames")
            click.echo(f"{outcome.outcome:<8}{outcome.input}  {detail}", err=True)
            for warning in () if outcome.result is None else outcome.result.warnings:
                click.echo(f"        warning: {warning}", err=True)
        click.echo(f"{len(run.outcomes) - len(failed)} of {len(run.outcomes)} files done", err=True)
    if failed:
        raise SystemExit(failed[0].exit_code)


def _target_of_several(given: list[Given], output: str | None) -> Path | None:
    """Returns the folder for the results of several inputs; None where each goes beside its input.

    Raises:
      InputError: the output is a pipe or, by its name, a file.
    """
    from frame_booster.media.paths import VIDEOS, is_pipe, output_path
    from frame_booster.pipeline.destination import is_folder

    if output is None:
        return None
    target = output_path(output)
    if is_pipe(target) or (not is_folder(output) and target.suffix.lower() in VIDEOS and not _is_tree(given)):
        raise InputError("is one output, and several inputs need a folder", path=target, hint="as -o out/")
    return target


def _is_tree(given: list[Given]) -> bool:
    return len(given) == 1 and Path(given[0].text).is_dir()


def _check_report(report: Path | None, given: list[Given], output: str | None) -> None:
    """Checks that the report can be written, before any work is done.

    Raises:
      InputError: it cannot, or it is an input or the output.
    """
    if report is None:
        return
    from frame_booster.media.paths import input_path

    for other in (*(input_path(one.text) for one in given), *([] if output is None else [Path(output)])):
        if report.absolute() == other.absolute() or (report.exists() and other.exists() and report.samefile(other)):
            raise InputError("the report would replace the input or the output", path=report)
    place = report if report.exists() else report.absolute().parent
    if not place.exists():
        raise InputError("the report cannot be written: no such folder", path=report, hint="make it first")
    if not os.access(place, os.W_OK):
        raise InputError("the report cannot be written: no permission", path=report)
