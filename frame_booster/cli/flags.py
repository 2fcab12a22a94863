"""The flags of `frame-booster`, and the options that they become."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from frame_booster.errors import InputError
from frame_booster.network.presets import DEFAULT, PRESETS
from frame_booster.options import (
    DEINTERLACING,
    BoostOptions,
    EncoderOptions,
    InputOptions,
    parse_batch_size,
    parse_bitrate,
    parse_bytes,
    parse_rate,
    parse_scale,
    parse_time,
)

if TYPE_CHECKING:
    from frame_booster.pipeline.cluster.options import ClusterOptions
    from frame_booster.pipeline.folder import FolderOptions

_MULTIPLE = click.Choice(["2", "4", "8"])

_FLAGS = [
    click.option("--factor", type=_MULTIPLE, help="Frames out for each frame in. Default: 2."),
    click.option("--fps", metavar="RATE", help="Frames a second of the output instead, as 60 or 60000/1001."),
    click.option(
        "--slow-motion", type=_MULTIPLE, help="Make the output this many times longer, at the rate of the source."
    ),
    click.option(
        "--slow-audio",
        type=click.Choice(["drop", "stretch"]),
        help="In slow motion: leave audio out, or stretch it at its own pitch.",
    ),
    click.option(
        "--audio",
        type=click.Choice(["copy", "encode", "drop"]),
        help="Copy audio or fail, encode it again, or leave it out. Default: copy, or encode what cannot be copied.",
    ),
    click.option("--audio-codec", "-c:a", "audio_codec", help="Encode audio with this. Default: aac, libopus in WebM."),
    click.option("--audio-bitrate", "-b:a", "audio_bitrate", help="Encode audio at this, as 192k."),
    click.option("--dedupe", is_flag=True, help="Interpolate through repeated frames (anime, game capture)."),
    click.option("-m", "--model", type=click.Choice(list(PRESETS)), default=DEFAULT, show_default=True),
    click.option("--weights", type=click.Path(), help="Weights file (.safetensors) instead of the shipped."),
    click.option(
        "--device",
        multiple=True,
        default=["auto"],
        show_default=True,
        help="auto, cpu, gpu or gpu:1; repeatable: several share a file, or the jobs of a folder.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        default="auto",
        show_default=True,
        help="Precision of the convolutions.",
    ),
    click.option(
        "--engine",
        type=click.Choice(["auto", "tensorflow", "onnx"]),
        default="auto",
        show_default=True,
        help="What runs the network: TensorFlow, or ONNX Runtime; auto: by what is here and how much there is to do.",
    ),
    click.option(
        "--provider",
        metavar="NAME",
        default="auto",
        show_default=True,
        help="Execution provider of ONNX Runtime: cuda, directml, coreml, openvino, cpu, tensorrt, or its full name.",
    ),
    click.option(
        "--batch-size",
        metavar="N",
        default="auto",
        show_default=True,
        help="Pairs of frames at once, as 8; auto: by frame size, on a GPU also by its free memory.",
    ),
    click.option(
        "--flow-scale",
        type=click.Choice(["auto", "1", "0.5", "0.25", "0.125"]),
        default="auto",
        show_default=True,
        help="Estimate optical flow on frames scaled by this; auto: by frame size.",
    ),
    click.option("--max-memory", metavar="SIZE", help="As 6G or 800M. Default: half of what is free."),
    click.option(
        "--max-device-memory", metavar="SIZE", help="Memory to take of each GPU, as 8G. Default: what is free."
    ),
    click.option("--no-cache", is_flag=True, help="Keep nothing on disk of what is compiled for a GPU, and no graphs."),
    click.option(
        "--threads",
        type=int,
        help="Threads of the network, the decoder and the encoder, each. Default: their own choice.",
    ),
    click.option(
        "--scene-threshold",
        type=float,
        default=0.2,
        show_default=True,
        help="Hold a frame before a cut: where two frames are less similar than this; 0 is off.",
    ),
    click.option(
        "--max-gap",
        metavar="TIME",
        default="0.5",
        show_default=True,
        help="Hold a frame over a longer gap (of more than 8 usual frames, too); 0 is no limit.",
    ),
    click.option("--start", "-ss", "start", metavar="TIME", help="Begin here, as 12.5 or 00:01:02.5."),
    click.option("--duration", "-t", "duration", metavar="TIME", help="Take no more than this."),
    click.option("--video-stream", type=click.IntRange(0), default=0, help="Which video stream to boost, from 0."),
    click.option(
        "--deinterlace",
        is_flag=False,
        flag_value="on",
        default="auto",
        show_default=True,
        type=click.Choice(DEINTERLACING),
        help="Make whole frames of interlaced ones first (bwdif): auto, where they are seen to be; on, of all; off.",
    ),
    click.option("--ivtc", is_flag=True, help="Take 3:2 pulldown out first: film at 24000/1001 of 30000/1001."),
    click.option(
        "--strict",
        is_flag=True,
        help="Fail where a frame is damaged or changes, or a stream cannot be kept, instead of warning.",
    ),
    click.option("--hwaccel", metavar="NAME", help="Decode in hardware: auto, cuda, vaapi, videotoolbox, ..."),
    click.option("--input-format", metavar="NAME", help="FFmpeg's name of the input's format, for pipes."),
    click.option("--size", metavar="WxH", help="Size of raw video."),
    click.option("--input-pix-fmt", metavar="NAME", help="Pixel format of raw video. Default: yuv420p."),
    click.option("--rate", metavar="RATE", help="Rate of raw video and of picture sequences. Default: 25."),
    click.option("--output-format", metavar="NAME", help="FFmpeg's name of the container. Default: by suffix."),
    click.option("--codec", "-c:v", "codec", help="Video encoder. Default: libx264, or what the container needs."),
    click.option("--crf", type=float, help="Constant quality; lower is better. Default: by encoder, 18 for libx264."),
    click.option("--preset", help="Speed of the encoder. Default: by encoder, medium for libx264."),
    click.option("--pix-fmt", "-pix_fmt", "pix_fmt", help="Pixel format of the output. Default: the source's."),
    click.option("--encoder-option", multiple=True, metavar="KEY=VALUE", help="Passed to the encoder; repeatable."),
    click.option("--container-option", multiple=True, metavar="KEY=VALUE", help="Passed to the container; repeatable."),
    click.option("--allow-drop", is_flag=True, help="With --strict: leave out what the container cannot hold."),
    click.option("--overwrite", "-y", is_flag=True, help="Replace the output if it exists."),
    click.option("--keep-partial", is_flag=True, help="When interrupted, keep what is done as NAME.partial.SUFFIX."),
    click.option(
        "--allow-truncated",
        is_flag=True,
        help="Give the result of an input that breaks off its name, with a warning; else it is NAME.partial.SUFFIX.",
    ),
    click.option("--resume", is_flag=True, help="Work in durable segments; the same command goes on after a crash."),
    click.option("--segment", metavar="TIME", help="Length of such a segment. Default: 60."),
    click.option("--pattern", metavar="GLOB", help="In a folder: which files, as '*.mov'. Default: any video."),
    click.option("--suffix", metavar=".EXT", help="In a folder: suffix of the outputs. Default: as the input."),
    click.option("--skip-existing", is_flag=True, help="In a folder: leave files alone that have an output."),
    click.option("--jobs", "-j", type=click.IntRange(1), default=1, help="In a folder: files at once."),
    click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Work on all machines of a Ray cluster: auto, local, HOST:PORT or ray://HOST:10001.",
    ),
    click.option("--cluster-cpus", type=int, help="Cores of a worker of the cluster. Default: 2, or 1 beside a GPU."),
    click.option("--cluster-workers", type=int, help="The most workers. Default: as many as the cluster grows to."),
    click.option(
        "--cluster-scratch",
        type=click.Path(),
        metavar="FOLDER",
        help="Folder that all machines share, for what is made. Default: through Ray.",
    ),
    click.option("--watch", is_flag=True, help="In a folder: go on with files that come later, until interrupted."),
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

    size = values["size"]
    if size is not None and not all(part.isdecimal() and int(part) for part in [*size.split("x"), ""][:2]):
        raise InputError(f"--size {size!r} is not WIDTHxHEIGHT")
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
        factor=through(int, "factor"),
        fps=through(parse_rate, "fps"),
        slow_motion=through(int, "slow_motion"),
        slow_audio=values["slow_audio"],
        audio=values["audio"],
        audio_codec=values["audio_codec"],
        audio_bitrate=through(parse_bitrate, "audio_bitrate"),
        dedupe=values["dedupe"],
        scene_threshold=values["scene_threshold"],
        max_gap=parse_time(values["max_gap"]),
        start=through(parse_time, "start"),
        duration=through(parse_time, "duration"),
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
            size=size,
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
                raise InputError(f"--{name.replace('_', '-')} is only of use with --cluster")
        return None
    scratch = values["cluster_scratch"]
    return ClusterOptions(
        address=values["cluster"],
        cpus=values["cluster_cpus"],
        workers=values["cluster_workers"],
        scratch=None if scratch is None else Path(scratch),
    )


def folder_options(values: dict[str, Any]) -> FolderOptions:
    """Builds the options of a folder's run from the values of the flags."""
    from frame_booster.pipeline.folder import FolderOptions

    suffix = values["suffix"]
    return FolderOptions(
        pattern=values["pattern"],
        suffix=None if suffix is None else f".{suffix.lstrip('.')}",
        skip_existing=values["skip_existing"],
        jobs=values["jobs"],
        devices=tuple(values["device"]),
        watch=values["watch"],
    )
