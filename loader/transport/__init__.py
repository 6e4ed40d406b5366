"""How connections are made: certificates, proxies, unix sockets, and what it means when they fail."""

from loader.transport.clear_text import clear_text_warning
from loader.transport.failures import no_reply
from loader.transport.route import USER_AGENT, Route
from loader.transport.transport import Transport

__all__ = ["USER_AGENT", "Route", "Transport", "clear_text_warning", "no_reply"]
