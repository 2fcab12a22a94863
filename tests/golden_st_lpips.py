"""Writes tests/data/st_lpips.json: what the authors' ST-LPIPS makes of pictures and weights that a formula draws.

`python -m tests.golden_st_lpips`, where PyTorch, stlpips_pytorch 0.0.2 and what that imports are installed
(torchvision, torchsummary, IPython); nothing of ours is.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.training.st_lpips_formula import SIZES, drawn_pictures, drawn_weights

FILE = Path(__file__).parent / "data" / "st_lpips.json"


def main() -> None:
    import torch
    from stlpips_pytorch import stlpips

    golden: dict[str, dict[str, dict[str, list[list[float]]]]] = {}
    for net, name in (("alex", "alexnet"), ("vgg", "vgg16")):
        module = stlpips.LPIPS(net=net, variant="shift_tolerant", verbose=False).eval()
        convolutions = [part for part in module.net.modules() if isinstance(part, torch.nn.Conv2d)]
        comparisons = [line.model[1] for line in module.lins]
        for kind in ("published", "drawn"):
            if kind == "drawn":
                shapes = {}
                for k, part in enumerate(convolutions):
                    shapes[f"convolution{k}.kernel"] = tuple(part.weight.permute(2, 3, 1, 0).shape)
                    shapes[f"convolution{k}.bias"] = tuple(part.bias.shape)
                shapes |= {f"comparison{k}": (part.weight.numel(),) for k, part in enumerate(comparisons)}
                weights = {name: torch.tensor(array) for name, array in drawn_weights(shapes).items()}
                with torch.no_grad():
                    for k, part in enumerate(convolutions):
                        part.weight.copy_(weights[f"convolution{k}.kernel"].permute(3, 2, 0, 1))
                        part.bias.copy_(weights[f"convolution{k}.bias"])
                    for k, part in enumerate(comparisons):
                        part.weight.copy_(weights[f"comparison{k}"][None, :, None, None])
            for size, shape in SIZES.items():
                pictures = [torch.tensor(batch).permute(0, 3, 1, 2) * 2 - 1 for batch in drawn_pictures(shape)]
                with torch.no_grad():
                    total, stages = module(*pictures, retPerLayer=True)
                # The first of the stages has had the others added to it.
                rows = [total.flatten(), *(stage.flatten() for stage in stages[1:])]
                golden.setdefault(name, {}).setdefault(kind, {})[size] = [
                    [float(f"{value:.8g}") for value in row.tolist()] for row in rows
                ]
    FILE.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
