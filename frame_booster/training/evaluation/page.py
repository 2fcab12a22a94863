"""A self-contained HTML page of an evaluation: tables, plots, and the worst triplets."""

from __future__ import annotations

import base64
import heapq
import html

import cv2
import numpy as np

from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.data.triplets import Triplet
from frame_booster.training.evaluation.evaluate import Case, Score
from frame_booster.training.evaluation.tables import by_set, columns, rows

WORST = 20
"""Number of triplets on the page."""
AMPLIFIED = 4
"""Factor by which differences are amplified."""
_WIDEST = 960
"""Width to which wider images are scaled down, px."""
_STYLE = (
    "body{font:14px sans-serif;margin:2em}td{padding:.2em .8em}tr:first-child{font-weight:bold}"
    ".row{display:flex;flex-wrap:wrap;gap:8px}figure{margin:0;flex:1 1 30%}img{width:100%}"
)


def _embedded(picture: FrameArray, caption: str) -> str:
    if picture.shape[1] > _WIDEST:
        size = (_WIDEST, max(round(picture.shape[0] * _WIDEST / picture.shape[1]), 1))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    source, text = base64.b64encode(data.tobytes()).decode(), html.escape(caption)
    return f'<figure><img alt="{text}" src="data:image/jpeg;base64,{source}"><figcaption>{text}</figcaption></figure>'


def amplified_difference(predicted: FrameArray, truth: FrameArray) -> FrameArray:
    """Returns the absolute difference times `AMPLIFIED`, clipped at 255; equal frames give black."""
    difference = np.abs(predicted.astype(np.int16) - truth)
    return np.minimum(AMPLIFIED * difference, 255).astype(np.uint8)


def _figures(case: Case) -> str:
    distance = "" if case.st_lpips is None else f"ST-LPIPS {case.st_lpips:.1f}, "
    return f"{distance}{case.psnr:.2f} dB, SSIM {case.ssim:.4f}"


class WorstTriplets:
    """Keeps the HTML of the worst triplets of one method: by ST-LPIPS if it was measured, else by PSNR.

    Only `WORST` of them are kept in memory.

    Args:
      method: name of the method.
    """

    def __init__(self, method: str) -> None:
        self.method = method
        self._kept: list[tuple[float, int, str]] = []
        self._count = 0

    def see(self, triplet: Triplet, made: dict[str, FrameArray], cases: list[Case]) -> None:
        """Adds a triplet; arguments as for `evaluate.Seen`."""
        [mine] = [case for case in cases if case.method == self.method]
        badness = -mine.psnr if mine.st_lpips is None else mine.st_lpips
        # Of equally bad triplets the first is kept.
        self._count += 1
        if len(self._kept) < WORST or badness > self._kept[0][0]:
            add = heapq.heappush if len(self._kept) < WORST else heapq.heapreplace
            add(self._kept, (badness, -self._count, self._section(triplet, made, cases, mine)))

    def _section(self, triplet: Triplet, made: dict[str, FrameArray], cases: list[Case], mine: Case) -> str:
        predicted = made[self.method]
        pictures = (
            _embedded(triplet.truth, "truth"),
            _embedded(predicted, f"{self.method}: {_figures(mine)}"),
            _embedded(amplified_difference(predicted, triplet.truth), f"their difference, times {AMPLIFIED}"),
            _embedded(triplet.frame0, "first frame"),
            _embedded(triplet.frame1, "second frame"),
        )
        title = html.escape(f"{mine.set} {mine.triplet}".strip())
        others = "; ".join(f"{case.method}: {_figures(case)}" for case in cases if case is not mine)
        return (
            f"<h3>{title}, {mine.motion:.1f} px</h3>"
            f'<div class="row">{"".join(pictures)}</div><p>{html.escape(others)}</p>'
        )

    def sections(self) -> list[str]:
        """Returns the HTML of the kept triplets, worst first."""
        return [section for *_, section in sorted(self._kept, reverse=True)]


def _bars(scores: list[Score], figure: str, unit: str) -> str:
    """Draws a figure by bucket and method as SVG. ST-LPIPS starts at 0, PSNR 2 dB below the minimum."""
    buckets = list(dict.fromkeys(score.bucket for score in scores))
    methods = list(dict.fromkeys(score.method for score in scores))
    values = [getattr(score, figure) for score in scores]
    finite = [value for value in values if np.isfinite(value)] or [0.0]
    low = 0.0 if figure == "st_lpips" else min(finite) - 2
    span = max(max(finite) - low, 1e-6)
    wide, tall, shapes = 16, 160, []
    for score, value in zip(scores, values, strict=True):
        x = 10 + buckets.index(score.bucket) * (len(methods) + 2) * wide + methods.index(score.method) * wide
        length = tall * (min(value, max(finite)) - low) / span
        hue = 360 * methods.index(score.method) // len(methods)
        title = html.escape(f"{score.method}, {score.bucket}: {value:.2f} {unit}")
        shapes.append(
            f'<rect x="{x}" y="{tall - length:.1f}" width="{wide - 2}" height="{length:.1f}" fill="hsl({hue},60%,50%)">'
            f"<title>{title}</title></rect>"
        )
    for k, bucket in enumerate(buckets):
        shapes.append(f'<text x="{10 + k * (len(methods) + 2) * wide}" y="{tall + 14}">{html.escape(bucket)}</text>')
    width = 20 + len(buckets) * (len(methods) + 2) * wide
    return f'<svg width="{width}" height="{tall + 20}" font-size="12">{"".join(shapes)}</svg>'


def page(scores: list[Score], worst: WorstTriplets) -> str:
    """Returns the page as HTML.

    Args:
      scores: scores of the evaluation.
      worst: the worst triplets of the evaluation.
    """
    perceptual = scores[0].st_lpips is not None
    parts = [f"<p>{columns(scores)}, mean over triplets, by mean motion between neighbours.</p>"]
    for name, of_set in by_set(scores).items():
        lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows(of_set)]
        parts.append(f"<h2>{html.escape(name)}</h2><table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>")
        parts.append(f"<h3>PSNR by motion (more is better)</h3>{_bars(of_set, 'psnr', 'dB')}")
        if perceptual:
            parts.append(f"<h3>ST-LPIPS x1000 by motion (less is better)</h3>{_bars(of_set, 'st_lpips', '')}")
    sections = worst.sections()
    by = "ST-LPIPS" if perceptual else "PSNR"
    parts.append(f"<h2>The {len(sections)} worst triplets of {html.escape(worst.method)}, by {by}</h2>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title>'
        f"<style>{_STYLE}</style><h1>Evaluation</h1>{''.join(parts)}{''.join(sections)}</html>\n"
    )
