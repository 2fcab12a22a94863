"""How a run is told on standard error: lines for people, or lines of JSON for programs, never both."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from frame_booster.errors import printable
from frame_booster.pipeline.stage_times import AT_ONCE, StageTimes

if TYPE_CHECKING:
    from frame_booster.pipeline.outcome import FileOutcome
    from frame_booster.pipeline.result import Result

WORDS = {
    "load": "loading",
    "decode": "decoding",
    "pair": "comparing",
    "network": "network",
    "encode": "encoding",
    "join": "joining",
    "check": "checking",
}
"""The stages as people are told of them."""


@dataclass(frozen=True)
class Display:
    """What is shown of a run, and in what form.

    Args:
      style: "bar", "plain", "json" or "none"; "auto" is a bar on a terminal and plain lines elsewhere.
      quiet: whether people are told nothing but errors; lines of JSON are written all the same.
      verbose: whether they are told how busy each stage is.
    """

    style: str = "auto"
    quiet: bool = False
    verbose: bool = False

    @property
    def form(self) -> str:
        """The style, with "auto" and quietness resolved: "bar", "plain", "json" or "none"."""
        if self.style == "json":
            return "json"
        if self.quiet:
            return "none"
        if self.style == "auto":
            return "bar" if sys.stderr.isatty() else "plain"
        return self.style

    def event(self, event: str, **facts: Any) -> None:
        """Writes a line of JSON, where those are wanted."""
        if self.style == "json":
            click.echo(json.dumps({"event": event, **facts}), err=True)

    def line(self, text: str) -> None:
        """Writes a line for people."""
        if not self.quiet and self.style != "json":
            click.echo(printable(text), err=True)

    def warnings(self, file: str | None, texts: Sequence[str]) -> None:
        """Tells what there is to warn of, in a file or, where that is None, in the run as a whole."""
        about = {} if file is None else {"file": file}
        for text in texts:
            self.event("warning", **about, message=text)
            self.line(f"frame-booster: warning: {text}")

    def warnings_as_events(self, outcome: FileOutcome) -> None:
        """Tells programs what there is to warn of; people are told when all files have ended."""
        for text in () if outcome.result is None else outcome.result.warnings:
            self.event("warning", file=outcome.input, message=text)

    def ended(self, outcome: FileOutcome) -> None:
        """Tells programs what became of an input."""
        self.event("end", file=outcome.input, **outcome.as_json())

    def summary(self, result: Result) -> None:
        """Tells in one line what was made, in what time, and what took it; with --verbose, the seconds as well."""
        if self.quiet or self.style == "json":
            return
        rate = f" at {float(result.rate):.6g} fps" if result.rate else ""
        where = "standard output" if result.output == "-" else result.output
        self.line(
            f"{where}: {result.frames_out} frames{rate} from {result.frames_in} in {result.seconds:.1f} s"
            f"{busy(result.stages, result.seconds)}{self._faster(result)}"
        )
        if self.verbose:
            self.line(seconds_of(result.stages))

    @staticmethod
    def _faster(result: Result) -> str:
        """Returns the encoder in hardware that would help: where encoding was slowest, and only one that works here."""
        if result.stages.slowest != "encode" or not Path(result.output).is_file():
            return ""
        from frame_booster.media.output.hardware import usable_hardware_encoder

        name = usable_hardware_encoder(Path(result.output))
        return "" if name is None else f"; encoding was the slowest stage, and --codec {name} works on this machine"


def busy(stages: StageTimes, seconds: float) -> str:
    """Returns "; busy: network 97 %, encoding 40 %": the stages with the share of the time in which each was at work.

    They work at the same time, so the shares may exceed 100 % in all. Empty where no share is of 1 % or more.
    """
    shares = sorted(stages.shares(seconds).items(), key=lambda item: -item[1])
    told = [f"{WORDS[name]} {share:.0%}".replace("%", " %") for name, share in shares if share >= 0.01]
    return f"; busy: {', '.join(told)}" if told else ""


def seconds_of(stages: StageTimes) -> str:
    """Returns the seconds of all stages that have worked, and which of those at the same time was slowest."""
    told = [f"{WORDS[name]} {s:.2f} s" for name, s in stages.as_json().items() if s]
    slowest = stages.slowest
    return f"  {', '.join(told)}; slowest: {WORDS[slowest]}" if slowest else f"  {', '.join(told) or 'no work'}"


def live(stages: StageTimes, seconds: float) -> str:
    """Returns "slowest network 97%, encoding 40%", of the stages that work at the same time, for the bar."""
    shares = stages.shares(seconds)
    told = sorted(((shares.get(name, 0.0), name) for name in AT_ONCE), reverse=True)
    # Comparing frames takes little, and is told of where it takes most.
    words = ", ".join(
        f"{WORDS[n]} {share:.0%}" for k, (share, n) in enumerate(told) if share and (n != "pair" or not k)
    )
    return f"slowest {words}" if words else ""
