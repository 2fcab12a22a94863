"""`fbnet evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from frame_booster.cli.errors import reported
from frame_booster.cli.fbnet.shared import (
    FILE,
    FOLDER,
    check_writable,
    import_tensorflow,
    need_training_packages,
    size_of,
)
from frame_booster.errors import OutputError
from frame_booster.network.presets import PRESETS


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=path) from error


@click.command()
@click.argument("weights", nargs=-1, type=FILE)
@click.option(
    "--triplets", type=FOLDER, required=True, help="A set of `fbnet dataset`, triplets with manifest.csv, ..."
)
@click.option("--size", metavar="WxH", help="Scale to this first, by area averaging.")
@click.option("--every", is_flag=True, help="All triplets, not only one a snippet.")
@click.option(
    "--even",
    is_flag=True,
    help="Measure against the truth moved to where an even motion would have it: what no two frames tell is left out.",
)
@click.option("--precision", default="auto", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout instead of a table.")
@click.option("--csv", "csv_file", type=FILE, help="Write the figures of every triplet to this file.")
@click.option("--html", "html_file", type=FILE, help="Write one page with table, plot, worst and best cases.")
@click.option(
    "--panels", type=FOLDER, help="Write the six panels of the published figures of every triplet here, and its flows."
)
def evaluate(
    weights: tuple[Path, ...],
    triplets: Path,
    size: str | None,
    every: bool,
    even: bool,
    precision: str,
    as_json: bool,
    csv_file: Path | None,
    html_file: Path | None,
    panels: Path | None,
) -> None:
    """Measures WEIGHTS (default: those that ship) beside repetition, blending and DIS optical flow.

    PSNR in dB and SSIM on 8-bit RGB, mean over triplets, in all and by mean motion. Triplets may also be those of a
    published set in its own layout: Vimeo90K, Middlebury, UCF101, X4K1000FPS.
    """
    with reported(program="fbnet", as_json=as_json):
        check_writable(csv_file, html_file)
        need_training_packages()
        import_tensorflow()
        from frame_booster.engine.model import shipped_weights
        from frame_booster.training.data.linear_motion import triplet_with_linear_motion
        from frame_booster.training.data.manifest import FrameArray
        from frame_booster.training.data.triplets import Triplet, read_triplets
        from frame_booster.training.evaluation import evaluate as evaluation
        from frame_booster.training.evaluation import figures

        # The default last: it is the one that pages and panels show.
        files = weights or tuple(shipped_weights(name) for name in reversed(PRESETS))
        methods: dict[str, evaluation.Method] = {
            "repetition": evaluation.repetition,
            "blending": evaluation.blending,
            "DIS flow": evaluation.optical_flow,
        }
        for file in files:
            model = evaluation.interpolator_of(file, precision=precision)
            methods[str(file) if weights else file.stem] = model.interpolate
        judged = list(methods)[-1]
        pictures: dict[str, FrameArray] = {}

        def seen(triplet: Triplet, made: dict[str, FrameArray]) -> None:
            if html_file is not None:
                pictures[triplet.name] = figures.side_by_side(triplet, made)
            if panels is not None:
                name = triplet.name.replace("/", "_")
                figures.write_png(panels / f"{name}.png", figures.six_panels(triplet, made[judged]))
                figures.write_png(panels / f"{name}.flow.png", figures.flow_panels(model.model.network, triplet))

        measured = read_triplets(triplets, size=size_of(size), every=every)
        cases = evaluation.measure(map(triplet_with_linear_motion, measured) if even else measured, methods, seen)
        scores = evaluation.summarise(cases)
        if csv_file is not None:
            _write(csv_file, evaluation.as_csv(cases))
        if html_file is not None:
            _write(html_file, figures.page(scores, cases, pictures, judged))
        click.echo(evaluation.as_json(scores) if as_json else evaluation.table(scores), file=sys.stdout)
