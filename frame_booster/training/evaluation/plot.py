"""Training curves of one or several runs as one image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from frame_booster.errors import InputError

_PANELS = (
    ("loss", "loss"),
    ("psnr", "PSNR on training crops, dB"),
    ("val_psnr", "validation PSNR, dB"),
    ("val_even_psnr", "validation PSNR to linear motion, dB"),
    ("matching", "matching error"),
)
_OPTIONAL = ("val_even_psnr", "matching")
"""Panels that are drawn only if a run has such figures: it was trained with `even`, or with a matching loss."""


def read_curve(run: Path) -> list[dict[str, Any]]:
    """Reads `curve.jsonl` of the folder of a run.

    A run that was killed repeats the steps after its last checkpoint. A record therefore replaces earlier records of
    its step and of later steps.

    Raises:
      InputError: the file is missing or has no records.
    """
    path = run / "curve.jsonl"
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    records: list[dict[str, Any]] = []
    for line in lines:
        try:
            record = json.loads(line)
            step = record["step"]
        except (ValueError, KeyError, TypeError):
            # A line that a killed run left half-written.
            continue
        while records and records[-1]["step"] >= step:
            records.pop()
        records.append(record)
    if not records:
        raise InputError("has no steps yet", path=path)
    return records


def plot_curves(runs: list[Path], output: Path, *, against: str = "step") -> None:
    """Plots loss and PSNR of runs.

    Args:
      runs: folders of the runs.
      output: image to write; its suffix sets the format (.png, .svg, .pdf).
      against: "step" or "hours".

    Raises:
      InputError: a run has no curve, or the image cannot be written.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    curves = {run: read_curve(run) for run in runs}
    seen = {key for records in curves.values() for record in records for key, value in record.items() if value}
    panels = [(key, title) for key, title in _PANELS if key in seen or key not in _OPTIONAL]
    figure, axes = pyplot.subplots(1, len(panels), figsize=(5 * len(panels), 4), layout="constrained")
    for run, records in curves.items():
        for axis, (key, title) in zip(axes, panels, strict=True):
            points = [(record[against], record[key]) for record in records if key in record]
            if points:
                axis.plot(*zip(*points, strict=True), marker="." if len(points) < 50 else None, label=run.name)
            axis.set_xlabel(against)
            axis.set_title(title)
            axis.grid(visible=True, alpha=0.3)
    axes[0].legend()
    try:
        figure.savefig(output)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be written: {error}", path=output) from error
    finally:
        pyplot.close(figure)
