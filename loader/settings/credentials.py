"""The settings that say which credential requests carry: a bearer token, an API key, or both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loader import mask
from loader.errors import SettingsError
from loader.settings.checks import bare_apikey, bearer_token, check_command, check_secret
from loader.settings.file_secret import FileSecret
from loader.settings.jwt_claims import check_claims, parse_claim
from loader.settings.oauth import check_oauth
from loader.settings.option import Group, flag, option
from loader.settings.values import (
    JWT_ALGS,
    OAUTH_USES,
    JwtAlg,
    OAuthUse,
)

_ROLE = "api_data_producer"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSettings:
    """Where bearer tokens and keys come from (docs/credentials.md).

    At most one source of tokens may be named. An API key may stand beside it: Supabase asks for one.
    ``jwt_ttl`` is seconds. Pairs of ``jwt_claim`` are (name, JSON). An empty ``role`` or ``jwt_aud`` leaves
    that claim out. A ``jwt_key`` or ``jwt_secret`` that is a FileSecret is read again when the server refuses
    what it signs.
    """

    # Three lines for a field, not ten:
    # fmt: off
    apikey: str | None = option(
        Group.CREDENTIALS, "File with the API key of a Supabase project.", "FILE", default=None,
        identity=False, shown_default="$BULKLOAD_APIKEY", secret=True, variable="BULKLOAD_APIKEY",
    )
    jwt_secret: str | None = option(
        Group.CREDENTIALS, "File with the secret that signs tokens.", "FILE", default=None, identity=False,
        shown_default="$PGRST_JWT_SECRET", secret=True, variable="PGRST_JWT_SECRET",
    )
    jwt_secret_is_base64: bool = option(
        Group.CREDENTIALS, "The secret is written in base64.", default=False, identity=False
    )
    jwt_key: str | None = option(
        Group.CREDENTIALS, "File with the private key that signs tokens, PEM or JWK.", "FILE", default=None,
        identity=False, secret=True,
    )
    jwt_alg: JwtAlg | None = option(
        Group.CREDENTIALS, "How the key signs: RS256, PS256, ES256 or EdDSA.", "ALG", default=None,
        identity=False, shown_default="the key's", choices=JWT_ALGS,
    )
    jwt_kid: str | None = option(
        Group.CREDENTIALS, "Key id in the header of tokens.", "TEXT", default=None, identity=False,
        shown_default="the JWK's",
    )
    role: str = option(
        Group.CREDENTIALS, "Role claim of the tokens.", "NAME", default=_ROLE, identity=False
    )
    jwt_aud: str | None = option(
        Group.CREDENTIALS, "Audience claim of the tokens.", "TEXT", default=None, identity=False,
        shown_default="the URL",
    )
    jwt_ttl: float = option(
        Group.CREDENTIALS, "Lifetime of a token.", "SECONDS", default=300.0, identity=False,
        parse=float, at_least=1,
    )
    jwt_claim: tuple[tuple[str, str], ...] = option(
        Group.CREDENTIALS, "One more claim of the tokens, its value in JSON; repeatable.", "NAME=JSON",
        default=(), identity=False, parse=parse_claim, repeated=True,
    )
    jwt_iat: bool = option(
        Group.CREDENTIALS, "Say in tokens when they were issued.", default=False, identity=False
    )
    token: str | None = option(
        Group.CREDENTIALS, "The bearer token itself.", default=None, identity=False, secret=True,
        variable="BULKLOAD_TOKEN", has_file=False,
    )
    token_file: Path | None = option(
        Group.CREDENTIALS, "File with the bearer token; read again when it changes.", "FILE", default=None,
        identity=False, shown_default="$BULKLOAD_TOKEN", parse=Path,
    )
    token_command: str | None = option(
        Group.CREDENTIALS, "Command that prints a bearer token; run again before it expires.", "COMMAND",
        default=None, identity=False,
    )
    login: str | None = option(
        Group.CREDENTIALS, "E-mail of a user of Supabase Auth.", "EMAIL", default=None, identity=False
    )
    password: str | None = option(
        Group.CREDENTIALS, "File with that user's password.", "FILE", default=None, identity=False,
        shown_default="$BULKLOAD_PASSWORD", secret=True, variable="BULKLOAD_PASSWORD",
    )
    oauth_issuer: str | None = option(
        Group.CREDENTIALS, "OAuth 2: the issuer, which tells its token URL.", "URL", default=None,
        identity=False,
    )
    oauth_token_url: str | None = option(
        Group.CREDENTIALS, "OAuth 2: where tokens are fetched.", "URL", default=None, identity=False,
        shown_default="the issuer's",
    )
    oauth_client_id: str | None = option(
        Group.CREDENTIALS, "OAuth 2: the client.", "TEXT", default=None, identity=False
    )
    oauth_client_secret: str | None = option(
        Group.CREDENTIALS, "OAuth 2: file with the client's secret.", "FILE", default=None, identity=False,
        shown_default="$BULKLOAD_OAUTH_CLIENT_SECRET", secret=True, variable="BULKLOAD_OAUTH_CLIENT_SECRET",
    )
    oauth_client_key: str | None = option(
        Group.CREDENTIALS, "OAuth 2: file with the client's private key (private_key_jwt).", "FILE",
        default=None, identity=False, secret=True,
    )
    oauth_refresh_token: str | None = option(
        Group.CREDENTIALS, "OAuth 2: file with a refresh token.", "FILE", default=None, identity=False,
        shown_default="$BULKLOAD_OAUTH_REFRESH_TOKEN", secret=True, variable="BULKLOAD_OAUTH_REFRESH_TOKEN",
    )
    oauth_scope: str | None = option(
        Group.CREDENTIALS, "OAuth 2: the scope to ask for.", "TEXT", default=None, identity=False
    )
    oauth_audience: str | None = option(
        Group.CREDENTIALS, "OAuth 2: the audience to ask for.", "TEXT", default=None, identity=False
    )
    oauth_use: OAuthUse = option(
        Group.CREDENTIALS, "OAuth 2: the token to send, access_token or id_token.", "WHICH",
        default="access_token", identity=False, choices=OAUTH_USES,
    )

    # fmt: on

    def check_credentials(self) -> None:
        """Check that at most one source of tokens is named, and what belongs to it.

        Raises:
            SettingsError: two are, or an option lacks the one that it belongs to.
        """
        named = [option for option, value in self._token_sources() if value is not None]
        if len(named) > 1:
            raise SettingsError(
                f"{named[0]} and {named[1]} both say where tokens come from", advice="Give one of them."
            )
        for name, field in type(self).__dataclass_fields__.items():
            if field.metadata["option"].secret:
                mask.hide(getattr(self, name))
        self._check_signing()
        self._check_given()
        for name, needed in _NEEDS.items():
            default = type(self).__dataclass_fields__[name].default
            if getattr(self, name) != default and all(getattr(self, other) is None for other in needed):
                raise SettingsError(f"{flag(name)} needs {' or '.join(map(_shown, needed))}")
        if self.oauth_issuer is not None or self.oauth_token_url is not None:
            check_oauth(
                issuer=self.oauth_issuer,
                token_url=self.oauth_token_url,
                client_id=self.oauth_client_id,
                secret=self.oauth_client_secret,
                key=self.oauth_client_key,
                refresh_token=self.oauth_refresh_token,
            )

    def _check_signing(self) -> None:
        """Check what tokens are signed with, as far as that needs no library, and what they claim."""
        secret = self.jwt_secret
        if secret is not None and secret.startswith("@") and not isinstance(secret, FileSecret):
            raise SettingsError(
                "PGRST_JWT_SECRET names a file, as PostgREST takes it",
                advice="Give that file as --jwt-secret-file, without the @.",
            )
        if secret is not None and not self.jwt_secret_is_base64:
            check_secret(secret)
        given = [("role", "--role")] if self.role not in (_ROLE, "") else []
        given += [("aud", "--jwt-aud")] if self.jwt_aud else []
        check_claims(self.jwt_claim, given=given)

    def _check_given(self) -> None:
        """Check the key and the token that are given, and what else is needed to get one."""
        if self.apikey is not None:
            object.__setattr__(self, "apikey", bare_apikey(self.apikey))
        if self.token is not None:
            object.__setattr__(self, "token", bearer_token(self.token, "BULKLOAD_TOKEN"))
        if self.token_command is not None:
            check_command("--token-command", self.token_command)
        if self.login is not None and self.apikey is None:
            raise SettingsError(
                "--login needs an API key of the project",
                advice="Set BULKLOAD_APIKEY, or give --apikey-file: the publishable or the anon key will do.",
            )

    @property
    def sends_credential(self) -> bool:
        """Whether requests carry a token or a key."""
        return self.apikey is not None or any(value is not None for _, value in self._token_sources())

    def _token_sources(self) -> list[tuple[str, object]]:
        """Return how each source of tokens is named, and its value; None: it is not given."""
        return [
            (_shown("jwt_secret"), self.jwt_secret),
            (_shown("jwt_key"), self.jwt_key),
            ("BULKLOAD_TOKEN", self.token),
            ("--token-file", self.token_file),
            ("--token-command", self.token_command),
            ("--login", self.login),
            ("--oauth-issuer or --oauth-token-url", self.oauth_issuer or self.oauth_token_url),
        ]


# Options that say something about another: one of those must be given, too.
_NEEDS: dict[str, tuple[str, ...]] = {
    "jwt_secret_is_base64": ("jwt_secret",),
    "jwt_alg": ("jwt_key",),
    "jwt_kid": ("jwt_key", "jwt_secret"),
    "jwt_claim": ("jwt_key", "jwt_secret"),
    "jwt_iat": ("jwt_key", "jwt_secret"),
    **{
        f"oauth_{name}": ("oauth_issuer", "oauth_token_url")
        for name in ("client_id", "client_key", "scope", "audience", "use")
    },
}
_VARIABLES = {"jwt_secret": "PGRST_JWT_SECRET"}
_FILES = frozenset({"jwt_secret", "jwt_key"})


def _shown(name: str) -> str:
    """Return what a message calls a setting."""
    shown = flag(f"{name}_file" if name in _FILES else name)
    return f"{shown} (or {_VARIABLES[name]})" if name in _VARIABLES else shown
