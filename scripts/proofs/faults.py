"""A proxy before a service that refuses posts and loses answers, as seeded chance has it."""

from typing import NamedTuple

import aiohttp
from aiohttp import web

from scripts.fleet.dice import Dice

_DROPPED = {"Connection", "Transfer-Encoding", "Host", "Content-Length", "Date", "Server"}
_MOST_BYTES = 4 << 20


class Weather(NamedTuple):
    """How bad it is: posts refused and answers lost, of a thousand."""

    refused_permille: int = 200
    lost_permille: int = 200


class Faults:
    """The proxy; `url` is what laptops are told."""

    def __init__(self, target: str, weather: Weather, seed: int = 1) -> None:
        """Take the service's address; nothing listens yet."""
        self.target = target
        self.weather = weather
        self.url = ""
        self.refused = self.lost = self.passed = 0
        self._dice = Dice("faults", seed)
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> str:
        """Listen on a free port of loopback; return the address."""
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._session = aiohttp.ClientSession(auto_decompress=False)
        # Bodies go through as they are: the service inflates.
        self._runner = web.AppRunner(app, auto_decompress=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        return self.url

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None and self._session is not None:
            await self._runner.cleanup()
            await self._session.close()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        is_post = request.path == "/v1/batches"
        if is_post and self._dice.happens(self.weather.refused_permille):
            self.refused += 1
            return web.json_response({"error": "made up"}, status=503, headers={"Retry-After": "1"})
        lose = is_post and self._dice.happens(self.weather.lost_permille)
        answer = await self._forward(request, body)
        if lose:
            self.lost += 1
            if request.transport is not None:
                request.transport.abort()
        else:
            self.passed += is_post
        return answer

    async def _forward(self, request: web.Request, body: bytes) -> web.StreamResponse:
        if self._session is None:
            raise RuntimeError("not started")
        headers = {name: value for name, value in request.headers.items() if name not in _DROPPED}
        try:
            async with self._session.request(
                request.method, self.target + request.path_qs, data=body, headers=headers
            ) as answer:
                kept = {n: v for n, v in answer.headers.items() if n not in _DROPPED}
                return web.Response(body=await answer.read(), status=answer.status, headers=kept)
        except (TimeoutError, aiohttp.ClientError, OSError):
            return web.json_response({"error": "no service"}, status=502)
