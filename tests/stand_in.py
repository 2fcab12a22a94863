"""`frame-booster` with the mean of both frames in place of a trained network: `python tests/stand_in.py ARGUMENTS`.

For tests of all that surrounds the network, which need a process of their own: a third of the time to the first frame.
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
STAND_IN = (sys.executable, str(Path(__file__).resolve()))
"""The beginning of such a command."""


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from frame_booster.cli.main import main as command
    from frame_booster.pipeline import boost
    from tests.conftest import MeanModel

    with mock.patch.object(boost, "load_network", return_value=MeanModel()):
        command()


if __name__ == "__main__":
    main()
