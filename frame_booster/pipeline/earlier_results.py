"""Results of earlier runs: which inputs are skipped, because of a report or of a complete output."""

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
    """Decides which inputs are skipped because an earlier run has done them.

    Args:
      options: options of all files.
      done: absolute paths of inputs that are done according to a report; None if there is no report.
      skip_existing: whether to skip files with a complete output.
      whole: absolute paths and sizes in bytes of outputs that are complete according to a report. They are not checked
        again if their size is unchanged.
    """

    def __init__(
        self, options: BoostOptions, done: frozenset[str] | None, skip_existing: bool, whole: Mapping[str, int]
    ) -> None:
        self._options, self._done, self._skip_existing, self._whole = options, done, skip_existing, whole

    def left_alone(
        self, path: Path, target: Path, film: Path | None = None, *, look: bool = True
    ) -> FileOutcome | str | None:
        """Decides whether a file is skipped.

        Args:
          path: the file.
          target: its output.
          film: its output if the times of the container of `target` are too coarse for the frame rate.
          look: whether to check an existing output that no report lists as complete; else it counts as complete.

        Returns:
          The outcome of a file that is skipped. Otherwise, what is wrong with its existing output; None if it has none.
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
        """Returns the expected duration of an output in s; None if the input does not state its exact length."""
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
    """Returns a warning about an incomplete output that is made again."""
    return f"the existing output was incomplete and is made again: {why}"
