"""The flags of `frame-booster`, and the options that they become."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frame_booster.cli.option_groups import common, devices, expert, folders, quality, streams, timing
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

if TYPE_CHECKING:
    from frame_booster.pipeline.cluster.options import ClusterOptions
    from frame_booster.pipeline.folder import FolderOptions

_FLAGS = [
    *common.OPTIONS,
    *timing.OPTIONS,
    *quality.OPTIONS,
    *streams.OPTIONS,
    *devices.OPTIONS,
    *folders.OPTIONS,
    *expert.OPTIONS,
]


def boost_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds all flags to a command."""
    for flag in reversed(_FLAGS):
        command = flag(command)
    return command


def _key_values(values: dict[str, Any], name: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for option in values[name]:
        key, equals, value = option.partition("=")
        if not key or not equals:
            raise InputError(f"--{name.replace('_', '-')} {option!r} is not key=value")
        pairs.append((key, value))
    return tuple(pairs)


def run_options(values: dict[str, Any]) -> BoostOptions:
    """Builds the options of a run from the values of the flags.

    Raises:
      InputError: a value is not usable.
    """

    def through(read: Callable[[str], Any], name: str) -> Any:
        return None if values[name] is None else read(values[name])

    fps = through(parse_fps, "fps")
    factor = fps if isinstance(fps, int) else None
    if factor is not None and values["factor"] is not None:
        raise InputError("--fps and --factor exclude each other", hint="use one of them")
    return BoostOptions(
        model=values["model"],
        weights=values["weights"],
        device=",".join(values["device"]),
        precision=values["precision"],
        engine=values["engine"],
        provider=values["provider"],
        batch_size=parse_batch_size(values["batch_size"]),
        flow_scale=parse_scale(values["flow_scale"]),
        max_memory=through(parse_bytes, "max_memory"),
        max_device_memory=through(parse_bytes, "max_device_memory"),
        cache=not values["no_cache"],
        threads=values["threads"],
        factor=values["factor"] if factor is None else factor,
        fps=fps if factor is None else None,
        slow_motion=through(parse_ratio, "slow_motion"),
        slow_audio=values["slow_audio"],
        audio=values["audio"],
        audio_codec=values["audio_codec"],
        audio_bitrate=through(parse_bitrate, "audio_bitrate"),
        dedupe=values["dedupe"],
        scene_threshold=values["scene_threshold"],
        max_gap=parse_time(values["max_gap"]),
        start=through(parse_position, "start"),
        end=through(parse_position, "end"),
        duration=through(parse_position, "duration"),
        loop=values["loop"],
        shutter=through(parse_angle, "shutter"),
        shutter_samples=values["shutter_samples"],
        mask=values["mask"],
        output_format=values["output_format"],
        allow_drop=values["allow_drop"],
        overwrite=values["overwrite"],
        keep_partial=values["keep_partial"],
        allow_truncated=values["allow_truncated"],
        resume=values["resume"],
        segment=through(parse_time, "segment"),
        encoder=EncoderOptions(
            codec=values["codec"],
            crf=values["crf"],
            preset=values["preset"],
            pix_fmt=values["pix_fmt"],
            options=_key_values(values, "encoder_option"),
            container_options=_key_values(values, "container_option"),
        ),
        source=InputOptions(
            format=values["input_format"],
            size=values["size"],
            pix_fmt=values["input_pix_fmt"],
            rate=through(parse_rate, "rate"),
            video_stream=values["video_stream"],
            hwaccel=values["hwaccel"],
            deinterlace=values["deinterlace"],
            ivtc=values["ivtc"],
            strict=values["strict"],
        ),
    )


def cluster_options(values: dict[str, Any]) -> ClusterOptions | None:
    """Builds the options of a cluster from the values of the flags; None where one machine is to work.

    Raises:
      InputError: a value is not usable, or is of use with a cluster only.
    """
    from frame_booster.pipeline.cluster.options import ClusterOptions

    if values["cluster"] is None:
        for name in ("cluster_cpus", "cluster_workers", "cluster_scratch"):
            if values[name] is not None:
                raise InputError(f"--{name.replace('_', '-')} needs --cluster")
        return None
    scratch = values["cluster_scratch"]
    return ClusterOptions(
        address=values["cluster"],
        cpus=values["cluster_cpus"],
        workers=values["cluster_workers"],
        scratch=None if scratch is None else Path(scratch),
    )


def folder_options(values: dict[str, Any], report: Path | None = None) -> FolderOptions:
    """Builds the options of a run of several inputs from the values of the flags.

    Args:
      values: of the flags.
      report: of this run; lines in it of earlier runs tell which outputs are whole.

    Raises:
      InputError: a report cannot be read.
    """
    from frame_booster.pipeline.folder import FolderOptions
    from frame_booster.pipeline.report import done_inputs, whole_outputs

    suffix, earlier = values["suffix"], values["retry_failed"]
    return FolderOptions(
        pattern=values["pattern"],
        suffix=None if suffix is None else f".{suffix.lstrip('.')}",
        skip_existing=values["skip_existing"],
        jobs=values["jobs"],
        devices=tuple(values["device"]),
        watch=values["watch"],
        done=None if earlier is None else done_inputs(earlier),
        retried=earlier,
        whole=whole_outputs(path for path in (earlier, report) if path is not None) if values["skip_existing"] else {},
    )
