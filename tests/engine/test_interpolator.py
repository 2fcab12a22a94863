"""What `interpolate` takes and refuses, and what it writes to standard error of its own."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frame_booster.engine.interpolator import Interpolator, load_model
from frame_booster.errors import InputError, ModelError
from tests.conftest import picture

ZEROS = np.zeros((8, 10, 3), np.uint8)
HALF = np.full((8, 10, 3), 0.5, np.float32)


class StandIn:
    """A network in place of a loaded one: the mean of both pictures by time, for any shape."""

    class network:
        any_timestep, multiple, max_flow_downscale = True, 1, 1

    class preset:
        max_flow_downscale = 1

    device = "/CPU:0"

    def pictures(self, shape: tuple[int, ...], top: float, downscale: int) -> Any:
        def mixed(first: Any, second: Any, t: float) -> Any:
            assert first.shape == second.shape == shape
            assert isinstance(t, float)
            return first * np.float32(1 - t) + second * np.float32(t)

        return mixed


@pytest.fixture
def interpolate() -> Any:
    return Interpolator(StandIn()).interpolate  # type: ignore[arg-type]


class Image:
    """Anything that NumPy can make an array of, as a picture of Pillow's."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return ZEROS


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (HALF * 510, r"values from 255 to 255; float32 frames must be in \[0, 1\] \(divide by 255\)"),
        (HALF * 65535, "divide by 65535"),
        (HALF * 2 - 1.5, "scale them to"),
        (HALF * np.float32("nan"), "not finite"),
        (np.where(np.arange(3) == 1, np.float32("inf"), HALF).astype(np.float32), "not finite"),
        (ZEROS[None][:0], r"shape \(0, 8, 10, 3\), which contains no frame"),
        (ZEROS[:1], "height and width must be at least 2 px"),
        (ZEROS[..., :2], "channels last"),
        (ZEROS.transpose(2, 0, 1), "channels last"),
        (ZEROS[None, None], "channels last"),
        (HALF.astype(np.float64), "float64, not uint8, uint16 or float32 .*float32"),
        (ZEROS.tolist(), "int64, not uint8"),
        ([[1], [2, 3]], "not an array: list"),
        (None, "shape"),
        ("frame.png", "shape"),
    ],
)
def test_pictures_that_are_none_are_refused_in_one_line(interpolate: Any, frame: Any, message: str) -> None:
    with pytest.raises(InputError, match=rf"frame0 .*{message}") as caught:
        interpolate(frame, frame)
    assert "\n" not in str(caught.value)
    if isinstance(frame, np.ndarray) and frame.shape == HALF.shape and frame.dtype == HALF.dtype:
        with pytest.raises(InputError, match="frame1 "):
            interpolate(HALF, frame)


def test_pictures_that_differ_are_refused(interpolate: Any) -> None:
    for other in (ZEROS[:4], HALF, ZEROS[None]):
        with pytest.raises(InputError, match="the frames differ"):
            interpolate(ZEROS, other)


@pytest.mark.parametrize(
    "t", [None, "0.5", np.array([0.5]), [0.5], -0.01, 1.01, Fraction(10**400), float("nan"), 1j, b"1"]
)
def test_times_that_are_none_are_refused(interpolate: Any, t: Any) -> None:
    with pytest.raises(InputError, match=r"^t .* 0 to 1"):
        interpolate(ZEROS, ZEROS, t)


@pytest.mark.parametrize("t", [0.25, Fraction(1, 4), np.float32(0.25), np.array(0.25)])
def test_any_one_number_is_a_time(interpolate: Any, t: Any) -> None:
    assert (interpolate(ZEROS, ZEROS + 100, t) == 25).all()


@pytest.mark.parametrize("shape", [(8, 10, 3), (2, 8, 10, 3)])
@pytest.mark.parametrize("t", [0, 1, 0.0, 1.0])
def test_at_the_ends_a_copy_of_a_frame_is_returned(interpolate: Any, t: float, shape: tuple[int, ...]) -> None:
    frames = [np.full(shape, value, np.uint8) for value in (3, 200)]
    made = interpolate(*frames, t)
    np.testing.assert_array_equal(made, frames[int(t)])
    assert not np.shares_memory(made, frames[int(t)])


def test_pictures_of_another_size_batch_or_white_are_never_made_by_the_same_function() -> None:
    class Strict(StandIn):
        def pictures(self, shape: tuple[int, ...], top: float, downscale: int) -> Any:
            mixed = super().pictures(shape, top, downscale)

            def rounded(first: Any, second: Any, t: float) -> Any:
                # Code values, as what is averaged for the flow: a function for others would round to wrong ones.
                if top != 1.0:
                    np.testing.assert_allclose(first * top, np.rint(first * top), atol=1e-2)
                # Between codes, as what a network makes.
                return (np.rint(mixed(first, second, t) * top) - 0.4) / top

            return rounded

    interpolate = Interpolator(Strict()).interpolate  # type: ignore[arg-type]
    rng = np.random.default_rng(1)
    for shape in ((8, 10, 3), (10, 8, 3), (1, 8, 10, 3), (2, 8, 10, 3)):
        for dtype, top in ((np.uint8, 255), (np.uint16, 65535)):
            frames = [rng.integers(0, top + 1, shape).astype(dtype) for _ in range(2)]
            # Both odd or both even, so that the mean is a code.
            frames[1] ^= (frames[0] ^ frames[1]) & 1
            mean = (frames[0].astype(int) + frames[1]) // 2
            np.testing.assert_array_equal(interpolate(*frames), mean)


def test_a_float_picture_is_rounded_to_no_code(interpolate: Any) -> None:
    assert interpolate(HALF, HALF * np.float32(1.001))[0, 0, 0] == np.float32(0.5 + 0.5005) / 2


@pytest.mark.parametrize("when", ["loaded", "run"])
def test_want_of_memory_is_told_with_what_to_do(when: str) -> None:
    class Short(StandIn):
        def pictures(self, shape: tuple[int, ...], top: float, downscale: int) -> Any:
            def failing(*given: Any) -> Any:
                raise MemoryError("bad allocation")

            return failing() if when == "loaded" else failing

        def is_out_of_memory(self, error: Exception) -> bool:
            return isinstance(error, MemoryError)

    interpolate = Interpolator(Short()).interpolate  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"^/CPU:0 has too little memory for 10x8 \(use a smaller batch"):
        interpolate(ZEROS, ZEROS)
    with pytest.raises(ModelError, match="10x8, 2 at once"):
        interpolate(np.stack([ZEROS] * 2), np.stack([ZEROS] * 2))


def test_what_becomes_an_array_is_a_picture(interpolate: Any) -> None:
    assert interpolate(Image(), Image()).shape == ZEROS.shape


def test_what_sharpening_leaves_outside_is_clipped(interpolate: Any) -> None:
    frame = HALF.copy()
    frame[0, 0], frame[1, 1] = -0.1, 1.1
    for t in (0.0, 0.5):
        made = interpolate(frame, frame, t)
        assert made.dtype == np.float32
        assert (made.min(), made.max()) == (0.0, 1.0)


@pytest.mark.parametrize(
    "values", [{"device": ["cpu"]}, {"device": None}, {"precision": 32}, {"name": 2}, {"engine": True}, {"weights": 3}]
)
def test_a_network_is_named_by_texts(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"^{next(iter(values))} must be a string"):
        load_model(**values)


def test_many_shapes_bring_no_warning_of_tensorflows() -> None:
    """In a process of its own: TensorFlow counts, and warns, once for all functions of one place in the code."""
    code = (
        "import numpy as np, frame_booster\n"
        "model = frame_booster.load_model('fbnet', device='cpu', engine='tensorflow')\n"
        "for side in range(16, 23):\n"
        "    frame = np.zeros((side, 16, 3), np.uint8)\n"
        "    assert model.interpolate(frame, frame).shape == frame.shape\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=250, cwd=root)
    assert done.returncode == 0, done.stderr
    assert "WARNING:tensorflow" not in done.stderr
    assert "retracing" not in done.stderr


def test_a_trained_network_takes_a_batch_and_another_shape() -> None:
    fbnet = load_model("fbnet", device="cpu", precision="float32", engine="tensorflow")
    first, second = (np.float32(picture(k, 32, 32)) for k in range(2))
    alone = fbnet.interpolate(first, second)
    both = fbnet.interpolate(np.stack([first, second]), np.stack([second, first]))
    np.testing.assert_allclose(both[0], alone, atol=1e-5)
