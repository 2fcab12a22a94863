"""The journal of a data set: one line for the result of each source.

An interrupted build continues from it. It also records the source folder and the options, so that two different builds
into one output folder are not mixed up.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError
from frame_booster.files import atomic

SOURCE = "source_folder"


class Journal:
    """The results of the sources so far.

    Args:
      path: path of the file; created if needed.
      folder: folder of the sources.
      options: options of the data set, as JSON values.

    Raises:
      InputError: the data set was begun with other options, or from another folder.
    """

    def __init__(self, path: Path, folder: Path, options: dict[str, Any]) -> None:
        self.path = path
        self._records: dict[str, dict[str, Any]] = {}
        head = json.dumps({**options, SOURCE: str(folder.resolve())}, sort_keys=True)
        lines = [head]
        if path.exists():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            self._check(lines[0] if lines else "", json.loads(head))
        for line in lines[1:]:
            try:
                record = json.loads(line)
                self._records[record["source"]] = record
            except (ValueError, KeyError, TypeError):
                # The last line of a build that was killed.
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
        # Earlier versions did not record the folder.
        folder = found.pop(SOURCE, head[SOURCE]) if isinstance(found, dict) else head[SOURCE]
        wanted = {key: value for key, value in head.items() if key != SOURCE}
        if found != wanted:
            raise InputError("was made with other options", path=self.path.parent, hint="give another output folder")
        if folder != head[SOURCE]:
            hint = "give another output folder; `fbnet train` takes several --clips"
            raise InputError(f"was made from another folder, {folder}", path=self.path.parent, hint=hint)

    def done(self, name: str) -> bool:
        """Tells whether a source is finished; a source that failed is not, so that it is tried again."""
        return name in self._records and self._records[name]["error"] is None

    def record(self, name: str) -> dict[str, Any]:
        """Returns the result of a source."""
        return self._records[name]

    def add(self, name: str, record: dict[str, Any]) -> None:
        """Records the result of a source, in place of an earlier one."""
        self._records[name] = {"source": name, **record}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self._records[name]) + "\n")
