"""What a run is asked to do, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from frame_booster.errors import InputError

MAX_GAP_FRAMES = 8


@dataclass(frozen=True)
class EncoderOptions:
    """How the output is encoded; None leaves the choice to the encoder's entry in `media.encoders`."""

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    pix_fmt: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    """Passed to the encoder as they are, after all else."""


@dataclass(frozen=True)
class BoostOptions:
    """Options of `boost`.

    Raises:
      InputError: a value is out of range.
    """

    model: str = "fbnet-r"
    weights: str | None = None
    """Weights file; None is the one that ships with the model."""
    device: str = "auto"
    precision: str = "auto"
    batch_size: int | None = None
    """Pairs a batch; None chooses by the size of a frame."""
    factor: int = 2
    scene_threshold: float = 0.2
    """SSIM of 32x32 thumbnails below which two frames are of different scenes; 0 is off."""
    max_gap: Fraction = Fraction(1, 2)
    """A longer gap between two frames, s, and of more than `MAX_GAP_FRAMES` usual ones, is held; 0 is no limit."""
    start: Fraction | None = None
    """Where to begin, s from the start of the input."""
    duration: Fraction | None = None
    """How much to take, s."""
    encoder: EncoderOptions = EncoderOptions()
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.factor not in (2, 4, 8):
            raise InputError(f"factor {self.factor} is not 2, 4 or 8")
        if not 0.0 <= self.scene_threshold <= 1.0:
            raise InputError(f"scene threshold {self.scene_threshold} is not in [0, 1]")
        if self.batch_size is not None and self.batch_size < 1:
            raise InputError(f"batch size {self.batch_size} is not positive")
        if self.max_gap < 0:
            raise InputError("max gap is negative")
        if self.start is not None and self.start < 0:
            raise InputError("start is negative")
        if self.duration is not None and self.duration <= 0:
            raise InputError("duration is not positive")


def parse_time(text: str) -> Fraction:
    """Reads a time as ffmpeg writes it, "12.5" or "[HH:]MM:SS[.frac]", as an exact number of seconds.

    Raises:
      InputError: it is not such a time.
    """
    parts = text.strip().split(":")
    try:
        if not 1 <= len(parts) <= 3:
            raise ValueError
        seconds = Fraction(parts[-1])
        for scale, part in zip((60, 3600), reversed(parts[:-1]), strict=False):
            seconds += int(part) * scale
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not a time: {text!r}", hint="seconds, or HH:MM:SS.fraction") from error
    return seconds
