"""From errors to one line on stderr and an exit code."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import click

from frame_booster.cli.lasting_stderr import lasting_stderr
from frame_booster.cli.told_stdout import ReaderGoneError
from frame_booster.errors import FrameBoosterError, Interrupted, OutputError, as_known
from frame_booster.process_end import end_at_once

TRACEBACK = "FRAME_BOOSTER_TRACEBACK"
"""Environment variable by which an unexpected error shows where it came from."""
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Of Ctrl-C, of the system, of a terminal that is closed, of Ctrl-Break on Windows."""


@contextmanager
def reported(*, program: str = "frame-booster", as_json: bool = False, lines: bool = False) -> Iterator[None]:
    """Ends the program with an error's exit code and one line about it; no traceback for a user's mistake.

    Args:
      program: the name that the line begins with.
      as_json: write the error to stdout as a JSON object, too.
      lines: write it to stderr as a line of JSON instead of one for people.
    """
    take_signals()
    _silence_libraries()
    with lasting_stderr(), ended_by_errors(program, as_json, lines):
        yield


def take_signals() -> None:
    """Makes the signals by which a run is stopped raise Interrupted."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        # What the shell, or nohup, has had ignored stays so.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


@contextmanager
def ended_by_errors(program: str, as_json: bool, lines: bool = False) -> Iterator[None]:
    """As `reported`, with signals and standard error as they are."""
    try:
        yield
    except KeyboardInterrupt:
        _end(Interrupted("interrupted"), program, as_json, lines)
    except ReaderGoneError as error:
        if not as_json:
            # Lines for people, of which the reader, as `head`, has all that it wants.
            sys.exit(0)
        _end(error, program, as_json, lines)
    except FrameBoosterError as error:
        _end(error, program, as_json, lines)
    # Click ends a command by these.
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    # The last place that can make one line of it.
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        _end(as_known(error), program, as_json, lines)


def _silence_libraries() -> None:
    """Keeps what TensorFlow's C++ writes to stderr away from people; Python's own stderr stays.

    XLA announces itself whatever the log level. With TF_CPP_MIN_LOG_LEVEL set, everything is shown.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    try:
        kept = os.dup(2)
    except OSError:
        # Started without a stderr: there is nothing to silence.
        return
    sys.stderr = os.fdopen(kept, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    faulthandler.enable(sys.stderr)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGINT:
        raise Interrupted("interrupted")
    # Whatever sends one may send more; they must not disturb the clearing up.
    for name in _SIGNALS[1:]:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    raise Interrupted(f"stopped by {signal.Signals(number).name}")


def _end(error: FrameBoosterError, program: str, as_json: bool, lines: bool) -> None:
    kind = OutputError if isinstance(error, ReaderGoneError) else type(error)
    facts = {"error": kind.__name__, "message": str(error), "exit_code": error.exit_code}
    # Standard output may be what has failed, and after SIGHUP there is no terminal; neither is to hide the other.
    if as_json:
        with suppress(OSError, OutputError):
            click.echo(json.dumps(facts))
    with suppress(OSError):
        click.echo(json.dumps({"event": "error", **facts}) if lines else f"{program}: {error}", err=True)
    if isinstance(error, Interrupted) and threading.active_count() > 1:
        # A frame of several seconds in the network cannot be called off, nor the compiler, nor a read of a silent pipe;
        # Python would wait for such a thread at its end, whichever part started it.
        with suppress(OSError, OutputError):
            sys.stdout.flush()
        end_at_once(error.exit_code)
    sys.exit(error.exit_code)
