"""The command: run every check, print the report."""

import asyncio
import json
import sys

from penstock_cli.command_name import command_name
from penstock_cli.container import contained_service
from penstock_cli.doctor.configuration import check_configuration
from penstock_cli.doctor.database_file import check_database_files
from penstock_cli.doctor.file import check_files
from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.doctor.machine import check_machine
from penstock_cli.doctor.network import check_network
from penstock_cli.doctor.outbound import check_outbound
from penstock_cli.doctor.single_sign_on import check_single_sign_on
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home

_COLOUR = {Need.REQUIRED: "red", Need.RECOMMENDED: "yellow", Need.OPTIONAL: "dim"}


def doctor(settings: CliSettings, *, as_json: bool = False) -> int:
    """Print what was found; return 1 when something required is missing."""
    findings = examine(settings)
    failed = [finding for finding in findings if finding.need is Need.REQUIRED and not finding.ok]
    if as_json:
        report = {"ok": not failed, "findings": [finding.to_json() for finding in findings]}
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    else:
        contained = contained_service(settings)
        running = Home(settings.home).running_url()
        start = f"Penstock runs at {running}" if running else f"ready to start: `{command_name()} up`"
        fit = start if contained is None else f"fit for {contained.name}"
        print_table(findings, f"{len(failed)} required missing" if failed else fit)
    return 1 if failed else 0


def examine(settings: CliSettings) -> list[Finding]:
    """Return every finding, the required ones first."""

    async def network() -> list[Finding]:
        findings = [finding async for finding in check_network(settings)]
        return [*findings, *[finding async for finding in check_single_sign_on(settings)]]

    local = [
        *check_machine(settings),
        *check_configuration(settings),
        *check_files(settings),
        *check_database_files(settings),
        *check_outbound(settings),
    ]
    findings = [*local, *asyncio.run(network())]
    order = list(Need)
    return sorted(findings, key=lambda finding: order.index(finding.need))


def print_table(findings: list[Finding], verdict: str) -> None:
    """Print the findings, and what follows from them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        sign = Text("✓", "green") if finding.ok else Text("✗" if finding.need is Need.REQUIRED else "!")
        if not finding.ok:
            sign.stylize(_COLOUR[finding.need])
        remedy = "" if finding.ok or not finding.remedy else f"\n→ {finding.remedy}"
        table.add_row(sign, finding.need.value, finding.name, Text(finding.detail + remedy))
    console = Console()
    console.print(table)
    console.print(f"\n{verdict}")
