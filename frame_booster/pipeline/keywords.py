"""The keywords of `boost`, typed: fields of the options, flat."""

from __future__ import annotations

from fractions import Fraction
from typing import TypedDict


class BoostKeywords(TypedDict, total=False):
    """All optional; what each means stands with the field of its name in `frame_booster.options`."""

    # Of `BoostOptions`.
    model: str
    weights: str | None
    device: str
    precision: str
    batch_size: int | None
    flow_scale: Fraction | None
    max_memory: int | None
    threads: int | None
    factor: int | None
    fps: Fraction | None
    slow_motion: int | None
    slow_audio: str | None
    audio: str | None
    audio_codec: str | None
    audio_bitrate: int | None
    dedupe: bool
    scene_threshold: float
    max_gap: Fraction
    start: Fraction | None
    duration: Fraction | None
    output_format: str | None
    allow_drop: bool
    overwrite: bool
    keep_partial: bool
    resume: bool
    segment: Fraction
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
    input_rate: Fraction | None
    input_video_stream: int
    input_hwaccel: str | None
    input_deinterlace: bool
    input_threads: int | None
    input_strict: bool
