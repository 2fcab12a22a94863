"""Damaged inputs, by the hundred: `python -m tests.fuzz --count 500`.

Every mutation (flipped bytes, a cut-off end, a hole, two files spliced) of ten small files goes through the whole
pipeline in a process that is killed when it hangs. What must hold: it ends in time; it ends well or with an error of
ours, never with another exception or a crash; and no run that ends well has lost frames without a word.
"""

from __future__ import annotations

import argparse
import collections
import json
import queue
import random
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

LIMIT_S = 60.0
FRAMES = 12
NO_LENGTH = frozenset({".ts", ".nut", ".h264", ".flv", ".gif"})
"""Kinds that do not tell how long they are: what is missing at their end cannot be known."""
TOLERANCE = {".mkv": 2, ".webm": 2}
"""Frames that may be missing at the end of kinds that tell a length to the frame's duration only."""


def make_inputs(folder: Path) -> list[Path]:
    """Writes ten small files of twelve frames each, of as many kinds."""
    from tests.conftest import make_video

    small = {"g": "4", "preset": "ultrafast"}
    return [
        make_video(folder / "a.mp4", pts=range(FRAMES), options=small, tones=1),
        make_video(folder / "b.mkv", pts=range(FRAMES), options=small, tones=1),
        make_video(folder / "c.webm", pts=range(FRAMES), codec="libvpx-vp9", options={"cpu-used": "8", "g": "4"}),
        make_video(folder / "d.avi", pts=range(FRAMES), codec="mpeg4", options={"g": "4"}),
        make_video(folder / "e.ts", pts=range(FRAMES), codec="mpeg2video", options={"g": "4"}),
        make_video(folder / "f.nut", pts=range(FRAMES), codec="ffv1", options={"g": "1"}),
        make_video(folder / "g.gif", pts=range(FRAMES), codec="gif", pix_fmt="gray"),
        make_video(folder / "h.mov", pts=range(FRAMES), codec="prores_ks", pix_fmt="yuv422p10le"),
        make_video(folder / "i.h264", pts=range(FRAMES), options=small),
        make_video(folder / "j.flv", pts=range(FRAMES), codec="flv1", options={"g": "4"}),
    ]


def mutate(data: bytes, other: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Returns what was done to a file, and the result."""
    kind = rng.choice(["flip", "flip", "header", "cut", "hole", "splice"])
    changed = bytearray(data)
    if kind in ("flip", "header"):
        end = 256 if kind == "header" else len(changed)
        for _ in range(rng.choice([1, 4, 30])):
            changed[rng.randrange(min(end, len(changed)))] = rng.randrange(256)
    elif kind == "cut":
        del changed[rng.randrange(len(changed)) :]
    elif kind == "hole":
        start = rng.randrange(len(changed))
        del changed[start : start + rng.randrange(1, max(2, len(changed) // 4))]
    else:
        changed = bytearray(data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :])
    return kind, bytes(changed)


def work() -> None:
    """Boosts the files named on standard input, one after the other, and tells how each ended."""
    from frame_booster.errors import FrameBoosterError
    from tests.conftest import boosted

    for line in sys.stdin:
        path = Path(line.strip())
        output = path.with_suffix(".out.mkv")
        try:
            result = boosted(path, output, allow_drop=True)
            record: dict[str, Any] = {
                "end": "done",
                "frames": result.frames_in,
                "told": bool(result.decode_errors or result.warnings),
            }
        except FrameBoosterError as error:
            record = {"end": "refused", "error": type(error).__name__, "text": str(error)}
            if output.exists():
                record = {"end": "left a file", "text": str(error)}
        # Whatever else comes out is what this looks for.
        except BaseException as error:
            record = {"end": "exception", "error": type(error).__name__, "text": repr(error)}
        output.unlink(missing_ok=True)
        print(json.dumps(record), flush=True)


class Worker:
    """A process that boosts; started again after it hung or died."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz", "--work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).resolve().parents[1],
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, args=(self._process, self._answers), daemon=True).start()

    @staticmethod
    def _listen(process: Any, answers: queue.Queue[str]) -> None:
        for line in process.stdout:
            answers.put(line)
        answers.put("")

    def ask(self, path: Path) -> dict[str, Any]:
        """Returns how the run with a file ended."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        try:
            answer = self._answers.get(timeout=LIMIT_S)
        except queue.Empty:
            answer = '{"end": "hang"}'
            self.stop()
            self._start()
        if not answer:
            code = self._process.wait()
            self._start()
            return {"end": "crash", "text": f"exit {code}"}
        found: dict[str, Any] = json.loads(answer)
        return found

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def fuzz(count: int, seed: int = 1) -> tuple[collections.Counter[str], list[str]]:
    """Runs `count` mutations.

    Returns:
      How many ended how, and a line about each that broke a rule.
    """
    ends: collections.Counter[str] = collections.Counter()
    broken = []
    worker = Worker()
    with tempfile.TemporaryDirectory() as folder:
        inputs = make_inputs(Path(folder))
        for number in range(count):
            rng = random.Random(seed * 100_003 + number)
            source, other = inputs[number % len(inputs)], rng.choice(inputs)
            kind, data = mutate(source.read_bytes(), other.read_bytes(), rng)
            path = Path(folder) / f"mutated{source.suffix}"
            path.write_bytes(data)
            record = worker.ask(path)
            end = record["end"]
            lost = FRAMES - record.get("frames", FRAMES) > TOLERANCE.get(source.suffix, 0)
            if end == "done" and lost and not record["told"]:
                end = "nothing known" if source.suffix in NO_LENGTH else "silent loss"
            ends[end] += 1
            if end not in ("done", "refused", "nothing known"):
                broken.append(f"mutation {number} (seed {seed}, {kind} of {source.name}): {end}: {record}")
    worker.stop()
    return ends, broken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work()
        return
    ends, broken = fuzz(arguments.count, arguments.seed)
    print(dict(ends))
    print("\n".join(broken))
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
