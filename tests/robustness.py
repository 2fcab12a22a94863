"""Small media of as many kinds as there are: what FFmpeg's programs show, Frame Booster must boost.

`python -m tests.robustness` writes the table of docs/reference/tried-inputs.md anew.
"""

from __future__ import annotations

import shlex
import struct
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "tried-inputs.md"
HEAD = """# Tested inputs

Every kind of input that the tests try. FFmpeg's programs generate each, about 64x48 with five frames. If
`ffmpeg -i INPUT -map 0:V:0 -c:v ffv1` gives two frames or more, `frame-booster INPUT` must give twice as many.
`tests/pipeline/test_robustness.py` checks this; `python -m tests.robustness` writes this page.
"""
X264 = "-c:v libx264 -preset ultrafast"
X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none:pools=1:frame-threads=1"
VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"
AV1 = "-c:v libaom-av1 -usage realtime -cpu-used 8"
MPEG2 = "-c:v mpeg2video -q:v 5"
MPEG4 = "-c:v mpeg4 -q:v 5"
FIELDS = "-flags +ilme+ildct"
SOUND = f"{MPEG4} -map 1:a"
LINES = f"{MPEG4} -map 2:s"
WORDS = "1\n00:00:00,000 --> 00:00:00,150\nOne line\n"
CHAPTERS = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=100\ntitle=First\n"


@dataclass(frozen=True)
class Kind:
    """One kind of input."""

    file: str
    """Its name, with the suffix that chooses the container."""
    what: str
    """What it is, for people."""
    arguments: str = ""
    """Of ffmpeg, for the moving picture of its first input."""
    made_of: str = ""
    """The kind whose file is changed by `change`."""
    change: Callable[[bytes], bytes] | None = None
    after: str = ""
    """Arguments of an ffmpeg of its own that reads `made_of`."""
    done: str = "boosted"
    """What becomes of it."""
    warning: str = ""
    """What a warning must say."""


CODECS = [
    Kind("h264.mp4", "H.264 in MP4", f"{X264} -bf 2"),
    Kind("h264.mov", "H.264 in MOV", X264),
    Kind("h264.mkv", "H.264 in Matroska", f"{X264} -bf 2"),
    Kind("h264.ts", "H.264 in MPEG-TS", f"{X264} -bf 2"),
    Kind("h264.m2ts", "H.264 in M2TS, with packets of 192 bytes", f"{X264} -mpegts_m2ts_mode 1"),
    Kind("h264.flv", "H.264 in FLV", X264),
    Kind("h264.nut", "H.264 in NUT", X264),
    Kind("h264.3gp", "H.264 in 3GP", X264),
    Kind("fragments.mp4", "MP4 in fragments", f"{X264} -g 2 -movflags frag_keyframe+empty_moov"),
    Kind("index_first.mp4", "MP4 with its index first", f"{X264} -movflags faststart"),
    Kind("bframes.avi", "H.264 with B-frames in AVI", f"{X264} -bf 2"),
    Kind("packed.avi", "MPEG-4 with B-frames in AVI", f"{MPEG4} -bf 1"),
    Kind("hevc.mp4", "H.265 in MP4", X265),
    Kind("hevc.ts", "H.265 in MPEG-TS", X265),
    Kind("vp8.webm", "VP8 in WebM", "-c:v libvpx -deadline realtime"),
    Kind("vp9.webm", "VP9 in WebM", VP9),
    Kind("vp9.ivf", "VP9 in IVF", VP9),
    Kind("av1.mkv", "AV1 in Matroska", AV1),
    Kind("av1.obu", "AV1 as a raw stream", AV1),
    Kind("mpeg1.mpg", "MPEG-1 in a program stream", "-c:v mpeg1video -q:v 5"),
    Kind("mpeg2.mpg", "MPEG-2 in a program stream", f"{MPEG2} -bf 2"),
    Kind("mpeg2.vob", "MPEG-2 in VOB", f"{MPEG2} -bf 2"),
    Kind("mpeg2.ts", "MPEG-2 in MPEG-TS", MPEG2),
    Kind("recording.wtv", "Windows TV recording", MPEG2),
    Kind("mpeg4.mp4", "MPEG-4 part 2 in MP4", MPEG4),
    Kind("wmv2.wmv", "Windows Media Video 8", "-c:v wmv2"),
    Kind("msmpeg4.avi", "MS-MPEG-4", "-c:v msmpeg4"),
    Kind("flv1.flv", "Sorenson Spark", "-c:v flv1"),
    Kind("screen.flv", "Flash screen video", "-c:v flashsv"),
    Kind("theora.ogv", "Theora in Ogg", "-c:v libtheora -q:v 5"),
    Kind("mjpeg.avi", "Motion JPEG", "-c:v mjpeg -pix_fmt yuvj420p"),
    Kind("prores.mov", "ProRes 422", "-c:v prores_ks"),
    Kind("dnxhr.mov", "DNxHR", "-vf scale=256:144 -c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p"),
    Kind("dnxhr.mxf", "DNxHR in MXF", "-vf scale=256:144 -c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p"),
    Kind("cineform.mov", "CineForm", "-c:v cfhd -pix_fmt yuv422p10le"),
    Kind("huffyuv.avi", "HuffYUV", "-c:v huffyuv -pix_fmt yuv422p"),
    Kind("utvideo.avi", "Ut Video", "-c:v utvideo"),
    Kind("magicyuv.avi", "MagicYUV", "-c:v magicyuv"),
    Kind("raw.avi", "uncompressed video in AVI", "-c:v rawvideo"),
    Kind("v210.mov", "uncompressed video of 10 bits", "-c:v v210 -pix_fmt yuv422p10le"),
    Kind("animation.mov", "QuickTime Animation", "-c:v qtrle"),
    Kind("png.mov", "PNG in MOV", "-c:v png"),
    Kind("cinepak.avi", "Cinepak", "-c:v cinepak"),
    Kind("svq1.mov", "Sorenson Video", "-c:v svq1"),
    Kind("zmbv.avi", "DOSBox capture", "-c:v zmbv"),
    Kind("j2k.mxf", "JPEG 2000 in MXF", "-c:v jpeg2000 -pix_fmt yuv422p10le"),
    Kind("vc2.mkv", "VC-2 (Dirac)", "-c:v vc2 -pix_fmt yuv422p10le"),
    Kind("snow.nut", "Snow", "-c:v snow -strict -2"),
    Kind("rv20.rm", "RealVideo", "-c:v rv20"),
    Kind("h263.3gp", "H.263 in 3GP", "-vf scale=128:96 -c:v h263"),
    Kind(
        "dv.avi",
        "DV",
        "-vf scale=720:576 -c:v dvvideo -pix_fmt yuv420p -frames:v 2",
        warning="the video is interlaced",
        done="deinterlaced, with a warning",
    ),
    Kind("raw.h264", "H.264 without a container", f"{X264} -bf 2 -f h264"),
    Kind("raw.hevc", "H.265 without a container", f"{X265} -f hevc"),
    Kind("raw.m2v", "MPEG-2 without a container", f"{MPEG2} -f mpeg2video"),
    Kind("raw.m4v", "MPEG-4 without a container", f"{MPEG4} -f m4v"),
    Kind("raw.h261", "H.261 without a container", "-vf scale=176:144 -c:v h261 -f h261"),
    Kind("raw.mjpeg", "JPEG without a container", "-c:v mjpeg -pix_fmt yuvj420p -f mjpeg"),
    Kind("raw.y4m", "Y4M", "-c:v wrapped_avframe"),
    Kind("animated.gif", "GIF", "-c:v gif"),
    Kind("animated.apng", "animated PNG", "-c:v apng"),
    Kind("animated.webp", "animated WebP", "-c:v libwebp_anim"),
    Kind("playlist.m3u8", "HLS", f"{X264} -hls_time 0.08 -g 2"),
]
FORMATS = [
    *(Kind(f"{name}.mkv", name, f"-c:v ffv1 -pix_fmt {name}") for name in ("gray", "gray10le", "gray16le")),
    *(Kind(f"{name}.mkv", name, f"-c:v ffv1 -pix_fmt {name}") for name in ("yuv410p", "yuv411p", "yuv440p")),
    *(Kind(f"{name}.mkv", name, f"-c:v ffv1 -pix_fmt {name}") for name in ("yuv422p10le", "yuv444p12le", "bgra")),
    *(Kind(f"{name}.mkv", name, f"-c:v ffv1 -pix_fmt {name}") for name in ("yuva420p", "gbrp10le", "gbrap16le")),
    *(Kind(f"{name}.nut", name, f"-c:v rawvideo -pix_fmt {name}") for name in ("nv12", "yuyv422", "p010le", "rgb24")),
    *(Kind(f"{name}.nut", name, f"-c:v rawvideo -pix_fmt {name}") for name in ("rgb565le", "rgb8", "monow", "ya8")),
    *(Kind(f"{name}.nut", name, f"-c:v rawvideo -pix_fmt {name}") for name in ("gbrp16be", "yuv420p10be", "0rgb")),
    Kind("full.mp4", "H.264 of full range", f"{X264} -pix_fmt yuvj420p"),
    Kind("high10.mkv", "H.264 of 10 bits", f"{X264} -pix_fmt yuv420p10le"),
    Kind("main12.mkv", "H.265 of 12 bits", f"{X265} -pix_fmt yuv420p12le"),
    Kind("alpha.webm", "VP9 with alpha", f"{VP9} -pix_fmt yuva420p"),
    Kind("alpha.mov", "ProRes 4444 with alpha", "-c:v prores_ks -pix_fmt yuva444p10le"),
    Kind("palette.mov", "PNG with a palette", "-c:v png -pix_fmt pal8"),
    Kind("xyz.nut", "XYZ", "-c:v rawvideo -pix_fmt xyz12le", done="converted to RGB, with a warning", warning="XYZ"),
]
SHAPES = [
    Kind("odd.mkv", "odd width and height", "-vf scale=63:47 -c:v ffv1 -pix_fmt yuv444p"),
    Kind("odd420.mkv", "odd width and height with 4:2:0", "-vf scale=63:47 -c:v ffv1"),
    Kind("odd.ogv", "odd width and height, cropped by the codec", "-vf scale=63:47 -c:v libtheora"),
    Kind("tiny.mkv", "2x2", "-vf scale=2:2 -c:v ffv1 -pix_fmt yuv444p"),
    Kind("wide.mkv", "512x16", "-vf scale=512:16 -c:v ffv1"),
    Kind("sar.mp4", "pixels that are not square", f"-vf setsar=64/45 {X264}"),
    Kind("rotated.mp4", "turned by a quarter", f"{X264} -metadata:s:v rotate=90"),
    Kind("cropped.mkv", "cropped by the stream", f"{X264} -bsf:v h264_metadata=crop_right=10:crop_bottom=6"),
]
TIMES = [
    Kind("two.mkv", "two frames", "-frames:v 2 -c:v ffv1"),
    Kind("one.mkv", "one frame", "-frames:v 1 -c:v ffv1", done="shown twice"),
    Kind("vfr.mp4", "variable frame rate in MP4", rf"-vf select='not(eq(n\,2))' -vsync vfr {X264}"),
    Kind("vfr.mkv", "variable frame rate in Matroska", r"-vf select='not(eq(n\,3))' -vsync vfr -c:v ffv1"),
    Kind("slow.mkv", "one frame in two seconds", "-vf setpts=N/0.5/TB -r 0.5 -c:v ffv1", done="frames held"),
    Kind("fast.mp4", "240 frames a second", f"-vf settb=1/240,setpts=N -r 240 {X264}"),
    Kind("ntsc.mov", "30000/1001 frames a second", f"-vf settb=1001/30000,setpts=N -r 30000/1001 {X264}"),
    Kind("late.mkv", "a late beginning", f"{X264} -output_ts_offset 3"),
    Kind("late.ts", "a clock that begins anywhere", f"{X264} -output_ts_offset 40000", done="boosted, from 0"),
    Kind("early.mp4", "times before 0 (negative composition offsets)", f"{X264} -bf 2 -movflags negative_cts_offsets"),
    Kind("coarse.mp4", "a coarse time base", f"{X264} -video_track_timescale 25"),
    Kind("edited.mp4", "an edit list that begins within", made_of="h264.mp4", after="-ss 0.08 -i {} -c copy"),
    Kind(
        "top.mkv",
        "interlaced, top field first",
        f"-vf tinterlace=interleave_top {X264} {FIELDS} -top 1",
        warning="the video is interlaced",
        done="deinterlaced, with a warning",
    ),
    Kind(
        "bottom.ts",
        "interlaced, bottom field first",
        f"-vf tinterlace=interleave_bottom {MPEG2} {FIELDS} -top 0",
        warning="the video is interlaced",
        done="deinterlaced, with a warning",
    ),
    Kind("psf.mp4", "progressive, flagged as interlaced", f"{X264} {FIELDS}", done="boosted as it is"),
    Kind(
        "pulldown.mpg",
        "3:2 pulldown",
        f"-vf telecine -r 30000/1001 {MPEG2} {FIELDS} -top 1",
        warning="the video is interlaced",
        done="deinterlaced, with a warning",
    ),
]
STREAMS = [
    Kind("aac.mp4", "AAC in MP4", f"{SOUND} -c:a aac"),
    Kind("mp3.avi", "MP3 in AVI", f"{SOUND} -c:a libmp3lame"),
    Kind("mp2.ts", "MP2 in MPEG-TS", f"{SOUND} -c:a mp2"),
    Kind("ac3.ts", "AC-3 in MPEG-TS", f"{SOUND} -c:a ac3"),
    Kind("eac3.mkv", "E-AC-3", f"{SOUND} -c:a eac3"),
    Kind("dts.mkv", "DTS", f"{SOUND} -c:a dca -strict -2"),
    Kind("opus.webm", "Opus in WebM", "-c:v libvpx -deadline realtime -map 1:a -c:a libopus"),
    Kind("opus.mp4", "Opus in MP4", f"{SOUND} -c:a libopus -strict -2"),
    Kind("vorbis.ogv", "Vorbis in Ogg", "-c:v libtheora -map 1:a -c:a libvorbis"),
    Kind("flac.mp4", "FLAC in MP4", f"{SOUND} -c:a flac -strict -2"),
    Kind("alac.mov", "ALAC", f"{SOUND} -c:a alac"),
    Kind("pcm.mov", "PCM in MOV", f"{SOUND} -c:a pcm_s24be"),
    Kind("pcm.avi", "PCM in AVI", f"{SOUND} -c:a pcm_s16le"),
    Kind("mulaw.mov", "mu-law", f"{SOUND} -c:a pcm_mulaw"),
    Kind("adpcm.avi", "ADPCM", f"{SOUND} -c:a adpcm_ms"),
    Kind("wma.wmv", "Windows Media Audio", "-c:v wmv2 -map 1:a -c:a wmav2"),
    Kind("truehd.mkv", "TrueHD", f"{SOUND} -c:a truehd -strict -2"),
    Kind("wavpack.mkv", "WavPack", f"{SOUND} -c:a wavpack"),
    Kind("nelly.flv", "Nellymoser", "-c:v flv1 -map 1:a -c:a nellymoser -ar 44100"),
    Kind("surround.mkv", "5.1 channels", f"{SOUND} -c:a aac -ac 6"),
    Kind("tracks.mkv", "two tracks of sound", f"{SOUND} -map 1:a -c:a flac"),
    Kind("subrip.mkv", "SubRip", f"{LINES} -c:s srt"),
    Kind("ass.mkv", "Advanced SubStation", f"{LINES} -c:s ass"),
    Kind("text.mp4", "MP4's own subtitles", f"{LINES} -c:s mov_text"),
    Kind("ttml.mp4", "TTML", f"{LINES} -c:s ttml"),
    Kind("webvtt.webm", "WebVTT", "-c:v libvpx -deadline realtime -map 2:s -c:s webvtt"),
    Kind("pgs.mkv", "Blu-ray's subtitles (PGS)", f"{MPEG4} -map 4:s -c:s copy"),
    Kind("dvbsub.ts", "DVB's subtitles", f"{MPEG2} -map 4:s -c:s dvbsub"),
    Kind("dvdsub.mkv", "DVD's subtitles", f"{MPEG4} -map 4:s -c:s dvdsub"),
    Kind("chapters.mkv", "chapters", f"{MPEG4} -map_chapters 3"),
    Kind("chapters.mp4", "chapters in MP4", f"{MPEG4} -map_chapters 3"),
    Kind("font.mkv", "an attachment", f"{MPEG4} -attach words.srt -metadata:s:t mimetype=application/x-truetype-font"),
    Kind("cover.mp4", "cover art", f"{MPEG4} -map 0:v -c:v:1 mjpeg -frames:v:1 1 -disposition:v:1 attached_pic"),
    Kind("timecode.mov", "a timecode track", f"{MPEG4} -timecode 01:00:00:00"),
    Kind("timecode.mxf", "timecode in MXF", f"{MPEG2} -pix_fmt yuv422p -timecode 01:00:00:00"),
    Kind("data.ts", "private data", f"{MPEG2} -map 5 -c:d copy"),
    Kind("videos.mkv", "two streams of video", f"{MPEG4} -map 0:v"),
]


def _zeroed(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(300) + data[middle + 300 :]


DAMAGE = [
    Kind("joined.ts", "two transport streams, one after the other", made_of="h264.ts", change=lambda data: 2 * data),
    Kind(
        "headless.ts",
        "MPEG-TS without its beginning",
        made_of="long.ts",
        change=lambda d: d[len(d) // 188 // 3 * 188 :],
    ),
    Kind("zeros.ts", "MPEG-TS with a hole", made_of="long.ts", change=_zeroed),
    Kind("cut.ts", "MPEG-TS, cut off", made_of="long.ts", change=lambda data: data[: len(data) * 2 // 3]),
    Kind("cut.mkv", "Matroska, cut off", made_of="long.mkv", change=lambda data: data[: len(data) * 2 // 3]),
    Kind("cut.avi", "AVI, cut off", made_of="long.avi", change=lambda data: data[: len(data) * 2 // 3]),
    Kind("cut.flv", "FLV, cut off", made_of="long.flv", change=lambda data: data[: len(data) * 2 // 3]),
    Kind("renamed.mp4", "Matroska under another suffix", made_of="h264.mkv", change=lambda data: data),
]
_ORIGINALS = [Kind(f"long.{kind}", "", f"{X264} -g 4") for kind in ("ts", "mkv", "avi", "flv")]
GROUPS = {
    "Codecs and containers": CODECS,
    "Pixel formats": FORMATS,
    "Sizes and shapes": SHAPES,
    "Frames and their times": TIMES,
    "Other streams": STREAMS,
    "Damage": DAMAGE,
}
KINDS = {kind.file: kind for group in GROUPS.values() for kind in group}


def _segment(kind: int, body: bytes) -> bytes:
    """A segment of PGS (US patent 2009/0185789), shown from the beginning."""
    return b"PG" + struct.pack(">IIBH", 0, 0, kind, len(body)) + body


def bitmap_subtitle() -> bytes:
    """A square of 4x4 in PGS, as a .sup file has it."""
    shown = struct.pack(">HHBHBBBB", 64, 48, 0x10, 0, 0x80, 0, 0, 1) + struct.pack(">HBBHH", 0, 0, 0, 4, 4)
    window = b"\x01" + struct.pack(">BHHHH", 0, 4, 4, 4, 4)
    palette = b"\x00\x00\x01\xeb\x80\x80\xff"
    picture = b"\x01\x01\x01\x01\x00\x00" * 4
    body = struct.pack(">HBB", 0, 0, 0xC0) + (len(picture) + 4).to_bytes(3, "big") + struct.pack(">HH", 4, 4) + picture
    return b"".join(
        _segment(k, b) for k, b in ((0x16, shown), (0x17, window), (0x14, palette), (0x15, body), (0x80, b""))
    )


def _run(arguments: Iterable[str], folder: Path) -> bool:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def make_all(folder: Path) -> None:
    """Makes a file of every kind that this ffmpeg can make."""
    (folder / "words.srt").write_text(WORDS)
    (folder / "chapters.txt").write_text(CHAPTERS)
    (folder / "bitmap.sup").write_bytes(bitmap_subtitle())
    moving = "-f lavfi -i testsrc2=s=64x48:r=25:d={},format=yuv420p"
    others = "-f lavfi -i sine=r=48000:d=0.2 -i words.srt -i chapters.txt -i bitmap.sup -f data -i words.srt"
    batches: list[tuple[str, list[Kind]]] = []
    direct = [kind for kind in KINDS.values() if kind.arguments]
    fields = [kind for kind in direct if "tinterlace" in kind.arguments or "telecine" in kind.arguments]
    batches.append((f"{moving.format(1)} {others}", [*fields, *_ORIGINALS]))
    rest = [kind for kind in direct if kind not in fields]
    batches += [(f"{moving.format(0.2)} {others}", rest[k : k + 12]) for k in range(0, len(rest), 12)]

    def outputs(kinds: list[Kind]) -> list[str]:
        return [
            part
            for kind in kinds
            for part in [*shlex.split(f"-map 0:v -map_chapters -1 {kind.arguments} -threads 1"), kind.file]
        ]

    def make(batch: tuple[str, list[Kind]]) -> None:
        inputs, kinds = shlex.split(batch[0]), batch[1]
        # One process for many files is much faster, but an encoder that is not there fails them all.
        if not _run([*inputs, *outputs(kinds)], folder):
            for kind in kinds:
                if not _run([*inputs, *outputs([kind])], folder):
                    (folder / kind.file).unlink(missing_ok=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, batches))
    for kind in KINDS.values():
        original = folder / kind.made_of
        if kind.made_of and original.is_file():
            if kind.change is not None:
                (folder / kind.file).write_bytes(kind.change(original.read_bytes()))
            elif not _run([*shlex.split(kind.after.format(kind.made_of)), kind.file], folder):
                (folder / kind.file).unlink(missing_ok=True)


def frames_shown_by_ffmpeg(folder: Path) -> dict[str, int]:
    """How many frames FFmpeg's own program gives of the first video of each file; 0 where it gives none."""

    def show(files: list[str]) -> bool:
        inputs = [part for file in files for part in ("-i", file)]
        outputs = [
            part
            for k, file in enumerate(files)
            for part in ("-map", f"{k}:V:0", "-c:v", "ffv1", "-threads", "1", "-f", "framecrc", f"{file}.crc")
        ]
        return _run([*inputs, *outputs], folder)

    def show_all(files: list[str]) -> None:
        # As with making them: one that cannot be opened fails all of its process.
        if not show(files):
            for file in files:
                show([file])

    files = [file for file in KINDS if (folder / file).is_file()]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(show_all, (files[k : k + 16] for k in range(0, len(files), 16))))
    crcs = {file: folder / f"{file}.crc" for file in files}
    return {
        file: sum(not line.startswith("#") for line in crc.read_text().splitlines()) if crc.is_file() else 0
        for file, crc in crcs.items()
    }


def table() -> str:
    """The page of docs/."""
    parts = [HEAD]
    for group, kinds in GROUPS.items():
        rows = "".join(f"| {kind.what} | `{kind.file}` | {kind.done} |\n" for kind in kinds)
        parts.append(f"\n## {group}\n\n| input | as | what becomes of it |\n| --- | --- | --- |\n{rows}")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")
