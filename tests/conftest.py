"""Small media made with PyAV, and the real material where it is at hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.codec.context import Flags

from frame_booster.engine.model import Model
from frame_booster.network.presets import BytesPerPixel, Preset

# Tests that import it themselves report nothing to its maker either.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

SHARED = Path(os.environ.get("FRAME_BOOSTER_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"


_DEFAULT_SIGNALS = """
import os, signal, sys
for name in ("SIGINT", "SIGHUP"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def with_default_signals(command: Sequence[str]) -> list[str]:
    """A command as a terminal starts it: tests that run in the background, or under nohup, hand on ignored signals."""
    return [sys.executable, "-c", _DEFAULT_SIGNALS, *command]


@pytest.fixture(autouse=True)
def as_a_user_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Commands run by tests must not inherit what TensorFlow's import has set here: it makes them talk.

    Nor may they take options from the profiles of the person who runs the tests.
    """
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-settings"))


@pytest.fixture(scope="session")
def clips() -> Path:
    if not (SHARED / "clips").is_dir():
        pytest.skip("the sample clips are not here (set FRAME_BOOSTER_SHARED)")
    return SHARED / "clips"


@pytest.fixture(scope="session")
def triplets() -> Path:
    if not (SHARED / "val" / "manifest.csv").is_file():
        pytest.skip("the validation triplets are not here (set FRAME_BOOSTER_SHARED)")
    return SHARED / "val"


def picture(index: float, width: int, height: int) -> np.ndarray:
    """A textured scene that moves 1.5 px right and 0.5 px down a frame, (H, W, 3) float in [0, 1]."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    x, y = x - 1.5 * index, y - 0.5 * index
    channels = [
        0.5 + 0.22 * np.sin(x / a) * np.cos(y / b) + 0.18 * np.sin((x + 2 * y) / c)
        for a, b, c in ((4.0, 5.0, 7.0), (6.0, 4.0, 9.0), (5.0, 7.0, 6.0))
    ]
    return np.stack(channels, -1)


def make_video(
    path: Path,
    *,
    pts: Sequence[int] = tuple(range(6)),
    time_base: Fraction = Fraction(1, 25),
    rate: Fraction | int = 25,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    tones: int = 0,
    still: bool = False,
    cut_at: int | None = None,
    rotation: bool = False,
    tags: dict[str, int] | None = None,
    seed: int | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Writes a small video; `tones` is its number of AAC tracks, `seed` makes frames of random codes."""
    lossless = {"libx264": {"qp": "0", "preset": "ultrafast"}}.get(codec, {})
    width, height = size
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=Fraction(rate), options=options or lossless)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt, context.time_base = width, height, pix_fmt, time_base
        stream.time_base = time_base
        for tag, value in (tags or {}).items():
            setattr(context, tag, value)
        if rotation:
            stream.set_display_matrix([0, 65536, 0, -65536, 0, 0, 0, 0, 1073741824])
        tracks = [container.add_stream("aac", rate=48000) for _ in range(tones)]
        rng = np.random.default_rng(seed)
        for k, stamp in enumerate(pts):
            shown = 0 if still else k
            shown += 500 if cut_at is not None and k >= cut_at else 0
            rgb = picture(shown, width, height)
            if cut_at is not None and k >= cut_at:
                rgb = 1.0 - rgb[::-1, :, ::-1] ** 2
            frame = av.VideoFrame.from_ndarray((rgb * 255).round().astype(np.uint8), "rgb24").reformat(format=pix_fmt)
            if seed is not None:
                for plane in frame.planes:
                    plane.update(_random_codes(rng, plane, frame.format.components[0].bits))
            for tag, value in (tags or {}).items():
                if hasattr(frame, tag):
                    setattr(frame, tag, value)
            frame.pts, frame.time_base = stamp, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        seconds = (pts[-1] - pts[0]) * time_base
        for number, track in enumerate(tracks):
            _add_tone(container, track, float(seconds), 440.0 * (number + 1))
    return path


def _random_codes(rng: np.random.Generator, plane: object, bits: int) -> bytes:
    count = plane.buffer_size // (1 if bits == 8 else 2)  # type: ignore[attr-defined]
    return rng.integers(0, 1 << bits, count).astype(np.uint8 if bits == 8 else "<u2").tobytes()


def _add_tone(container: object, track: object, seconds: float, pitch: float) -> None:
    samples = np.sin(np.arange(int(48000 * seconds)) * 2 * np.pi * pitch / 48000).astype(np.float32) * 0.3
    for start in range(0, len(samples) - 1023, 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        container.mux(track.encode(frame))  # type: ignore[attr-defined]
    container.mux(track.encode(None))  # type: ignore[attr-defined]


def decoded(path: Path) -> list[tuple[Fraction, bytes]]:
    """All frames of a file: (time in s, the bytes of all planes without padding)."""
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        # FFmpeg's VP8 decoder, in slice threads (PyAV's default), now and then gives other pixels.
        stream.thread_type = "NONE"
        stream.codec_context.flags |= Flags.unaligned
        base = Fraction(stream.time_base.numerator, stream.time_base.denominator)
        for frame in container.decode(stream):
            frames.append((frame.pts * base, b"".join(plane_rows(frame))))
    return frames


def plane_rows(frame: av.VideoFrame) -> list[bytes]:
    rows = []
    for plane, component in zip(frame.planes, frame.format.components, strict=False):
        size = 1 if component.bits == 8 else 2
        data = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        rows.append(data[:, : plane.width * size].tobytes())
    return rows


def packets(path: Path, kind: str) -> list[list[bytes]]:
    """The packets of all streams of a kind, by stream."""
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if s.type == kind]
        found: dict[int, list[bytes]] = {s.index: [] for s in streams}
        if not streams:
            return []
        for packet in container.demux(streams):
            if packet.dts is not None:
                found[packet.stream.index].append(bytes(packet))
    return list(found.values())


class MeanNetwork:
    """Stands in for a trained network where it is not the pictures that matter: the mix of both frames."""

    any_timestep = True
    multiple = 4
    max_flow_downscale = 0
    frame_coding = strips = None

    def __call__(self, frame0: Any, frame1: Any, t: Any, *, flow_downscale: int = 0) -> Any:
        from frame_booster.network.prediction import Prediction

        mixed = frame0 + t[:, None, None, None] * (frame1 - frame0)
        return Prediction(frame=mixed, unclipped=mixed, flows=[])

    @staticmethod
    def between(frames: Any, first: Any, second: Any, t: Any, flow_downscale: int = 0, downscaled: Any = None) -> Any:
        import tensorflow as tf

        from frame_booster.network.prediction import Prediction

        at = t[:, None, None, None]
        first, second = tf.cast(first, tf.int32), tf.cast(second, tf.int32)
        mixed = tf.gather(frames, first) * (1.0 - at) + tf.gather(frames, second) * at
        return Prediction(frame=mixed, unclipped=mixed, flows=[])


class MeanModel(Model):
    """A `Model` with that network, which is there at once."""

    network = MeanNetwork()
    name, device, precision, provider = "mean", "/CPU:0", "float32", None
    preset = Preset(
        name="mean",
        load=lambda precision: MeanNetwork(),
        weights="",
        bytes_per_pixel=BytesPerPixel(frame=260.0),
        max_flow_downscale=0,
        any_timestep=True,
        description="The mean of both frames.",
        licence="MIT",
        run="",
    )
    peers: tuple[Any, ...] = ()
    weights = Path(__file__)

    def __init__(self) -> None:
        """Loads nothing."""


def boosted(source: Path | str, output: Path | str, **options: Any) -> Any:
    """Runs the whole pipeline but for the trained network; returns the result."""
    from frame_booster.pipeline.boost import run
    from frame_booster.pipeline.keywords import options_of

    progress = options.pop("progress", None)
    return run(str(source), str(output), options_of(options), progress, MeanModel())  # type: ignore[arg-type]


def ffmpeg(*arguments: str | Path) -> str:
    """Runs Debian's ffmpeg and returns what it wrote; skips where it is not installed."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    command = ["ffmpeg", "-v", "error", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def probe(path: Path) -> dict[str, Any]:
    """What a reader that is not ours, FFmpeg's own, says of a file; skips where it is not installed."""
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed")
    command = ["ffprobe", "-v", "error", "-of", "json"]
    shown = ["-show_format", "-show_streams", "-show_chapters", "-show_packets"]
    done = subprocess.run([*command, *shown, str(path)], capture_output=True, check=True, text=True)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def probed_times(path: Path, index: int = 0) -> list[Fraction]:
    """The times of a stream's packets as ffprobe gives them, s, sorted."""
    facts = probe(path)
    base = Fraction(facts["streams"][index]["time_base"])
    return sorted(int(p["pts"]) * base for p in facts["packets"] if p["stream_index"] == index)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files with the longest tests come first, so that no worker is left with one of them at the end."""
    items.sort(key=lambda item: "training" not in item.path.parts)
