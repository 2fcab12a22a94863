"""`--dry-run`: what would be made of each input, for people or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta

import click

from frame_booster.errors import printable
from frame_booster.pipeline.forecast import Forecast
from frame_booster.pipeline.space import shown_bytes


def show(forecasts: Iterable[Forecast], *, as_json: bool, several_machines: bool = False) -> None:
    """Prints forecasts to standard output, each as it is found; ends with the exit code of the first refusal.

    Args:
      forecasts: of the inputs.
      as_json: as one list, for scripts.
      several_machines: the run would have more than this one, on which all times are.
    """
    found = []
    for one in forecasts:
        found.append(one)
        if not as_json:
            click.echo("\n".join(map(printable, _lines(one, several_machines))))
    if as_json:
        click.echo(json.dumps([one.as_json() for one in found]))
    elif len(found) > 1:
        click.echo(_total(found, several_machines))
    refused = [one for one in found if one.outcome == "refused"]
    if refused:
        raise SystemExit(refused[0].exit_code)


ALONE = " on this machine alone"
"""Said of a time where others would help: how fast they are shows when they work."""


def _lines(one: Forecast, several_machines: bool) -> list[str]:
    if one.outcome == "skipped":
        return [f"{one.input}: would be skipped: {one.output} is complete"]
    if one.outcome == "refused":
        why = (one.error or "").removeprefix(f"{one.input}: ")
        return [f"{one.input}: would fail with exit code {one.exit_code}: {why}"]
    rate = "an unknown rate" if one.rate is None else f"{float(one.rate):.6g} fps"
    lasts = "" if one.duration is None else f", {float(one.duration):.2f} s"
    frames = "unknown" if one.frames_out is None else f"{one.frames_out} frames from {one.frames_in}"
    size = "unknown" if one.bytes is None else f"about {shown_bytes(one.bytes)}"
    free = "" if one.free is None else f", {shown_bytes(one.free)} free"
    time = "unknown" if one.seconds is None else f"about {_time(one.seconds)} with {one.engine} ({one.speed})"
    alone = ALONE if several_machines and one.seconds is not None else ""
    return [
        f"{one.input} -> {one.output}",
        f"  frames   {frames} at {rate}{lasts}",
        f"  video    {one.width}x{one.height}, {one.codec} in {one.pix_fmt}, {one.container or 'pictures'}",
        f"  size     {size}{free}",
        f"  time     {time}{alone}",
        *(f"  {_stream(facts)}" for facts in one.streams),
        *(f"  warning: {text}" for text in one.warnings),
    ]


def _stream(facts: dict[str, object]) -> str:
    codec = f" ({facts['codec']})" if facts.get("codec") else ""
    return f"stream {facts['index']}  {facts['type']}{codec}: {facts['becomes']}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else _hours(seconds)


def _hours(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds / 60) * 60)).removesuffix(":00") + " h"


def _total(found: list[Forecast], several_machines: bool) -> str:
    planned = [one for one in found if one.outcome == "planned"]
    sizes, times = ([value for one in planned if (value := of(one)) is not None] for of in (_bytes, _seconds))
    alone = ALONE if several_machines else ""
    of_all = "" if len(sizes) == len(planned) == len(times) else ", where known"
    total = f"about {shown_bytes(int(sum(sizes)))} in {_time(sum(times))}{alone}{of_all}" if planned else "nothing"
    return f"{len(planned)} of {len(found)} inputs would be processed: {total}"


def _bytes(one: Forecast) -> float | None:
    return one.bytes


def _seconds(one: Forecast) -> float | None:
    return one.seconds
