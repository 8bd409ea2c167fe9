"""Clients over TLS, for the tests: they trust the certificate they are given, and no other."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.harness import PATIENCE, LineClient, NativeClient, RunningServer


def trusting(certificate: Path) -> ssl.SSLContext:
    """Return a context that verifies as strictly as any client, and trusts one certificate."""
    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    return context


@asynccontextmanager
async def encrypted(
    server: RunningServer, context: ssl.SSLContext | None = None
) -> AsyncIterator[trio.SSLStream[trio.SocketStream]]:
    """Connect over TLS, the handshake done."""
    raw = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with trio.SSLStream(
        raw,
        context or trusting(server.certificate),
        server_hostname="127.0.0.1",
        https_compatible=True,  # a test may leave without a word
    ) as stream:
        with trio.fail_after(PATIENCE):
            await stream.do_handshake()
        yield stream


@asynccontextmanager
async def native_tls(
    server: RunningServer, name: str, *, history: int | None = None
) -> AsyncIterator[NativeClient]:
    """Log in by our own protocol over TLS."""
    async with encrypted(server) as stream:
        client = NativeClient(stream)
        await client.login(name, history=history)
        yield client


@asynccontextmanager
async def telnet_tls(server: RunningServer, name: str) -> AsyncIterator[LineClient]:
    """Come in as a person at ``openssl s_client``, who waits to be asked."""
    async with encrypted(server) as stream:
        client = LineClient(stream)
        await client.until("What is your name? ")
        await client.type(name)
        await client.until("/quit leaves.\r\n")
        yield client


async def logged(
    server: RunningServer, event: str, count: int = 1, where: Callable[[str], bool] | None = None
) -> list[dict[str, object]]:
    """Wait until the log has ``count`` entries of a kind, and return them."""
    with trio.fail_after(PATIENCE):
        while True:
            lines = server.log.read_text().splitlines()
            entries = [json.loads(line) for line in lines if f'"event": "{event}"' in line]
            if where is not None:
                entries = [one for one in entries if where(str(one.get("reason")))]
            if len(entries) >= count:
                return entries
            await trio.sleep(0.02)
