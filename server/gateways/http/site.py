"""What is served where: the page's files, the API, the WebSocket."""

from __future__ import annotations

from collections.abc import Mapping

from server.gateways.api.api import Api
from server.gateways.api.route import BASE
from server.gateways.http.connection import HttpGateway, Upgrade
from server.gateways.http.files import Files
from server.gateways.http.hosts import Hosts
from server.gateways.http.limits import HttpLimits
from server.gateways.http.messages import Request, Response
from server.settings import Settings, listed

_API = f"{BASE}/".encode()


def make_gateway(
    settings: Settings, name: str, api: Api, upgrades: Mapping[bytes, Upgrade] | None = None
) -> HttpGateway:
    """Put the gateway together; ``name`` is the server's, ``upgrades`` as ``b"/ws"``."""
    page = Files(name)

    async def handler(request: Request) -> Response:
        answer = api if request.raw_path.startswith(_API) else page
        return await answer(request)

    return HttpGateway(
        handler,
        limits=HttpLimits(
            head_bytes=settings.http_header_bytes,
            body_bytes=settings.http_body_bytes,
            head_seconds=settings.http_header_timeout,
            idle_seconds=settings.http_idle_timeout,
            login_seconds=settings.login_timeout,
        ),
        hosts=Hosts([*listed(settings.http_hosts), settings.host]),
        upgrades=upgrades or {},
    )
