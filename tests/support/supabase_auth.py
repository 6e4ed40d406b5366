"""Supabase Auth as far as a load sees it: passwords, and refresh tokens that are good for one use.

The rules and the words are those of supabase/auth: internal/api/token.go, internal/tokens/service.go.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt

Answer = tuple[int, dict[str, Any]]


@dataclass
class User:
    """A user, and what Auth holds against signing in."""

    email: str
    password: str
    confirmed: bool = True
    banned: bool = False
    has_second_factor: bool = False


@dataclass
class Session:
    """The refresh tokens of a session, the newest last."""

    user: User
    tokens: list[str] = field(default_factory=list)


@dataclass
class Auth:
    """Answers ``/auth/v1/token``.

    Attributes:
        secret: signs access tokens, HS256.
        lifetime: of them, in seconds.
        users: by e-mail.
        wants_captcha: of all but secret keys.
        is_switched_off: signing in by e-mail.
        asked: the grants so far, in their order, ``password`` or ``refresh_token``.
        given: all refresh tokens and access tokens so far.
    """

    secret: str
    lifetime: float
    users: dict[str, User] = field(default_factory=dict)
    wants_captcha: bool = False
    is_switched_off: bool = False
    asked: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    def token(self, grant: str, request: dict[str, Any], *, is_admin: bool) -> Answer:
        """Return the status and the body of a reply."""
        self.asked.append(grant)
        if grant == "refresh_token":
            return self._refresh(request.get("refresh_token", ""))
        return self._sign_in(request, is_admin=is_admin)

    def revoke(self) -> None:
        """End all sessions, as "sign out everywhere" does."""
        self.sessions.clear()

    def _sign_in(self, request: dict[str, Any], *, is_admin: bool) -> Answer:
        if self.wants_captcha and not is_admin:
            words = "captcha protection: request disallowed (no captcha_token found)"
            return _refused(400, "captcha_failed", words)
        if self.is_switched_off:
            return _refused(422, "email_provider_disabled", "Email logins are disabled")
        user = self.users.get(request.get("email", ""))
        if user is not None and user.banned:
            return _refused(400, "user_banned", "User is banned")
        if user is None or request.get("password") != user.password:
            return _refused(400, "invalid_credentials", "Invalid login credentials")
        if not user.confirmed:
            return _refused(400, "email_not_confirmed", "Email not confirmed")
        session = Session(user)
        self.sessions.append(session)
        return self._give(session, self._next(session))

    def _refresh(self, token: str) -> Answer:
        session = next((session for session in self.sessions if token in session.tokens), None)
        if session is None:
            words = "Invalid Refresh Token: Refresh Token Not Found"
            return _refused(400, "refresh_token_not_found", words)
        if token == session.tokens[-1]:
            return self._give(session, self._next(session))
        if token == session.tokens[-2]:  # its client has not kept the reply
            return self._give(session, session.tokens[-1])
        # (Within ten seconds it would be taken. Here it is not, so that a test sees it.)
        self.sessions.remove(session)
        return _refused(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")

    def _next(self, session: Session) -> str:
        session.tokens.append(f"refresh-{uuid4().hex}")
        return session.tokens[-1]

    def _give(self, session: Session, refresh_token: str) -> Answer:
        now = time.time()
        claims = {"role": "authenticated", "aud": "authenticated", "exp": now + self.lifetime}
        claims |= {"email": session.user.email, "aal": "aal1", "jti": uuid4().hex}
        access_token = jwt.encode(claims, self.secret, "HS256")
        self.given += [refresh_token, access_token]
        factors = [{"id": "1", "factor_type": "totp", "status": "verified"}]
        return 200, {
            "access_token": access_token,
            "token_type": "bearer",
            "expires_in": self.lifetime,
            "expires_at": now + self.lifetime,
            "refresh_token": refresh_token,
            "user": {
                "email": session.user.email,
                "factors": factors if session.user.has_second_factor else [],
            },
        }


def _refused(status: int, code: str, words: str) -> Answer:
    return status, {"code": status, "error_code": code, "msg": words}
