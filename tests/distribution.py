"""What is published, looked through: `python -m tests.distribution dist` after `python -m build`.

A wheel without its weights installs and fails at the first frame, and one that the source distribution does not give
cannot be built again by the reader.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from frame_booster._version import __version__
from frame_booster.network.presets import PRESETS

ROOT = Path(__file__).resolve().parents[1]


def members(wheel: Path) -> dict[str, bytes]:
    """Returns the files of a wheel, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def missing(files: dict[str, bytes]) -> list[str]:
    """Returns what a wheel must hold and does not, or not with the bytes of this checkout."""
    info = f"frame_booster-{__version__}.dist-info"
    same_as = {f"frame_booster/weights/{name}.safetensors": f"weights/{name}.safetensors" for name in PRESETS}
    same_as |= {f"{info}/licenses/LICENSE": "LICENSE"}
    same_as |= {path.relative_to(ROOT).as_posix(): str(path) for path in (ROOT / "frame_booster").rglob("*.py")}
    same_as |= {"frame_booster/py.typed": "frame_booster/py.typed"}
    found = [name for name, source in same_as.items() if files.get(name) != (ROOT / source).read_bytes()]
    scripts = files.get(f"{info}/entry_points.txt", b"").decode()
    return found + [name for name in ("frame-booster = ", "fbnet = ") if name not in scripts]


def main() -> None:
    [folder] = sys.argv[1:]
    [wheel], [sdist] = Path(folder).glob("*.whl"), Path(folder).glob("*.tar.gz")
    files = members(wheel)
    if lacking := missing(files):
        raise SystemExit(f"{wheel}: lacks, or has otherwise: {', '.join(lacking)}")
    # `build` makes the wheel from the source distribution; this one comes from the checkout.
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", scratch, str(ROOT)], check=True)
        [direct] = Path(scratch).glob("*.whl")
        if direct.read_bytes() != wheel.read_bytes():
            raise SystemExit(f"{wheel}: the source distribution gives another wheel than the checkout")
    print(f"{wheel}: whole, {wheel.stat().st_size / 1e6:.1f} MB, the same from {sdist.name} as from the checkout")


if __name__ == "__main__":
    main()
