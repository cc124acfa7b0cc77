"""Who may ask: where the server listens, and what a request must bring."""

import hmac
import ipaddress
import os
import socket
from dataclasses import dataclass

from src.config import Options
from src.utils import UserError

VARIABLE = "FASTFLOW_TOKEN"  # of the environment, in the place of --token
_EXAMPLE = "give HOST:PORT, such as 127.0.0.1:8080"


def listen(address: str) -> socket.socket:
    """A socket that is bound to HOST:PORT (port 0: a free one).

    Raises:
        UserError: that is no address of this machine, or the port is taken.
    """
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UserError(f"--http {address}: {_EXAMPLE}")
    try:
        family, *_, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(place[:2], family=family, backlog=256)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--http {address}: {reason}; {_EXAMPLE}, that is free") from error


def address_of(bound: socket.socket) -> str:
    """Where a socket listens, for people."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(bound: socket.socket) -> bool:
    """Whether only this machine reaches a socket."""
    return ipaddress.ip_address(bound.getsockname()[0].partition("%")[0]).is_loopback


@dataclass(frozen=True)
class Access:
    """What requests must bring.

    Attributes:
        token: as `Authorization: Bearer TOKEN`; None: nothing. Then the server is for this machine alone, and a request
            must be for a name of it: a page from elsewhere, whose name somebody lets lead here, shall not see pictures.
    """

    token: str | None

    @classmethod
    def of(cls, options: Options, bound: socket.socket) -> "Access":
        """By `--token` or the environment.

        Raises:
            UserError: there is no token where other machines reach the server, or it cannot stand in a header.
        """
        token = os.environ.get(VARIABLE) or None if options.token is None else options.token
        if token is None and not is_loopback(bound):
            raise UserError(f"--http {options.http} is open to other machines; give --token, or set {VARIABLE}")
        if token is not None and not (token.isascii() and token.isprintable() and token.strip() == token != ""):
            raise UserError(f"--token or {VARIABLE}: give ASCII letters, digits and signs, without spaces around")
        return cls(token)

    def refuses(self, headers: dict[str, str]) -> tuple[int, str] | None:
        """The status and the reason for which a request is refused; None: it is welcome.

        Args:
            headers: by their names in small letters.
        """
        if self.token is None:
            known = _is_local(headers.get("host", ""))
            return None if known else (421, "without a token, the server answers for localhost only")
        kind, _, given = headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode(), self.token.encode())
        return None if same and kind.lower() == "bearer" else (401, "give the token: Authorization: Bearer TOKEN")


def _is_local(host: str) -> bool:
    """Whether a request's host, HOST or HOST:PORT, is this machine's own name or address."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
