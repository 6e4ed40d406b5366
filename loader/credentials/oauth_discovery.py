"""Where a provider gives tokens, and how a client proves itself there, as its discovery document tells.

OpenID Connect Discovery, section 4, and for providers without OpenID, RFC 8414, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from loader import mask
from loader.credentials.endpoint import Answer, ask, quoted
from loader.errors import SettingsError, TargetError
from loader.settings.oauth import check_oauth_url
from loader.transport import Transport


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of tokens.

    Attributes:
        token_url: where tokens are fetched.
        issuer: what it calls itself; None where that is not known.
        methods: how clients may prove themselves; None: it does not tell.
        algorithms: that they may sign by; empty: it does not tell.
    """

    token_url: str
    issuer: str | None = None
    methods: tuple[str, ...] | None = None
    algorithms: tuple[str, ...] = ()


def discovery_urls(issuer: str) -> tuple[str, str]:
    """Return where an issuer's document may be: as OpenID has it, and as RFC 8414 has it."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    return (
        urlunsplit((parts.scheme, parts.netloc, f"{path}/.well-known/openid-configuration", "", "")),
        urlunsplit((parts.scheme, parts.netloc, f"/.well-known/oauth-authorization-server{path}", "", "")),
    )


async def discover(transport: Transport, issuer: str) -> Provider:
    """Ask an issuer for what it tells of itself.

    Args:
        transport: makes connections.
        issuer: its URL.

    Raises:
        TokensUnavailable: it does not answer for now.
        TargetError: it tells nothing, or something else.
    """
    answers = []
    for url in discovery_urls(issuer):
        answer = await ask(transport, "GET", url)
        if answer.status == 200 and answer.body:
            return read_discovery(answer, issuer)
        answers.append(answer)
    tried = " and ".join(f"{answer.shown} answers {_shown_status(answer)}" for answer in answers)
    raise TargetError(
        f"{mask.masked(issuer)} has no discovery document: {tried}",
        advice="Check --oauth-issuer, or name the place where tokens are fetched: --oauth-token-url.",
    )


def read_discovery(answer: Answer, issuer: str) -> Provider:
    """Return what a discovery document tells.

    Raises:
        TargetError: it is another issuer's, or names no place that tokens may be fetched from.
    """
    told = answer.body.get("issuer")
    # A slash at the end is no other issuer: it has led to the same document.
    if not isinstance(told, str) or told.rstrip("/") != issuer.rstrip("/"):
        raise TargetError(
            f"{answer.shown} is of another issuer: {quoted(told)}",
            advice="Give --oauth-issuer as the provider writes it, or --oauth-token-url.",
        )
    token_url = answer.body.get("token_endpoint")
    if not isinstance(token_url, str):
        raise TargetError(
            f"{answer.shown} names no token_endpoint",
            advice="The provider gives no tokens to programs there. Check --oauth-issuer.",
        )
    try:
        check_oauth_url(f"the token_endpoint of {answer.shown}", token_url)
    except SettingsError as error:
        raise TargetError(error.message, advice=error.advice) from None
    methods = answer.body.get("token_endpoint_auth_methods_supported")
    algorithms = answer.body.get("token_endpoint_auth_signing_alg_values_supported")
    return Provider(token_url, told, None if methods is None else _texts(methods), _texts(algorithms))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _shown_status(answer: Answer) -> str:
    if answer.status == 200:
        return "with something else than JSON"
    moved = " (redirects are not followed)" if answer.status in range(300, 400) else ""
    return f"{answer.status}{moved}"
