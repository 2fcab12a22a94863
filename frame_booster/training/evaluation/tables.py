"""Results of an evaluation as text: tables for a terminal, JSON, CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, astuple

from frame_booster.training.evaluation.evaluate import Case, Score


def columns(scores: list[Score]) -> str:
    """Returns the names of the figures in a cell."""
    return "PSNR dB / SSIM" + ("" if scores[0].st_lpips is None else " / ST-LPIPS x1000")


def cell(score: Score) -> str:
    """Returns the figures in one cell of a table."""
    return f"{score.psnr:.2f} / {score.ssim:.4f}" + ("" if score.st_lpips is None else f" / {score.st_lpips:.1f}")


def by_set(scores: list[Score]) -> dict[str, list[Score]]:
    """Returns the scores of each set by its name, in the order of measurement."""
    return {name: [s for s in scores if s.set == name] for name in dict.fromkeys(s.set for s in scores)}


def rows(scores: list[Score]) -> list[list[str]]:
    """Returns the table of one set: a row for each method and a column for each bucket, below a row of headings."""
    counts = {score.bucket: score.triplets for score in scores}
    table = [["", *(f"{bucket} ({count})" for bucket, count in counts.items())]]
    for method in dict.fromkeys(score.method for score in scores):
        cells = {s.bucket: cell(s) for s in scores if s.method == method}
        table.append([method, *(cells.get(bucket, "") for bucket in counts)])
    return table


def table(scores: list[Score]) -> str:
    """Formats scores for a terminal: a table for each set, below its name."""
    text = [columns(scores)]
    for name, of_set in by_set(scores).items():
        lines = rows(of_set)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text += ["", name] if name else []
        for first, *cells in lines:
            padded = (f"{value:>{width + 3}}" for value, width in zip(cells, widths[1:], strict=True))
            text.append(f"{first:<{widths[0]}}" + "".join(padded))
    return "\n".join(text)


def as_json(scores: list[Score]) -> str:
    """Formats scores as a JSON list; a figure that was not measured is null."""
    return json.dumps([asdict(score) for score in scores], indent=1)


def as_csv(cases: list[Case]) -> str:
    """Formats all cases as CSV, a line for each triplet and method; a figure that was not measured is empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(Case.__dataclass_fields__)
    for case in cases:
        *names, motion, psnr, ssim, ie, distance = astuple(case)
        figures = [f"{psnr:.4f}", f"{ssim:.5f}", f"{ie:.4f}", "" if distance is None else f"{distance:.3f}"]
        writer.writerow([*names, motion, *figures])
    return text.getvalue()
