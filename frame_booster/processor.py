"""The processor of this machine, as Linux describes it in /proc/cpuinfo; other systems, and some sandboxes, do not."""

from __future__ import annotations

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def cpu_facts(*names: str) -> list[str]:
    """Returns what is said under any of these names, core by core, in order; nothing where nothing is known."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    facts = (line.partition(":") for line in lines)
    return [value.strip() for name, _, value in facts if name.strip() in names]
