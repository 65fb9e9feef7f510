"""What macOS's sysctl(8) prints -> fields of Host; built from its manual, not from a recording."""

from typing import Any

NAMES = ("machdep.cpu.brand_string", "hw.memsize", "hw.logicalcpu")


def fields(output: str) -> dict[str, Any]:
    """Return fields of Host from lines `name: value` of sysctl."""
    told = dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)
    found: dict[str, Any] = {}
    if NAMES[0] in told:
        found["cpu_model"] = told[NAMES[0]].strip()
    if told.get(NAMES[1], "").isdigit():
        found["memory_bytes"] = int(told[NAMES[1]])
    if told.get(NAMES[2], "").isdigit():
        found["cores"] = int(told[NAMES[2]])
    return found
