"""Names of results: where the result of each of many inputs goes, no two to one place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from frame_booster.errors import InputError
from frame_booster.media.paths import default_output, result_suffix, same_name, shortened
from frame_booster.media.remote_path import is_address
from frame_booster.pipeline.destination import picture_suffix


@dataclass(frozen=True)
class _Place:
    """Where the result of an input goes."""

    folder: Path
    marked: bool
    """Whether its name gets the factor, `NAME.2x.EXT`: that of a file which was named itself, not found in a folder."""


class ResultNames:
    """Output paths of the inputs of one run.

    Args:
      target: folder for the results; None puts each where it would go as the only input.
      multiple: how many frames come from one, as names tell it.
      output_format: of the options; pictures have no suffix.
      suffix: of the outputs, as `.mkv`; None keeps the input's where it can be kept.
    """

    def __init__(self, target: Path | None, multiple: str, output_format: str | None, suffix: str | None) -> None:
        self._target, self._multiple, self._output_format, self._suffix = target, multiple, output_format, suffix
        self._places: dict[Path, _Place] = {}
        self.outputs: dict[Path, Path] = {}
        """Of each input that has been given one."""

    def put(self, path: Path, folder: Path, *, marked: bool) -> bool:
        """Notes where the result of an input goes; False where it is known already.

        Args:
          marked: whether its name gets the factor, `NAME.2x.EXT`.
        """
        if path in self._places:
            return False
        self._places[path] = _Place(folder, marked)
        return True

    def forget(self, path: Path) -> None:
        """Makes an input one that is not known."""
        del self._places[path]

    def check(self) -> None:
        """Raises InputError where an output is one of the inputs, also by a link, or of another input."""
        inputs = {same_name(path): path for path in self.outputs if not is_address(str(path))}
        facts = ((path, path.stat()) for path in inputs.values() if path.exists())
        known = {(fact.st_dev, fact.st_ino): path for path, fact in facts}
        for path, output in self.outputs.items():
            fact = output.stat() if output.exists() else None
            other = inputs.get(same_name(output)) or (fact and known.get((fact.st_dev, fact.st_ino)))
            if other:
                raise InputError(f"the output of {path} is the input {other}", path=output, hint="give another -o")

    def output_of(self, path: Path) -> Path:
        """Returns where the result of a file goes; two files of one name keep their suffixes in it, `clip.avi.mkv`."""
        if path not in self.outputs:
            self.give([path])
        return self.outputs[path]

    def film_of(self, path: Path) -> Path | None:
        """Returns where the result of a file goes if the container of its output shows too few frames a second.

        None where that container is asked for, or both names belong to others.
        """
        output = self.output_of(path)
        if self._suffix is not None or output.suffix in ("", ".mp4"):
            return None
        known = {str(same_name(one)).casefold() for one in (*self.outputs.values(), *self._places)}
        films = (output.with_suffix(".mp4"), output.with_name(shortened(output.name, ".mp4")))
        return next((film for film in films if same_name(film).casefold() not in known), None)

    def give(self, paths: Sequence[Path]) -> None:
        """Gives each input an output that no other input has.

        Raises:
          InputError: two inputs of one name would have one output, whatever is added to it.
        """
        chosen = {path: self._in_target(path) for path in paths}
        tried = dict.fromkeys(paths, 0)
        while shared := self._shared(chosen):
            fewest = min(tried[path] for path in shared)
            for number, path in enumerate(shared, 1):
                if tried[path] == fewest:
                    tried[path] += 1
                    # Numbered are names that differ in case alone, which many file systems take for one.
                    ending = "" if tried[path] == 1 else f"-{tried[path] - 2 + number}"
                    if self._same_name(path, shared):
                        raise InputError(
                            f"two inputs are called {path.name}, and their results would have one name",
                            path=path.parent,
                            hint="boost them by commands of their own, or their folders",
                        )
                    chosen[path] = self._in_target(path, ending)
        self.outputs |= chosen

    def _same_name(self, path: Path, others: Sequence[Path]) -> bool:
        """Tells whether another input of exactly this name has its result in the same folder."""
        folder = self._places[path].folder
        return any(p != path and p.name == path.name and self._places[p].folder == folder for p in others)

    def _shared(self, chosen: dict[Path, Path]) -> list[Path]:
        counts = Counter(str(output).casefold() for output in (*chosen.values(), *self.outputs.values()))
        return [path for path, output in chosen.items() if counts[str(output).casefold()] > 1]

    def _in_target(self, path: Path, ending: str | None = None) -> Path:
        """Returns an output for an input; with an ending, one that has the input's suffix in its name, too."""
        place = self._places[path]
        own = default_output(path, self._multiple) if place.marked else path
        factor = f".{self._multiple}x" if place.marked else ""
        suffix = own.suffix if place.marked else result_suffix(path)
        if picture_suffix(self._output_format) is not None:
            suffix = ""
        elif self._suffix is not None:
            suffix = self._suffix
        stem = path.name if ending is not None else own.stem.removesuffix(factor)
        folder = own.parent if place.marked and self._target is None else place.folder
        return folder / shortened(stem, f"{factor}{ending or ''}{suffix}")
