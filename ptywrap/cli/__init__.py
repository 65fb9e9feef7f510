"""The verbs, and the one way in: `python -m ptywrap VERB …`.

Every verb pays for what is imported here: what only a failure needs is imported by the failure.
"""

import argparse
import importlib
import os
import sys
from typing import NoReturn, cast

from ptywrap import __version__, paths
from ptywrap.cli.base import Verb
from ptywrap.errors import UserError

VERBS = (
    ("log", "ptywrap.cli.log"),
    ("show", "ptywrap.cli.show"),
    ("status", "ptywrap.cli.status"),
    ("doctor", "ptywrap.cli.doctor"),
    ("pause", "ptywrap.cli.pause"),
    ("resume", "ptywrap.cli.resume"),
    ("forget", "ptywrap.cli.forget"),
    ("join", "ptywrap.cli.join"),
    ("leave", "ptywrap.cli.leave"),
    ("ship", "ptywrap.cli.ship"),
    ("sent", "ptywrap.cli.sent"),
    ("dashboard", "ptywrap.cli.dashboard"),
    ("config", "ptywrap.cli.config"),
)
HIDDEN = (("summary", "ptywrap.cli.summary"),)
"""Run by other parts of ours, never typed."""

_USAGE = """\
usage: ptywrap [-l]                                   your shell, observed
       ptywrap [--json FILE] [--quiet] -- CMD [ARG…]  one command, observed
       ptywrap VERB [ARG…]

verbs:
"""


def main(words: list[str]) -> int:
    """Run one verb and return its exit status: 0, 1 with two lines that explain, 2 wrong usage."""
    try:
        return _flushed(words)
    except UserError as error:
        return _fail(error.message, error.hint)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader left (`ptywrap log | head`): Python's own flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001 - one of the five tops (house.md, 3.7)
        _log("a verb broke")
        return _fail("this is a bug of ours", f"the log says more: {paths.log_file('cli')}")


def verb(name: str) -> Verb | None:
    """Return the module of a verb, hidden ones too; None where there is none of that name."""
    module = dict(VERBS + HIDDEN).get(name)
    return cast(Verb, importlib.import_module(module)) if module else None


def parser_for(name: str, chosen: Verb) -> argparse.ArgumentParser:
    """Return the parser of a verb; its help is the module's docstring."""
    parser = argparse.ArgumentParser(
        prog=f"ptywrap {name}",
        description=chosen.__doc__,
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    chosen.arguments(parser)
    return parser


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return argparse's, told the width: it would import shutil, compressors and all, to ask."""
    return argparse.RawDescriptionHelpFormatter(prog, width=_columns() - 2)


def _columns() -> int:
    """Return COLUMNS, else what the terminal on stdout has, else 80, as shutil does."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _flushed(words: list[str]) -> int:
    """Run, and meet here what the interpreter's own flush at exit would meet without a word."""
    if sys.stdout is None:  # it was closed by who started us
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of us
    try:
        return _run(words)
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UserError(
                f"cannot print: {error.strerror}", "make room, or print elsewhere"
            ) from None


def _run(words: list[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(_usage(), end="")
        return 0
    if words[0] == "--version":
        print(f"ptywrap {__version__}")
        return 0
    chosen = verb(words[0])
    if chosen is None:
        _wrong_usage(words[0])
    return chosen.run(parser_for(words[0], chosen).parse_args(words[1:]))


def _usage() -> str:
    lines = [_USAGE]
    for name, module in VERBS:
        summary = (importlib.import_module(module).__doc__ or "").partition("\n")[0]
        lines.append(f"  {name:<10} {summary}\n")
    lines.append("\n`ptywrap VERB --help` says more and gives an example.\n")
    return "".join(lines)


def _wrong_usage(word: str) -> NoReturn:
    import difflib

    near = difflib.get_close_matches(word, dict(VERBS), n=1, cutoff=0.5)
    offer = f"; did you mean `ptywrap {near[0]}`?" if near else ""
    what = "option" if word.startswith("-") else "verb"
    if word == "--":  # what the launcher says where the words before or after it are wrong
        print("ptywrap: a run is `ptywrap [--json FILE] [--quiet] -- CMD`", file=sys.stderr)
    else:
        print(f"ptywrap: `{word}` is no {what}{offer}", file=sys.stderr)
    if what == "verb":
        print(f"  to run it as a command: ptywrap -- {word}", file=sys.stderr)
    else:
        print("  see: ptywrap --help", file=sys.stderr)
    raise SystemExit(2)


def _fail(what: str, hint: str) -> int:
    print(f"ptywrap: {what}\n  {hint}", file=sys.stderr)
    return 1


def _log(message: str) -> None:
    """Write the exception that is being handled to the log."""
    import logging.handlers
    import traceback

    log = logging.getLogger(__name__)
    if paths.private(paths.state_folder()):
        file = paths.log_file("cli")
        log.addHandler(logging.handlers.RotatingFileHandler(file, maxBytes=1 << 20, backupCount=1))
    # Never what an exception says: it may hold a path, a line or an argument of the user's.
    kind, _, trace = sys.exc_info()
    where = (f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trace))
    log.error("%s: %s, at %s", message, kind and kind.__name__, " > ".join(where))
