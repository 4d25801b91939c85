"""What a user sees when everything runs: where to go, and what to try first."""

from typing import Final

from penstock_cli.command_name import command_name
from penstock_cli.settings import CliSettings

QUESTION: Final = "What was the mean current of WLD001 in the last hour?"


def banner(settings: CliSettings, *, seconds: float, detached: bool = False) -> str:
    """Return the lines shown when all services are ready after `seconds`."""
    command, url, home = command_name(), settings.local_url, settings.home
    by_password = f"user admin, password in {home / 'admin.password'}"
    takes_passwords = settings.is_on("PENSTOCK_PASSWORD_SIGN_IN", default=True)
    sign_in = by_password if takes_passwords else "by single sign-on; PENSTOCK_PASSWORD_SIGN_IN is off"
    stop = f"{command} down" if detached else "Ctrl-C"
    return f"""
  Penstock is ready ({seconds:.1f} s)

    Chat page   {url}
    API         {url}/docs
    Sign in     {sign_in}
    API key     in {home / "admin.key"}

  Ask in the terminal:

    {command} chat "{QUESTION}"

  or with curl:

    KEY=$(cat {home / "admin.key"})
    ID=$(curl -s -X POST "{url}/api/v1/conversations" -H "Authorization: Bearer $KEY" \\
         -H 'Content-Type: application/json' -d '{{}}' | sed 's/.*"id": *"\\([^"]*\\)".*/\\1/')
    curl -N "{url}/api/v1/conversations/$ID/stream" -H "Authorization: Bearer $KEY" \\
         -H 'Content-Type: application/json' -d '{{"role": "user", "content": "{QUESTION}"}}'

  {stop} stops it.
"""
