"""Write into docker-compose.yml, for each service, the settings that are passed on as they are.

python scripts/compose_settings.py           writes the file
python scripts/compose_settings.py --check   exits 1 when it is stale; writes nothing
"""

import re
import sys
from typing import Any, Final

import yaml
from configuration_page import SERVICES
from marked_text import ROOT, write_or_check

FILE: Final = ROOT / "docker-compose.yml"
START: Final = "      # All other settings, written by `make docs`.\n"
END: Final = "      # End of settings.\n"
# What the image says, or what has no meaning in a container: where it listens, its files, its siblings.
FIXED: Final = {
    "PENSTOCK_WORKERS",
    "PENSTOCK_WORKER",
    "PENSTOCK_WORKER_FOLDER",
    "PENSTOCK_LISTEN_FD",
    "PENSTOCK_METRICS_FD",
    "PENSTOCK_HOME",
    "PENSTOCK_BIND_HOST",
    "PENSTOCK_SERVICE_BIND_HOST",
    "PENSTOCK_HTTP_PORT",
    "SSL_CERT_FILE",
}
PORT: Final = re.compile(r"\w+_SERVICE_(METRICS_)?PORT")


def with_settings(text: str) -> str:
    """Return the file with the settings of each service between its markers; ValueError when a marker is missing."""
    for service in SERVICES:
        named = re.search(rf"\n  {service}:( &\S+)?\n", text)
        head, found, rest = text.partition(named.group() if named else f"\n  {service}:\n")
        before, started, block = rest.partition(START)
        _, ended, after = block.partition(END)
        if not (found and started and ended):
            raise ValueError(f"{FILE.name} has no lines {START.strip()} and {END.strip()} below {service}")
        without = head + found + before + after
        lines = "".join(f"      {name}: ${{{name}:-}}\n" for name in passed_on(service, yaml.safe_load(without)))
        text = head + found + before + START + lines + END + after
    return text


def passed_on(service: str, written: dict[str, Any]) -> list[str]:
    """Return the settings of a service that the file does not name otherwise, in the order of its class."""
    known = set(written["services"][service]["environment"])
    names = [str(field.alias) for field in SERVICES[service].model_fields.values()]
    return [name for name in names if name not in known | FIXED and not PORT.fullmatch(name)]


if __name__ == "__main__":
    sys.exit(write_or_check({FILE: with_settings(FILE.read_text())}))
