"""Progress of a run on a cluster: a bar over everything on a terminal, plain lines elsewhere, and JSON lines."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from io import TextIOBase
from pathlib import Path
from types import TracebackType
from typing import Any

import click
from tqdm import tqdm

from frame_booster.cli.display import Display
from frame_booster.cli.progress import PLAIN_EVERY_S
from frame_booster.errors import printable
from frame_booster.pipeline.cluster.news import ClusterNow, News, Warned
from frame_booster.pipeline.job import Progress
from frame_booster.pipeline.outcome import FileOutcome

_JSON_EVERY_S = 2.0


class _Nowhere(TextIOBase):
    """Takes what is written, and keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


class ClusterProgress:
    """Shows what the head of a cluster tells; meanwhile, standard output is its alone.

    Ray prints the logs of machines that it has lost there, whatever it is told; their loss is told as a warning.

    Args:
      display: in what form on stderr.
      as_json: write a line of JSON to stdout for every piece of news.
    """

    def __init__(self, display: Display, *, as_json: bool) -> None:
        self._display, self._form, self._as_json = display, display.form, as_json
        self._out = sys.stdout
        self._nowhere = redirect_stdout(_Nowhere())
        self._bar: tqdm[Any] | None = None
        self._plain_at, self._json_at = PLAIN_EVERY_S, 0.0

    def update(self, news: News) -> None:
        """Shows a piece of news."""
        if isinstance(news, Warned) or news.seconds >= self._json_at:
            if isinstance(news, ClusterNow):
                self._json_at = news.seconds + _JSON_EVERY_S
            self._display.event(**news.as_json())
            if self._as_json:
                click.echo(json.dumps(news.as_json()), file=self._out)
        if isinstance(news, Warned):
            if not self._display.quiet and self._form != "json":
                self._say(f"frame-booster: {news.text}")
        elif self._form == "bar":
            self._show(news)
        elif self._form == "plain" and news.seconds >= self._plain_at:
            self._plain_at = news.seconds + PLAIN_EVERY_S
            self._say(_line(news))

    def ended(self, path: Path, news: Progress | FileOutcome) -> None:
        """Shows what became of a file of a folder."""
        if isinstance(news, FileOutcome):
            if self._as_json:
                click.echo(json.dumps({"event": "file", **news.as_json()}), file=self._out)
            self._display.warnings_as_events(news)
            self._display.ended(news)
            if self._form in ("bar", "plain"):
                self._say(f"{path}: {news.outcome}")

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(printable(text), file=sys.stderr)
        else:
            print(printable(text), file=sys.stderr, flush=True)

    def _show(self, now: ClusterNow) -> None:
        if self._bar is None:
            self._bar = tqdm(total=now.total, desc="cluster", unit="frame", file=sys.stderr)
        self._bar.total = now.total
        busy = [worker for worker in now.workers if worker.segment is not None]
        files = f", {now.files_done} of {now.files} files" if now.files > 1 else ""
        self._bar.set_postfix_str(f"{len(busy)} workers{files}", refresh=False)
        self._bar.update(now.frames - self._bar.n)

    def __enter__(self) -> ClusterProgress:
        self._nowhere.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._nowhere.__exit__(kind, error, trace)
        if self._bar is not None:
            self._bar.close()


def _line(now: ClusterNow) -> str:
    """Returns one line: how far it is, and who works on what."""
    of = "" if now.total is None else f" of {now.total}"
    left = "" if now.eta_s is None else f", {now.eta_s:.0f} s left"
    files = f", {now.files_done} of {now.files} files" if now.files > 1 else ""
    at = [f"{w.host}/{w.worker} {Path(w.file).name}#{w.segment}" for w in now.workers if w.segment is not None]
    shown = ", ".join(at[:8]) + (f" and {len(at) - 8} more" if len(at) > 8 else "")
    waiting = f"; {now.waiting} workers wait for free resources" if now.waiting and not at else ""
    return f"cluster: {now.frames}{of} frames, {now.fps:.2f} fps{left}{files}: {shown or 'no worker yet'}{waiting}"
