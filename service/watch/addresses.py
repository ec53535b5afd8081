"""Where a webhook may be: on the public internet, never on the networks that only this installation can reach."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from records.words import Text
from service.watch.errors import BadWebhook

NAT64 = IPv6Network("64:ff9b::/96")
NAMED_LOCAL = re.compile(r"(^|\.)(localhost|local|internal|localdomain|home\.arpa)\.?$")
PLAIN = re.compile(r"[!-~]+")
Address = IPv4Address | IPv6Address


class NotPublic(Exception):
    """The name stands for an address that is not on the public internet."""


def check_url(url: str, *, loopback: bool) -> SplitResult:
    """The parts of a webhook's URL.

    Raises ``BadWebhook``. Names are not resolved here: what they stand for is checked at each connection.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _bad("无法解析", "it cannot be read as a URL") from error
    if not PLAIN.fullmatch(url) or "\\" in url:
        raise _bad("仅可用 ASCII 可见字符", "visible ASCII characters only are accepted, other names as punycode")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _bad("不得含用户名、口令或 #", "no user, password or fragment is accepted")
    if not host or port == 0:
        raise _bad("缺少主机名或端口有误", "a host, and a port above 0, is needed")
    if loopback and parts.scheme in ("http", "https") and _is_loopback(host):
        return parts
    if parts.scheme != "https":
        raise _bad("须为 https", "https is needed")
    if NAMED_LOCAL.search(host.lower()) or (_literal(host) is not None and not public(host)):
        raise _bad("不得指向内部网络", "an address on a private network is not accepted")
    return parts


def resolved(host: str, port: int, *, loopback: bool) -> list[str]:
    """The addresses of ``host``, each one public (or of this machine where ``loopback``).

    Raises ``NotPublic`` where any is not, so that no mixed answer slips through, and OSError for an unknown name.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for one in addresses:
        if not public(one) and not (loopback and ip_address(one.split("%")[0]).is_loopback):
            raise NotPublic
    return addresses


def public(address: str) -> bool:
    """Whether packets to ``address`` leave for the public internet, whatever it is wrapped in."""
    found = _literal(address)
    return found is not None and all(one.is_global and not one.is_multicast for one in _meant(found))


def _meant(address: Address) -> list[Address]:
    """The address and every one that it carries inside (mapped, 6to4, Teredo, NAT64, compatible)."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    meant: list[Address] = [address]
    if address.sixtofour is not None:
        meant.append(address.sixtofour)
    if address.teredo is not None:
        meant.extend(address.teredo)
    if address in NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.is_site_local or int(address) >> 32 == 0:
        meant.append(IPv4Address("127.0.0.1"))
    return meant


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]").split("%")[0])
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    found = _literal(host)
    return host == "localhost" or (found is not None and found.is_loopback)


def _bad(zh: str, en: str) -> BadWebhook:
    return BadWebhook(Text(f"url：{zh}", f"url: {en}"))
