"""What the user can do where a connection fails. No I/O."""

from __future__ import annotations

HTTPS = "The server speaks TLS there: write --url with https://."
HTTP = "The server speaks no TLS there: write --url with http://, if that is right."
MAYBE_HTTPS = "Is the server up? Its port is one of https: is --url to be written with https://?"
MAYBE_CERT = "Is the server up? It may ask for a client certificate (--client-cert)."
GIVE_CERT = "Give --client-cert, a PEM file with a certificate and its key."
OTHER_CERT = "--client-cert must name a certificate that the server trusts."
GIVE_CA = (
    "Give --ca-file, a PEM file with the certificate of the authority that signed it, or with the server's "
    "own where that is self-signed."
)
OTHER_NAME = "The URL must have a name that stands in the certificate."
RENEW = "Whoever runs the server must renew its certificate. Is the clock of this machine right?"
CLOCK = "Is the clock of this machine right?"
NO_HANDSHAKE = (
    "Is --url right, and is the server up? One that speaks no TLS may not answer at all: then write http://."
)
PROXY_LOGIN = (
    "Give the proxy's user and password, percent-encoded, in the variable that names it, as in "
    "https_proxy=http://USER:PASSWORD@HOST:PORT."
)
ASK_PROXY = "Ask whoever runs the proxy. NO_PROXY names the hosts that are reached without it."


def check_variable(variable: str) -> str:
    """Return what the user can do where the proxy that a variable names cannot be used."""
    return f"Is {variable} right? NO_PROXY names the hosts that are reached without a proxy."
