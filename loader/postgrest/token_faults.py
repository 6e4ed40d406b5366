"""What is wrong with a token, by the words of the server that has refused it. No I/O.

PostgREST 12 says PGRST301 of all that is wrong with a token. Since 13 that code is for tokens that cannot be
decoded or verified, and PGRST303 for their claims, in other words (Error.hs at v12.0.2 and v13.0.8).
"""

from __future__ import annotations

from enum import Enum, auto

from loader.credentials.claims import header
from loader.model import Reason


class Fault(Enum):
    """What is wrong with a token."""

    EXPIRED = auto()
    NOT_YET_VALID = auto()
    ISSUED_IN_FUTURE = auto()
    SIGNATURE = auto()
    UNSIGNED = auto()
    FORM = auto()
    CLAIM = auto()
    AUDIENCE = auto()
    OTHER = auto()


# By words of the message without its spaces, in lower case; the first that is in it counts.
_WORDS: dict[str, Fault] = {
    "notyetvalid": Fault.NOT_YET_VALID,
    "issuedatfuture": Fault.ISSUED_IN_FUTURE,
    "expired": Fault.EXPIRED,
    "audience": Fault.AUDIENCE,
    "claim": Fault.CLAIM,
    "nosignatures": Fault.UNSIGNED,
    "parts": Fault.FORM,
    "decode": Fault.FORM,
    "tokentype": Fault.FORM,
    "emptyjwt": Fault.FORM,
    "algorithm": Fault.SIGNATURE,
    "signature": Fault.SIGNATURE,
    "suitablekey": Fault.SIGNATURE,
    "cryptographic": Fault.SIGNATURE,
}


def fault_of(reason: Reason, token: str) -> Fault:
    """Return what is wrong with a token, by the server's words about it."""
    words = reason.message.lower().replace(" ", "")
    fault = next((fault for part, fault in _WORDS.items() if part in words), Fault.OTHER)
    is_unsigned = fault is Fault.SIGNATURE and str(header(token).get("alg")).lower() == "none"
    return Fault.UNSIGNED if is_unsigned else fault
