"""Addresses that are handed to DashScope, which fetches them itself: we never fetch or resolve one."""

import ipaddress
import re
import unicodedata
from urllib.parse import SplitResult, unquote, urlsplit

from ..errors import InvalidRequest

PRIVATE_SUFFIXES = (
    "localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "home.arpa", "onion", "svc",
    "test", "invalid",
)  # fmt: skip
NO_ADDRESS = re.compile(r"[\x00-\x20\x7f\\]")
DOTS = re.compile("[\u3002\uff0e\uff61]")  # that a name may be written with: RFC 3490, 3.1
HOST_NUMBER = re.compile(r"0x[0-9a-f]*|\d+", re.IGNORECASE)
IPv6 = ipaddress.IPv6Address
# Addresses that only wrap an IPv4 one, and those of a network of one's own
WRAPPING = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")))
OWN = tuple(map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "fec0::/10")))


def split_url(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise InvalidRequest("This URL is malformed. Give an https URL, a data URI, or a path.") from None


def require_public_url(url: str) -> str:
    """`url` as it stands, unless its host is literally one that only this machine or its network knows.

    Raises:
        InvalidRequest: private, loopback or local, in whatever notation a fetcher may understand.
    """
    parts = split_url(url)
    if not parts.netloc or NO_ADDRESS.search(parts.netloc):
        raise InvalidRequest("This URL names no host that can be asked. Give an https URL, a data URI, or a path.")
    if not is_public(parts.hostname or ""):
        raise InvalidRequest("DashScope fetches URLs itself and cannot reach this host. Give a local path instead.")
    return url


def is_public(name: str) -> bool:
    """Whether a host is not literally one that only this machine or its network knows, however it is written."""
    host = _as_asked(unquote(name))
    return not NO_ADDRESS.search(host) and _is_public(host)


def _as_asked(host: str) -> str:
    """A host as a resolver would see it: in one form, without what no name carries."""
    plain = unicodedata.normalize("NFKC", DOTS.sub(".", host)).lower()
    return "".join(letter for letter in plain if unicodedata.category(letter) != "Cf").rstrip(".")


def _is_public(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return all(each.is_global and not each.is_multicast for each in _inside(address))
    last = host.rpartition(".")[2]
    if not last or HOST_NUMBER.fullmatch(last):  # meant as a number, but no address: fetchers differ on it
        return False
    return "." in host and not any(host.endswith(f".{name}") for name in PRIVATE_SUFFIXES)


def _address(host: str) -> ipaddress.IPv4Address | IPv6 | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return _loosely_written(host)


def _loosely_written(host: str) -> ipaddress.IPv4Address | None:
    """IPv4 as inet_aton reads it: 1 to 4 parts, each decimal, octal (0...) or hexadecimal (0x...).

    https://url.spec.whatwg.org/#concept-ipv4-parser
    """
    parts = host.split(".")
    if len(parts) > 4 or not all(HOST_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        *first, last = (_number(part) for part in parts)
        value = last + sum(number << (24 - 8 * place) for place, number in enumerate(first))
        return ipaddress.IPv4Address(value) if max(first, default=0) < 256 else None
    except ValueError:
        return None


def _number(part: str) -> int:
    if part.lower().startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if part.startswith("0") and part != "0" else 10)


def _inside(address: ipaddress.IPv4Address | IPv6) -> list[ipaddress.IPv4Address | IPv6]:
    """The address, or the IPv4 ones that it only wraps."""
    if not isinstance(address, IPv6):
        return [address]
    if any(address in network for network in OWN):
        return [IPv6("::1")]
    if any(address in network for network in WRAPPING):
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    return [address, *filter(None, (address.sixtofour, *(address.teredo or ())))]
