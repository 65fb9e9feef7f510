"""Sign-in of a browser: links that work once and for a minute, and the cookies they are for."""

import secrets

from ingest import tokens

COOKIE = "ptywrap"
LINK_SECONDS = 60
SESSION_SECONDS = 12 * 3600
_MOST = 10_000


class Sessions:
    """Links and sessions by the SHA-256 of their secret; each stands for a token's digest.

    Kept in memory alone: a restart asks for a new link. Times are the loop's seconds.
    """

    def __init__(self) -> None:
        self._links: dict[str, tuple[str, float]] = {}
        self._sessions: dict[str, tuple[str, float]] = {}

    def link(self, token: str, now: float) -> str:
        """Return the secret of a new link for whom a token's digest stands."""
        return _add(self._links, token, now + LINK_SECONDS)

    def opened(self, link: str, now: float) -> str | None:
        """Use a link up; return the secret of a new session, None where the link is none."""
        token, until = self._links.pop(tokens.digest(link), ("", 0.0))
        return _add(self._sessions, token, now + SESSION_SECONDS) if now < until else None

    def token(self, session: str, now: float) -> str | None:
        """Return the digest of the token that a session stands for."""
        token, until = self._sessions.get(tokens.digest(session), ("", 0.0))
        return token if now < until else None

    def trim(self, now: float) -> None:
        """Forget what is over."""
        for kept in (self._links, self._sessions):
            for key in [key for key, (_, until) in kept.items() if until <= now]:
                del kept[key]


def _add(kept: dict[str, tuple[str, float]], token: str, until: float) -> str:
    secret = secrets.token_hex(32)
    kept[tokens.digest(secret)] = token, until
    if len(kept) > _MOST:
        del kept[next(iter(kept))]
    return secret
