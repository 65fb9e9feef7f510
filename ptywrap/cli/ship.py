"""Seal and send what is waiting now, and wait for the answer.

It is sent by itself every ten minutes; nothing is lost in between, offline neither.

Example: ptywrap ship
"""

import argparse

from netsniff import amounts
from ptywrap import enrolment, service
from ptywrap.cli import page, text
from ptywrap.errors import UserError

_LOCK_S = 35.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all that waits is sent."""


def run(_args: argparse.Namespace) -> int:
    """Seal, ship, and tell the counts."""
    from ptywrap.ship import departure  # noqa: PLC0415 - aiohttp is no part of every `--help`

    enrolled = enrolment.read()
    if enrolled is None:
        raise UserError("this machine is enrolled nowhere", "`ptywrap join URL` enrols it")
    service.ask_observer("seal")
    with page.choose().progress() as step:
        outcome = departure.depart(
            asked=True,
            wait_s=_LOCK_S,
            tell=lambda sent, wait: step(
                f"{sent} sent, {amounts.count(wait, 'batch waits', 'batches wait')}"
            ),
        )
    done = outcome.done
    sent = f"{amounts.count(done.batches, 'batch', 'batches')}, {amounts.count(done.facts, 'fact')}"
    if done.refused:
        sent += f" ({amounts.count(done.refused, 'row')} refused)"
    print(f"sent to {enrolled.url}: {sent}")
    if done.rejected:
        rejected = amounts.count(done.rejected, "batch", "batches")
        print(f"rejected, kept aside: {rejected}: {text.visible(outcome.state.rejected)}")
    why = outcome.held or outcome.state.error
    if outcome.waiting_batches or why is not None:
        batches = amounts.count(outcome.waiting_batches, "batch waits", "batches wait")
        facts = amounts.count(outcome.waiting_facts, "fact")
        what = f"{batches}, {facts}: {text.visible(why or 'it takes longer')}"
        hint = "they are kept, and sent later by themselves"
        if outcome.state.stopped:
            hint = "they are kept; ask for a new token, `ptywrap leave`, then join with it"
        raise UserError(what, hint)
    return 0
