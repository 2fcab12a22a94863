"""What is published, and how: the lock, the images, the address of the project."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from frame_booster._version import __version__
from frame_booster.network.presets import PRESETS
from tests.distribution import missing

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = {"lock.txt": "openvino", "cuda.txt": "cuda"}
"""Files of requirements/, and the extra that each holds."""
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


def locked(name: str, python: str, system: str) -> dict[str, str]:
    """Versions by name, of a lock, where its markers hold."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    pins = [Requirement(line.rstrip(" \\")) for line in text.splitlines() if re.match(r"[a-z0-9]", line, re.IGNORECASE)]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in pins if holds(pin, python, system)}


MACHINES = {"Linux": "x86_64", "Darwin": "arm64", "Windows": "AMD64"}
"""The usual processor of each system, as Python names it."""


def holds(requirement: Requirement, python: str, system: str, machine: str | None = None) -> bool:
    """Whether a requirement is one of this Python, system and processor, by default the usual one."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}[system],
        "platform_system": system,
        "platform_machine": machine or MACHINES[system],
        "extra": "",
    }
    return requirement.marker is None or requirement.marker.evaluate(environment)


def asked(extra: str) -> list[Requirement]:
    """The requirements of the package with an extra, and of the extras of its own that this one names."""
    found = []
    for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra]]:
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            found += [Requirement(more) for e in requirement.extras for more in PROJECT["optional-dependencies"][e]]
        else:
            found.append(requirement)
    return found


@pytest.mark.parametrize(
    ("name", "python", "system"),
    [
        ("lock.txt", "3.11", "Linux"),
        ("lock.txt", "3.11", "Windows"),
        ("lock.txt", "3.13", "Linux"),
        ("lock.txt", "3.13", "Darwin"),
        ("lock.txt", "3.14", "Linux"),
        ("cuda.txt", "3.13", "Linux"),
    ],
)
def test_the_locks_satisfy_the_project(name: str, python: str, system: str) -> None:
    pins = locked(name, python, system)
    needed = [requirement for requirement in asked(LOCKS[name]) if holds(requirement, python, system)]
    assert {requirement.name for requirement in needed} >= {"av", "click", "numpy"}
    for requirement in needed:
        assert requirement.name in pins, f"make lock: {requirement} is not in {name}"
        assert requirement.specifier.contains(pins[requirement.name]), f"make lock: {requirement}"


@pytest.mark.parametrize(
    ("python", "system", "machine", "there"),
    [
        ("3.11", "Darwin", "x86_64", True),
        ("3.12", "Darwin", "x86_64", False),
        ("3.13", "Darwin", "x86_64", False),
        ("3.13", "Darwin", "arm64", True),
        ("3.12", "Windows", "ARM64", False),
        ("3.13", "Windows", "AMD64", True),
        ("3.11", "Linux", "aarch64", True),
        ("3.13", "Linux", "aarch64", True),
        ("3.13", "Linux", "x86_64", True),
        ("3.14", "Linux", "x86_64", False),
    ],
)
def test_tensorflow_is_asked_for_where_it_has_wheels(python: str, system: str, machine: str, there: bool) -> None:
    """Else the package could not be installed where another engine runs the network."""
    for extra in ("onnx", "cuda"):
        names = [requirement.name for requirement in asked(extra) if holds(requirement, python, system, machine)]
        assert ("tensorflow" in names) == there
        assert "av" in names


@pytest.mark.parametrize("name", LOCKS)
def test_every_version_of_a_lock_has_a_hash_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)[1:]
    assert len(entries) > 20
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_have_pinned_bases_a_user_and_files_that_there_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base) for base in bases)
    _, _, final = text.rpartition("\nFROM ")
    assert re.search(r"^USER [1-9]\d*$", final, re.MULTILINE)
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for source in re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE):
        assert (ROOT / source).exists()
        assert source == "." or f"!{source.split('/')[0]}" in let_in
    # What the build of a wheel reads.
    assert {"!frame_booster", "!weights/*.safetensors", "!pyproject.toml", "!README.md", "!LICENSE"} <= set(let_in)


def test_there_is_an_image_for_processors_and_one_for_cuda() -> None:
    assert [path.name for path in DOCKERFILES] == ["cpu.Dockerfile", "cuda.Dockerfile"]


def test_the_address_of_the_project_stands_in_one_file() -> None:
    """A fork, or a move, changes pyproject.toml and nothing else."""
    address = PROJECT["urls"]["Source"].removeprefix("https://")
    tracked = subprocess.run(["git", "grep", "-lF", address], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if tracked.returncode > 1:
        pytest.skip("not a checkout")
    assert tracked.stdout.split() == ["pyproject.toml"]


def test_a_release_is_tested_built_and_published_without_a_password() -> None:
    folder = ROOT / ".github" / "workflows"
    release = (folder / "release.yml").read_text(encoding="utf-8")
    assert "./.github/workflows/tests.yml" in release
    assert "make dist" in release
    assert "id-token: write" in release
    assert "secrets." not in release
    assert "- run: .ci/run" in (folder / "tests.yml").read_text(encoding="utf-8")


def test_a_wheel_without_weights_marker_or_licence_is_noticed() -> None:
    info = f"frame_booster-{__version__}.dist-info"
    lacking = missing({f"{info}/entry_points.txt": b"frame-booster = a\nfbnet = b"})
    weights = [f"frame_booster/weights/{name}.safetensors" for name in PRESETS]
    assert {*weights, "frame_booster/py.typed", f"{info}/licenses/LICENSE", "frame_booster/cli/main.py"} <= set(lacking)
