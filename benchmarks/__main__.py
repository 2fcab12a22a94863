"""Benchmarks: `python -m benchmarks`, or one of them, as `python -m benchmarks networks`.

Figures stand beside yardsticks measured in the same run. Quote ratios: single times differ between machines.
"""

from __future__ import annotations

import argparse

from benchmarks import convolutions, engines, gpu, networks, parts, pipeline, stages, start, training

KINDS = {
    "convolutions": convolutions,
    "engines": engines,
    "gpu": gpu,
    "networks": networks,
    "parts": parts,
    "pipeline": pipeline,
    "stages": stages,
    "start": start,
    "training": training,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind")
    for name, module in KINDS.items():
        kind = kinds.add_parser(name, help=module.__doc__)
        kind.add_argument("--repeat", type=int, default=5)
        module.add_arguments(kind)
    options = parser.parse_args()
    # What needs a GPU is run by its name.
    for name in [options.kind] if options.kind else [kind for kind in KINDS if kind != "gpu"]:
        if not options.kind:
            print(f"# {name}", flush=True)
        KINDS[name].run(options if options.kind else parser.parse_args([name]))


if __name__ == "__main__":
    main()
