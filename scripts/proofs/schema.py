"""Schemathesis against /openapi.json of a running service: nothing answered 5xx, all in schema.

It brings two dozen packages with it, so it is no part of our environment: it is installed into one
of its own, made once in the folder that is named.

usage: python -m scripts.proofs.schema [--examples 200] [--environment FOLDER]
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.fleet.life import Laptop
from scripts.proofs.flood import enrolled
from scripts.proofs.service import LIFTED, Service

_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)
_HOOKS = """
import schemathesis


@schemathesis.serializer("application/msgpack")
def batch(context, value):
    return value if isinstance(value, bytes) else str(value).encode()
"""
# A device that leaves has no token any more: that one comes last, by itself.
_LEAVING = "/v1/leave"


def installed(environment: Path) -> Path:
    """Return the program, installing it where it is not."""
    program = environment / "bin" / "schemathesis"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin" / "pip"), "install", "--quiet", "schemathesis"]
        subprocess.run(pip, check=True)
    return program


def prove(folder: Path, program: Path, examples: int) -> int:
    """Run it as a device, leaving last; return its status, 0 where it found nothing."""
    service = Service(folder / "data", settings=LIFTED)
    (folder / "hooks.py").write_text(_HOOKS)
    try:
        service.start()
        (account,) = enrolled(service, [Laptop(1, 0).device])
        argv = [
            *(str(program), "run", f"{service.url}/openapi.json", "--checks", _CHECKS),
            *("--max-examples", str(examples), "--generation-deterministic", "--workers", "2"),
            *("--header", f"Authorization: Bearer {account.token}", "--no-color"),
            "--continue-on-failure",
        ]
        found = [
            subprocess.run(
                [*argv, choice, _LEAVING],
                cwd=folder,
                check=False,
                env=os.environ | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(folder)},
            ).returncode
            for choice in ("--exclude-path", "--include-path")
        ]
        found.append(service.stop())
    finally:
        service.close()
    return max(found)


def main() -> int:
    """Install, run, and leave with its status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="for each operation (200)")
    parser.add_argument("--environment", type=Path, help="where it is, or is installed to")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="proof-") as name:
        folder = Path(name)
        program = installed(args.environment or folder / "environment")
        return prove(folder, program, args.examples)


if __name__ == "__main__":
    sys.exit(main())
