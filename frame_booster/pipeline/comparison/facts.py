"""Facts about a video file, and the record of its run from a report, as texts for a page."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError
from frame_booster.media.frames.tone_mapping import HLG, PQ
from frame_booster.media.input.source import Source
from frame_booster.media.paths import named
from frame_booster.pipeline.report import read_report


def length_of(source: Source) -> Fraction | None:
    """Returns the duration of a video in s according to its container; None if unknown."""
    info = source.info
    return None if info.frames is None or not info.rate else info.frames / info.rate


def facts_of(source: Source) -> dict[str, str]:
    """Returns the facts about a file, as texts by label."""
    info, path = source.info, source.path
    facts = {"file": path.name, "size": f"{info.width} x {info.height}"}
    facts["rate"] = "unknown" if info.rate is None else f"{float(info.rate):.6g} frames per second, on average"
    if info.frames is not None:
        facts["frames"] = f"about {info.frames:,}"
    length = length_of(source)
    if length is not None:
        facts["length"] = clock(length)
    stream = getattr(source, "stream", None)
    if stream is not None:
        facts["codec"] = f"{stream.codec_context.codec.canonical_name}, {info.pix_fmt}"
    transfer = info.colour.get("color_trc")
    facts["colour"] = {PQ: "HDR (PQ)", HLG: "HDR (HLG)"}.get(int(transfer or 0), "SDR")
    sound = [s for s in source.other_streams if s.type == "audio"]
    facts["sound"] = (
        f"{len(sound)} track{'s' * (len(sound) != 1)}, the first {sound[0].codec_context.codec.canonical_name}"
        if sound and sound[0].codec_context is not None
        else "none"
    )
    if path.is_file():
        facts["on disk"] = megabytes(path.stat().st_size)
    return facts


def megabytes(count: int) -> str:
    """Returns a number of bytes as text in MB (1,000,000 bytes)."""
    return f"{count / 1e6:,.1f} MB"


def clock(seconds: Fraction) -> str:
    """Returns a time as H:MM:SS.mmm, or MM:SS.mmm, rounded down to milliseconds."""
    thousandths = int(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
    return f"{hours}:{text}" if hours else text


def record_for(records: list[dict[str, Any]], after: Path) -> dict[str, Any] | None:
    """Returns the last record of a file, found by the path of its output, else by the name; None if there is none."""
    by_name = None
    for record in reversed(records):
        if "output" not in record:
            continue
        path = Path(str(record["output"]))
        if path.absolute() == after.absolute():
            return record
        if by_name is None and path.name == after.name:
            by_name = record
    return by_name


def record_beside(after: Path) -> dict[str, Any] | None:
    """Returns the record of a file from a report beside it; None if there is none.

    It tries NAME.json, NAME.EXT.json, NAME.report.json and report.json, and the same with .jsonl.
    """
    after = named(after)
    for name in (after.stem, after.name, f"{after.stem}.report", "report"):
        for suffix in (".json", ".jsonl"):
            path = after.with_name(f"{name}{suffix}")
            if path.is_file():
                try:
                    record = record_for(read_report(path), after)
                except InputError:
                    # The JSON file is not a report.
                    continue
                if record is not None:
                    return record
    return None


_LABELS = {
    "model": "network",
    "engine": "engine",
    "provider": "provider",
    "device": "device",
    "precision": "precision",
    "frames_in": "frames read",
    "frames_out": "frames written",
    "made": "interpolated",
    "held": "held",
    "cuts": "held before a cut",
    "gaps": "held over a gap",
    "still": "pairs of equal frames",
    "repeats": "repeated frames",
    "rate": "rate",
    "duration": "length",
    "decode_errors": "decoding errors",
    "seconds": "time taken",
    "whole": "estimated time for the whole video",
}
"""Fields of a record that the page shows, and their labels."""


def shown_record(record: dict[str, Any]) -> dict[str, str]:
    """Returns the fields of a record, as texts by label."""
    shown = {}
    for field, label in _LABELS.items():
        value = record.get(field)
        if value is None or (value == 0 and field in ("cuts", "gaps", "still", "repeats", "decode_errors")):
            continue
        if field in ("rate", "duration"):
            try:
                number = float(Fraction(str(value)))
            except (ValueError, ZeroDivisionError):
                continue
            value = f"{number:.6g} frames per second" if field == "rate" else f"{number:.6g} s"
        elif field == "seconds":
            value = f"{value:g} s" if isinstance(value, (int, float)) else value
        shown[label] = f"{value:,}" if isinstance(value, int) else str(value)
    options = record.get("options")
    if isinstance(options, dict):
        shown |= {f"option {name}": str(value) for name, value in options.items()}
    return shown
