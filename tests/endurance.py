"""Twenty kills and twenty interruptions of the installed command at random moments: `python -m tests.endurance`."""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import decoded, make_video
from tests.stand_in import STAND_IN

BOOST = [sys.executable, "-m", "frame_booster"]


def make_source(folder: Path) -> Path:
    """Three minutes of video with sound."""
    return make_video(folder / "in.mp4", pts=range(1800), rate=10, size=(96, 64), tones=1, options={"crf": "20"})


def heed_interrupts() -> None:
    """Undoes what a shell does to a process in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def timed(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, timeout=600)
    return time.monotonic() - began


def wait_for_work(process: subprocess.Popen[bytes], output: Path) -> None:
    """Waits until the first segment is begun: before that, a run only loads."""
    folder = output.with_name(f".{output.name}.segments")
    while process.poll() is None and not any(folder.glob("*.partial")):
        time.sleep(0.02)


def kills(folder: Path, count: int, rng: random.Random) -> list[str]:
    """Kills a resumable run at a random moment and takes it up again; returns what went wrong."""
    source, wrong = make_source(folder), []
    command = [*BOOST, str(source), "--resume", "--segment", "5", "-q", "-y", "-o"]
    output = folder / "whole.mp4"
    process = subprocess.Popen([*command, str(output)])
    wait_for_work(process, output)
    begun = time.monotonic()
    process.wait()
    length = time.monotonic() - begun
    whole, frames = (folder / "whole.mp4").read_bytes(), decoded(folder / "whole.mp4")
    print(f"uninterrupted: {length:.1f} s of work, {len(frames)} frames", flush=True)
    for number in range(count):
        output = folder / f"out{number}.mp4"
        process = subprocess.Popen([*command, str(output)])
        wait_for_work(process, output)
        after = rng.uniform(0.0, 0.98) * length
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        state = folder / f".{output.name}.segments"
        held = len(list(state.glob("*.packets"))) if state.exists() else 0
        # A kill may come when all is done but Python's own end: then the whole file has its name already.
        early = output.exists() and output.read_bytes() != whole
        again = timed([*command, str(output)])
        same = output.read_bytes() == whole and decoded(output) == frames
        print(f"kill {number} after {after:.1f} s: {held} segments held, {again:.1f} s more, same {same}", flush=True)
        if not same or early or state.exists():
            wrong.append(f"kill {number}: same {same}, final name too early {early}, segments left {state.exists()}")
        output.unlink()
    return wrong


def interruptions(folder: Path, count: int, rng: random.Random) -> list[str]:
    """Interrupts a run at a random moment; returns what went wrong."""
    source, wrong = make_source(folder), []
    output = folder / "out.mp4"
    length = timed([*BOOST, str(source), "-o", str(output), "-q"])
    output.unlink()
    for number in range(count):
        process = subprocess.Popen([*BOOST, str(source), "-o", str(output), "-q"], stderr=subprocess.PIPE, text=True)
        # Earlier than this Python itself is still starting, and ends as Python does.
        time.sleep(rng.uniform(0.4, 0.95) * length)
        kind = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        asked = time.monotonic()
        process.send_signal(kind)
        _, message = process.communicate(timeout=60)
        took = time.monotonic() - asked
        if output.exists() and process.returncode in (0, -kind):
            # The signal came when all was done: it ended nothing but Python's own end.
            print(f"{kind.name} {number}: the run was faster", flush=True)
            output.unlink()
            continue
        left = sorted(p.name for p in folder.iterdir() if p != source)
        print(f"{kind.name} {number}: exit {process.returncode} after {took:.2f} s, {message.strip()}", flush=True)
        if process.returncode != 130 or left or message.count("\n") != 1 or took > 2.0:
            wrong.append(f"{kind.name} {number}: exit {process.returncode}, {took:.2f} s, left {left}, {message!r}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["kills", "interruptions"])
    parser.add_argument("--stand-in", action="store_true", help="the mean of both frames in place of the network")
    arguments = parser.parse_args()
    if arguments.stand_in:
        BOOST[:] = STAND_IN
    # Children begin with it heeded, too.
    heed_interrupts()
    wrong = []
    for experiment in (interruptions, kills):
        if arguments.only not in (None, experiment.__name__):
            continue
        with tempfile.TemporaryDirectory() as folder:
            wrong += experiment(Path(folder), arguments.count, random.Random(arguments.seed))
    print("\n".join(wrong) or "all as it must be")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
