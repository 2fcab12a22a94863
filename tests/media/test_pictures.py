"""Pictures and animations in and out: GIF, WebP, sequences, cropping."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from frame_booster.errors import EncodeError, InputError, Interrupted
from frame_booster.media.input.open import open_source
from frame_booster.media.input.source import SourceFrame
from frame_booster.media.output.picture_folder import partial_folder
from frame_booster.options import InputOptions
from tests.conftest import boosted, decoded, make_video, probed_times
from tests.media.output.test_sinks import stopped_at


@pytest.mark.parametrize("pix_fmt", ["rgb24", "gray", "rgba", "rgb48be"])
def test_pictures_in_and_out_are_the_same_to_the_bit(tmp_path: Path, pix_fmt: str) -> None:
    from tests.media.input.test_sources import make_pictures

    source = make_pictures(tmp_path / "frames", pix_fmt=pix_fmt)
    result = boosted(source, f"{tmp_path}/out/")
    made = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in made] == [f"{k:06d}.png" for k in range(1, 13)]
    assert result.frames_out == 12
    for before, after in zip(sorted(source.iterdir()), made[::2], strict=True):
        [(_, one)], [(_, two)] = decoded(before), decoded(after)
        assert one == two


def floats(path: Path) -> list[np.ndarray]:
    """The planes of an OpenEXR picture."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert "f32" in frame.format.name
        return [
            np.frombuffer(plane, np.float32).reshape(plane.height, -1)[:, : plane.width].copy()
            for plane in frame.planes
        ]


@pytest.mark.parametrize("pix_fmt", ["gbrpf32le", "gbrapf32le", "grayf32le"])
def test_openexr_keeps_its_floating_numbers(tmp_path: Path, pix_fmt: str) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    rng = np.random.default_rng(1)
    base = rng.uniform(-0.2, 24.0, (32, 48)).astype(np.float32)
    base[5, 7] = np.nan
    for k in range(3):
        encoder: Any = av.CodecContext.create("exr", "w")
        encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 48, 32, pix_fmt, Fraction(1, 25)
        encoder.options = {"format": "float"}
        frame = av.VideoFrame(48, 32, pix_fmt)
        for plane in frame.planes:
            values = np.frombuffer(plane, np.float32).reshape(32, -1)
            values[:, :48] = base * np.float32(1.0 + 0.1 * k)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        (folder / f"{k:03d}.exr").write_bytes(b"".join(map(bytes, [*encoder.encode(frame), *encoder.encode(None)])))
    result = boosted(folder, tmp_path / "out" / "%03d.exr")
    assert (result.frames_out, result.warnings) == (6, [])
    for k in range(3):
        assert [x.tobytes() for x in floats(folder / f"{k:03d}.exr")] == [
            x.tobytes() for x in floats(tmp_path / "out" / f"{2 * k + 1:03d}.exr")
        ]
    colours = 1 if pix_fmt.startswith("gray") else 3
    made = floats(tmp_path / "out" / "002.exr")
    for plane in made[:colours]:
        perceived = (np.sign(base) * np.abs(base) ** (1 / 2.2)).astype(np.float32)
        middle = perceived * (1 + 1.1 ** (1 / 2.2)) / 2
        expected = np.sign(middle) * np.abs(middle) ** 2.2
        expected[5, 7] = 0
        assert plane == pytest.approx(expected, rel=1e-4, abs=1e-5)
    if pix_fmt == "gbrapf32le":
        assert made[3] == pytest.approx(base * 1.05, rel=1e-5, nan_ok=True)
    video = boosted(folder, tmp_path / "out.mkv")
    assert any("loses bit depth" in warning for warning in video.warnings)


def test_pictures_never_replace_others_unless_told(tmp_path: Path) -> None:
    from tests.media.input.test_sources import make_pictures

    source = make_pictures(tmp_path / "frames")
    with pytest.raises(InputError, match="the output is the input"):
        boosted(source, f"{source}/")
    boosted(source, tmp_path / "out_%03d.png")
    with pytest.raises(InputError, match="exists already"):
        boosted(source, tmp_path / "out_%03d.png")
    boosted(source, tmp_path / "out_%03d.png", overwrite=True)
    assert len(list(tmp_path.glob("out_*.png"))) == 12
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["frames"]


def test_pictures_are_refused_before_the_work_and_never_take_the_place_of_their_input(tmp_path: Path) -> None:
    from tests.media.input.test_sources import make_pictures

    source = make_pictures(tmp_path / "frames")
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    for output in (f"{source}/", source / "%03d.png", source / "%d.png"):
        with pytest.raises(InputError, match="the output is the input"):
            boosted(source / "%03d.png", output, overwrite=True)
    boosted(source / "%03d.png", source / "smooth-%03d.png")
    assert {path.name: path.read_bytes() for path in source.iterdir() if "-" not in path.name} == before
    (other := tmp_path / "other").mkdir()
    (other / "00012.png").write_bytes(b"")
    with (
        pytest.raises(InputError, match="exists already"),
        partial_folder(source, other / "%05d.png", overwrite=False),
    ):
        raise AssertionError("it is refused before")


def test_pictures_are_written_on_the_disk_of_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder may be a disk of its own, as one that is given to a container; the current one is no exception."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for target, place in ((Path("%05d.png"), tmp_path / "here"), (tmp_path / "new", tmp_path)):
        with partial_folder(Path("in.mp4"), target, overwrite=False) as partial:
            assert partial.parent == place
            (partial / "00001.png").write_bytes(b"1")
    assert sorted(p.name for p in (tmp_path / "here").iterdir()) == ["00001.png"]
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["00001.png"]


def written_at_once(ours: Path, theirs: Path) -> None:
    theirs.mkdir()
    (ours / "1.png").write_bytes(b"ours")
    (theirs / "1.png").write_bytes(b"theirs")


def test_pictures_of_a_name_that_is_taken_meanwhile_are_kept(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="exists already: another program created it during the run"),
        partial_folder(Path("in.mp4"), tmp_path / "out", overwrite=False) as partial,
    ):
        written_at_once(partial, tmp_path / "out")
    assert (tmp_path / "out.partial" / "1.png").read_bytes() == b"ours"
    assert (tmp_path / "out" / "1.png").read_bytes() == b"theirs"


def write_three(folder: Path) -> None:
    for k in range(3):
        (folder / f"{k}.png").write_bytes(b"ours")


def test_no_picture_is_lost_where_moving_them_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    replace = Path.replace

    def interrupted_at_the_second(self: Path, target: Path) -> Path:
        if self.name == "1.png":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted_at_the_second)
    with (
        pytest.raises(Interrupted, match=r"some images are in place, the others are kept in .*out\.partial"),
        partial_folder(Path("in.mp4"), tmp_path / "out", overwrite=False) as partial,
    ):
        write_three(partial)
    assert {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*.png")} == {
        "0.png",
        "out.partial/1.png",
        "out.partial/2.png",
    }


def test_a_new_folder_of_pictures_is_there_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def moved_one_by_one(self: Path, target: Path) -> Path:
        raise AssertionError

    monkeypatch.setattr(Path, "replace", moved_one_by_one)
    with partial_folder(Path("in.mp4"), tmp_path / "out", overwrite=False) as partial:
        write_three(partial)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize("target", ["out", "out/%05d.png"])
def test_an_interrupted_run_keeps_its_pictures_where_asked(tmp_path: Path, target: str) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(400), size=(320, 192))
    if "%" in target:
        (tmp_path / "out").mkdir()
    with pytest.raises(Interrupted, match="the finished part is kept"):
        stopped_at(20, source, tmp_path / target, keep_partial=True, output_format="png")
    kept = tmp_path / ("out/out.partial" if "%" in target else "out.partial")
    assert 20 <= len(list(kept.iterdir())) < 800


@pytest.mark.parametrize("output_format", ["png", "matroska"])
def test_a_pattern_and_an_output_format_of_two_kinds_are_refused(tmp_path: Path, output_format: str) -> None:
    source = make_video(tmp_path / "in.mp4")
    with pytest.raises(InputError, match=f"contradicts --output-format {output_format}"):
        boosted(source, tmp_path / "out_%03d.jpg", output_format=output_format)
    boosted(source, tmp_path / "out_%03d.jpeg", output_format="jpg")
    assert len(list(tmp_path.glob("out_*.jpeg"))) == 12


def test_two_pictures_of_one_number_are_refused(tmp_path: Path) -> None:
    from tests.media.input.test_sources import make_pictures

    source = make_pictures(tmp_path / "frames")
    (source / "9.png").write_bytes((source / "009.png").read_bytes())
    with pytest.raises(InputError, match=r"009\.png and 9\.png"):
        boosted(source / "%d.png", tmp_path / "out.mkv")


def test_a_pattern_of_pictures_is_resumed(tmp_path: Path) -> None:
    from tests.media.input.test_sources import make_pictures

    source = make_pictures(tmp_path / "frames")
    assert boosted(source / "%03d.png", tmp_path / "out.mkv", resume=True).frames_out == 12


def test_animated_gif_keeps_the_durations_of_its_frames(tmp_path: Path) -> None:
    pts = [0, 10, 14, 34, 40]
    source = make_video(tmp_path / "in.gif", codec="gif", pix_fmt="gray", pts=pts, time_base=Fraction(1, 100), rate=10)
    boosted(source, tmp_path / "out.gif")
    times = probed_times(tmp_path / "out.gif")
    assert times[:9] == [Fraction(k, 100) for k in (0, 5, 10, 12, 14, 24, 34, 37, 40)]
    with pytest.raises(EncodeError, match=r"gif does not support 100 .* --fps 50"):
        boosted(source, tmp_path / "fast.gif", fps=Fraction(100))


@pytest.mark.parametrize(("told", "of_gif", "of_webp"), [(None, None, 1), (0, 0, 0), (2, 2, 3)])
def test_an_animation_is_shown_as_often_as_its_source(
    tmp_path: Path, told: int | None, of_gif: int | None, of_webp: int
) -> None:
    """A GIF says how often it begins anew, and nothing where it is shown once; a WebP how often it is shown."""
    from PIL import Image

    loop = {"loop": str(-1 if told is None else told)}
    source = make_video(
        tmp_path / "in.gif", codec="gif", pix_fmt="gray", pts=range(2), rate=10, time_base=Fraction(1, 10),
        container_options=loop,
    )  # fmt: skip
    for suffix, wanted in ((".gif", of_gif), (".webp", of_webp)):
        boosted(source, tmp_path / f"out{suffix}")
        with Image.open(tmp_path / f"out{suffix}") as image:
            assert image.info.get("loop") == wanted
    boosted(tmp_path / "out.webp", tmp_path / "again.gif")
    with Image.open(tmp_path / "again.gif") as image:
        assert image.info.get("loop") == of_gif


def test_what_a_system_puts_beside_pictures_is_no_obstacle(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "frames"
    folder.mkdir()
    for k in range(3):
        pixels = np.full((16, 24, 4), 40 * k, np.uint8)
        Image.fromarray(pixels).save(folder / f"{k}.webp", lossless=True, exact=True)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store"):
        (folder / name).write_bytes(b"no picture")
    result = boosted(folder, tmp_path / "out.mkv", codec="ffv1")
    assert (result.frames_in, result.warnings) == (3, [])
    frames = [pixels for _, pixels in decoded(tmp_path / "out.mkv")]
    assert [set(pixels) for pixels in frames[:5:2]] == [{0}, {40}, {80}]


def test_animated_webp_keeps_the_durations_of_its_frames(tmp_path: Path) -> None:
    from PIL import Image

    from tests.media.input.test_sources import make_webp

    source = make_webp(tmp_path / "in.webp")
    boosted(source, tmp_path / "out.webp")
    with Image.open(tmp_path / "out.webp") as image:
        # WebP has no two equal frames in a row: the last one, which is held, comes back as one of twice the length.
        assert image.n_frames == 11
        pictures, durations = [], []
        for k in range(11):
            image.seek(k)
            image.load()
            pictures.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
    assert durations == [20] * 10 + [40]
    with Image.open(source) as image:
        for k in range(6):
            image.seek(k)
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), pictures[2 * k])


@pytest.mark.parametrize(("end", "frames"), [("0.08", 2), ("0.09", 3), ("0.12", 3)])
def test_a_picture_is_of_the_part_in_which_it_begins(tmp_path: Path, end: str, frames: int) -> None:
    """At 25 a second they begin at 0, 0.04, 0.08 and 0.12 s."""
    from tests.media.input.test_sources import make_pictures

    with open_source(make_pictures(tmp_path / "frames"), InputOptions(), end=Fraction(end)) as source:
        assert sum(isinstance(item, SourceFrame) for item in source.items()) == frames
