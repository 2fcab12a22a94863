"""What earlier runs have done: inputs that are left alone, by a report or by outputs that are there and whole."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from frame_booster.errors import FrameBoosterError, OutputError
from frame_booster.media.input.open import open_source
from frame_booster.media.input.truncation import tells_its_length
from frame_booster.media.output.earlier_output import check_whole
from frame_booster.media.paths import is_pipe, same_name
from frame_booster.options import BoostOptions
from frame_booster.pipeline.outcome import FileOutcome, bytes_of


class EarlierResults:
    """Tells which inputs an earlier run has done.

    Args:
      options: of every file.
      done: inputs, by their absolute paths, that a report tells to be done; None: there is no report.
      skip_existing: whether files are left alone whose outputs are there, and whole.
      whole: outputs that a report tells to be whole, by their absolute paths, with their bytes: they need no further
        check while they have as many.
    """

    def __init__(
        self, options: BoostOptions, done: frozenset[str] | None, skip_existing: bool, whole: Mapping[str, int]
    ) -> None:
        self._options, self._done, self._skip_existing, self._whole = options, done, skip_existing, whole

    def left_alone(
        self, path: Path, target: Path, film: Path | None = None, *, look: bool = True
    ) -> FileOutcome | str | None:
        """Tells whether a file is left alone, as an earlier run has done it.

        Args:
          path: the file.
          target: its output.
          film: its output where the container of `target` shows too few frames a second.
          look: whether an output is looked at that no report calls whole.

        Returns:
          Its outcome, if so; where it is not, what is wrong with the output that is there, None being nothing.
        """
        if self._done is not None and same_name(path) in self._done:
            return FileOutcome(str(path), str(target), "skipped")
        if film is not None and film.exists() and not target.exists():
            target = film
        if not self._skip_existing or not target.exists():
            return None
        skipped = FileOutcome(str(path), str(target), "skipped", bytes=bytes_of(str(target)))
        known = self._whole.get(same_name(target))
        if not look or is_pipe(target) or (known is not None and target.stat().st_size == known):
            return skipped
        try:
            check_whole(target, self._expected(path))
        except OutputError as error:
            return error.message
        return skipped

    def _expected(self, path: Path) -> Fraction | None:
        """Returns how long an output should last, s; None where the input does not tell exactly."""
        options = self._options
        if options.allow_truncated:
            return None
        try:
            with open_source(path, options.source, **options.part) as source:
                frames, rate = source.expected_frames, source.info.rate
                if frames is None or not rate or not tells_its_length(source):
                    return None
                return frames / rate * (options.slow_motion or 1)
        except FrameBoosterError:
            return None


def made_again(why: str) -> str:
    """Returns a warning about an output that was there and was made again."""
    return f"the output that was there was not whole, and is made again: {why}"
