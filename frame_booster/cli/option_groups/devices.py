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
        help="auto, the first GPU or else the processor; cpu; gpu or gpu:1. May be given several times: they share the "
        "frames of a file, or the jobs of a folder.",
        example="--device gpu:0 --device gpu:1",
    ),
    option(
        "--engine",
        type=click.Choice(["auto", "tensorflow", "onnx"]),
        default="auto",
        help="What runs the network: TensorFlow or ONNX Runtime; auto goes by what is here and how much there is to "
        "do.",
        example="--engine onnx",
    ),
    option(
        "--provider",
        metavar="NAME",
        default="auto",
        help="Execution provider of ONNX Runtime: cuda, directml, coreml, openvino, cpu, tensorrt, or its full name. "
        "auto is the first of these that is here, tensorrt aside.",
        example="--engine onnx --provider openvino",
    ),
    option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        default="auto",
        help="Number format of the convolutions. auto is bfloat16 on an NVIDIA GPU of compute capability 8.0, float16 "
        "on older ones and with ONNX Runtime on a GPU, bfloat16 on a processor that has it, else float32.",
        example="--precision float32",
    ),
    option(
        "--batch-size",
        metavar="PAIRS",
        default="auto",
        help="Pairs of frames that go through the network at once; auto goes by frame size, and on a GPU by its free "
        "memory as well.",
        example="--batch-size 4",
        reads=parse_batch_size,
    ),
    option(
        "--max-memory",
        metavar="SIZE",
        help="Memory that the process may take, in bytes or with K, M, G; frames are interpolated in strips where it "
        "needs be.",
        default_text="half of what is free",
        example="--max-memory 6G",
        reads=parse_bytes,
    ),
    option(
        "--max-device-memory",
        metavar="SIZE",
        help="Memory to take of each GPU, in bytes or with K, M, G.",
        default_text="what is free",
        example="--max-device-memory 8G",
        reads=parse_bytes,
    ),
    option(
        "--no-cache",
        is_flag=True,
        help="Keep nothing on disk for later runs: nothing that is compiled for a GPU, no graphs, no measured speeds.",
    ),
    option(
        "--threads",
        "-threads",
        "threads",
        type=int,
        metavar="NUMBER",
        help="Threads of the network, of the decoder and of the encoder, each.",
        default_text="their own choice",
        example="--threads 4",
    ),
    option(
        "--hwaccel",
        "-hwaccel",
        "hwaccel",
        metavar="NAME",
        help="Decode in hardware: auto, or a kind of device of FFmpeg such as cuda, vaapi or videotoolbox.",
        default_text="in software",
        example="--hwaccel auto",
    ),
    option(
        "--cluster",
        metavar="ADDRESS",
        help="Work on all machines of a Ray cluster: auto, local, HOST:PORT or ray://HOST:10001. It implies --resume.",
        default_text="this machine alone",
        example="--cluster auto",
    ),
    option(
        "--cluster-cpus",
        type=int,
        metavar="NUMBER",
        help="Cores of a worker of the cluster.",
        default_text="2, or 1 beside a GPU",
        example="--cluster auto --cluster-cpus 4",
    ),
    option(
        "--cluster-workers",
        type=int,
        metavar="NUMBER",
        help="The most workers of the cluster.",
        default_text="as many as it has room for, or grows to",
        example="--cluster auto --cluster-workers 8",
    ),
    option(
        "--cluster-scratch",
        type=click.Path(),
        metavar="FOLDER",
        help="Folder that all machines share, through which workers hand over what they have made.",
        default_text="Ray's object store",
        example="--cluster auto --cluster-scratch /mnt/shared",
    ),
]
