"""Posting as a laptop does: the same bytes until there is an answer (storage.md 3.4)."""

import asyncio
import json
import random
import time
from typing import Any, NamedTuple

import aiohttp

from scripts.fleet.ledger import Account, Fate

_FINAL = {400: "rejected", 413: "rejected", 422: "rejected", 401: "refused", 403: "refused"}
_SLOWEST_S = 300.0


class Prepared(NamedTuple):
    """A batch ready to go: its compressed bytes, when it is due, and by how much clocks are off."""

    batch: str
    body: bytes
    rows: int
    due_at: int
    skew_ns: int


class Patience(NamedTuple):
    """How long a laptop tries: s between attempts at first, s an attempt may take, attempts."""

    first_s: float = 1.0
    total_s: float = 30.0
    attempts: int = 40


class Client:
    """One connection pool and its patience, for a whole fleet."""

    def __init__(self, url: str, patience: Patience, connections: int = 64) -> None:
        """Take the server's address; nothing is opened yet. Call within a running loop."""
        self.url = url.rstrip("/")
        self._patience = patience
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=patience.total_s, sock_connect=3.0, sock_read=10.0),
            auto_decompress=False,
        )
        self._jitter = random.Random()  # noqa: S311 - it spreads attempts, nothing else

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def enrol(self, secret: str, device: str) -> Account:
        """Trade a one-time secret for an account; RuntimeError says why not."""
        for attempt in range(self._patience.attempts):
            status, answer, wait = await self._once(
                "/v1/enrol", {"Authorization": f"Bearer {secret}"}, {"json": {"device": device}}
            )
            if status == 200 and "token" in answer:
                return Account(device, answer["token"], answer["tenant_key"])
            if status in _FINAL:
                raise RuntimeError(f"enrolling was answered {status}: {answer}")
            await asyncio.sleep(self._pause(attempt, wait))
        raise RuntimeError("nobody answers at /v1/enrol")

    async def send(self, account: Account, batch: Prepared) -> Fate:
        """Send a batch until it is acknowledged, refused for good, or patience is at its end."""
        begun = time.monotonic_ns()
        status = 0
        for attempt in range(self._patience.attempts):
            started = time.monotonic_ns()
            status, answer, wait = await self._once(
                "/v1/batches", self._headers(account, batch), {"data": batch.body}
            )
            now = time.monotonic_ns()
            if status == 200 and answer.get("batch") == batch.batch:
                repeated = bool(answer.get("repeated"))
                rows = answer.get("rows", 0)
                return _fate(account, batch, "acknowledged")._replace(
                    status=200,
                    attempts=attempt + 1,
                    rows=rows,
                    repeated=repeated,
                    took_ns=now - begun,
                    answer_ns=now - started,
                )
            if status in _FINAL:
                return _fate(account, batch, _FINAL[status])._replace(
                    status=status, attempts=attempt + 1, took_ns=now - begun
                )
            await asyncio.sleep(self._pause(attempt, wait))
        return _fate(account, batch, "unknown")._replace(
            status=status, attempts=self._patience.attempts, took_ns=time.monotonic_ns() - begun
        )

    def _headers(self, account: Account, batch: Prepared) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {account.token}",
            "Content-Type": "application/msgpack",
            "Content-Encoding": "zstd",
            "Idempotency-Key": batch.batch,
            "X-Ptywrap-Sent-At": str(time.time_ns() + batch.skew_ns),
        }

    async def _once(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, dict[str, Any], float | None]:
        """Return status, answer and what Retry-After says; status 0 where nobody answered."""
        try:
            async with self._session.post(
                self.url + path, headers=headers, allow_redirects=False, **body
            ) as response:
                wait = response.headers.get("Retry-After", "")
                text = await response.read()
                return response.status, _answer(text), float(wait) if wait.isdigit() else None
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, {}, None

    def _pause(self, attempt: int, wait: float | None) -> float:
        """Return how long to wait: what was asked for, else full jitter; scaled to `first_s`."""
        if wait is not None:
            return wait * min(1.0, self._patience.first_s)
        most: float = min(
            self._patience.first_s * 2.0**attempt, _SLOWEST_S * self._patience.first_s
        )
        return self._jitter.random() * most


def _fate(account: Account, batch: Prepared, outcome: str) -> Fate:
    return Fate(batch.batch, account.device, outcome, 0, 0, batch.rows)


def _answer(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
