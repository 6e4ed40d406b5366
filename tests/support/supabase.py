"""A stand-in for Supabase: its gateway and its Auth, before a real PostgREST."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import jwt
from aiohttp import web
from yarl import URL

from tests.support.supabase_auth import Answer, Auth, User

SECRET_KEY = "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz"
PUBLISHABLE_KEY = "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH"
USER = User("loader@example.com", "the-password-of-the-user")
PAGE = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
_NO_KEY = {
    "message": "No API key found in request",
    "hint": "No `apikey` request header or url param was found.",
}
_WRONG_KEY = {
    "message": "Invalid API key",
    "hint": "Double check your Supabase `anon` or `service_role` API key.",
}
_HOP = frozenset({"transfer-encoding", "connection", "keep-alive", "content-length", "host", "expect"})
_FAR = 4_102_444_800  # 2100


@dataclass(frozen=True)
class Seen:
    """A request to ``/rest/v1``; ``number``: of those with rows, from 1 on, else 0."""

    method: str
    path: str
    apikey: str
    authorization: str
    number: int


class Supabase:
    """The stand-in, in a thread of its own. Use it as a context manager.

    Args:
        postgrest: its URL.
        secret: that PostgREST checks tokens with.
        lifetime: of access tokens, in seconds.

    Attributes:
        auth: its Auth.
        fault: what becomes of the n-th request with rows: ``""``, ``"page"`` (an HTML page with 502 in place
            of a reply) or ``"late page"`` (likewise, but PostgREST has done what it says).
        clock: seconds that the gateway's clock is ahead: each token that it makes takes one off the list.
        auth_answers: in place of Auth's own, one for each request from now on: status, headers, text.
        is_auth_silent: whether Auth does what it is asked, and does not answer.
        unanswered: what it was asked so.
        seen: the requests to ``/rest/v1``.
        anon, service_role: the older keys.
    """

    def __init__(self, postgrest: str, secret: str, *, lifetime: float = 3.0) -> None:
        self.auth = Auth(secret, lifetime, {USER.email: USER})
        self.fault: Callable[[int], str] = lambda _: ""
        self.clock: list[float] = []
        self.auth_answers: list[tuple[int, dict[str, str], str]] = []
        self.is_auth_silent = False
        self.unanswered = 0
        self.seen: list[Seen] = []
        self.anon = self._key("anon")
        self.service_role = self._key("service_role")
        self._postgrest = postgrest
        self._posts = 0
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="supabase", daemon=True)
        self._ready = threading.Event()
        self._over: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._over is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        """The URL of the project."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def posts(self) -> int:
        """How many requests with rows have come."""
        return self._posts

    def _key(self, role: str) -> str:
        claims = {"iss": "supabase", "ref": "stand-in", "role": role, "exp": _FAR}
        return jwt.encode(claims, self.auth.secret, "HS256")

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        self._over = asyncio.Event()
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/auth/v1/token", self._token)
        app.router.add_route("*", "/rest/v1/{tail:.*}", self._rest)
        async with aiohttp.ClientSession(auto_decompress=False) as self._session:
            runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self._port = runner.addresses[0][1]
            self._ready.set()
            await self._over.wait()
            await runner.cleanup()

    def _role(self, request: web.Request) -> str | None:
        """Return the role of the API key; None: there is no such key."""
        roles = {
            SECRET_KEY: "service_role",
            PUBLISHABLE_KEY: "anon",
            self.anon: "anon",
            self.service_role: "service_role",
        }
        return roles.get(request.headers.get("apikey", ""))

    async def _token(self, request: web.Request) -> web.Response:
        """Answer as Auth does."""
        role = self._role(request)
        if role is None:
            return _json((401, _WRONG_KEY if "apikey" in request.headers else _NO_KEY))
        if self.auth_answers:
            status, headers, text = self.auth_answers.pop(0)
            return web.Response(status=status, headers=headers, text=text)
        grant = request.query.get("grant_type", "")
        answer = self.auth.token(grant, await request.json(), is_admin=role == "service_role")
        if self.is_auth_silent:
            self.unanswered += 1
            await asyncio.Event().wait()
        return _json(answer)

    async def _rest(self, request: web.Request) -> web.Response:
        """Look at the credentials of a request as the gateway does, and pass it on to PostgREST."""
        body = await request.read()
        if request.method == "POST" and len(body) > 2:  # more than []
            self._posts += 1
            number = self._posts
        else:
            number = 0
        apikey, authorization = (request.headers.get(name, "") for name in ("apikey", "Authorization"))
        self.seen.append(Seen(request.method, request.path, apikey, authorization, number))
        role = self._role(request)
        if role is None:
            return _json((401, _WRONG_KEY if apikey else _NO_KEY))
        if authorization.startswith("Bearer sb_") and authorization != f"Bearer {apikey}":
            return _json((401, _WRONG_KEY))
        if request.path == "/rest/v1/" and role != "service_role":
            return _json((403, {"message": "Access to the schema needs a secret API key."}))
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        if not authorization and apikey.startswith("sb_"):
            headers["Authorization"] = f"Bearer {self._minted(role)}"
        elif _is_expired(authorization):  # at once, where PostgREST allows 30 s
            return _json((401, {"code": "PGRST303", "message": "JWT expired", "details": None, "hint": None}))
        fault = self.fault(number) if number else ""
        if fault != "page":
            reply = await self._pass_on(request, headers, body)
        return reply if not fault else web.Response(status=502, text=PAGE, content_type="text/html")

    def _minted(self, role: str) -> str:
        """Return the token that the gateway makes for a key."""
        now = time.time() + (self.clock.pop(0) if self.clock else 0.0)
        return jwt.encode({"role": role, "iat": int(now), "exp": int(now) + 60}, self.auth.secret, "HS256")

    async def _pass_on(self, request: web.Request, headers: dict[str, str], body: bytes) -> web.Response:
        url = URL(f"{self._postgrest}{request.raw_path.removeprefix('/rest/v1')}", encoded=True)
        async with self._session.request(request.method, url, headers=headers, data=body) as reply:
            kept = {name: value for name, value in reply.headers.items() if name.lower() not in _HOP}
            return web.Response(status=reply.status, headers=kept, body=await reply.read())


def _is_expired(authorization: str) -> bool:
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), options={"verify_signature": False})
    except jwt.PyJWTError:
        return False
    return bool(claims.get("exp", _FAR) < time.time())


def _json(answer: Answer) -> web.Response:
    status, body = answer
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


def wire_credentials(seen: list[Seen]) -> set[tuple[Any, Any]]:
    """Return the pairs of API key and Authorization that requests carried."""
    return {(request.apikey, request.authorization) for request in seen}
