"""Runs of one input and of several, as the command has them: shown while they go on, told of at their end."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from frame_booster.cli.display import Display, busy, seconds_of
from frame_booster.cli.standard_files import was_closed
from frame_booster.cli.told_stdout import check_open
from frame_booster.errors import InputError, not_writable
from frame_booster.options import BoostOptions
from frame_booster.pipeline.stage_times import StageTimes

if TYPE_CHECKING:
    from frame_booster.pipeline.cluster.options import ClusterOptions
    from frame_booster.pipeline.folder import FolderOptions
    from frame_booster.pipeline.inputs import Given
    from frame_booster.pipeline.job import Progress
    from frame_booster.pipeline.outcome import FileOutcome
    from frame_booster.pipeline.report import Report
    from frame_booster.pipeline.result import Result


@dataclass(frozen=True)
class Told:
    """What the user is told of a run, and where."""

    report: Path | None
    display: Display
    profile: str | None
    warnings: list[str]
    """Of the run as a whole, which have been told already; each report of an input has them, too."""
    as_json: bool
    dry_run: bool

    def complete(self, outcome: FileOutcome) -> FileOutcome:
        """Returns what became of an input with the warnings of the run before its own."""
        if outcome.result is None or not self.warnings:
            return outcome
        return replace(outcome, result=replace(outcome.result, warnings=[*self.warnings, *outcome.result.warnings]))


def boost_one(
    input: str, output: str | None, options: BoostOptions, cluster: ClusterOptions | None, told: Told
) -> None:
    """Boosts one input, or says what would be made of it.

    Raises:
      FrameBoosterError: it cannot be done; the report tells of it, too.
    """
    from frame_booster.cli.progress import ProgressBar
    from frame_booster.pipeline.boost import run
    from frame_booster.pipeline.outcome import FileOutcome
    from frame_booster.pipeline.report import Report

    if told.dry_run:
        from frame_booster.cli.dry_run import show
        from frame_booster.pipeline.forecast import forecast

        show([forecast(input, output, options)], as_json=told.as_json, several_machines=cluster is not None)
        return
    display, report = told.display, Report(told.report, told.profile)
    try:
        if cluster is not None:
            result = _on_cluster(input, output, options, cluster, told)
        else:
            with ProgressBar(input, display) as bar:
                result = run(input, output, options, bar.update)
    except Exception as error:
        failed = FileOutcome.failed(input, output or "", error)
        _reported(report, failed)
        display.ended(failed)
        raise
    done = told.complete(FileOutcome.done(result.input, result.output, result))
    _reported(report, done)
    if told.as_json and done.result is not None:
        click.echo(json.dumps({**done.result.as_json(), "profile": told.profile}))
    display.warnings(result.input, result.warnings)
    display.ended(done)
    display.summary(result)
    if told.profile is not None and display.verbose:
        display.line(f"  profile {told.profile}")


def _reported(report: Report, outcome: FileOutcome) -> None:
    report.add(outcome)
    report.finish([outcome])


def _on_cluster(input: str, output: str | None, options: BoostOptions, cluster: ClusterOptions, told: Told) -> Result:
    from frame_booster.cli.cluster_progress import ClusterProgress
    from frame_booster.pipeline.cluster.run import boost_on_cluster

    with ClusterProgress(told.display, as_json=told.as_json) as progress:
        return boost_on_cluster(input, output, options, cluster, progress.update)


def boost_several(
    given: list[Given],
    output: str | None,
    options: BoostOptions,
    folder: FolderOptions,
    cluster: ClusterOptions | None,
    told: Told,
) -> None:
    """Boosts several inputs, or says what would be made of them; ends with the exit code of the first that failed.

    Raises:
      FrameBoosterError: nothing can be done.
    """
    from frame_booster.cli.progress import FolderProgress
    from frame_booster.pipeline.folder import FolderRun
    from frame_booster.pipeline.outcome import FileOutcome
    from frame_booster.pipeline.report import Report

    target = _target_of_several(given, output)
    if told.dry_run:
        from frame_booster.cli.dry_run import show
        from frame_booster.pipeline.forecast import forecasts

        found = forecasts(FolderRun(given, target, options, folder))
        show(found, as_json=told.as_json, several_machines=cluster is not None)
        return
    display, report = told.display, Report(told.report, told.profile, folder.retried)

    def heard(progress: Callable[[Path, Progress | FileOutcome], None], path: Path, news: Any) -> None:
        if isinstance(news, FileOutcome):
            report.add(told.complete(news))
        progress(path, news)

    with ExitStack() as shown:
        if cluster is not None:
            from frame_booster.cli.cluster_progress import ClusterProgress
            from frame_booster.pipeline.cluster.run import boost_folder_on_cluster

            on_cluster = shown.enter_context(ClusterProgress(display, as_json=told.as_json))
            run = FolderRun(given, target, options, folder, partial(heard, on_cluster.ended))
            work: Callable[[], Any] = partial(boost_folder_on_cluster, run, cluster, on_cluster.update)
        else:
            progress = shown.enter_context(FolderProgress(display))
            run = FolderRun(given, target, options, folder, partial(heard, progress.update))
            progress.begin(len(run.files))
            work = run.run
        warning = run.space_warning()
        if warning is not None:
            display.line(f"frame-booster: warning: {warning}")
        try:
            work()
        finally:
            report.finish([told.complete(outcome) for outcome in run.outcomes])
    if told.as_json:
        click.echo(json.dumps([told.complete(outcome).as_json() for outcome in run.outcomes]))
    _sum_up(run.outcomes, display)
    failed = [outcome for outcome in run.outcomes if outcome.outcome == "failed"]
    if failed:
        raise SystemExit(failed[0].exit_code)


def _sum_up(outcomes: list[FileOutcome], display: Display) -> None:
    for outcome in outcomes:
        detail = outcome.error or ("" if outcome.result is None else f"{outcome.result.frames_out} frames")
        # The summary line starts with the input already.
        detail = detail.removeprefix(f"{outcome.input}: ")
        display.line(f"{outcome.outcome:<8}{outcome.input}  {detail}".rstrip())
        for warning in () if outcome.result is None else outcome.result.warnings:
            display.line(f"        warning: {warning}")
    results = [outcome.result for outcome in outcomes if outcome.result is not None]
    stages = sum((result.stages for result in results), StageTimes())
    shares = busy(stages, sum(result.seconds for result in results))
    well = sum(outcome.outcome != "failed" for outcome in outcomes)
    display.line(f"{well} of {len(outcomes)} files done{shares}")
    if display.verbose:
        display.line(seconds_of(stages))


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
        raise InputError("is one output, but several inputs need a folder", path=target, hint="for example -o out/")
    return target


def _is_tree(given: list[Given]) -> bool:
    return len(given) == 1 and Path(given[0].text).is_dir()


def check_standard_files(given: list[Given], output: str | None, *, as_json: bool, video: bool) -> None:
    """Checks, before any work is done, that standard input and output are there where the run is to use them.

    Args:
      given: the inputs.
      output: where the results go.
      as_json: whether the report goes to standard output.
      video: whether one is made, and not only looked ahead to.

    Raises:
      FrameBoosterError: the program was started without one of them, or two things are to go to standard output.
    """
    from frame_booster.media.paths import PIPE, output_path

    read = any(one.text == "-" for one in given)
    if read and was_closed(0):
        raise InputError("standard input is closed", hint="start without <&-, or use a file")
    written = output_path(output) == PIPE if output is not None else read
    if as_json and video and written:
        raise InputError(
            "--json and a video cannot both go to standard output", hint="use --report FILE instead of --json"
        )
    if as_json or written:
        check_open()


def check_report(report: Path | None, given: list[Given], output: str | None) -> None:
    """Checks that the report can be written, before any work is done.

    Raises:
      InputError: it cannot, it is an input or the output, or something else than a report stands there.
    """
    if report is None:
        return
    from frame_booster.media.paths import check_name, input_path
    from frame_booster.pipeline.report import check_replaceable

    if str(report) == "-":
        raise InputError("--report needs the name of a file", hint="for standard output, use --json")

    check_name(report)
    for other in (*(input_path(one.text) for one in given), *([] if output is None else [Path(output)])):
        if report.absolute() == other.absolute() or (report.exists() and other.exists() and report.samefile(other)):
            raise InputError(
                "the report would replace the input or the output", path=report, hint="use another name for --report"
            )
    place = report if report.exists() else report.absolute().parent
    if not place.exists():
        raise InputError("the report cannot be written: no such folder", path=report, hint="create the folder first")
    if told := not_writable(place):
        raise InputError(f"the report cannot be written: {told[0]}", path=report, hint=told[1])
    check_replaceable(report)
