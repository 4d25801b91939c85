"""Checks of the configuration files that settings name: what a start would refuse, with line and column."""

from collections.abc import Iterator

from pydantic import ValidationError

from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.settings import CliSettings
from penstock_kit.errors import PenstockError

_TOOLS_FILE = "CHAT_TOOLS_FILE"


def check_files(settings: CliSettings) -> Iterator[Finding]:
    """Yield what the files that are set say."""
    yield from _providers_file(settings)
    yield from _tools_file(settings)


def _providers_file(settings: CliSettings) -> Iterator[Finding]:
    from llm_service.configuration.configuration import load_configuration
    from llm_service.configuration.file import CONFIG_FILE
    from llm_service.settings import LlmSettings

    try:
        llm = LlmSettings()
    except ValidationError:
        return  # told with the settings
    missing: dict[str, None] = {}

    def look_up(name: str) -> str:
        value = settings.text(name)
        if not value:
            missing[name] = None
        return value

    try:
        configuration = load_configuration(llm, look_up)
    except PenstockError as error:
        yield _refused(CONFIG_FILE if llm.config_file else "LLM_PROVIDER_ORDER", error)
        return
    if not llm.config_file:
        return
    names = ", ".join(profile.name for profile in configuration.profiles)
    yield Finding(need=Need.REQUIRED, name=CONFIG_FILE, ok=True, detail=f"{llm.config_file}: {names}")
    for name in missing:
        detail = f"{name} is not set, which {llm.config_file} names for a provider's key: it is asked without one"
        remedy = f"set {name}, or leave api_key_env out"
        yield Finding(need=Need.RECOMMENDED, name=name, ok=False, detail=detail, remedy=remedy)


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
