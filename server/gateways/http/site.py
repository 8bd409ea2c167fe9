"""What is served where: the page's files, the API, the WebSocket."""

from __future__ import annotations

from collections.abc import Mapping

from server.gateways.http.connection import HttpGateway, Upgrade
from server.gateways.http.files import Files
from server.gateways.http.hosts import Hosts
from server.gateways.http.limits import HttpLimits
from server.settings import Settings


def make_gateway(
    settings: Settings, name: str, upgrades: Mapping[bytes, Upgrade] | None = None
) -> HttpGateway:
    """Put the gateway together; ``name`` is the server's, ``upgrades`` as ``b"/ws"``."""
    names = [one.strip() for one in settings.http_hosts.split(",") if one.strip()]
    return HttpGateway(
        Files(name),
        limits=HttpLimits(
            head_bytes=settings.http_header_bytes,
            body_bytes=settings.http_body_bytes,
            head_seconds=settings.http_header_timeout,
            idle_seconds=settings.http_idle_timeout,
        ),
        hosts=Hosts([*names, settings.host]),
        upgrades=upgrades or {},
    )
