"""When to wait rather than send: a link that costs money, a battery that is low."""

import subprocess
from pathlib import Path

LOW_PERCENT = 20
_SUPPLIES = Path("/sys/class/power_supply")
_METERED = ("u 1", "u 3")  # NM_METERED_YES, NM_METERED_GUESS_YES (NetworkManager's nm-dbus-types)
_QUESTION = (
    *("busctl", "--system", "get-property", "org.freedesktop.NetworkManager"),
    *("/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "Metered"),
)
_WAIT_S = 2.0


def restraint(supplies: Path = _SUPPLIES) -> str | None:
    """Return why to wait, None where nothing speaks against sending or nobody can say."""
    if _is_low(supplies):
        return f"the battery is below {LOW_PERCENT} %"
    return "the link is metered" if _is_metered() else None


def _is_low(supplies: Path) -> bool:
    """Say whether a battery of the machine's own is low and not charged (sysfs-class-power)."""
    try:
        found = list(supplies.iterdir())
    except OSError:
        return False
    return any(
        _text(supply / "type") == "Battery"
        and _text(supply / "scope") != "Device"
        and _text(supply / "status") == "Discharging"
        and (capacity := _text(supply / "capacity")).isdecimal()
        and int(capacity) < LOW_PERCENT
        for supply in found
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _is_metered() -> bool:
    try:
        ran = subprocess.run(
            _QUESTION,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_WAIT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return False
    return ran.stdout.strip() in _METERED
