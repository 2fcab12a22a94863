"""The keywords of `boost`, typed: fields of the options, flat, in all forms that their values may have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any, TypedDict

from frame_booster.errors import InputError
from frame_booster.option_values import (
    parse_angle,
    parse_bytes,
    parse_fps,
    parse_position,
    parse_rate,
    parse_ratio,
    parse_scale,
    parse_time,
)
from frame_booster.options import BoostOptions, EncoderOptions, InputOptions
from frame_booster.timecode import Timecode

Rate = Fraction | float | str
"""Frames a second; a text or a decimal is read as the command reads it: 59.94 is 60000/1001."""
Time = Fraction | float | str
"""Seconds; a text may be "00:01:02.5"."""
Place = Fraction | Timecode | float | str
"""A time, or a timecode; a text may be "01:00:02:12"."""
Scale = Fraction | float | str
Ratio = Fraction | float | str


class BoostKeywords(TypedDict, total=False):
    """All optional; what each means stands with the field of its name in `frame_booster.options`."""

    # Of `BoostOptions`.
    model: str
    weights: str | None
    device: str
    precision: str
    engine: str
    provider: str
    batch_size: int | None
    flow_scale: Scale | None
    max_memory: int | str | None
    max_device_memory: int | str | None
    cache: bool
    threads: int | None
    factor: int | None
    fps: Rate | None
    slow_motion: Ratio | None
    slow_audio: str | None
    audio: str | None
    audio_codec: str | None
    audio_bitrate: int | None
    dedupe: bool
    scene_threshold: float
    max_gap: Time
    start: Place | None
    end: Place | None
    duration: Place | None
    loop: bool
    shutter: Ratio | None
    shutter_samples: int
    mask: str | Path | None
    output_format: str | None
    allow_drop: bool
    overwrite: bool
    keep_partial: bool
    allow_truncated: bool
    resume: bool
    segment: Time | None
    # Of `EncoderOptions`.
    codec: str | None
    crf: float | None
    preset: str | None
    pix_fmt: str | None
    options: tuple[tuple[str, str], ...]
    container_options: tuple[tuple[str, str], ...]
    # Of `InputOptions`.
    input_format: str | None
    input_size: str | None
    input_pix_fmt: str | None
    input_rate: Rate | None
    input_video_stream: int
    input_hwaccel: str | None
    input_deinterlace: str | bool
    input_ivtc: bool
    input_threads: int | None
    input_strict: bool


_READ: dict[str, Callable[[str], Any]] = {
    "fps": parse_rate,
    "input_rate": parse_rate,
    "max_memory": parse_bytes,
    "max_device_memory": parse_bytes,
    "flow_scale": parse_scale,
    "slow_motion": parse_ratio,
    "shutter": parse_angle,
    **dict.fromkeys(("start", "end", "duration"), parse_position),
    **dict.fromkeys(("max_gap", "segment"), parse_time),
}


def value_of(name: str, value: Any) -> Any:
    """Returns the value of a keyword as the options have it: text and decimals as the command would read them.

    Raises:
      InputError: it is no such value.
    """
    if name == "input_deinterlace" and isinstance(value, bool):
        return "on" if value else "off"
    if name == "mask" and value is not None:
        return str(value)
    read = _READ.get(name)
    if read is None or value is None or isinstance(value, (Fraction, Timecode)):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise InputError(f"{name} is a number or a text, not {value!r}")
    if isinstance(value, int):
        return value if name in ("max_memory", "max_device_memory") else Fraction(value)
    # A decimal stands for what it is written as, not for the nearest binary fraction.
    return read(value if isinstance(value, str) else repr(value))


def options_of(keywords: dict[str, Any]) -> BoostOptions:
    """Returns the options that keywords of `boost` stand for.

    Raises:
      InputError: a keyword is not known, or a value is not one, or out of range.
    """
    unknown = set(keywords) - set(BoostKeywords.__annotations__)
    if unknown:
        raise InputError(f"unknown option: {', '.join(sorted(unknown))}")
    asked = keywords.get("fps")
    if isinstance(asked, str) and isinstance(factor := parse_fps(asked), int):
        if keywords.get("factor") is not None:
            raise InputError("fps and factor exclude each other", hint="give one of them")
        keywords = {**keywords, "fps": None, "factor": factor}
    keywords = {name: value_of(name, value) for name, value in keywords.items()}
    encoder = {f.name: keywords[f.name] for f in fields(EncoderOptions) if f.name in keywords}
    reading = {f.name: keywords[f"input_{f.name}"] for f in fields(InputOptions) if f"input_{f.name}" in keywords}
    own = {f.name: keywords[f.name] for f in fields(BoostOptions) if f.name in keywords}
    return BoostOptions(**own, encoder=EncoderOptions(**encoder), source=InputOptions(**reading))
