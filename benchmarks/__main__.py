"""Benchmarks: `python -m benchmarks`, or one of them, as `python -m benchmarks networks`.

Figures stand beside yardsticks measured in the same run. Quote ratios: single times differ between machines.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

KINDS = ("convolutions", "engines", "gpu", "networks", "parts", "pipeline", "stages", "start", "training")


def main(arguments: Sequence[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser("python -m benchmarks", __doc__)
    parser.add_argument("kind", nargs="?", choices=KINDS, help="its options: python -m benchmarks KIND --help")
    kind = parser.parse_args(given[:1]).kind
    if kind is not None:
        run(kind, given[1:])
        return
    for kind in KINDS:
        # What needs a GPU is run by its name.
        if kind != "gpu":
            print(f"# {kind}", flush=True)
            run(kind, [])


def run(kind: str, arguments: Sequence[str]) -> None:
    """Runs one benchmark. No other is imported: some of them import TensorFlow, which others measure or tell first."""
    benchmark = importlib.import_module(f"benchmarks.{kind}")
    parser = _parser(f"python -m benchmarks {kind}", benchmark.__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    benchmark.add_arguments(parser)
    benchmark.run(parser.parse_args(arguments))


def _parser(program: str, description: str | None) -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(prog=program, description=description, formatter_class=formatter)


if __name__ == "__main__":
    main()
