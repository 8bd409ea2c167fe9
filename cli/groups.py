"""Errors as they were raised, without the groups that nurseries put around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import trio


@contextmanager
def ungrouped() -> Iterator[None]:
    """Let a single error pass as itself; several at once stay a group.

    A cancellation beside an error is left out: the error is what ended the nursery.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        raise _single(group) from None


def _single(group: BaseExceptionGroup[BaseException]) -> BaseException:
    _, errors = group.split(trio.Cancelled)
    if errors is None:
        return group
    if len(errors.exceptions) > 1:
        return errors
    error = errors.exceptions[0]
    return _single(error) if isinstance(error, BaseExceptionGroup) else error
