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
_MIXED = _LETTERS + _LETTERS.upper() + "0123456789"


def made(seed: int) -> dict[str, str]:
    """Return one value for each name in a line, the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - made-up secrets, which must repeat

    def of(alphabet: str, size: int) -> str:
        return "".join(rng.choice(alphabet) for _ in range(size))

    def b64(size: int) -> str:
        return base64.b64encode(rng.randbytes(size)).decode()[:size]

    syllables = ["ka", "mor", "tin", "vel", "su", "ran", "dop", "lek", "bri", "fa", "non", "wes"]
    weak = "".join(rng.sample(syllables, 4))
    human = weak.capitalize() + of("0123456789", 2) + rng.choice("!?+.#")
    mixed40 = of(_MIXED, 40)
    jwt = ".".join(("ey" + "J" + of(_MIXED, 33), "ey" + "J" + of(_MIXED, 60), of(_MIXED, 43)))
    return {
        "human": human,
        "weak": weak,
        "digits9": of("0123456789", 9),
        "keyblock": key_block(of),
        "mixed20": of(_MIXED, 20),
        "mixed32": of(_MIXED, 32),
        "mixed40": mixed40,
        "hex12": of("0123456789abcdef", 12),
        "hex32": of("0123456789abcdef", 32),
        "hex40": of("0123456789abcdef", 40),
        "hex64": of("0123456789abcdef", 64),
        "nix": of("0123456789abcdfghijklmnpqrsvwxyz", 32),
        "b64_40": b64(40),
        "b64_44": b64(43) + "=",
        "b64_88": b64(86) + "==",
        "uuid": "-".join(of("0123456789abcdef", size) for size in (8, 4, 4, 4, 12)),
        "jwt": jwt,
        "ghp": "gh" + "p_" + of(_MIXED, 36),
        "ghs": "gh" + "s_" + of(_MIXED, 36),
        "glpat": "gl" + "pat-" + of(_MIXED, 20),
        "npm": "npm" + "_" + of(_MIXED, 36),
        "pypi": "py" + "pi-" + of(_MIXED, 60),
        "akia": "AK" + "IA" + of(_LETTERS.upper() + "234567", 16),
        "hvs": "hv" + "s." + of(_MIXED, 24),
        "sklive": "sk" + "_live_" + of(_MIXED, 24),
        "skproj": "sk" + "-proj-" + of(_MIXED, 40),
        "skant": "sk" + "-ant-api03-" + of(_MIXED, 60),
        "xoxb": "xo" + "xb-" + of("0123456789", 12) + "-" + of(_MIXED, 24),
        "hf": "hf" + "_" + of(_MIXED, 34),
        "agekey": "AGE-SECRET-" + "KEY-1" + of(_LETTERS.upper() + "234567", 58),
        "slackhook": f"T{of(_MIXED, 8)}/B{of(_MIXED, 8)}/{of(_MIXED, 24)}",
    }


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
