"""Entry points of runs on a cluster: one file, or the files of a folder."""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError, Interrupted, ModelError, OutputError
from frame_booster.media.input.pictures import files_of
from frame_booster.media.output.atomic import make_folder
from frame_booster.media.output.refusals import cannot_write
from frame_booster.media.paths import check_input, input_path, is_pipe
from frame_booster.options import BoostOptions
from frame_booster.pipeline.boost import opened_run
from frame_booster.pipeline.cluster.connection import connected, ray_module
from frame_booster.pipeline.cluster.head import Ended, Head
from frame_booster.pipeline.cluster.hiring import Place
from frame_booster.pipeline.cluster.machines import Machine, ask, check_alike, kinds, this_machine
from frame_booster.pipeline.cluster.messages import Setup
from frame_booster.pipeline.cluster.news import News, Warned
from frame_booster.pipeline.cluster.options import CPUS, ClusterOptions
from frame_booster.pipeline.cluster.worker import Worker
from frame_booster.pipeline.destination import destination
from frame_booster.pipeline.earlier_results import made_again
from frame_booster.pipeline.folder import FolderRun
from frame_booster.pipeline.outcome import FileOutcome
from frame_booster.pipeline.result import Result

_CALLS = 8
"""Concurrent calls of a worker's methods: a task, and requests for progress and chunks meanwhile."""


def boost_on_cluster(
    source: str,
    output: str | None,
    options: BoostOptions,
    cluster: ClusterOptions,
    news: Callable[[News], None] = lambda _: None,
) -> Result:
    """Multiplies the frame rate of a video on all machines of a cluster; like `boost.run` with `resume`.

    Args:
      source, output: paths of files; the source may be a URL. All workers read the source by this path.
      options: options of the run; `resume` is implied.
      cluster: options of the cluster.
      news: called with progress and warnings.

    Raises:
      FrameBoosterError: any subclass. Finished segments are kept, and the same call resumes from them.
    """
    _check(options)
    ray_module()
    check_input(source)
    path = input_path(source)
    goes_to = destination(path, output, options)
    if is_pipe(path) or goes_to.pictures or is_pipe(goes_to.path):
        raise InputError("--cluster needs a file as input and a file as output")
    # Reports errors of the input and the options before workers are started.
    asked = replace(options, resume=True)
    with opened_run(source, output, asked, _not_here) as work:
        target = work.target
    ended: list[Ended] = []
    with connected(cluster.address) as (ray, alone):
        try:
            with _head(ray, alone, [(source, output, None)], [1], options, cluster, news, ended.append) as head:
                head.run()
        except Interrupted as error:
            if error.path is not None:
                raise
            raise Interrupted(
                f"{error.message}; the same command continues from the finished segments", path=target
            ) from error
    [end] = ended
    if end.error is not None:
        raise end.error
    assert end.result is not None
    return replace(end.result, warnings=[*head.warnings, *end.result.warnings])


def boost_folder_on_cluster(
    folder: FolderRun, cluster: ClusterOptions, news: Callable[[News], None] = lambda _: None
) -> list[FileOutcome]:
    """Boosts the videos of a folder on all machines of a cluster, the largest first; like `FolderRun.run`.

    Args:
      folder: the run on the folder.
      cluster: options of the cluster.
      news: called with progress and warnings.

    Raises:
      FrameBoosterError: the cluster cannot be used. Errors of a file are in its outcome instead.
    """
    _check(folder.options)
    ray_module()
    if folder.folder.watch or folder.folder.jobs > 1:
        raise InputError(
            "--cluster excludes --watch and --jobs",
            hint="it processes as many files at once as the workers can",
        )
    files, options = [], folder.options
    for path in sorted(folder.files, key=_bytes, reverse=True):
        target = folder.output_of(path)
        found = folder.left_alone(path, target)
        if isinstance(found, FileOutcome):
            folder.ended(path, found)
            continue
        if found is not None:
            news(Warned(f"{target}: {made_again(found)}"))
            # Only incomplete outputs are replaced: `left_alone` has skipped the complete ones.
            options = replace(options, overwrite=True)
        try:
            make_folder(target.parent)
        except OutputError as error:
            folder.ended(path, FileOutcome.failed(str(path), str(target), error))
            continue
        files.append((path, target))

    def ended(end: Ended) -> None:
        folder.ended(Path(end.source), _outcome(end))

    if files:
        named = [(str(path), str(target), folder.film_of(path)) for path, target in files]
        sizes = [_bytes(path) for path, _ in files]
        with connected(cluster.address) as (ray, alone):
            try:
                with _head(ray, alone, named, sizes, options, cluster, news, ended) as head:
                    head.run()
            except Interrupted as error:
                done = sum(outcome.outcome == "done" for outcome in folder.outcomes)
                raise Interrupted(f"{error}; {done} of {len(folder.files)} files are done") from error
    return folder.outcomes


def _bytes(path: Path) -> int:
    """Returns the size of an input in bytes; 0 if it cannot be read, which its own run will report."""
    try:
        return sum(file.stat().st_size for file in files_of(path))
    except (OSError, InputError):
        return 0


def _outcome(end: Ended) -> FileOutcome:
    if end.error is None:
        assert end.result is not None
        return FileOutcome.done(end.source, end.output, end.result)
    return FileOutcome.failed(end.source, end.output, end.error)


def _not_here(_: BoostOptions) -> Any:
    raise AssertionError("the head has no use for a network")


def _check(options: BoostOptions) -> None:
    if options.device not in ("auto", "cpu", "gpu"):
        raise InputError(f"--cluster does not support --device {options.device}", hint="use auto, cpu or gpu")


@contextmanager
def _head(
    ray: Any,
    alone: bool,
    files: Sequence[tuple[str, str | None, Path | None]],
    sizes: Sequence[int],
    options: BoostOptions,
    cluster: ClusterOptions,
    news: Callable[[News], None],
    ended: Callable[[Ended], None],
) -> Iterator[Head]:
    """Checks the cluster and yields a head for it.

    Raises:
      FrameBoosterError: the cluster cannot be used.
    """
    if options.weights is not None:
        options = replace(options, weights=str(Path(options.weights).absolute()))
    if options.mask is not None:
        options = replace(options, mask=str(Path(options.mask).absolute()))
    nodes = [node for node in ray.nodes() if node["Alive"]]
    gpus = options.device == "gpu" or (options.device == "auto" and any(node["Resources"].get("GPU") for node in nodes))
    head = this_machine(options.model, options.weights)
    machines = ask(ray, nodes, options)
    check_alike(machines, head)
    said = _kinds(nodes, machines, gpus=gpus, strict=options.source.strict)
    for text in said:
        news(Warned(text))
    cpus = cluster.cpus or (1 if gpus else CPUS)
    room = _room(nodes, cpus, gpus=gpus)
    if alone and not sum(room.values()):
        hint = (
            "Ray sees no GPU; use --device cpu"
            if gpus
            else f"a worker needs {cpus} cores; set fewer with --cluster-cpus"
        )
        raise InputError("no worker fits on this machine", hint=hint)
    threads = options.threads or _threads(nodes, machines, cpus, gpus=gpus)
    setup = Setup(
        options=replace(options, device="gpu" if gpus else "cpu", threads=threads),
        sharers=max(room.values(), default=1) or 1,
        scratch=None if cluster.scratch is None else str(cluster.scratch.absolute()),
        token=f".frame-booster-{secrets.token_hex(8)}",
    )
    resources = {"num_cpus": cpus, "num_gpus": 1} if gpus else {"num_cpus": cpus}
    actor = ray.remote(max_restarts=0, max_task_retries=0, max_concurrency=_CALLS, **resources)(Worker)
    room_for = sum(room.values())
    place = Place(
        begin=actor.remote,
        capacity=room_for if cluster.workers is None else min(room_for, cluster.workers),
        grows=not alone,
        threads=threads,
        head=head,
    )
    made = Head(ray, place, setup, files, sizes, options, cluster, news, ended)
    made.warnings += said
    with _folder_in(cluster.scratch, setup.token):
        yield made


@contextmanager
def _folder_in(folder: Path | None, token: str) -> Iterator[None]:
    """Creates the run's subfolder in the shared folder, by which workers recognize it, and removes it at the end."""
    if folder is None:
        yield
        return
    try:
        (folder / token).mkdir()
    except OSError as error:
        raise cannot_write(error, folder) from error
    try:
        yield
    finally:
        shutil.rmtree(folder / token, ignore_errors=True)


def _room(nodes: Sequence[Mapping[str, Any]], cpus: int, *, gpus: bool) -> Counter[str]:
    """Returns for how many workers each machine has room; several nodes of Ray may be on one machine."""
    room: Counter[str] = Counter()
    for node in nodes:
        resources = node["Resources"]
        workers = int(resources.get("CPU", 0)) // cpus
        room[node["NodeManagerHostname"]] += min(workers, int(resources.get("GPU", 0))) if gpus else workers
    return room


def _threads(nodes: Sequence[Mapping[str, Any]], machines: Sequence[Machine], cpus: int, *, gpus: bool) -> int | None:
    """Returns the number of threads of a worker's decoder and encoder, on which the packets depend.

    None, the encoder's default, if all machines have equally many cores and a worker has all of its machine: packets
    then equal those of a run on one such machine.
    """
    cores = [machine.cores for machine in machines]
    if gpus:
        most = max((int(node["Resources"].get("GPU", 0)) for node in nodes), default=1)
        return None if most <= 1 and len(set(cores)) == 1 else max(min(cores) // max(most, 1), 1)
    return None if len(set(cores)) == 1 and cpus >= cores[0] else cpus


def _kinds(nodes: Sequence[Mapping[str, Any]], machines: Sequence[Machine], *, gpus: bool, strict: bool) -> list[str]:
    """Returns a warning if machines compute with different models of GPU or processor.

    Raises:
      ModelError: they do, and `strict` is set.
    """
    prefix = "accelerator_type:"
    accelerators = [
        name.removeprefix(prefix) for node in nodes for name in node["Resources"] if name.startswith(prefix)
    ]
    found = sorted(kinds(machines, accelerators, gpus=gpus))
    if len(found) < 2:
        return []
    text = f"the machines have different hardware ({', '.join(found)}): frames may differ in the last bits"
    if strict:
        raise ModelError(text, hint="without --strict this is only a warning")
    return [text]
