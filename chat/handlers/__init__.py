"""What each request does. A handler's return value is the answer; it never writes to a socket.

The modules here register their handlers and are found by themselves.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
