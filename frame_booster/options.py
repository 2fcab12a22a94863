"""The options of a run, with their checks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from frame_booster.errors import InputError
from frame_booster.network.presets import DEFAULT, PRESETS
from frame_booster.rational import representable
from frame_booster.timecode import Timecode

MAX_GAP_FRAMES = 8
SEGMENT_S = Fraction(60)
"""Default length of a segment, s of the input."""
DEINTERLACING = ("auto", "on", "off")
LEAST_FPS, MOST_FPS = Fraction(1, 1000), Fraction(100_000)
"""Frame rates that common containers can represent; some can represent fewer (`check_rate`)."""
MOST_FRAMES = 16
"""Largest factor; networks that can interpolate the middle only reach other times to one part in this many."""
MOST_TIMES_SLOWER = 100
SAMPLES = 8
"""Default number of moments of an exposure that are averaged."""
MOST_SAMPLES = 32
_SIZE = re.compile(r"0*[1-9][0-9]*x0*[1-9][0-9]*")
Position = Fraction | Timecode
"""A position in a video: s from its start, or a timecode."""


def knows_any_time(model: str) -> bool:
    """Tells whether a network interpolates at any time, not only in the middle."""
    return model not in PRESETS or PRESETS[model].any_timestep


@dataclass(frozen=True)
class EncoderOptions:
    """How the output is encoded; None: the default of the encoder in `media.output.encoders`."""

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    pix_fmt: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    """Options passed to the encoder unchanged, after all others."""
    container_options: tuple[tuple[str, str], ...] = ()
    """Options passed to the container unchanged, such as ("movflags", "+faststart")."""


@dataclass(frozen=True)
class InputOptions:
    """How the input is read; None: detected from the input.

    Raises:
      InputError: a value is unknown.
    """

    format: str | None = None
    """FFmpeg's name of the input's format, for pipes and raw video."""
    size: str | None = None
    """Size of raw video, WIDTHxHEIGHT, px."""
    pix_fmt: str | None = None
    """Pixel format of raw video; yuv420p if None."""
    rate: Fraction | None = None
    """Frame rate of raw video, raw streams and image sequences; 25 if None."""
    video_stream: int = 0
    """Number of the video stream to boost, from 0, without cover art."""
    hwaccel: str | None = None
    """Hardware decoder: "auto" or a device type of FFmpeg such as "cuda"; None: software."""
    deinterlace: str = "auto"
    """"auto" deinterlaces what is flagged as interlaced and not progressive in truth, "on" all frames, "off" none."""
    ivtc: bool = False
    """Whether 3:2 pulldown is reversed: four frames of every five remain."""
    threads: int | None = None
    """Threads of the decoder; None: chosen by FFmpeg."""
    strict: bool = False
    """Whether any loss is an error instead of a warning: a damaged or interlaced frame, a frame with another size or
    format than the first, or a stream that the output cannot hold as it is."""

    def __post_init__(self) -> None:
        if self.deinterlace not in DEINTERLACING:
            raise InputError(f"--deinterlace {self.deinterlace!r} is not one of {', '.join(DEINTERLACING)}")
        if self.size is not None and not _SIZE.fullmatch(self.size):
            raise InputError(f"--size {self.size!r} is not WIDTHxHEIGHT", hint="for example 1280x720")
        if self.rate is not None:
            known = representable(self.rate) if self.rate > 0 else None
            if known is None:
                raise InputError(
                    f"FFmpeg cannot represent --rate {float(self.rate):g}", hint="for example 25 or 24000/1001"
                )
            object.__setattr__(self, "rate", known)


@dataclass(frozen=True)
class BoostOptions:
    """Options of `boost`.

    Raises:
      InputError: a value is out of range.
    """

    model: str = DEFAULT
    weights: str | None = None
    """Weights file; None: the included weights of the network."""
    device: str = "auto"
    """"auto", "cpu", "gpu" or "gpu:1"; several, "gpu:0,gpu:1", share the work of one file."""
    precision: str = "auto"
    engine: str = "auto"
    """Engine that runs the network: "auto", "tensorflow" or "onnx"."""
    provider: str = "auto"
    """Name of the execution provider of the ONNX engine; "auto": the first that works."""
    batch_size: int | None = None
    """Pairs of frames per batch; None: chosen by the frame size."""
    flow_scale: Fraction | None = None
    """Scale of the frames on which flow is estimated: 1, 1/2, 1/4, ...; None: chosen by the frame size."""
    max_memory: int | None = None
    """Memory limit of the process, bytes; None: half of the free memory, or what is needed if that is more."""
    max_device_memory: int | None = None
    """Memory limit on each GPU, bytes; None: the free memory."""
    cache: bool = True
    """Whether computations compiled for a GPU, graphs of the ONNX engine and measured speeds are kept on disk."""
    threads: int | None = None
    """Threads, each for the network, the decoder and the encoder; None: chosen by each."""
    factor: int | None = None
    """Output frames for each input frame, 2 to 16; None: 2, or `slow_motion`, or 1 with `shutter`."""
    fps: Fraction | None = None
    """Frame rate of the output, instead of a factor."""
    slow_motion: Fraction | None = None
    """How many times longer the output is: more than 1, at most 100."""
    slow_audio: str | None = None
    """Audio in slow motion: "drop" or "stretch"."""
    audio: str | None = None
    """Audio: "copy", "encode" or "drop"; None: copy what the container can hold and encode the rest, or encode all if
    `audio_codec` or `audio_bitrate` is given."""
    audio_codec: str | None = None
    """FFmpeg's name of the audio encoder; None: AAC, or Opus in WebM."""
    audio_bitrate: int | None = None
    """Bit rate of each encoded track, bit/s; None: by its channels."""
    dedupe: bool = False
    """Whether repeated frames are treated as one held frame, across which motion is interpolated."""
    scene_threshold: float = 0.2
    """SSIM of 32x32 thumbnails below which there is a cut between two frames; 0 disables the detection."""
    max_gap: Fraction = Fraction(1, 2)
    """Gap, s, over which a frame is held if it is also longer than `MAX_GAP_FRAMES` usual gaps; 0: no limit."""
    start: Position | None = None
    """Start: s from the start of the input, or the timecode of the first frame."""
    end: Position | None = None
    """End, in the same form; the frame there is not included."""
    duration: Position | None = None
    """Length to process, s, or a number of frames as a timecode; instead of `end`."""
    loop: bool = False
    """Whether the video is a loop: frames are interpolated between the last frame and the first, too."""
    shutter: Fraction | None = None
    """Shutter angle, degrees up to 360: frames are averages over the time in which the shutter is open."""
    shutter_samples: int = SAMPLES
    """Moments that are averaged for each frame with `shutter`."""
    mask: str | None = None
    """Image of the size of the video; frames are held where it is white."""
    encoder: EncoderOptions = EncoderOptions()
    source: InputOptions = InputOptions()
    output_format: str | None = None
    """FFmpeg's name of the container; None: by the suffix of the output."""
    allow_drop: bool = False
    """Whether strict runs may drop or re-encode streams that the output cannot hold."""
    overwrite: bool = False
    keep_partial: bool = False
    """Whether an interrupted run keeps the finished part, playable, as NAME.partial.SUFFIX."""
    allow_truncated: bool = False
    """Whether the result of a truncated input gets its name; else it is an error, and NAME.partial.SUFFIX is kept."""
    resume: bool = False
    """Whether the run writes durable segments, and continues an interrupted run."""
    segment: Fraction | None = None
    """Length of a segment, s of the input; None: `SEGMENT_S`, or on a cluster less if that keeps all workers busy."""

    def __post_init__(self) -> None:
        self._check_rates()
        self._check_shutter()
        if self.fps is not None and self.fps <= 0:
            raise InputError("--fps must be positive")
        if self.fps is not None and representable(self.fps) is None:
            raise InputError(f"FFmpeg cannot represent a rate of {float(self.fps):g} fps", hint="use another --fps")
        if self.fps is not None and not LEAST_FPS <= self.fps <= MOST_FPS:
            span = f"from {float(LEAST_FPS):g} to {float(MOST_FPS):g}"
            raise InputError(f"no container supports {float(self.fps):g} fps", hint=f"use a rate {span}")
        if self.fps is not None and self.factor is not None:
            raise InputError("--fps and --factor exclude each other", hint="use one of them")
        if self.slow_audio not in (None, "drop", "stretch"):
            raise InputError(f"--slow-audio {self.slow_audio!r} is neither drop nor stretch")
        if self.slow_audio is not None and self.slow_motion is None:
            raise InputError("--slow-audio needs --slow-motion")
        self._check_audio()
        if self.segment is not None and self.segment <= 0:
            raise InputError("--segment must be positive")
        if not 0.0 <= self.scene_threshold <= 1.0:
            raise InputError(f"--scene-threshold {self.scene_threshold} is not between 0 and 1")
        if self.batch_size is not None and self.batch_size < 1:
            raise InputError(f"--batch-size {self.batch_size} is not positive")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"--threads {self.threads} is not positive")
        if self.max_memory is not None and self.max_memory < 1:
            raise InputError("--max-memory must be positive")
        if self.max_device_memory is not None and self.max_device_memory < 1 << 30:
            raise InputError("the network needs at least 1G of device memory", hint="raise --max-device-memory")
        if self.max_gap < 0:
            raise InputError("--max-gap must not be negative")
        self._check_part()

    def _check_rates(self) -> None:
        if self.factor is not None and not 2 <= self.factor <= MOST_FRAMES:
            raise InputError(f"--factor {self.factor} is not a whole number from 2 to {MOST_FRAMES}")
        slow = self.slow_motion
        if slow is None:
            return
        if not 1 < slow <= MOST_TIMES_SLOWER:
            hint = "for example 2, 2.5 or 5/2"
            raise InputError(f"--slow-motion {slow} is not above 1 and at most {MOST_TIMES_SLOWER}", hint=hint)
        if slow > MOST_FRAMES and not knows_any_time(self.model):
            raise InputError(
                f"--model {self.model} supports --slow-motion up to {MOST_FRAMES} only", hint="use another --model"
            )

    def _check_shutter(self) -> None:
        if not 2 <= self.shutter_samples <= MOST_SAMPLES:
            raise InputError(f"--shutter-samples {self.shutter_samples} is not from 2 to {MOST_SAMPLES}")
        if self.shutter is None:
            return
        if not 0 < self.shutter <= 360:
            raise InputError("--shutter must be above 0 and at most 360 degrees")
        if self.resume and self.fps is not None:
            # A frame may be exposed over the end of a segment.
            raise InputError("--shutter with --fps does not support --resume or --cluster", hint="remove one of them")
        if self.resume and self.factor is None and self.slow_motion is not None and self.slow_motion.denominator != 1:
            raise InputError(
                "--shutter with this --slow-motion does not support --resume or --cluster", hint="use a whole number"
            )

    def _check_part(self) -> None:
        if isinstance(self.start, Fraction) and self.start < 0:
            raise InputError("--start must not be negative")
        if isinstance(self.duration, Fraction) and self.duration <= 0:
            raise InputError("--duration must be positive")
        if self.end is not None and self.duration is not None:
            raise InputError("--duration (-t) and --to exclude each other", hint="use one of them")
        if isinstance(self.end, Fraction) and self.end <= (self.start if isinstance(self.start, Fraction) else 0):
            raise InputError("--to is not after --start", hint="both are times of the input")

    def _check_audio(self) -> None:
        if self.audio not in (None, "copy", "encode", "drop"):
            raise InputError(f"--audio {self.audio!r} is not copy, encode or drop")
        if self.audio_bitrate is not None and self.audio_bitrate < 1:
            raise InputError("--audio-bitrate must be positive")
        if self.audio in ("copy", "drop") and (self.audio_codec is not None or self.audio_bitrate is not None):
            raise InputError(
                f"--audio {self.audio} excludes --audio-codec and --audio-bitrate", hint="remove one of them"
            )
        if self.audio == "copy" and self.slow_audio == "stretch":
            raise InputError("--audio copy and --slow-audio stretch exclude each other", hint="remove one of them")

    @property
    def part(self) -> dict[str, Position | None]:
        """The part of the input to read, as arguments of `open_source`."""
        return {"start": self.start, "end": self.end, "duration": self.duration}

    @property
    def segment_length(self) -> Fraction:
        """Length of a durable segment, s of the input."""
        return SEGMENT_S if self.segment is None else self.segment

    @property
    def ratio(self) -> Fraction:
        """Output frames for each input frame, if no frame rate is requested."""
        usual = 2 if self.shutter is None else 1
        return Fraction(self.factor or self.slow_motion or usual)

    @property
    def multiple(self) -> str:
        """The factor in file names, "2" or "2.5"."""
        return f"{float(self.ratio):g}"
