"""The commands and their options."""

from typing import Annotated

import typer

from penstock_cli.settings import load_settings

app = typer.Typer(
    name="penstock",
    help="Penstock: a self-hosted AI platform for teams that run devices.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def run_app(arguments: list[str]) -> int:
    """Run the command that `arguments` name, and return its exit code."""
    command = typer.main.get_command(app)
    result = command.main(args=arguments, prog_name="penstock", standalone_mode=True)
    return result if isinstance(result, int) else 0


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once it is ready; it goes on behind.")] = False,
) -> None:
    """Start all five services and keep them running (Ctrl-C stops them)."""
    from penstock_cli.supervisor import up as command

    raise typer.Exit(command.up_detached(load_settings()) if detach else command.up(load_settings()))


@app.command()
def down() -> None:
    """Stop a system that was started with `penstock up`."""
    from penstock_cli.supervisor import up as command

    raise typer.Exit(command.down(load_settings()))


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the services that run, their age and memory."""
    from penstock_cli.supervisor import status as command

    raise typer.Exit(command.status(load_settings(), as_json=as_json))
