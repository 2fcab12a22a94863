"""Runs on a Ray cluster of three nodes on this machine, with kills: `python -m tests.cluster PART ...` (minutes each).

Parts: `equal` (the trained network: file and folder against one machine), `kills` (a node and a worker at random
moments), `head` (the command itself killed and taken up), `hang` (a worker that stands still), `interrupt` (Ctrl-C),
`overhead` (1, 2 and 4 workers against the ideal), `memory` (of the head over many segments), `address` (by HTTP, with
the bytes that were sent), `client` (by ray://).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import make_video
from tests.http_server import served
from tests.stand_in import ROOT, STAND_IN
from tests.stand_in_worker import FRAME_S

TRAINED = (sys.executable, "-m", "frame_booster")
STORE = 80 << 20
ALIKE = ("--threads", "1")
"""By which one machine does what workers of one core do, as the report says."""


@contextmanager
def cluster_of(nodes: int, cpus: int = 1, frame_s: float = 0.0) -> Iterator[Any]:
    """Gives a cluster of so many nodes on this machine, beside one that has no cores."""
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ[FRAME_S] = str(frame_s)
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False},
    )
    try:
        for _ in range(nodes):
            made.add_node(num_cpus=cpus, object_store_memory=STORE)
        yield made
    finally:
        made.shutdown()


def on(cluster: Any, command: tuple[str, ...], *arguments: Any) -> list[str]:
    """The command that works on a cluster, with workers of one core."""
    return [*command, *map(str, arguments), "--cluster", cluster.address, "--cluster-cpus", "1"]


def timed(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, timeout=900)
    return time.monotonic() - began


def same(first: Path, second: Path) -> bool:
    return first.read_bytes() == second.read_bytes()


def workers_of(cluster: Any) -> list[psutil.Process]:
    """Processes that are workers of the run."""
    found = []
    for node in cluster.list_all_nodes():
        for info in node.all_processes.get("raylet", []):
            found += [p for p in psutil.Process(info.process.pid).children(recursive=True) if _is_worker(p)]
    return found


def kill_machine(cluster: Any, node: Any) -> None:
    """Ends all processes of a node at once, as when the power fails."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    for process in [raylet, *raylet.children(recursive=True)]:
        process.kill()
    cluster.remove_node(node, allow_graceful=False)


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "Worker" in (name := process.cmdline()[0]) and "ray::" in name
    except (psutil.Error, IndexError):
        return False


def wait_for(what: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Waits until something is true, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise TimeoutError("it did not come to pass")


def _any_part(state: Path, more_than: int = 0) -> bool:
    """Tells whether there are more segments than so many."""
    return len(list(state.glob("part*.packets"))) > more_than


def part_equal(folder: Path, _: argparse.Namespace) -> None:
    """The trained network: a file, and a folder."""
    clips = folder / "clips"
    clips.mkdir()
    for number, frames in enumerate((70, 40, 12)):
        make_video(clips / f"{number}.mp4", pts=range(frames), rate=10, size=(96, 64), tones=1, cut_at=17)
    with cluster_of(3) as cluster:
        arguments = ("--segment", "2", "-q")
        done = subprocess.run(
            on(cluster, TRAINED, clips / "0.mp4", "-o", folder / "there.mp4", "--json", *arguments),
            check=True,
            capture_output=True,
            text=True,
        )
        facts = json.loads(done.stdout.splitlines()[-1])["cluster"]
        print("report:", facts)
        flags = facts["same_as"].split()
        alone = [*TRAINED, str(clips / "0.mp4"), "-q", *flags, "-o", str(folder / "alone.mp4")]
        subprocess.run(alone, check=True)
        print("a file, with the report's flags: the same bytes:", same(folder / "there.mp4", folder / "alone.mp4"))
        report = folder / "report.json"
        subprocess.run(on(cluster, TRAINED, clips, "-o", folder / "many", "--report", report, *arguments), check=True)
    for clip in sorted(clips.iterdir()):
        own = folder / f"own-{clip.name}"
        subprocess.run([*TRAINED, str(clip), "-q", *flags, "-o", str(own)], check=True)
        print(f"folder, {clip.name}: the same bytes:", same(own, folder / "many" / clip.name))
    files = [Path(file["input"]).name for file in json.loads(report.read_text())["files"]]
    print("folder, in the order of their ends:", files)


def _source(folder: Path, frames: int = 400, name: str = "in.mp4") -> Path:
    return make_video(folder / name, pts=range(frames), rate=10, size=(96, 64), tones=1, options={"crf": "20"})


def part_kills(folder: Path, asked: argparse.Namespace) -> None:
    """A worker or a node is killed at a random moment, again and again."""
    source, rng = _source(folder), random.Random(asked.seed)
    alone, wrong = folder / "alone.mp4", 0
    timed([*STAND_IN, str(source), "--resume", "--segment", "2", *ALIKE, "-q", "-o", str(alone)])
    with cluster_of(3, frame_s=0.05) as cluster:
        command = on(cluster, STAND_IN, source, "--segment", "2", "-q", "--json", "-o", folder / "whole.mp4")
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        length = json.loads(done.stdout.splitlines()[-1])["seconds"]
        print(f"without kills: {length:.1f} s of work, the same bytes: {same(alone, folder / 'whole.mp4')}", flush=True)
        for number in range(asked.count):
            output = folder / f"out{number}.mp4"
            process = subprocess.Popen(
                on(cluster, STAND_IN, source, "--segment", "2", "-o", output, "--json"),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            state = output.with_name(f".{output.name}.segments")
            wait_for(state.exists)
            time.sleep(rng.uniform(0.0, 0.95 * length))
            kind = ("worker", "node")[number % 2]
            if process.poll() is None:
                if kind == "node":
                    node = rng.choice([n for n in cluster.list_all_nodes() if not n.is_head()])
                    kill_machine(cluster, node)
                else:
                    rng.choice(workers_of(cluster)).send_signal(signal.SIGKILL)
            made = len(list(state.glob("part*.packets"))) if state.exists() else 0
            told, _ = process.communicate(timeout=300)
            other = [line for line in told.splitlines() if not line.startswith("{")]
            assert not other, other
            lines = [json.loads(line) for line in told.splitlines()]
            warned = [line["message"][:110] for line in lines if line.get("event") == "warning"]
            well = process.returncode == 0 and same(alone, output) and not state.exists()
            again = lines[-1].get("cluster", {}).get("made_again")
            wrong += not well
            print(
                f"{number}: a {kind}, {made} segments then; made again {again}; the same bytes: {well}; {warned}",
                flush=True,
            )
            if kind == "node" and len(cluster.list_all_nodes()) < 4:
                cluster.add_node(num_cpus=1, object_store_memory=STORE)
    print(f"wrong: {wrong} of {asked.count}")


def part_head(folder: Path, asked: argparse.Namespace) -> None:
    """The command is killed, and taken up by the same command."""
    source, rng, output = _source(folder), random.Random(asked.seed), folder / "out.mp4"
    alone = folder / "alone.mp4"
    timed([*STAND_IN, str(source), "--resume", "--segment", "0.5", *ALIKE, "-q", "-o", str(alone)])
    state = output.with_name(f".{output.name}.segments")
    with cluster_of(3, frame_s=0.05) as cluster:
        command = on(cluster, STAND_IN, source, "--segment", "0.5", "-q", "-o", output)
        for number in range(3):
            process = subprocess.Popen(command)
            wait_for(partial(_any_part, state, 2 + 9 * number))
            time.sleep(rng.uniform(0.0, 0.5))
            process.kill()
            process.wait()
            held = len(list(state.glob("part*.packets")))
            left = wait_for(lambda: not workers_of(cluster), 30.0)
            print(f"killed with {held} segments; output there: {output.exists()}; no worker left: {left}", flush=True)
        took = timed(command)
        print(f"taken up, {took:.1f} s; the same bytes: {same(alone, output)}; segments left: {state.exists()}")


def part_hang(folder: Path, asked: argparse.Namespace) -> None:
    """A worker stands still (SIGSTOP): it is replaced."""
    source, output = _source(folder, 200), folder / "out.mp4"
    alone = folder / "alone.mp4"
    timed([*STAND_IN, str(source), "--resume", "--segment", "2", *ALIKE, "-q", "-o", str(alone)])
    with cluster_of(2, frame_s=0.1) as cluster:
        process = subprocess.Popen(
            on(cluster, STAND_IN, source, "--segment", "2", "-o", output, "--json"), stdout=subprocess.PIPE, text=True
        )
        state = output.with_name(f".{output.name}.segments")
        wait_for(partial(_any_part, state))
        stopped = workers_of(cluster)[0]
        stopped.suspend()
        began = time.monotonic()
        told, _ = process.communicate(timeout=300)
        warned = [json.loads(line).get("message") for line in told.splitlines() if '"warning"' in line]
        print(f"stood still; done {time.monotonic() - began:.1f} s later; {warned}")
        print(f"the same bytes: {same(alone, output)}; it is gone: {not stopped.is_running()}")
        if stopped.is_running():
            stopped.resume()
            stopped.kill()


def part_interrupt(folder: Path, _: argparse.Namespace) -> None:
    """Ctrl-C: how soon the workers are gone, and the command."""
    source = _source(folder)
    with cluster_of(3, frame_s=0.2) as cluster:
        for address in (cluster.address, "local"):
            output = folder / f"{address.partition(':')[0]}.mp4"
            command = [*STAND_IN, str(source), "--segment", "2", "-o", str(output), "--cluster", address]
            process = subprocess.Popen([*command, "--cluster-cpus", "1"], stderr=subprocess.PIPE, text=True)
            state = output.with_name(f".{output.name}.segments")
            wait_for(partial(_any_part, state))
            parents = [psutil.Process(process.pid)] if address == "local" else []
            working = [c for p in parents for c in p.children(recursive=True)] or workers_of(cluster)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            psutil.wait_procs([p for p in working if "Worker" in p.name() or not parents], timeout=30)
            gone = time.monotonic() - began
            _, message = process.communicate(timeout=60)
            took = time.monotonic() - began
            print(
                f"{address}: workers gone after {gone:.2f} s, the command after {took:.2f} s, code {process.returncode}"
            )
            print(message.strip().splitlines()[-1])


def part_overhead(folder: Path, asked: argparse.Namespace) -> None:
    """Forty segments of a stand-in network whose frames take a fixed time, by 1, 2 and 4 workers."""
    segments, frames, frame_s = 40, 40, asked.frame_s
    source = _source(folder, segments * frames)
    made = segments * frames - 1
    for count in asked.workers:
        ideal = made * frame_s / count
        with cluster_of(count, frame_s=frame_s) as cluster:
            output = folder / f"out{count}.mp4"
            command = on(cluster, STAND_IN, source, "--segment", frames / 25, "-q", "-o", output, "--json")
            began = time.monotonic()
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            whole = time.monotonic() - began
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        # From the first segment that is handed out to the file's name: `seconds` begins when the file is opened.
        seconds = lines[-1]["seconds"]
        print(
            f"{count} workers: ideal {ideal:.1f} s, work {seconds:.1f} s ({seconds / ideal - 1:+.1%}), "
            f"the command as a whole {whole:.1f} s",
            flush=True,
        )


def part_memory(folder: Path, asked: argparse.Namespace) -> None:
    """The head's memory over many segments of a long file."""
    source = make_video(
        folder / "long.mkv", pts=range(10 * asked.segments), rate=10, size=(64, 48), options={"crf": "30"}
    )
    with cluster_of(2) as cluster:
        command = on(
            cluster, STAND_IN, source, "--segment", "0.4", "-q", "-o", folder / "out.mkv", "--preset", "ultrafast"
        )
        process = subprocess.Popen(command)
        head, state = psutil.Process(process.pid), folder / ".out.mkv.segments"
        told = -1
        while process.poll() is None:
            held = len(list(state.glob("part*.packets"))) if state.exists() else 0
            if held // (asked.segments // 10) > told:
                told = held // (asked.segments // 10)
                print(f"{held} segments: {head.memory_info().rss / 2**20:.0f} MiB", flush=True)
            time.sleep(0.25)
        print("code", process.returncode)


def part_address(folder: Path, _: argparse.Namespace) -> None:
    """The input by HTTP: what was sent, and to a worker that needs one segment."""
    source = make_video(folder / "in.mp4", pts=range(300), rate=10, size=(320, 192), tones=1, seed=1)
    alone = folder / "alone.mp4"
    timed([*STAND_IN, str(source), "--resume", "--segment", "5", *ALIKE, "-q", "-o", str(alone)])
    with served(folder) as (address, sent), cluster_of(2) as cluster:
        timed(on(cluster, STAND_IN, f"{address}/in.mp4", "--segment", "5", "-q", "-o", folder / "out.mp4"))
        size = source.stat().st_size
        whole = sum(end - begin for begin, end in sent)
        print(f"the same bytes: {same(alone, folder / 'out.mp4')}; {size} bytes, {whole} sent in {len(sent)} ranges")


def part_client(folder: Path, _: argparse.Namespace) -> None:
    """By ray://, from outside of the cluster."""
    source = _source(folder, 100)
    alone, output = folder / "alone.mp4", folder / "out.mp4"
    timed([*STAND_IN, str(source), "--resume", "--segment", "2", *ALIKE, "-q", "-o", str(alone)])
    os.environ["PYTHONPATH"] = str(ROOT)
    # As people do it: one token for the cluster, and for those who use it.
    os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex(32)
    ray = str(Path(sys.executable).with_name("ray"))
    begin = [ray, "start", "--head", "--block", "--num-cpus=2", "--port=9379", "--ray-client-server-port=21001"]
    head = subprocess.Popen([*begin, "--include-dashboard=false", f"--object-store-memory={STORE}"])
    try:
        wait_for(partial(_answers, 21001))
        time.sleep(5)
        command = [*STAND_IN, str(source), "--segment", "2", "-o", str(output), "--cluster", "ray://127.0.0.1:21001"]
        timed([*command, "--cluster-cpus", "1"])
        print("the same bytes:", same(alone, output))
    finally:
        head.terminate()
        head.wait(60)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {name.removeprefix("part_"): part for name, part in globals().items() if name.startswith("part_")}
    parser.add_argument("parts", nargs="+", choices=list(parts))
    parser.add_argument("--count", type=int, default=10, help="kills")
    parser.add_argument("--segments", type=int, default=2000, help="of the long file")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="of the runs for overhead")
    parser.add_argument("--frame-s", type=float, default=0.15, help="time of a frame there, s")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    # What a shell in the background ignores.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in asked.parts:
        print(f"== {name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            parts[name](Path(folder), asked)


if __name__ == "__main__":
    main()
