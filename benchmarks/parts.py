"""What surrounds the network, each by itself: warp, conversions, decoding, encoding; megapixels a second."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.clips import decode, encode, scene
from benchmarks.networks import moving_frames
from benchmarks.yardsticks import median_s, memory_bandwidth
from frame_booster.engine.colour import planes_to_rgb, rgb_to_planes
from frame_booster.engine.device import tensorflow
from frame_booster.network.warp import addons_warp, compiled_gather_warp, dense_image_warp, gather_warp
from frame_booster.pixels import PixelLayout

FRAMES = 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", default="1280x720")


def run(options: argparse.Namespace) -> None:
    """Prints one line a part."""
    tf = tensorflow()
    width, height = map(int, options.size.split("x"))
    megapixels = width * height / 1e6
    print(f"memory bandwidth (copy): {memory_bandwidth(options.repeat) / 1e9:.1f} GB/s")

    def tell(name: str, seconds: float, frames: int = 1) -> None:
        print(f"{name:<44}{frames * megapixels / seconds:>10.1f} Mpx/s", flush=True)

    image = tf.random.stateless_uniform([1, height, width, 3], [1, 2])
    flow = 4.0 * tf.random.stateless_normal([1, height, width, 2], [3, 4])
    warps = {"warp, four gathers": gather_warp, "the same, compiled": compiled_gather_warp}
    warps |= {} if addons_warp() is None else {"warp, tensorflow-addons": addons_warp()}
    warps["warp as used, compiled"] = dense_image_warp
    for name, warp in warps.items():
        call = tf.function(warp, autograph=False)
        tell(name, median_s(lambda call=call: call(image, flow).numpy(), options.repeat))
    for depth in (8, 10):
        layout = PixelLayout(width, height, "yuv", depth, 1, 1)
        planes = [tf.constant(p[None].astype(layout.dtype)) for p in moving_frames(layout, 1)[0]]
        there = tf.function(lambda p, layout=layout: planes_to_rgb(p, layout, 1), autograph=False)
        back = tf.function(lambda x, layout=layout: rgb_to_planes(x, layout), autograph=False)
        rgb = there(planes)
        tell(f"planes to RGB, {depth} bit", median_s(lambda t=there, p=planes: t(p).numpy(), options.repeat))
        tell(f"RGB to planes, {depth} bit", median_s(lambda b=back, x=rgb: b(x)[0].numpy(), options.repeat))
    frames = list(scene(FRAMES, width, height))
    tell("swscale to RGB, beside that", median_s(lambda: frames[0].reformat(format="gbrpf32le"), options.repeat))
    with tempfile.TemporaryDirectory() as folder:
        for codec, settings in (("libx264", {"crf": "18", "preset": "medium"}), ("ffv1", {})):
            path = Path(folder) / "clip.mkv"
            tell(
                f"encode, {codec}",
                median_s(lambda p=path, c=codec, s=settings: encode(p, frames, c, s), min(options.repeat, 3)),
                FRAMES,
            )
            tell(f"decode, {codec}", median_s(lambda p=path: decode(p), options.repeat), FRAMES)
