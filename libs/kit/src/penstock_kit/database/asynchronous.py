"""SQLAlchemy's engine on asyncio, without its ORM: what every service imports of ``sqlalchemy.ext.asyncio``.

That package imports the ORM for the sessions that it offers too. No statement here goes through a session, and the ORM
takes 6 MB of memory and 50 ms of a start. Who asks the package for a session's name still gets it, with the ORM, then.
"""

import importlib
import sys
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "sqlalchemy.ext.asyncio"
_WITH_ORM: Final = (f"{_PACKAGE}.session", f"{_PACKAGE}.scoping")


class _StandIn(ModuleType):
    """Has every name that the package takes from a module when it is imported."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


def _import_without_orm() -> None:
    """Import the package unless it is there; what is left out of it is imported when one of its names is asked for."""
    if _PACKAGE in sys.modules:
        return
    stand_ins = {name: _StandIn(name) for name in _WITH_ORM}
    sys.modules.update(stand_ins)
    try:
        package = importlib.import_module(_PACKAGE)
    finally:
        for name in stand_ins:
            del sys.modules[name]
    left_out = [name for name, value in vars(package).items() if isinstance(value, _StandIn)]
    for name in left_out:
        delattr(package, name)

    def get_left_out(name: str) -> Any:
        for module in map(importlib.import_module, _WITH_ORM if name in left_out else ()):
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"module {_PACKAGE!r} has no attribute {name!r}")

    vars(package)["__getattr__"] = get_left_out


_import_without_orm()

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine  # noqa: E402

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]
