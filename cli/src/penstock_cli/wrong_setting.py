"""What is wrong with the settings, all of it at once: values that can't be, names that nobody reads."""

import difflib
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from penstock_cli.failure import CommandFailed
from penstock_cli.setting_names import SETTING_NAMES
from penstock_cli.settings import DEFAULT_PORTS, CliSettings

if TYPE_CHECKING:
    from penstock_kit.settings import ServiceSettings

_OURS: Final = "PENSTOCK"
# The first words of settings of services that have one file each.
_OWNERS_OF_FILES: Final = frozenset({"LLM", "CHAT"})
# Settings that name a file, and the setting that is taken in its stead when both are there.
_INSTEAD_OF_FILES: Final = {"PENSTOCK_SERVICE_SECRET_FILE": "PENSTOCK_SERVICE_SECRET"}
_SERVICE_SUFFIXES: Final = ("_SERVICE_PORT", "_SERVICE_ADDRESS", "_SERVICE_METRICS_PORT")
# How alike two names are, from 0 to 1, when one is taken for the other misspelt.
_ALIKE: Final = 0.84


def quick_problems(settings: CliSettings) -> list[str]:
    """Return what is seen without loading anything: ports, times, misspelt names."""
    checks = [partial(settings.port, name) for name in DEFAULT_PORTS]
    problems = [
        why for check in (*checks, lambda: settings.grace_seconds, lambda: settings.workers) if (why := _failure(check))
    ]
    return [*problems, *misspelt(settings.values)]


def all_problems(settings: CliSettings) -> list[str]:
    """Return everything: what is seen at once, and what the services themselves say about their settings."""
    quick = quick_problems(settings)
    named = {line.split(" ", 1)[0] for line in quick}
    return [*quick, *(line for line in service_problems() if _name_in(line) not in named)]


def service_problems() -> list[str]:
    """Return what each service finds wrong with its settings, each line once."""
    return list(dict.fromkeys(problem for cls in settings_classes() for problem in _problems(cls)))


def settings_classes() -> list[type["ServiceSettings"]]:
    """Return the settings of the five services."""
    from cache_service.settings import CacheSettings
    from chat_stream_service.settings import ChatSettings
    from feature_service.settings import FeatureSettings
    from gateway.settings import GatewaySettings
    from llm_service.settings import LlmSettings

    return [CacheSettings, FeatureSettings, LlmSettings, ChatSettings, GatewaySettings]


def misspelt(names: Iterable[str]) -> list[str]:
    """Return a line for each name that must be one of ours misspelt: nobody would read it."""
    return [
        f"{name} is no setting; did you mean {meant}?"
        for name in sorted(names)
        if (meant := meant_name(name)) and _is_surely_ours(name)
    ]


def overridden(settings: CliSettings) -> list[str]:
    """Return a line for each setting that names a file which is not read, because another setting wins."""
    return [
        f"{file} is not read, for {winner} is set; unset one of them"
        for file, winner in _INSTEAD_OF_FILES.items()
        if settings.text(file) and settings.text(winner)
    ]


def doubtful(names: Iterable[str]) -> list[str]:
    """Return a line for each name that looks like one of ours, but may be another program's."""
    return [
        f"{name} is no setting and is ignored; did you mean {meant}?"
        for name in sorted(names)
        if (meant := meant_name(name)) and not _is_surely_ours(name)
    ]


@cache
def meant_name(name: str) -> str:
    """Return the setting that `name` looks like, empty for a setting and for what looks like none."""
    upper = name.upper()
    if upper in SETTING_NAMES or "_" not in upper:
        return ""
    owner, setting = _owner_and_setting(upper)
    if setting:
        return setting if owner == _OURS else ""
    if whole := [setting for setting in SETTING_NAMES if _is_short_for(upper, setting)]:
        return min(whole, key=lambda setting: (len(setting), setting))
    if near := difflib.get_close_matches(upper, SETTING_NAMES, n=1, cutoff=_ALIKE):
        return near[0]
    return _other_file(upper)


def _other_file(upper: str) -> str:
    """Return the one setting that names a file of the same service: LLM_CONFIG_FILE for LLM_PROVIDERS_FILE."""
    owner = upper.partition("_")[0]
    if owner not in _OWNERS_OF_FILES or not upper.endswith("_FILE"):
        return ""
    files = (name for name in SETTING_NAMES if name.startswith(f"{owner}_") and name.endswith("_FILE"))
    # Not the file of a secret: that is its setting's own.
    return next(name for name in files if name.removesuffix("_FILE") not in SETTING_NAMES)


def _owner_and_setting(upper: str) -> tuple[str, str]:
    """Cut a name such as NIX_SSL_CERT_FILE, another program's own, before the setting it ends with."""
    cuts = (upper[:place] for place, letter in enumerate(upper) if letter == "_")
    return next(((cut, rest) for cut in cuts if (rest := upper[len(cut) + 1 :]) in SETTING_NAMES), (upper, ""))


def _is_short_for(upper: str, setting: str) -> bool:
    """Whether a name is a setting with words left out after the first: OPENAI_KEY of OPENAI_API_KEY."""
    said, meant = upper.split("_"), iter(setting.split("_"))
    return said[0] == next(meant) and all(word in meant for word in said[1:])


def _is_surely_ours(name: str) -> bool:
    """Names that begin with ours, or nearly so, and those of the services' ports and addresses, or nearly so."""
    upper = name.upper()
    head = upper.partition("_")[0]
    if difflib.SequenceMatcher(None, head, _OURS).ratio() >= _ALIKE:
        return True
    # Kubernetes sets NAME_SERVICE_HOST and NAME_SERVICE_PORT for services of any name.
    return meant_name(name).endswith(_SERVICE_SUFFIXES) and not upper.endswith(("_SERVICE_HOST", "_SERVICE_PORT"))


def _failure(check: Callable[[], object]) -> str:
    try:
        check()
    except CommandFailed as failure:
        return failure.message
    return ""


def _problems(cls: type["ServiceSettings"]) -> list[str]:
    from pydantic import ValidationError

    from penstock_kit.settings import settings_problems

    try:
        cls()
    except ValidationError as error:
        return settings_problems(cls, error)
    return []


def _name_in(line: str) -> str:
    """Return the name in ``setting NAME: …``."""
    return line.removeprefix("setting ").partition(":")[0]
