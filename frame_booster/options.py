"""What a run is asked to do, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from frame_booster.errors import InputError
from frame_booster.network.presets import DEFAULT

MAX_GAP_FRAMES = 8
SEGMENT_S = Fraction(60)
"""Usual length of a durable segment, s of the input."""
DEINTERLACING = ("auto", "on", "off")


@dataclass(frozen=True)
class EncoderOptions:
    """How the output is encoded; None leaves the choice to the encoder's entry in `media.encoders`."""

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    pix_fmt: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    """Passed to the encoder as they are, after all else."""
    container_options: tuple[tuple[str, str], ...] = ()
    """Passed to the container as they are, as ("movflags", "+faststart")."""


@dataclass(frozen=True)
class InputOptions:
    """How the input is read; None leaves it to what the input says of itself.

    Raises:
      InputError: a value is not one of those that there are.
    """

    format: str | None = None
    """FFmpeg's name of the input's format, for pipes and raw video."""
    size: str | None = None
    """WIDTHxHEIGHT of raw video, px."""
    pix_fmt: str | None = None
    """Pixel format of raw video; yuv420p if None."""
    rate: Fraction | None = None
    """Frames a second of raw video, of raw streams and of picture sequences; 25 if None."""
    video_stream: int = 0
    """Which of the video streams is boosted, from 0, cover art not counted."""
    hwaccel: str | None = None
    """Hardware decoder: "auto" or a device type of FFmpeg such as "cuda"; None decodes in software."""
    deinterlace: str = "auto"
    """"auto" deinterlaces what is flagged as interlaced and not progressive in truth, "on" all frames, "off" none."""
    ivtc: bool = False
    """Whether 3:2 pulldown is taken out: four frames of every five."""
    threads: int | None = None
    """Of the decoder; None leaves it to FFmpeg."""
    strict: bool = False
    """Whether the run ends where something of the source is lost: at a frame that is damaged, is interlaced, or has
    another size or format than the first, at a stream that the output cannot hold as it is; else a warning says so."""

    def __post_init__(self) -> None:
        if self.deinterlace not in DEINTERLACING:
            raise InputError(f"deinterlace {self.deinterlace!r} is not one of {', '.join(DEINTERLACING)}")


@dataclass(frozen=True)
class BoostOptions:
    """Options of `boost`.

    Raises:
      InputError: a value is out of range.
    """

    model: str = DEFAULT
    weights: str | None = None
    """Weights file; None is the one that ships with the model."""
    device: str = "auto"
    """"auto", "cpu", "gpu" or "gpu:1"; several, "gpu:0,gpu:1", share the work of one file."""
    precision: str = "auto"
    engine: str = "auto"
    """What runs the network: "auto", "tensorflow" or "onnx"."""
    provider: str = "auto"
    """Execution provider of ONNX Runtime, by name; "auto" takes the first that is here."""
    batch_size: int | None = None
    """Pairs a batch; None chooses by the size of a frame."""
    flow_scale: Fraction | None = None
    """Scale at which motion is looked for: 1, 1/2, 1/4, ...; None chooses by the size of a frame."""
    max_memory: int | None = None
    """What the process may take, bytes; None is half of what is free, or what is needed if that is more."""
    max_device_memory: int | None = None
    """What the process may take of each GPU, bytes; None is what is free."""
    cache: bool = True
    """Whether what is compiled for a GPU, and graphs of the ONNX engine, are kept on disk for the next run."""
    threads: int | None = None
    """Threads of the network, the decoder and the encoder each; None leaves it to them."""
    factor: int | None = None
    """Frames out for each frame in: 2, 4 or 8; None is 2, or `slow_motion` where that is asked for."""
    fps: Fraction | None = None
    """Frames a second of the output, whatever the input's; instead of a factor."""
    slow_motion: int | None = None
    """How many times longer the output lasts: 2, 4 or 8."""
    slow_audio: str | None = None
    """What becomes of audio in slow motion: "drop" or "stretch"."""
    audio: str | None = None
    """What becomes of audio: "copy", "encode" or "drop"; None copies what the container holds and encodes the rest,
    or encodes all of it where `audio_codec` or `audio_bitrate` says how."""
    audio_codec: str | None = None
    """FFmpeg's name of the encoder of audio; None is AAC, or Opus in WebM."""
    audio_bitrate: int | None = None
    """Of an encoded track, bits a second; None goes by its channels."""
    dedupe: bool = False
    """Whether repeated frames are taken for one that was held, and motion is made to go on through them."""
    scene_threshold: float = 0.2
    """SSIM of 32x32 thumbnails below which two frames are of different scenes; 0 is off."""
    max_gap: Fraction = Fraction(1, 2)
    """A longer gap between two frames, s, and of more than `MAX_GAP_FRAMES` usual ones, is held; 0 is no limit."""
    start: Fraction | None = None
    """Where to begin, s from the start of the input."""
    duration: Fraction | None = None
    """How much to take, s."""
    encoder: EncoderOptions = EncoderOptions()
    source: InputOptions = InputOptions()
    output_format: str | None = None
    """FFmpeg's name of the container; None goes by the output's suffix."""
    allow_drop: bool = False
    """Whether streams that the output cannot hold may be left out where the reading is strict."""
    overwrite: bool = False
    keep_partial: bool = False
    """Whether an interrupted run leaves what it has done, playable, as NAME.partial.SUFFIX."""
    allow_truncated: bool = False
    """Whether the result of an input that breaks off gets its name; else it is an error, and NAME.partial.SUFFIX."""
    resume: bool = False
    """Whether the run is done in durable segments, and goes on where an earlier one was cut off."""
    segment: Fraction | None = None
    """Length of such a segment, s of the input; None is `SEGMENT_S`, or on a cluster what keeps all workers busy."""

    def __post_init__(self) -> None:
        for name, value in (("factor", self.factor), ("slow motion", self.slow_motion)):
            if value not in (None, 2, 4, 8):
                raise InputError(f"{name} {value} is not 2, 4 or 8")
        if self.fps is not None and self.fps <= 0:
            raise InputError("fps is not positive")
        if self.fps is not None and self.factor is not None:
            raise InputError("fps and factor exclude each other", hint="give one of them")
        if self.slow_audio not in (None, "drop", "stretch"):
            raise InputError(f"slow audio {self.slow_audio!r} is not drop or stretch")
        if self.slow_audio is not None and self.slow_motion is None:
            raise InputError("slow audio is only of use with slow motion")
        self._check_audio()
        if self.segment is not None and self.segment <= 0:
            raise InputError("segment length is not positive")
        if not 0.0 <= self.scene_threshold <= 1.0:
            raise InputError(f"scene threshold {self.scene_threshold} is not in [0, 1]")
        if self.batch_size is not None and self.batch_size < 1:
            raise InputError(f"batch size {self.batch_size} is not positive")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"{self.threads} threads are not enough")
        if self.max_memory is not None and self.max_memory < 1:
            raise InputError("max memory is not positive")
        if self.max_device_memory is not None and self.max_device_memory < 1 << 30:
            raise InputError(
                "a network needs 1G of a device's memory at least", hint="give more with --max-device-memory"
            )
        if self.max_gap < 0:
            raise InputError("max gap is negative")
        if self.start is not None and self.start < 0:
            raise InputError("start is negative")
        if self.duration is not None and self.duration <= 0:
            raise InputError("duration is not positive")

    def _check_audio(self) -> None:
        if self.audio not in (None, "copy", "encode", "drop"):
            raise InputError(f"audio {self.audio!r} is not copy, encode or drop")
        if self.audio_bitrate is not None and self.audio_bitrate < 1:
            raise InputError("audio bitrate is not positive")
        if self.audio in ("copy", "drop") and (self.audio_codec is not None or self.audio_bitrate is not None):
            raise InputError(f"an audio codec or bitrate is of no use with audio {self.audio}", hint="leave it out")
        if self.audio == "copy" and self.slow_audio == "stretch":
            raise InputError("audio cannot be copied and stretched", hint="leave out one of them")

    @property
    def segment_length(self) -> Fraction:
        """Length of a durable segment, s of the input."""
        return SEGMENT_S if self.segment is None else self.segment

    @property
    def multiple(self) -> int:
        """Frames out for each frame in, where no rate is asked for."""
        return self.factor or self.slow_motion or 2


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


def parse_scale(text: str) -> Fraction | None:
    """Reads a flow scale, "1", "0.5" or "1/2"; "auto" is None.

    Raises:
      InputError: it is not a number.
    """
    try:
        return None if text == "auto" else Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not a scale: {text!r}", hint="as 0.5, 1/2 or auto") from error


def parse_batch_size(text: str) -> int | None:
    """Reads a number of pairs at once, "8"; "auto" is None.

    Raises:
      InputError: it is not a whole number.
    """
    if text == "auto":
        return None
    if not text.isdecimal():
        raise InputError(f"batch size {text!r} is not a number", hint="as 8, or auto")
    return int(text)


def parse_bytes(text: str) -> int:
    """Reads an amount of memory, "6G", "800M" or a number of bytes; units are powers of 1024.

    Raises:
      InputError: it is not an amount.
    """
    number = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = {"K": 10, "M": 20, "G": 30, "T": 40}.get(number[-1:], 0)
    try:
        amount = Fraction(number[:-1] if unit else number) * (1 << unit)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not an amount of memory: {text!r}", hint="as 6G or 800M") from error
    return int(amount)


def parse_bitrate(text: str) -> int:
    """Reads bits a second as ffmpeg writes them, "192k", "1.5M" or a number; units are powers of 1000.

    Raises:
      InputError: it is not a bit rate.
    """
    number = text.strip().upper()
    unit = {"K": 1000, "M": 1000_000}.get(number[-1:], 1)
    try:
        return int(Fraction(number if unit == 1 else number[:-1]) * unit)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not a bit rate: {text!r}", hint="as 192k") from error


RATES = {
    "ntsc": Fraction(30000, 1001),
    "pal": Fraction(25),
    "film": Fraction(24),
    "ntsc-film": Fraction(24000, 1001),
}
"""FFmpeg's names of rates."""


def parse_rate(text: str) -> Fraction:
    """Reads a frame rate, "60", "29.97", "30000/1001" or a name of `RATES`, as an exact number.

    Decimals that stand for a rate of NTSC are taken for it: 23.976 and 23.98 are 24000/1001.

    Raises:
      InputError: it is not a rate.
    """
    if text in RATES:
        return RATES[text]
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"not a frame rate: {text!r}", hint="as 60, 59.94 or 60000/1001") from error
    if rate <= 0:
        raise InputError(f"not a frame rate: {text!r}")
    nominal = -(-rate.numerator // rate.denominator)
    ntsc = Fraction(nominal * 1000, 1001)
    if rate.denominator != 1 and "/" not in text and abs(rate - ntsc) <= Fraction(1, 200):
        return ntsc
    return rate
