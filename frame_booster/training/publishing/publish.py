"""Publishes the best weights of a run: measures them again, and writes them with all facts that a user needs."""

from __future__ import annotations

from pathlib import Path

from frame_booster.network.presets import create_network
from frame_booster.network.weights import load_weights, read_metadata, save_weights, stored_dtype
from frame_booster.training.data.triplets import read_triplets
from frame_booster.training.evaluation.evaluate import evaluate
from frame_booster.training.evaluation.methods import network_method

SIZES = ((256, 144), (448, 256))


def publish(source: Path, target: Path, triplets: Path, facts: dict[str, str]) -> dict[str, str]:
    """Writes the weights in `source` to `target`, in the same dtype.

    Args:
      source: weights of a run, with the metadata that the run wrote.
      target: file to write.
      triplets: folder of validation triplets; PSNR and SSIM are measured at `SIZES`, in float32.
      facts: metadata to add or replace.

    Returns:
      The metadata that was written.

    Raises:
      ModelError, InputError: the weights or the triplets cannot be read.
    """
    metadata = {**read_metadata(source), **facts}
    method = network_method(source, device="cpu", precision="float32")
    for width, height in SIZES:
        score = evaluate(read_triplets(triplets, size=(width, height)), {"network": method})[0]
        metadata[f"validation_psnr_{width}x{height}"] = f"{score.psnr:.3f}"
        metadata[f"validation_ssim_{width}x{height}"] = f"{score.ssim:.4f}"
    network = create_network(metadata["network"])
    load_weights(source, network)
    save_weights(target, network, metadata, stored_dtype(source))
    return read_metadata(target)
