"""A listening socket and the URL that leads to it."""

import ipaddress
import re
import socket


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        OSError: the address is in use, or is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.create_server((host, port), family=family, backlog=1024)
    # said to be TCP's: asyncio switches Nagle's algorithm off of no other, and each answer would wait 40 ms
    return socket.socket(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())


def root_url(listening: socket.socket) -> str:
    """http://ADDRESS:PORT, an IPv6 address in brackets."""
    address, port = listening.getsockname()[:2]
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


HOST_NAME = re.compile(r"([a-z0-9_-]+\.)*[a-z0-9_-]+", re.IGNORECASE)


def is_host_name(text: str) -> bool:
    """A name without a last dot, an IPv4 or an IPv6 address; no port, no brackets."""
    try:
        return bool(HOST_NAME.fullmatch(text)) or bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def is_loopback(name: str) -> bool:
    """Whether a host name or address is this machine, whatever a resolver says."""
    try:
        return name.lower() == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
