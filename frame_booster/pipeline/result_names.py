"""Names of results: gives each of several inputs an output path of its own."""

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
    """The folder and the form of the name for the result of an input."""

    folder: Path
    marked: bool
    """Whether the name contains the factor, `NAME.2x.EXT`; not for a file that was found in a folder."""


class ResultNames:
    """Output paths of the inputs of one run.

    Args:
      target: folder for the results; None puts each where it would go if its input were the only one.
      multiple: number of output frames per source frame, as text for names.
      output_format: output format of the options; outputs of images have no suffix.
      suffix: suffix of the outputs, such as `.mkv`; None keeps that of the input if possible.
    """

    def __init__(self, target: Path | None, multiple: str, output_format: str | None, suffix: str | None) -> None:
        self._target, self._multiple, self._output_format, self._suffix = target, multiple, output_format, suffix
        self._places: dict[Path, _Place] = {}
        self.outputs: dict[Path, Path] = {}
        """Output paths by input, for inputs that have one."""

    def put(self, path: Path, folder: Path, *, marked: bool) -> bool:
        """Registers an input; returns False if it is registered already.

        Args:
          path: path of the input.
          folder: folder of the result.
          marked: whether the name of the result contains the factor, `NAME.2x.EXT`.
        """
        if path in self._places:
            return False
        self._places[path] = _Place(folder, marked)
        return True

    def forget(self, path: Path) -> None:
        """Unregisters an input."""
        del self._places[path]

    def check(self) -> None:
        """Raises InputError if an output is one of the inputs, also by a link."""
        inputs = {same_name(path): path for path in self.outputs if not is_address(str(path))}
        facts = ((path, path.stat()) for path in inputs.values() if path.exists())
        known = {(fact.st_dev, fact.st_ino): path for path, fact in facts}
        for path, output in self.outputs.items():
            fact = output.stat() if output.exists() else None
            other = inputs.get(same_name(output)) or (fact and known.get((fact.st_dev, fact.st_ino)))
            if other:
                raise InputError(f"the output of {path} would be the input {other}", path=output, hint="use another -o")

    def output_of(self, path: Path) -> Path:
        """Returns the output path of an input; if names collide, it contains the input's suffix, `clip.avi.mkv`."""
        if path not in self.outputs:
            self.give([path])
        return self.outputs[path]

    def film_of(self, path: Path) -> Path | None:
        """Returns an output path as MP4, for inputs whose default container has too coarse times for the frame rate.

        None if the user chose the container, if the output is MP4 already, or if the names are taken.
        """
        output = self.output_of(path)
        if self._suffix is not None or output.suffix in ("", ".mp4"):
            return None
        known = {str(same_name(one)).casefold() for one in (*self.outputs.values(), *self._places)}
        films = (output.with_suffix(".mp4"), output.with_name(shortened(output.name, ".mp4")))
        return next((film for film in films if same_name(film).casefold() not in known), None)

    def give(self, paths: Sequence[Path]) -> None:
        """Gives each input an output path of its own.

        Raises:
          InputError: two inputs have the same name, and their results would be in the same folder.
        """
        chosen = {path: self._in_target(path) for path in paths}
        tried = dict.fromkeys(paths, 0)
        while shared := self._shared(chosen):
            fewest = min(tried[path] for path in shared)
            for number, path in enumerate(shared, 1):
                if tried[path] == fewest:
                    tried[path] += 1
                    # Names that differ only in case get numbers, since many file systems take them for the same.
                    ending = "" if tried[path] == 1 else f"-{tried[path] - 2 + number}"
                    if self._same_name(path, shared):
                        raise InputError(
                            f"two inputs are called {path.name}, so their outputs would have the same name",
                            path=path.parent,
                            hint="process them in separate commands, or give their folders",
                        )
                    chosen[path] = self._in_target(path, ending)
        self.outputs |= chosen

    def _same_name(self, path: Path, others: Sequence[Path]) -> bool:
        """Returns whether another input with exactly this name has its result in the same folder."""
        folder = self._places[path].folder
        return any(p != path and p.name == path.name and self._places[p].folder == folder for p in others)

    def _shared(self, chosen: dict[Path, Path]) -> list[Path]:
        counts = Counter(str(output).casefold() for output in (*chosen.values(), *self.outputs.values()))
        return [path for path, output in chosen.items() if counts[str(output).casefold()] > 1]

    def _in_target(self, path: Path, ending: str | None = None) -> Path:
        """Returns an output path for an input; with an ending, the name contains the input's suffix and the ending."""
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
