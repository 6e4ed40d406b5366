"""What the error codes of Supabase Auth mean, and what the user can do. No I/O.

The codes are those of supabase/auth, internal/api/apierrors/errorcode.go.
"""

from __future__ import annotations

NO_AUTH = (
    "Is --url the URL of a Supabase project, as in https://REF.supabase.co? --login asks its Auth, at "
    "/auth/v1/token."
)
KEY_REFUSED = "Check BULKLOAD_APIKEY (or --apikey-file): it must be one of this project."
TOO_MANY = "Auth takes a few requests a minute of one address: run the same command later."
MFA_POLICIES = "policies that ask for aal2 refuse its rows. A secret key is asked for no second factor."

_AGAIN = "Sign in again: set BULKLOAD_PASSWORD (or give --password-file) and run the same command."
_ENDED = ("the session has ended", _AGAIN)
_MFA = (
    "a second factor (MFA) is asked for, which a load cannot give",
    "Load with a secret key (BULKLOAD_APIKEY, without --login), or with a user who has no second factor.",
)
_DISABLED = (
    "signing in by e-mail and password is switched off for this project",
    "Switch it on in its dashboard (Authentication, Sign In / Providers, Email), or load with a secret key.",
)
# By code: what is wrong, and what to do.
_CODES: dict[str, tuple[str, str]] = {
    "invalid_credentials": (
        "the e-mail or the password is wrong",
        "Check --login and BULKLOAD_PASSWORD. A user who signs in with another provider has no password.",
    ),
    "captcha_failed": (
        "a CAPTCHA is asked for, which a load cannot solve",
        "Auth asks none of a secret key: set BULKLOAD_APIKEY to one, or switch the CAPTCHA off.",
    ),
    "email_not_confirmed": (
        "the e-mail address is not confirmed",
        "Follow the link in the mail that Auth has sent, or confirm the user in the dashboard.",
    ),
    "user_banned": ("the user is banned", "Lift the ban in the dashboard, or load as another user."),
    "user_not_found": ("there is no such user any more", "Check --login."),
    "email_provider_disabled": _DISABLED,
    "provider_disabled": _DISABLED,
    "signup_disabled": _DISABLED,
    "insufficient_aal": _MFA,
    "session_expired": _ENDED,
    "session_not_found": _ENDED,
    "refresh_token_not_found": _ENDED,
    "refresh_token_already_used": (
        "its refresh token was used by somebody else",
        f"{_AGAIN} Two loads must not share a run directory's session.",
    ),
    "invalid_grant": _ENDED,
}


def explain(code: str, words: str) -> tuple[str, str]:
    """Return what is wrong, and what to do; empty texts where the words of Auth must do.

    Args:
        code: of the refusal.
        words: its message.
    """
    if code.startswith("mfa_") or "low aal" in words.lower():  # of session_expired, too
        return _MFA
    if code == "invalid_grant" and "credentials" in words.lower():  # as older versions say it
        return _CODES["invalid_credentials"]
    return _CODES.get(code, ("", ""))
