"""Which of Supabase's own variables are taken, and which are not sent."""

from __future__ import annotations

import pytest

from loader.cli.supabase_variables import Variables, api_key, told

HOSTED = "https://abcd.supabase.co"
OWN = "http://localhost:3000"
ALL = {f"SUPABASE_{name}_KEY": name for name in ("SECRET", "SERVICE_ROLE", "PUBLISHABLE", "ANON")}


@pytest.mark.parametrize(
    ("environment", "folder", "expected"),
    [
        pytest.param(ALL | {"SUPABASE_KEY": "x"}, {}, "SUPABASE_SECRET_KEY", id="secret first"),
        pytest.param(
            {"SUPABASE_SERVICE_ROLE_KEY": "x", "SUPABASE_KEY": "x"},
            {},
            "SUPABASE_SERVICE_ROLE_KEY",
            id="then service_role",
        ),
        pytest.param({"SUPABASE_KEY": "x"}, {}, "SUPABASE_KEY", id="then the plain one"),
        pytest.param({"SUPABASE_ANON_KEY": "x", "SUPABASE_PUBLISHABLE_KEY": "x"}, {}, "None", id="no public"),
        pytest.param({}, {"SUPABASE_KEY": "x"}, "SUPABASE_KEY of .env", id="of the folder"),
        pytest.param(
            {"SUPABASE_KEY": "x"}, {"SUPABASE_SECRET_KEY": "x"}, "SUPABASE_KEY", id="environment first"
        ),
        pytest.param(
            {"SUPABASE_SECRET_KEY": ""}, {"SUPABASE_KEY": "x"}, "SUPABASE_KEY of .env", id="empty is not set"
        ),
    ],
)
def test_which_key_loads(environment: dict[str, str], folder: dict[str, str], expected: str) -> None:
    """The mightiest first, those of the environment before all of .env; public keys load no rows."""
    variables = Variables(environment, folder, ".env")

    assert expected == str(api_key(variables, HOSTED, has_tokens=False, signs_in=False).apikey)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            "SECRET_KEY SERVICE_ROLE_KEY KEY ANON_KEY PUBLISHABLE_KEY",
            "SUPABASE_PUBLISHABLE_KEY",
        ),
        ("SECRET_KEY SERVICE_ROLE_KEY KEY ANON_KEY", "SUPABASE_ANON_KEY"),
        ("SECRET_KEY SERVICE_ROLE_KEY KEY", "SUPABASE_KEY"),
        ("SECRET_KEY SERVICE_ROLE_KEY", "SUPABASE_SERVICE_ROLE_KEY"),
        ("SECRET_KEY", "SUPABASE_SECRET_KEY"),
    ],
)
def test_a_user_needs_the_key_that_can_do_least(names: str, expected: str) -> None:
    """The token says who writes; the key only passes the gateway."""
    variables = Variables({f"SUPABASE_{name}": name for name in names.split()})

    assert expected == str(api_key(variables, HOSTED, has_tokens=False, signs_in=True).apikey)


@pytest.mark.parametrize(
    ("project", "url", "has_tokens", "is_sent"),
    [
        (HOSTED, HOSTED, False, True),
        (HOSTED, f"{HOSTED}/rest/v1/", True, True),
        (HOSTED, "https://ABCD.supabase.co:443", False, True),
        (HOSTED, "http://abcd.supabase.co", False, False),  # in the clear
        (HOSTED, "https://other.supabase.co", False, False),
        (HOSTED, OWN, False, False),
        (HOSTED, "https://abcd.supabase.co.evil.example", False, False),
        (HOSTED, "https://abcd.supabase.co:8443", False, False),
        (None, HOSTED, True, True),
        (None, "https://api.example.com", False, True),
        (None, OWN, True, False),  # somebody's own PostgREST, with a secret of its own
        ("http://[", OWN, False, False),
    ],
)
def test_a_key_goes_to_its_own_project(
    project: str | None, url: str, has_tokens: bool, is_sent: bool
) -> None:
    """To the scheme, host and port of SUPABASE_URL; without one to any, unless tokens come from elsewhere."""
    variables = Variables({"SUPABASE_KEY": "x"} | ({"SUPABASE_URL": project} if project else {}))

    fallback = api_key(variables, url, has_tokens=has_tokens, signs_in=False)

    assert (is_sent, not is_sent) == (fallback.apikey is not None, fallback.unsent is not None)
    assert ("is not sent" in told(None, fallback)) is not is_sent


def test_no_value_is_in_words_or_repr() -> None:
    """Only names are shown."""
    variables = Variables({"SUPABASE_KEY": "hush-hush", "SUPABASE_URL": HOSTED})
    fallback = api_key(variables, HOSTED, has_tokens=False, signs_in=False)

    assert "hush" not in f"{variables!r}{fallback!r}{fallback.apikey}"
    assert "the URL is that of SUPABASE_URL; the API key is that of SUPABASE_KEY" == told(
        variables.project, fallback
    )
