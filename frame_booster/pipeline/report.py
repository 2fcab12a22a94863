"""Reports of runs: the outcome of each input, as a JSON document or as JSON lines.

A file `NAME.jsonl` gets a line as soon as an input ends, flushed to disk, so that it is complete even if the run is
killed. Lines are appended to those of earlier runs; the last line about an input counts.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from frame_booster._version import __version__
from frame_booster.errors import InputError
from frame_booster.files import atomic, sync_folder
from frame_booster.media.output.refusals import cannot_write
from frame_booster.media.paths import same_name
from frame_booster.pipeline.outcome import FileOutcome
from frame_booster.text_files import read_text

LINES = ".jsonl"
"""Suffix of reports with JSON lines."""
_MOST_BYTES = 64 << 20
"""Largest size of a report; a larger file is taken for something else."""


class Report:
    """Writes the report of a run; thread-safe.

    Args:
      path: path of the report; None writes none.
      profile: name of the profile that the run used; None for none.
      earlier: report whose failed inputs are tried again. If it has the same path and is a document, its entries about
        other inputs are kept.
    """

    def __init__(self, path: Path | None, profile: str | None = None, earlier: Path | None = None) -> None:
        self._path, self._profile = path, profile
        same = path is not None and earlier is not None and same_name(path) == same_name(earlier)
        self._earlier = inputs_of(path) if path is not None and same and path.suffix != LINES else []
        self._lock = threading.Lock()
        self._failed: OSError | None = None
        self._began = False

    def add(self, outcome: FileOutcome) -> None:
        """Adds the outcome of an input; a line is flushed to disk before this returns."""
        if self._path is None or self._path.suffix != LINES:
            return
        line = json.dumps({"version": __version__, "profile": self._profile, **outcome.as_json()}) + "\n"
        with self._lock:
            try:
                self._append(self._path, line.encode())
            except OSError as error:
                # This must not stop the run; `finish` reports it.
                self._failed = error

    def _append(self, path: Path, line: bytes) -> None:
        new = not path.exists()
        with path.open("ab+") as file:
            if not self._began and file.tell():
                file.seek(-1, os.SEEK_END)
                # A run that was killed may have left an incomplete line.
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(path.absolute().parent)
        self._began = True

    def finish(self, outcomes: list[FileOutcome]) -> None:
        """Writes the report if it is a document.

        Raises:
          OutputError: the document, or a line before, could not be written.
        """
        if self._path is None:
            return
        try:
            if self._failed is not None:
                raise self._failed
            if self._path.suffix != LINES:
                files = [outcome.as_json() for outcome in outcomes]
                now = {same_name(entry["input"]) for entry in files}
                files = [entry for entry in self._earlier if same_name(entry["input"]) not in now] + files
                failed = sum(entry["outcome"] == "failed" for entry in files)
                facts = {"version": __version__, "profile": self._profile, "files": files, "failed": failed}
                self._write(self._path, json.dumps(facts, indent=2) + "\n")
        except OSError as error:
            raise cannot_write(error, self._path, "the report cannot be written") from error

    @staticmethod
    def _write(path: Path, text: str) -> None:
        if path.exists() and not path.is_file():
            # A pipe or /dev/stdout.
            path.write_text(text, encoding="utf-8")
            return
        with atomic(path.resolve()) as partial:
            partial.write_text(text, encoding="utf-8")


def read_report(path: Path) -> list[dict[str, Any]]:
    """Returns the objects about files in a report of either form, or in the output of `--json`.

    An incomplete line of a run that was killed is ignored.

    Raises:
      InputError: the file cannot be read or is not a report.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError("is too large to be a report", path=path)
        text = read_text(path)
    except FileNotFoundError as error:
        raise InputError("no such report", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the report cannot be read: {error}", path=path) from error
    found: list[dict[str, Any]] = []
    # An empty file is the report of a run that was killed before its first file ended.
    sound = path.suffix == LINES and not text.strip()
    for document in _documents([text]) or _documents(text.splitlines()):
        listed = document.get("files", [document]) if isinstance(document, dict) else document
        entries = [one for one in listed if _is_entry(one)] if isinstance(listed, list) else []
        sound |= bool(entries) or (isinstance(document, dict) and document.get("files") == [])
        found += entries
    if not sound:
        raise InputError("is not a report of frame-booster", path=path, hint="use a file from --report")
    return found


def check_replaceable(path: Path) -> None:
    """Checks that an existing file is a report or empty, before a report replaces it or is appended to it.

    Raises:
      InputError: it is something else, or cannot be read.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return
    try:
        with path.open("rb") as file:
            begins_so = file.read(1) == b"{"
        if path.stat().st_size > _MOST_BYTES and begins_so:
            return
        read_report(path)
    except (OSError, InputError) as error:
        hint = "use another name, or remove it first"
        raise InputError("exists already and is not a report of frame-booster", path=path, hint=hint) from error


def _documents(texts: list[str]) -> list[Any]:
    found = []
    for text in texts:
        with suppress(ValueError, RecursionError):
            found.append(json.loads(text))
    return found


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and ("input" in value or "output" in value)


def inputs_of(path: Path) -> list[dict[str, Any]]:
    """Returns the objects about inputs in a report, for each input the last one."""
    known = (entry for entry in read_report(path) if "input" in entry and "outcome" in entry)
    return list({str(entry["input"]): entry for entry in known}.values())


def done_inputs(path: Path) -> frozenset[str]:
    """Returns the absolute paths of the inputs that are done or skipped according to a report.

    Raises:
      InputError: as in `read_report`.
    """
    entries = inputs_of(path)
    return frozenset(same_name(entry["input"]) for entry in entries if entry["outcome"] in ("done", "skipped"))


def whole_outputs(paths: Iterable[Path]) -> dict[str, int]:
    """Returns the sizes in bytes, by absolute path, of outputs that are complete according to reports.

    Args:
      paths: paths of reports; missing ones are ignored.

    Raises:
      InputError: as in `read_report`.
    """
    entries = [entry for path in paths if path.exists() for entry in inputs_of(path)]
    # Entries without an output and its size are ignored, so that the output is checked again.
    told = (entry for entry in entries if entry["outcome"] != "failed" and isinstance(entry.get("output"), str))
    return {same_name(entry["output"]): entry["bytes"] for entry in told if isinstance(entry.get("bytes"), int)}
