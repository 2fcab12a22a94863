"""Settings of a job, apart from where its frames come from and go to."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from frame_booster.errors import InputError
from frame_booster.media.frames.mask import Mask
from frame_booster.options import MOST_FRAMES, BoostOptions, knows_any_time
from frame_booster.pipeline.timeline import RateChoice


@dataclass(frozen=True)
class JobSettings:
    """Settings of a job: the part of a run's options that says which frames are interpolated, and how."""

    rate: RateChoice = field(default_factory=RateChoice)
    scene_threshold: float = 0.2
    """Similarity of two frames below which the first is held; 0 is off."""
    max_gap: Fraction = Fraction(1, 2)
    """A longer gap, s, and of more than `MAX_GAP_FRAMES` usual ones, is held; 0 is no limit."""
    dedupe: bool = False
    loop: bool = False
    """Whether frames are interpolated between the last and the first."""
    mask: Mask | None = None
    """Where in a frame to hold."""
    batch_size: int | None = None
    flow_scale: Fraction | None = None
    max_memory: int | None = None
    """Bytes, of all jobs at the same time."""
    keep_partial: bool = False
    """Whether an interrupted job completes its output as far as it is."""
    segment: Fraction | None = None
    """Length of durable segments, s; None for a run that is not to be taken up."""
    side_data: bool = False
    """Whether interpolated frames have the side data of the frame before them: pictures hold it, each for itself."""
    lone_segment: bool = False
    """Whether the job ends with the first segment."""


def options_rate(options: BoostOptions) -> RateChoice:
    """Returns how the output's rate follows from the source's."""
    slower = options.slow_motion or Fraction(1)
    samples = 1 if options.shutter is None else options.shutter_samples
    return RateChoice(options.fps, options.ratio, slower, options.shutter, samples)


def check_steps(options: BoostOptions, rate: Fraction | None) -> None:
    """Checks that a network comes to times as fine as a rate of the output needs them.

    Args:
      options: of the run.
      rate: of the source; of one that does not tell nothing is known.

    Raises:
      InputError: it does not.
    """
    if options.fps is None or rate is None or knows_any_time(options.model):
        return
    times = options.fps * (options.slow_motion or 1) / rate
    if times > MOST_FRAMES:
        raise InputError(
            f"{options.model} makes at most {MOST_FRAMES} frames of one, and {float(options.fps):g} a second are "
            f"{float(times):.4g} of one",
            hint="another --model does, or a lower --fps",
        )
