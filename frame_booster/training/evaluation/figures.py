"""Pictures of what was measured: the six panels of the published figures, methods side by side, one page of all."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from frame_booster.errors import OutputError
from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.data.triplets import Triplet
from frame_booster.training.evaluation.evaluate import Case, Score
from frame_booster.training.evaluation.flow_picture import colour_wheel, flow_picture

_LABEL = 18
"""Height of a line of text above a panel, px."""


def _labelled(picture: FrameArray, label: str) -> FrameArray:
    bar = np.full((_LABEL, picture.shape[1], 3), 32, np.uint8)
    cv2.putText(bar, label, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([bar, picture])


def edge_shift(predicted: FrameArray, truth: FrameArray) -> FrameArray:
    """Draws the edges of the truth over the prediction, in red: where they miss its own, it has shifted them."""
    edges = cv2.Canny(cv2.cvtColor(truth, cv2.COLOR_RGB2GRAY), 100, 200) > 0
    drawn = predicted.copy()
    drawn[edges] = (255, 0, 0)
    return drawn


def six_panels(triplet: Triplet, predicted: FrameArray) -> FrameArray:
    """Returns the figure of the published work: both frames and the prediction, truth, difference, edge shift."""
    difference = np.abs(predicted.astype(np.int16) - triplet.truth).astype(np.uint8)
    panels = [
        _labelled(triplet.frame0, "first frame"),
        _labelled(triplet.frame1, "second frame"),
        _labelled(predicted, "prediction"),
        _labelled(triplet.truth, "truth"),
        _labelled(difference, "|prediction - truth|"),
        _labelled(edge_shift(predicted, triplet.truth), "edge shift"),
    ]
    return np.concatenate([np.concatenate(panels[:3], 1), np.concatenate(panels[3:], 1)])


def side_by_side(triplet: Triplet, made: dict[str, FrameArray]) -> FrameArray:
    """Returns what all methods made beside the truth."""
    return np.concatenate([_labelled(frame, name) for name, frame in [*made.items(), ("truth", triplet.truth)]], 1)


def flow_panels(network: Any, triplet: Triplet) -> FrameArray:
    """Draws the flows of a network at each of its levels: a row a level, from frame 0 and from frame 1, then the key.

    All are scaled to the frame's size; full colour is the same length, in px of the frame, in all of them.
    """
    height, width = triplet.truth.shape[:2]
    multiple = network.multiple
    edge = [(0, max(-(-side // multiple), 2) * multiple - side) for side in (height, width)]
    padded = [np.pad(frame, [*edge, (0, 0)], "edge") for frame in (triplet.frame0, triplet.frame1)]
    predicted = network(*(frame[None].astype(np.float32) / 255 for frame in padded))
    levels = []
    for pair in predicted.flows:
        ratio = padded[0].shape[0] // int(pair[0].shape[1])
        levels.append([ratio * cv2.resize(np.asarray(flow)[0], padded[0].shape[1::-1]) for flow in pair])
    longest = max(float(np.quantile(np.linalg.norm(levels[-1], axis=-1), 0.99)), 1.0)
    key = np.full((height, width, 3), 255, np.uint8)
    wheel = colour_wheel(min(height, width) // 2)
    key[: len(wheel), : len(wheel)] = wheel
    rows = []
    for number, pair in enumerate(levels):
        drawn = [flow_picture(flow[:height, :width], longest) for flow in pair]
        size = f"level {number + 1} of {len(levels)}"
        labels = [f"{size}: frame {k} to the made one" for k in (0, 1)]
        row = [_labelled(picture, label) for picture, label in zip(drawn, labels, strict=True)]
        rows.append(np.concatenate([*row, _labelled(key, f"full colour: {longest:.1f} px")], 1))
    return np.concatenate(rows)


def write_png(path: Path, picture: FrameArray) -> None:
    """Writes an RGB picture.

    Raises:
      OutputError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture[..., ::-1]):
        raise OutputError("the picture cannot be written", path=path)


def _embedded(picture: FrameArray) -> str:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}">'


def _bars(scores: list[Score]) -> str:
    """Draws PSNR by bucket and method as an SVG."""
    buckets = list(dict.fromkeys(score.bucket for score in scores))
    methods = list(dict.fromkeys(score.method for score in scores))
    low = min(score.psnr for score in scores) - 2
    span = max(score.psnr for score in scores) - low
    wide, tall, shapes = 16, 160, []
    for score in scores:
        x = 10 + buckets.index(score.bucket) * (len(methods) + 2) * wide + methods.index(score.method) * wide
        length = tall * (score.psnr - low) / span
        hue = 360 * methods.index(score.method) // len(methods)
        title = html.escape(f"{score.method}, {score.bucket}: {score.psnr:.2f} dB")
        shapes.append(
            f'<rect x="{x}" y="{tall - length:.1f}" width="{wide - 2}" height="{length:.1f}" fill="hsl({hue},60%,50%)">'
            f"<title>{title}</title></rect>"
        )
    for k, bucket in enumerate(buckets):
        shapes.append(f'<text x="{10 + k * (len(methods) + 2) * wide}" y="{tall + 14}">{html.escape(bucket)}</text>')
    width = 20 + len(buckets) * (len(methods) + 2) * wide
    return f'<svg width="{width}" height="{tall + 20}" font-size="12">{"".join(shapes)}</svg>'


def page(scores: list[Score], cases: list[Case], pictures: dict[str, FrameArray], judged: str) -> str:
    """Returns one HTML page that needs nothing else: table, plot, worst and best cases.

    Args:
      scores, cases: of the evaluation.
      pictures: all methods side by side, by triplet.
      judged: the method whose worst and best cases are shown.
    """
    buckets = list(dict.fromkeys(score.bucket for score in scores))
    rows = []
    for method in dict.fromkeys(score.method for score in scores):
        cells = {s.bucket: f"{s.psnr:.2f} / {s.ssim:.4f} / {s.ie:.2f}" for s in scores if s.method == method}
        rows.append([method, *(cells.get(bucket, "") for bucket in buckets)])
    table = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in [["PSNR dB / SSIM / IE", *buckets], *rows]
    )
    ranked = sorted((case for case in cases if case.method == judged), key=lambda case: case.psnr)
    count = min(5, len(ranked))
    sections = []
    for title, chosen in (("Worst", ranked[:count]), ("Best", ranked[::-1][:count])):
        shown = "".join(
            f"<h3>{html.escape(case.triplet)}: {case.psnr:.2f} dB, {case.motion:.1f} px</h3>"
            + _embedded(pictures[case.triplet])
            for case in chosen
        )
        sections.append(f"<h2>{title} of {html.escape(judged)}</h2>{shown}")
    style = "body{font:14px sans-serif;margin:2em}td{padding:.2em .8em}img{max-width:100%}"
    return (
        f'<!doctype html><meta charset="utf-8"><title>Evaluation</title><style>{style}</style>'
        f"<h1>Evaluation</h1><table>{table}</table><h2>PSNR by motion</h2>{_bars(scores)}{''.join(sections)}\n"
    )
