"""The typed keyword arguments of `boost`: all fields of the options, with all types that their values may have."""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from typing import Any, TypedDict, get_type_hints

from frame_booster.errors import InputError
from frame_booster.option_values import (
    parse_angle,
    parse_batch_size,
    parse_bitrate,
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
from frame_booster.typed_values import typed

Rate = Fraction | float | str
"""Frames per second; text and decimals are read as on the command line: 59.94 is 60000/1001."""
Time = Fraction | float | str
"""Seconds, or text such as "00:01:02.5"."""
Place = Fraction | Timecode | float | str
"""A time or a timecode, or text such as "01:00:02:12"."""
Scale = Fraction | float | str
Ratio = Fraction | float | str


class BoostKeywords(TypedDict, total=False):
    """Keyword arguments of `boost`, all optional, listed in docs/reference/python.md.

    The fields with the same names in `frame_booster.options` document their meaning.
    """

    # Fields of `BoostOptions`.
    model: str
    weights: str | os.PathLike[str] | None
    device: str
    precision: str
    engine: str
    provider: str
    batch_size: int | str | None
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
    audio_bitrate: int | str | None
    dedupe: bool
    scene_threshold: float
    max_gap: Time
    start: Place | None
    end: Place | None
    duration: Place | None
    loop: bool
    shutter: Ratio | None
    shutter_samples: int
    mask: str | os.PathLike[str] | None
    output_format: str | None
    allow_drop: bool
    overwrite: bool
    keep_partial: bool
    allow_truncated: bool
    resume: bool
    segment: Time | None
    # Fields of `EncoderOptions`.
    codec: str | None
    crf: float | None
    preset: str | None
    pix_fmt: str | None
    options: tuple[tuple[str, str], ...]
    container_options: tuple[tuple[str, str], ...]
    # Fields of `InputOptions`.
    input_format: str | None
    input_size: str | None
    input_pix_fmt: str | None
    input_rate: Rate | None
    input_video_stream: int
    input_hwaccel: str | None
    input_deinterlace: bool | str
    input_ivtc: bool
    input_threads: int | None
    input_strict: bool


_READ: dict[str, Callable[[str], Any]] = {
    "fps": parse_rate,
    "input_rate": parse_rate,
    "batch_size": parse_batch_size,
    "audio_bitrate": parse_bitrate,
    "max_memory": parse_bytes,
    "max_device_memory": parse_bytes,
    "flow_scale": parse_scale,
    "slow_motion": parse_ratio,
    "shutter": parse_angle,
    **dict.fromkeys(("start", "end", "duration"), parse_position),
    **dict.fromkeys(("max_gap", "segment"), parse_time),
}
"""Functions that parse the text of a keyword as on the command line."""
_HINTS = {
    "device": 'for example "cpu", or several: "gpu:0,gpu:1"',
    "input_size": 'for example "1280x720"',
    "options": 'for example (("tune", "animation"),)',
    "container_options": 'for example (("movflags", "+faststart"),)',
}
_LISTED = "docs/reference/python.md lists all options"


@functools.cache
def keyword_types() -> dict[str, Any]:
    """Returns the types of all keywords, by name."""
    return get_type_hints(BoostKeywords)


def value_of(name: str, value: Any) -> Any:
    """Converts the value of a keyword to that of the option's field; text and decimals as on the command line.

    Raises:
      InputError: the value is not valid.
    """
    value = typed(name, value, keyword_types()[name], _HINTS.get(name))
    if name == "input_deinterlace" and isinstance(value, bool):
        return "on" if value else "off"
    # A decimal means the number as written, not the nearest binary fraction.
    if name in _READ and isinstance(value, (str, float)):
        return _READ[name](value if isinstance(value, str) else repr(value))
    return value


def _check_known(keywords: dict[str, Any]) -> None:
    known = keyword_types()
    for name in sorted(set(keywords) - set(known)):
        near = [f"input_{name}"] if f"input_{name}" in known else difflib.get_close_matches(name, known)
        raise InputError(f"unknown option: {name}", hint=f"did you mean {' or '.join(near)}?" if near else _LISTED)


def options_of(keywords: dict[str, Any]) -> BoostOptions:
    """Returns options from the keyword arguments of `boost`.

    Raises:
      InputError: a keyword is unknown, or a value is invalid or out of range.
    """
    _check_known(keywords)
    asked = keywords.get("fps")
    if isinstance(asked, str) and isinstance(factor := parse_fps(asked), int):
        if keywords.get("factor") is not None:
            raise InputError("fps and factor exclude each other", hint="use one of them")
        keywords = {**keywords, "fps": None, "factor": factor}
    keywords = {name: value_of(name, value) for name, value in keywords.items()}
    encoder = {f.name: keywords[f.name] for f in fields(EncoderOptions) if f.name in keywords}
    reading = {f.name: keywords[f"input_{f.name}"] for f in fields(InputOptions) if f"input_{f.name}" in keywords}
    own = {f.name: keywords[f.name] for f in fields(BoostOptions) if f.name in keywords}
    return BoostOptions(**own, encoder=EncoderOptions(**encoder), source=InputOptions(**reading))
