"""Secrets made at run time, and the lines of tests/data/redaction_lines.json that hold them."""

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path

LINES: dict[str, list[str]] = json.loads(
    Path(__file__).parent.joinpath("data", "redaction_lines.json").read_text(encoding="utf-8")
)

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_HEX = "0123456789abcdef"
_BASE32 = _LETTERS.upper() + "234567"
_MIXED = _LETTERS + _LETTERS.upper() + _DIGITS
_SYLLABLES = ["ka", "mor", "tin", "vel", "su", "ran", "dop", "lek", "bri", "fa", "non", "wes"]
# Prefixes in two parts, so that no scanner takes this file for one that holds tokens.
_TOKENS = {
    "ghp": (("gh", "p_"), (_MIXED, 36)),
    "ghs": (("gh", "s_"), (_MIXED, 36)),
    "glpat": (("gl", "pat-"), (_MIXED, 20)),
    "npm": (("npm", "_"), (_MIXED, 36)),
    "pypi": (("py", "pi-"), (_MIXED, 60)),
    "akia": (("AK", "IA"), (_BASE32, 16)),
    "hvs": (("hv", "s."), (_MIXED, 24)),
    "sklive": (("sk", "_live_"), (_MIXED, 24)),
    "skproj": (("sk", "-proj-"), (_MIXED, 40)),
    "skant": (("sk", "-ant-api03-"), (_MIXED, 60)),
    "hf": (("hf", "_"), (_MIXED, 34)),
    "agekey": (("AGE-SECRET-", "KEY-1"), (_BASE32, 58)),
}


def made(seed: int) -> dict[str, str]:
    """Return one value for each name in a line, the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - made-up secrets, which must repeat

    def of(alphabet: str, size: int) -> str:
        return "".join(rng.choice(alphabet) for _ in range(size))

    weak = "".join(rng.sample(_SYLLABLES, 4))
    values = {
        "human": weak.capitalize() + of(_DIGITS, 2) + rng.choice("!?+.#"),
        "weak": weak,
        "digits9": of(_DIGITS, 9),
        "keyblock": key_block(of),
        "nix": of("0123456789abcdfghijklmnpqrsvwxyz", 32),
        "uuid": "-".join(of(_HEX, size) for size in (8, 4, 4, 4, 12)),
        "jwt": ".".join(("ey" + "J" + of(_MIXED, 33), "ey" + "J" + of(_MIXED, 60), of(_MIXED, 43))),
        "xoxb": "xo" + "xb-" + of(_DIGITS, 12) + "-" + of(_MIXED, 24),
        "slackhook": f"T{of(_MIXED, 8)}/B{of(_MIXED, 8)}/{of(_MIXED, 24)}",
    }
    for size, padding in ((40, ""), (44, "="), (88, "==")):
        body = base64.b64encode(rng.randbytes(size)).decode()[: size - len(padding)]
        values[f"b64_{size}"] = body + padding
    values |= {f"hex{size}": of(_HEX, size) for size in (12, 32, 40, 64)}
    values |= {f"mixed{size}": of(_MIXED, size) for size in (20, 32, 40)}
    return values | {name: "".join(parts) + of(*body) for name, (parts, body) in _TOKENS.items()}


def key_block(of: Callable[[str, int], str]) -> str:
    """Return something that looks like a private key, built from parts no scanner knows."""
    name = " ".join(("OPENSSH", "PRIVATE", "KEY"))
    lines = "\\n".join(of(_MIXED, 64) for _ in range(3))
    return f"-----BEGIN {name}-----\\n{lines}\\n-----END {name}-----"


def filled(line: str, seed: int) -> tuple[str, list[str]]:
    """Return a line with its names replaced, and the secrets that it now holds."""
    values = made(seed)
    held = [name for name in values if f"{{{name}}}" in line]
    for name in held:
        line = line.replace(f"{{{name}}}", values[name])
    return line, [values[name] for name in held]


def kept(text: str, secrets: list[str]) -> list[str]:
    """Return the secrets of which a text still holds eight characters in a row, or the whole."""
    found = []
    for secret in secrets:
        size = min(len(secret), 8)
        pieces = (secret[at : at + size] for at in range(len(secret) - size + 1))
        if any(piece in text for piece in pieces):
            found.append(secret)
    return found
