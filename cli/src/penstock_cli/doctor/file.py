"""Checks of the configuration files that settings name: what a start would refuse, with line and column."""

from collections.abc import Iterator

from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.settings import CliSettings
from penstock_kit.errors import PenstockError

_TOOLS_FILE = "CHAT_TOOLS_FILE"


def check_files(settings: CliSettings) -> Iterator[Finding]:
    """Yield what the files that are set say."""
    yield from _tools_file(settings)


def _tools_file(settings: CliSettings) -> Iterator[Finding]:
    path = settings.text(_TOOLS_FILE)
    if not path:
        return
    from chat_stream_service.adapters.operator_tools.configuration import read_tools

    try:
        tools = read_tools(path, settings.values)
    except PenstockError as error:
        yield _refused(_TOOLS_FILE, error)
        return
    detail = f"{path}: {len(tools.http)} HTTP tools, {len(tools.mcp)} MCP servers"
    yield Finding(need=Need.REQUIRED, name=_TOOLS_FILE, ok=True, detail=detail)


def _refused(setting: str, error: PenstockError) -> Finding:
    return Finding(need=Need.REQUIRED, name=setting, ok=False, detail=error.message, remedy="correct the file")
