"""Options about what does the work: devices, engines, memory, threads, other machines."""

from __future__ import annotations

from functools import partial

import click

from frame_booster.cli import grouped
from frame_booster.option_values import parse_batch_size, parse_bytes

option = partial(grouped.option, grouped.DEVICES)

OPTIONS = [
    option(
        "--device",
        multiple=True,
        default=["auto"],
        metavar="NAME",
        help="Device of the network: auto (the first GPU, else the CPU), cpu, gpu or gpu:1. If given several "
        "times, the devices share the frames of a file or the files of a folder.",
        example="--device gpu:0 --device gpu:1",
    ),
    option(
        "--engine",
        type=click.Choice(["auto", "tensorflow", "onnx"]),
        default="auto",
        help="Library that runs the network: TensorFlow or ONNX Runtime (with OpenVINO). auto chooses among those "
        "installed, by the devices that each can use and by the length of the run.",
        example="--engine onnx",
    ),
    option(
        "--provider",
        metavar="NAME",
        default="auto",
        help="Execution provider of the ONNX engine: cuda, directml, coreml, openvino, cpu, tensorrt, or its full "
        "name. auto takes the first that works, except tensorrt.",
        example="--engine onnx --provider openvino",
    ),
    option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        default="auto",
        help="Number format of the convolutions. auto: on an NVIDIA GPU bfloat16 from compute capability 8.0 on, "
        "float16 from 7.0 on, else float32; with ONNX Runtime on a GPU float16; on a CPU bfloat16 if it has "
        "it, else float32.",
        example="--precision float32",
    ),
    option(
        "--batch-size",
        metavar="PAIRS",
        default="auto",
        help="Pairs of frames that the network processes at once; auto depends on the frame size, and on a GPU "
        "also on its free memory.",
        example="--batch-size 4",
        reads=parse_batch_size,
    ),
    option(
        "--max-memory",
        metavar="SIZE",
        help="Limit for the memory of the process, in bytes or with K, M, G. If necessary, frames are interpolated "
        "in strips.",
        default_text="half of the free memory",
        example="--max-memory 6G",
        reads=parse_bytes,
    ),
    option(
        "--max-device-memory",
        metavar="SIZE",
        help="Limit for the memory used on each GPU, in bytes or with K, M, G.",
        default_text="the free memory",
        example="--max-device-memory 8G",
        reads=parse_bytes,
    ),
    option(
        "--no-cache",
        is_flag=True,
        help="Keep nothing on disk for later runs: no compiled computations, graphs or measured speeds.",
    ),
    option(
        "--threads",
        "-threads",
        "threads",
        type=int,
        metavar="NUMBER",
        help="Number of threads, each for the network, the decoder and the encoder.",
        default_text="chosen by each",
        example="--threads 4",
    ),
    option(
        "--hwaccel",
        "-hwaccel",
        "hwaccel",
        metavar="NAME",
        help="Decode in hardware: auto, or a device type of FFmpeg such as cuda, vaapi or videotoolbox.",
        default_text="software",
        example="--hwaccel auto",
    ),
    option(
        "--cluster",
        metavar="ADDRESS",
        help="Use all machines of a Ray cluster: auto, local, HOST:PORT or ray://HOST:10001. It implies --resume.",
        default_text="only this machine",
        example="--cluster auto",
    ),
    option(
        "--cluster-cpus",
        type=int,
        metavar="NUMBER",
        help="CPU cores for each worker of the cluster.",
        default_text="2, or 1 with a GPU",
        example="--cluster auto --cluster-cpus 4",
    ),
    option(
        "--cluster-workers",
        type=int,
        metavar="NUMBER",
        help="Maximum number of workers of the cluster.",
        default_text="as many as the cluster has room for",
        example="--cluster auto --cluster-workers 8",
    ),
    option(
        "--cluster-scratch",
        type=click.Path(),
        metavar="FOLDER",
        help="Folder shared by all machines, through which workers pass finished segments.",
        default_text="Ray's object store",
        example="--cluster auto --cluster-scratch /mnt/shared",
    ),
]
