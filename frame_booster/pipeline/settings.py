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
    """Similarity of two frames below which the first is held at a cut; 0 disables the detection."""
    max_gap: Fraction = Fraction(1, 2)
    """The first frame is held over a gap longer than this, in s, and than `MAX_GAP_FRAMES` usual gaps; 0: no limit."""
    dedupe: bool = False
    loop: bool = False
    """Whether frames are interpolated between the last frame and the first."""
    mask: Mask | None = None
    """Area of each frame that is held."""
    batch_size: int | None = None
    flow_scale: Fraction | None = None
    max_memory: int | None = None
    """Memory for all simultaneous jobs, in bytes."""
    keep_partial: bool = False
    """Whether an interrupted job completes its output up to the last written frame."""
    segment: Fraction | None = None
    """Length of durable segments in s; None for a run without segments."""
    side_data: bool = False
    """Whether interpolated frames get the side data of the frame before, which each image holds separately."""
    lone_segment: bool = False
    """Whether the job ends with the first segment."""


def options_rate(options: BoostOptions) -> RateChoice:
    """Returns the requested times of output frames, from the options."""
    slower = options.slow_motion or Fraction(1)
    samples = 1 if options.shutter is None else options.shutter_samples
    return RateChoice(options.fps, options.ratio, slower, options.shutter, samples)


def check_steps(options: BoostOptions, rate: Fraction | None) -> None:
    """Checks that the network can interpolate as many frames per source frame as `--fps` requires.

    Args:
      options: options of the run.
      rate: frame rate of the source; without it, nothing is checked.

    Raises:
      InputError: the network can only interpolate the middle, and recursive midpoints are limited to `MOST_FRAMES`.
    """
    if options.fps is None or rate is None or knows_any_time(options.model):
        return
    times = options.fps * (options.slow_motion or 1) / rate
    if times > MOST_FRAMES:
        raise InputError(
            f"--model {options.model} makes at most {MOST_FRAMES} frames from one, but {float(options.fps):g} fps "
            f"needs {float(times):.4g}",
            hint="use another --model, or a lower --fps",
        )
