"""The page as a single HTML file, which contains the video and all images and makes no requests.

A content security policy in its head allows only its own script and style, by their hashes, and forbids all requests.
It is effective for `file:` as well as behind a web server.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from PIL import Image

from frame_booster._version import __version__
from frame_booster.errors import InputError
from frame_booster.pipeline.comparison.recording import Recorded
from frame_booster.pipeline.comparison.uncertainty import Candidate, Picture

_CHUNK = 3 << 18
"""Bytes of the video in one element of the page, a multiple of 3, since browsers limit the length of strings."""
_JPEG_QUALITY = 85


@dataclass(frozen=True)
class PageText:
    """The texts of a page."""

    title: str
    heading: str
    lead: str
    facts: list[tuple[str, str, str]]
    """Rows of label, fact about the source, fact about the boosted video."""
    record: dict[str, str]
    """Facts about the run; empty without a report."""
    warnings: list[str]
    """Warnings of the run."""
    measure: str
    """Description of how doubtful frames were found."""
    notes: list[str] = field(default_factory=list)
    preview: bool = False


def page_named(text: str) -> Path:
    """Returns the path of a page from the user's text.

    Raises:
      InputError: the suffix is not that of an HTML file.
    """
    path = Path(text)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError("is not the name of a page", path=text, hint="use -o with a name that ends in .html")
    return path


def _asset(name: str) -> str:
    return (resources.files("frame_booster.pipeline.comparison") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def jpeg(picture: Picture) -> str:
    """Returns an image (H, W, 3) as a data URL of a JPEG."""
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def _where(candidate: Candidate) -> Picture | None:
    """Draws doubt in red over the interpolated frame in grey; None if it was not measured."""
    if candidate.map is None:
        return None
    grey = candidate.interpolated.astype(np.float32).mean(-1, keepdims=True) * 0.55
    share = np.clip(candidate.map * 5.0, 0.0, 1.0)[..., None]
    drawn = grey * (1.0 - share) + np.array([255.0, 60.0, 40.0], np.float32) * share
    return drawn.astype(np.uint8)


def _unsure(candidate: Candidate) -> dict[str, Any]:
    where = _where(candidate)
    return {
        "frame": candidate.frame,
        "t": float(candidate.t),
        "score": f"{100 * candidate.doubt:.1f} %" if candidate.doubt is not None else f"{candidate.measure:.1f}",
        "pictures": [jpeg(candidate.earlier), jpeg(candidate.interpolated), jpeg(candidate.later)],
        "where": None if where is None else jpeg(where),
        "size": [candidate.earlier.shape[1], candidate.earlier.shape[0]],
    }


def page_data(recorded: Recorded, unsure: list[Candidate], *, preview: bool) -> dict[str, Any]:
    """Returns the data for the page's script; frame times are in ticks, so that they are exact."""
    return {
        "tick": [recorded.time_base.numerator, recorded.time_base.denominator],
        "times": recorded.times,
        "end": recorded.end,
        "kinds": "".join(recorded.kinds),
        "sources": recorded.sources,
        "size": list(recorded.size),
        "sound": recorded.sound,
        "preview": preview,
        "chapters": [
            {
                "title": chapter.title,
                "reason": chapter.reason,
                "begin": float(chapter.begin),
                "slower": float(chapter.slower),
                "first": chapter.first,
                "frames": chapter.frames,
                "thumbnail": None if chapter.thumbnail is None else jpeg(chapter.thumbnail),
            }
            for chapter in recorded.chapters
        ],
        "unsure": [_unsure(candidate) for candidate in unsure],
    }


def write_page(out: TextIO, video: Path, recorded: Recorded, unsure: list[Candidate], text: PageText) -> None:
    """Writes the page.

    Args:
      out: file for the page.
      video: path of the proxy.
      recorded: content of the proxy.
      unsure: interpolated frames, the most doubtful first.
      text: texts of the page.
    """
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "media-src blob:; base-uri 'none'; form-action 'none'"
    )
    data = json.dumps(page_data(recorded, unsure, preview=text.preview), separators=(",", ":"))
    values = {
        "policy": html.escape(policy, quote=True),
        "title": html.escape(text.title),
        "heading": html.escape(text.heading),
        "lead": html.escape(text.lead),
        "style": style,
        "script": script,
        # "</script>" in the data would end the element.
        "data": data.replace("<", "\\u003c"),
        "facts": _facts(text.facts),
        "record": _record(text),
        "notes": _list(text.notes),
        "measure": html.escape(text.measure),
        "version": html.escape(__version__),
    }
    for k, part in enumerate(_asset("page.html").split("@@")):
        if k % 2 == 0:
            out.write(part)
        elif part != "video":
            out.write(values[part])
        else:
            for chunk in _chunks(video):
                out.write(f'<script type="text/plain" data-video>{chunk}</script>\n')


def _chunks(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield base64.b64encode(chunk).decode()


def _facts(facts: list[tuple[str, str, str]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{html.escape(label)}</th><td>{html.escape(first)}</td><td>{html.escape(second)}</td></tr>'
        for label, first, second in facts
    )
    return (
        '<table><thead><tr><td></td><th scope="col">Before</th><th scope="col">After</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _record(text: PageText) -> str:
    if not text.record and not text.warnings:
        return ""
    rows = "".join(f"<div><dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd></div>" for k, v in text.record.items())
    warnings = f"<h3>Warnings</h3>{_list(text.warnings)}" if text.warnings else ""
    return f"<h3>The run</h3><dl>{rows}</dl>{warnings}"


def _list(items: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in items) + "</ul>" if items else ""
