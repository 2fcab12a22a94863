"""The journal of a data set that is being made: what became of each source, a line each.

A build that was stopped goes on from it, so it also names what the set is made of and how: two builds into one folder
would otherwise take the sources of the one for those of the other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError
from frame_booster.files import atomic

SOURCE = "source_folder"


class Journal:
    """What became of each source so far.

    Args:
      path: of the file; made if needed.
      folder: of the sources.
      options: how they are made into a set, as JSON has them.

    Raises:
      InputError: the set was begun with other options, or of another folder.
    """

    def __init__(self, path: Path, folder: Path, options: dict[str, Any]) -> None:
        self.path = path
        self._records: dict[str, dict[str, Any]] = {}
        head = json.dumps({**options, SOURCE: str(folder.resolve())}, sort_keys=True)
        lines = [head]
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            self._check(lines[0] if lines else "", json.loads(head))
        for line in lines[1:]:
            try:
                record = json.loads(line)
                self._records[record["source"]] = record
            except (ValueError, KeyError, TypeError):
                # The last line of a run that was killed.
                break
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [head, *(json.dumps(record) for record in self._records.values())]
        with atomic(path, durable=True) as partial:
            partial.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def _check(self, line: str, head: dict[str, Any]) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        # Written before journals named their folder.
        folder = found.pop(SOURCE, head[SOURCE]) if isinstance(found, dict) else head[SOURCE]
        wanted = {key: value for key, value in head.items() if key != SOURCE}
        if found != wanted:
            raise InputError("was made with other options", path=self.path.parent, hint="give another output folder")
        if folder != head[SOURCE]:
            hint = "give another output folder; `fbnet train` takes several --clips"
            raise InputError(f"was made of another folder, {folder}", path=self.path.parent, hint=hint)

    def done(self, name: str) -> bool:
        """Tells whether a source needs no more work: one that failed is tried again."""
        return name in self._records and self._records[name]["error"] is None

    def record(self, name: str) -> dict[str, Any]:
        """Returns what became of a source."""
        return self._records[name]

    def add(self, name: str, record: dict[str, Any]) -> None:
        """Notes what became of a source, in the place of what stood there."""
        self._records[name] = {"source": name, **record}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self._records[name]) + "\n")
