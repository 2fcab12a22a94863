"""What an MP4 says of a 360 degree or 3D video reaches the output, and all else stays where it was."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import av
import pytest

from frame_booster.media.frames.side_data import side_data
from frame_booster.media.mp4.boxes import Box, boxes_at
from frame_booster.media.mp4.projection import Projection, add_projection, read_projection
from tests.conftest import boosted, decoded, make_video, packets


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


WHOLE = bytes(4)
EQUIRECTANGULAR = box(b"proj", box(b"prhd", WHOLE + bytes(12)) + box(b"equi", WHOLE + bytes(16)))
SIDE_BY_SIDE = box(b"st3d", WHOLE + b"\2")
V2 = Projection(SIDE_BY_SIDE + box(b"sv3d", box(b"svhd", WHOLE + b"us\0") + EQUIRECTANGULAR), b"")
V1 = Projection(b"", box(b"uuid", bytes.fromhex("ffcc8263f8554a938814587a02521fdd") + b"<rdf:SphericalVideo/>"))
MESH = Projection(box(b"sv3d", box(b"proj", box(b"mshp", WHOLE + b"what FFmpeg does not read"))), V1.track)


def spherical(tmp_path: Path, name: str = "in.mp4", projection: Projection = V2) -> Path:
    source = make_video(tmp_path / name, tones=1)
    assert add_projection(source, 1, projection)
    return source


def top(path: Path, kind: bytes) -> Box:
    with path.open("rb") as file:
        return next(boxes_at(file, (kind,)))


@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
@pytest.mark.parametrize("projection", [V2, V1, MESH], ids=["v2", "v1", "mesh"])
def test_a_projection_arrives_and_nothing_else_changes(tmp_path: Path, name: str, projection: Projection) -> None:
    source = spherical(tmp_path, projection=projection)
    result = boosted(source, tmp_path / name, crf=0)
    assert result.warnings == []
    assert read_projection(tmp_path / name, 1) == projection
    boosted(make_video(tmp_path / "flat.mp4", tones=1), tmp_path / f"flat_{name}", crf=0)
    assert read_projection(tmp_path / f"flat_{name}", 1) is None
    assert decoded(tmp_path / name) == decoded(tmp_path / f"flat_{name}")
    assert packets(tmp_path / name, "audio") == packets(tmp_path / f"flat_{name}", "audio")


def test_ffmpeg_reads_it(tmp_path: Path) -> None:
    boosted(spherical(tmp_path), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
    assert side_data(frame, "SPHERICAL") is not None
    layout = side_data(frame, "STEREO3D")
    assert layout is not None
    assert struct.unpack_from("I", layout) == (1,)


@pytest.mark.parametrize("places", ["stco", "co64"])
def test_an_index_that_comes_first_moves_what_it_points_to(tmp_path: Path, places: str) -> None:
    plain = make_video(tmp_path / "plain.mp4", tones=1, container_options={"movflags": "faststart"})
    assert top(plain, b"moov").start < top(plain, b"mdat").start
    if places == "co64":
        widen(plain)
    path = tmp_path / "in.mp4"
    shutil.copy(plain, path)
    assert add_projection(path, 1, V2)
    grown = len(V2.entry)
    assert top(path, b"mdat").start == top(plain, b"mdat").start + grown
    assert path.stat().st_size == plain.stat().st_size + grown
    assert decoded(path) == decoded(plain)
    assert packets(path, "audio") == packets(plain, "audio")
    result = boosted(path, tmp_path / "out.mp4")
    assert result.warnings == []
    assert top(tmp_path / "out.mp4", b"moov").start < top(tmp_path / "out.mp4", b"mdat").start
    assert read_projection(tmp_path / "out.mp4", 1) == V2


def widen(path: Path) -> None:
    """Gives the places of all tracks of an MP4 whose index comes first 64 bits, as one beyond 4 GiB has them."""
    data = path.read_bytes()
    with path.open("rb") as file:
        moov = next(boxes_at(file, (b"moov",)))
        inner = (b"mdia", b"minf", b"stbl", b"stco")
        tables = [next(boxes_at(file, inner, track)) for track in boxes_at(file, (b"moov", b"trak"))]
        around = [
            [moov, track, *(next(boxes_at(file, inner[: n + 1], track)) for n in range(3))]
            for track in boxes_at(file, (b"moov", b"trak"))
        ]
    places = [struct.unpack_from(f">{(t.end - t.content - 8) // 4}I", data, t.content + 8) for t in tables]
    grown = sum(4 * len(p) for p in places)
    made = bytearray(data)
    sizes: dict[Box, int] = {}
    for chain, p in zip(around, places, strict=True):
        for each in chain:
            sizes[each] = sizes.get(each, 0) + 4 * len(p)
    for each, more in sizes.items():
        struct.pack_into(">I", made, each.start, each.end - each.start + more)
    for table, p in reversed(list(zip(tables, places, strict=True))):
        content = struct.pack(f">II{len(p)}Q", 0, len(p), *(place + grown for place in p))
        made[table.start : table.end] = box(b"co64", content)
    path.write_bytes(made)


def test_places_that_would_not_fit_into_32_bits_leave_the_file_as_it_is(tmp_path: Path) -> None:
    path = make_video(tmp_path / "in.mp4", container_options={"movflags": "faststart"})
    data = bytearray(path.read_bytes())
    at = data.index(b"stco") + 12
    struct.pack_into(">I", data, at, (1 << 32) - 1)
    path.write_bytes(data)
    assert not add_projection(path, 1, V2)
    assert path.read_bytes() == data


def test_what_cannot_be_told_so_is_warned_of(tmp_path: Path) -> None:
    source = spherical(tmp_path)
    assert [w for w in boosted(source, tmp_path / "out.mkv").warnings if "360" in w]
    fragments = {"container_options": (("movflags", "frag_keyframe+empty_moov"),)}
    assert [w for w in boosted(source, tmp_path / "out.mp4", **fragments).warnings if "360" in w]
    assert read_projection(tmp_path / "out.mp4", 1) is None


def test_a_3d_video_whose_encoder_does_not_say_so_is_warned_of(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", options={"x264-params": "frame-packing=3"})
    assert boosted(source, tmp_path / "out.mkv").warnings == []
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert side_data(next(container.decode(video=0)), "STEREO3D") is not None
    assert [w for w in boosted(source, tmp_path / "ffv1.mkv", codec="ffv1").warnings if "3D" in w]


def test_a_file_without_tracks_has_none(tmp_path: Path) -> None:
    path = tmp_path / "none.mp4"
    path.write_bytes(box(b"ftyp", b"isom") + box(b"moov", b"") + struct.pack(">I4s", 400, b"free"))
    assert read_projection(path, 1) is None
    assert not add_projection(path, 1, V2)
    assert read_projection(tmp_path / "not_there.mp4", 1) is None
