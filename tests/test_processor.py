"""What /proc/cpuinfo says of a processor, and nothing where there is none to read."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from frame_booster import processor
from frame_booster.engine.device import has_bfloat16
from frame_booster.processor import cpu_facts

TEXT = "processor\t: 0\nmodel name\t: A CPU: 3 GHz\nflags\t\t: fpu {flag} sse\n\nprocessor\t: 1\nmodel name\t: B\n"


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(processor, "CPUINFO", path := tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return path


def test_facts_are_those_of_their_names_core_by_core(cpuinfo: Path) -> None:
    cpuinfo.write_bytes(TEXT.format(flag="avx2").encode() + b"note\t: \xff\n")
    assert cpu_facts("CPU part", "model name") == ["A CPU: 3 GHz", "B"]
    assert cpu_facts("model") == []


def test_nothing_is_known_where_there_is_none_or_it_cannot_be_read(cpuinfo: Path) -> None:
    assert cpu_facts("model name") == []
    assert not has_bfloat16()
    cpuinfo.mkdir()
    assert cpu_facts("model name") == []
    assert not has_bfloat16()


@pytest.mark.parametrize(
    ("flag", "machine", "has"),
    [
        ("avx512_bf16", "x86_64", True),
        ("amx_bf16", "AMD64", True),
        ("avx512f", "x86_64", False),
        ("avx512_bf16", "aarch64", False),
    ],
)
def test_bfloat16_is_taken_where_the_processor_multiplies_it(
    cpuinfo: Path, flag: str, machine: str, has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    cpuinfo.write_text(TEXT.format(flag=flag))
    assert has_bfloat16() is has
