"""Make, list and revoke tokens; a running service follows within seconds.

    ptywrap-ingest token create --team build > token
    ptywrap-ingest token create --enrol --uses 50 --hours 24 --team build > secret
    ptywrap-ingest token list
    ptywrap-ingest token revoke 3f9a12

`create` prints the secret alone on stdout: it is kept nowhere and cannot be shown again.
"""

import argparse
import datetime
import sys
from pathlib import Path
from typing import Any

import msgspec

from ingest import clock, tokens
from ingest.config import Refused, default_data
from ingest.tokens import Register, Secret, Token

_HOUR_NS = 3_600_000_000_000
_MOST_HOURS = 24
_SHORTEST = 6


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three verbs of tokens."""
    does = parser.add_subparsers(dest="does", metavar="create|list|revoke", required=True)
    create = does.add_parser("create", help="make one; the secret alone is printed on stdout")
    create.add_argument("--role", choices=tokens.ROLES, default="device")
    create.add_argument("--team", default="", metavar="NAME", help="the team of who uses it")
    create.add_argument("--person", default="", metavar="P", help="join a pseudonym there is")
    create.add_argument("--enrol", action="store_true", help="a secret that enrols devices")
    create.add_argument("--uses", type=_number, metavar="N", help="devices it enrols (1)")
    create.add_argument("--hours", type=_hours, metavar="H", help="how long it does, at most 24")
    listed = does.add_parser("list", help="show all there are")
    listed.add_argument("--json", action="store_true", help="as JSON")
    revoke = does.add_parser("revoke", help="let one, or all of a person or device, open nothing")
    revoke.add_argument("id", nargs="?", help="the beginning of an id that `list` shows")
    revoke.add_argument("--person", metavar="P", help="every token of a pseudonym")
    revoke.add_argument("--device", metavar="D", help="every token of a device")
    for one in (create, listed, revoke):
        one.add_argument("--data", type=Path, default=default_data(), help="the service's")
    parser.set_defaults(usage=parser.error)


def run(args: argparse.Namespace) -> int:
    """Do one of the three."""
    try:
        return {"create": _create, "list": _list, "revoke": _revoke}[args.does](args)
    except OSError as error:
        what = f"{args.data} cannot be used: {error.strerror}"
        raise Refused(what, "run it as the account of the service") from None


def _create(args: argparse.Namespace) -> int:
    if not args.enrol and (args.uses or args.hours):
        args.usage("--uses and --hours go with --enrol")
    if args.enrol and args.role != "device":
        args.usage("--enrol makes tokens of role device")
    if args.person and args.role != "device":
        args.usage("--person goes with role device")
    secret = tokens.made()
    now = clock.wall_ns()
    service = tokens.service(args.data)
    with tokens.changing(args.data, now) as register:
        if args.person and not _is_known(register, args.person):
            raise Refused(f"there is no person {args.person}", "`token list` shows them")
        if args.enrol:
            hours = args.hours or _MOST_HOURS
            made = Secret(
                digest=tokens.digest(secret),
                tenant=service.tenant,
                made_at=now,
                expires_at=now + hours * _HOUR_NS,
                uses=args.uses or 1,
                team=args.team,
                person=args.person,
            )
            register.secrets[made.digest] = made
            said = f"enrols {made.uses} device(s) within {hours} h; `ptywrap join URL` asks for it"
        else:
            token = _token(args, secret, service.tenant, now)
            register.tokens[token.digest] = token
            said = f"role {token.role}, person {token.person or '-'}"
    print(secret)
    sys.stdout.flush()
    print(f"id {tokens.digest(secret)[:12]}, team {args.team or '-'}, {said}", file=sys.stderr)
    return 0


def _token(args: argparse.Namespace, secret: str, tenant: str, now: int) -> Token:
    person = args.person or (tokens.pseudonym() if args.role == "device" else "")
    return Token(
        digest=tokens.digest(secret),
        role=args.role,
        tenant=tenant,
        made_at=now,
        team=args.team,
        person=person,
    )


def _list(args: argparse.Namespace) -> int:
    register = tokens.read(args.data)
    now = clock.wall_ns()
    rows = [_token_row(token, now) for token in register.tokens.values()]
    rows += [_secret_row(secret, now) for secret in register.secrets.values()]
    rows.sort(key=lambda row: int(row["made_at"]))
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return 0
    for row in rows:
        made = datetime.datetime.fromtimestamp(row["made_at"] // 10**9, datetime.UTC)
        words = (
            *(row["id"], f"{made:%Y-%m-%d %H:%M}", f"{row['role']:<7}", f"{row['state']:<8}"),
            *(f"team {row['team'] or '-'}", f"person {row['person'] or '-'}"),
            f"device {row['device'] or '-'}",
        )
        print("  ".join(words))
    if not rows:
        print("no tokens yet: `ptywrap-ingest token create` makes one", file=sys.stderr)
    return 0


def _token_row(token: Token, now: int) -> dict[str, Any]:
    state = "usable" if token.usable(now) else "revoked" if token.revoked_at else "expired"
    return {
        "id": token.digest[:12],
        "made_at": token.made_at,
        "role": token.role,
        "state": state,
        "team": token.team,
        "person": token.person,
        "device": token.device,
        "expires_at": token.expires_at or None,
    }


def _secret_row(secret: Secret, now: int) -> dict[str, Any]:
    state = f"{secret.uses} uses"
    if not secret.usable(now):
        state = "revoked" if secret.revoked_at else "used up" if not secret.uses else "expired"
    return {
        "id": secret.digest[:12],
        "made_at": secret.made_at,
        "role": "enrol",
        "state": state,
        "team": secret.team,
        "person": secret.person,
        "device": "",
        "expires_at": secret.expires_at,
    }


def _revoke(args: argparse.Namespace) -> int:
    if sum(one is not None for one in (args.id, args.person, args.device)) != 1:
        args.usage("name one: an id, --person P or --device D")
    if args.id is not None and len(args.id) < _SHORTEST:
        args.usage(f"an id has at least {_SHORTEST} digits")
    now = clock.wall_ns()
    with tokens.changing(args.data, now) as register:
        found = [one for one in register.tokens.values() if _is_meant(args, one)]
        secrets = [one for one in register.secrets.values() if _is_meant(args, one)]
        if not found and not secrets:
            raise Refused("there is no such token", "`ptywrap-ingest token list` shows them")
        if args.id is not None and len(found) + len(secrets) > 1:
            raise Refused(f"{args.id} is the beginning of several ids", "give more digits of it")
        for token in found:
            if not token.revoked_at:
                register.tokens[token.digest] = msgspec.structs.replace(token, revoked_at=now)
        for secret in secrets:
            if not secret.revoked_at:
                register.secrets[secret.digest] = msgspec.structs.replace(secret, revoked_at=now)
    print(f"revoked {len(found) + len(secrets)}", file=sys.stderr)
    return 0


def _is_meant(args: argparse.Namespace, one: Token | Secret) -> bool:
    if args.id is not None:
        return one.digest.startswith(str(args.id))
    if args.person is not None:
        return one.person == str(args.person)
    return isinstance(one, Token) and one.device == str(args.device)


def _is_known(register: Register, person: str) -> bool:
    return any(one.person == person for one in register.tokens.values())


def _number(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _hours(text: str) -> int:
    value = _number(text)
    if value > _MOST_HOURS:
        raise argparse.ArgumentTypeError(f"at most {_MOST_HOURS}")
    return value
