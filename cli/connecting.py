"""The client that the options describe: what all modes without a screen begin with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from cli.client import Client
from cli.kept import KeptMessages
from cli.notices import Notice
from cli.options import Options


def client_of(
    options: Options,
    *,
    history: int | None = 0,
    on_notice: Callable[[Notice], None] | None = None,
    since: Mapping[int, int] | None = None,
    echo: bool = False,
    kept: KeptMessages | None = None,
) -> AbstractAsyncContextManager[Client]:
    """Return :meth:`Client.New` for the user's wishes; ``options.name`` is given.

    Without ``history`` nothing of the general chat comes to begin with.
    """
    return Client.New(
        options.host,
        options.port,
        options.name or "",
        history=history,
        language=options.language,
        credentials=options.credentials,
        echo=echo,
        retry=options.retry,
        on_notice=on_notice,
        kept=kept,
        since=since,
        security=options.security,
    )
