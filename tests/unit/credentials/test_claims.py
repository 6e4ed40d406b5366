"""What is read of a token that somebody else has made."""

from __future__ import annotations

import base64

import pytest

from loader.credentials.claims import claims, header, is_jwt
from loader.credentials.shown_claims import what_it_says


def token(head: str, payload: str) -> str:
    """Return a token of these parts."""
    parts = (base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (head, payload, "-"))
    return ".".join(parts)


def nested(levels: int) -> str:
    """Return lists in an object, which is a level itself."""
    return '{"aud":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


@pytest.mark.parametrize("levels", [102, 990, 1024])
def test_claims_that_are_nested_too_deep_are_none(levels: int) -> None:
    """Python could not write them."""
    deep_claims, deep_header = token('{"alg":"HS256"}', nested(levels)), token(nested(levels), '{"exp":1}')

    assert ({}, {}) == (claims(deep_claims), header(deep_header))
    assert (False, False) == (is_jwt(deep_claims), is_jwt(deep_header))
    assert "no aud" in what_it_says(deep_claims, 0.0)
    assert "" == what_it_says(deep_header, 0.0)


def test_claims_that_are_nested_are_shown() -> None:
    """As far as a line goes."""
    assert "aud [[[[" in what_it_says(token('{"alg":"HS256"}', nested(100)), 0.0)
