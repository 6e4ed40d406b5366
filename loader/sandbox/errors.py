"""What can go wrong with the sandbox: SandboxError, and BinariesMissing below it."""

from __future__ import annotations

__all__ = ["BinariesMissing", "SandboxError"]


class SandboxError(Exception):
    """The sandbox cannot be used; the message says to people why, and what they can do."""


class BinariesMissing(SandboxError):  # noqa: N818 - reads as what it is where it is caught
    """PostgreSQL or PostgREST was not found; the message names where it was sought and each way to get it."""
