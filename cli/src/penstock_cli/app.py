"""The commands and their options."""

from pathlib import Path
from typing import Annotated

import typer

from penstock_cli.priority import yield_processor
from penstock_cli.settings import load_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

app = typer.Typer(
    name="penstock",
    help="Penstock: a self-hosted AI platform for teams that run devices.",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
) -> None:
    """Penstock: a self-hosted AI platform for teams that run devices."""
    if version:
        from penstock_cli import version as command

        raise typer.Exit(command.show_version())


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
def status(as_json: AsJson = False) -> None:
    """Show the services that run, their age and memory."""
    from penstock_cli.supervisor import status as command

    raise typer.Exit(command.status(load_settings(), as_json=as_json))


@app.command()
def reload() -> None:
    """Replace the gateways one after the other (PENSTOCK_WORKERS of 2 or more); nobody is refused meanwhile."""
    from penstock_cli.supervisor import reload as command

    raise typer.Exit(command.reload(load_settings()))


@app.command()
def doctor(
    *,
    url: Annotated[
        str, typer.Option(help="Check the system that runs there instead, with the key in PENSTOCK_API_KEY.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check this machine and the settings before a start; exit code 1 when something required is missing."""
    if url:
        from penstock_cli.doctor.deployment import doctor_url

        raise typer.Exit(doctor_url(load_settings(), url, as_json=as_json))
    from penstock_cli.doctor import command

    raise typer.Exit(command.doctor(load_settings(), as_json=as_json))


@app.command()
def completion(shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")]) -> None:
    """Print what completes commands in a shell: `source <(penstock completion bash)`."""
    from penstock_cli.completion import completion as command

    raise typer.Exit(command(shell, typer.main.get_command(app)))


@app.command()
def chat(
    question: Annotated[
        str, typer.Argument(help="What to ask; without it a dialogue, or each line that is piped in.")
    ] = "",
    *,
    model: Annotated[str, typer.Option(help="provider/model, or an alias; empty for the default.")] = "",
    personality: Annotated[str, typer.Option(help="Id of a personality.")] = "",
    conversation: Annotated[str, typer.Option(help="Continue this conversation.")] = "",
    picture: Annotated[
        list[Path] | None, typer.Option(help="A picture (PNG, JPEG, WebP or GIF) to ask about; up to four times.")
    ] = None,
    tools: Annotated[bool, typer.Option(help="Let the assistant look at devices.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the events as JSON, one a line.")] = False,
) -> None:
    """Ask the assistant; the answer streams. Ctrl-C stops it on the server too."""
    from penstock_cli.chat import command
    from penstock_cli.chat.conversation import Wishes
    from penstock_cli.chat.picture import read_pictures

    pictures = read_pictures(picture or ())
    wishes = Wishes(model=model, personality=personality, use_tools=tools, pictures=pictures)
    code = command.chat(load_settings(), question, wishes=wishes, conversation_id=conversation, as_json=as_json)
    raise typer.Exit(code)


key_app = typer.Typer(name="key", help="API keys.", no_args_is_help=True)
app.add_typer(key_app)


@key_app.command("create")
def key_create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; repeat it. None: all you may.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; never without.")] = None,
    user: Annotated[str, typer.Option(help="Whose key it is; administrators only.")] = "",
    models: Annotated[
        list[str] | None,
        typer.Option(help="Models it may use, by id or pattern (openai/*); repeat it. None: all."),
    ] = None,
    rpm: Annotated[int, typer.Option(min=0, help="Requests to models per minute; 0: no limit.")] = 0,
    tpm: Annotated[int, typer.Option(min=0, help="Tokens per minute; 0: no limit.")] = 0,
    budget: Annotated[str, typer.Option(help="US dollars it may spend, such as 25.00; administrators only.")] = "",
    budget_period: Annotated[str, typer.Option(help="What the budget is for: day, month or total.")] = "month",
    as_json: AsJson = False,
) -> None:
    """Make a key. Its text is shown this once."""
    from penstock_cli import key

    limits = key.Limits(models=models or (), rpm=rpm, tpm=tpm, budget=budget, budget_period=budget_period)
    code = key.create(
        load_settings(), name, scopes=scope or (), days=days, user_id=user, limits=limits, as_json=as_json
    )
    raise typer.Exit(code)


@key_app.command("list")
def key_list(as_json: AsJson = False) -> None:
    """List the keys, without their texts."""
    from penstock_cli import key

    raise typer.Exit(key.show(load_settings(), as_json=as_json))


@key_app.command("rotate")
def key_rotate(
    key_id: Annotated[str, typer.Argument(help="Id of the key.")],
    grace_hours: Annotated[float, typer.Option(min=0, help="How long the old text still counts.")] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Give a key a new text."""
    from penstock_cli import key

    raise typer.Exit(key.rotate(load_settings(), key_id, grace_hours=grace_hours, as_json=as_json))


@key_app.command("revoke")
def key_revoke(key_id: Annotated[str, typer.Argument(help="Id of the key.")]) -> None:
    """Delete a key: it is refused from now on."""
    from penstock_cli import key

    raise typer.Exit(key.revoke(load_settings(), key_id))


admin_app = typer.Typer(name="admin", help="The administrator of this home.", no_args_is_help=True)
app.add_typer(admin_app)


@admin_app.command("reset")
def admin_reset(
    user: Annotated[str, typer.Option(help="Whose password and key; another administrator's name.")] = "admin",
) -> None:
    """Make a new password and API key when they were lost; for whoever may write PENSTOCK_HOME and the database."""
    from penstock_cli import admin

    raise typer.Exit(admin.reset(load_settings(), user=user))


route_app = typer.Typer(name="route", help="Where requests for models go.", no_args_is_help=True)
app.add_typer(route_app)


@route_app.command("explain")
def route_explain(
    model: Annotated[str, typer.Argument(help="provider/model, a model, an alias; empty for the default.")] = "",
    *,
    policy: Annotated[str, typer.Option(help="order, weight, cost, latency or hedge; empty for the operator's.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say which providers a request for MODEL would try now, in order, and why."""
    from penstock_cli import route

    raise typer.Exit(route.explain(load_settings(), model, policy=policy, as_json=as_json))


@app.command()
def demo() -> None:
    """Load the demo welding shop (while Penstock is stopped; `up` does it by itself)."""
    from penstock_cli import demo as command

    raise typer.Exit(command.demo(load_settings()))


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Where to; it is made.")],
) -> None:
    """Copy all state, PostgreSQL's too, into FOLDER, each store as it is at one moment; works while Penstock runs."""
    from penstock_cli import backup as command

    yield_processor()
    raise typer.Exit(command.backup(load_settings(), folder))


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="What `backup` made.")],
    *,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Restore though a key is lost that the backup needs.")
    ] = False,
) -> None:
    """Make this home and its PostgreSQL what FOLDER holds, while Penstock is stopped; what was there is kept."""
    from penstock_cli import backup as command

    raise typer.Exit(command.restore(load_settings(), folder, without_keys=without_keys))


migrate_app = typer.Typer(name="migrate", help="Moving between the home's files and PostgreSQL.", no_args_is_help=True)
app.add_typer(migrate_app)

MoveTo = Annotated[str, typer.Option("--to", help="PostgreSQL to move the home's files to; @FILE: its URL is in FILE.")]
MoveFrom = Annotated[str, typer.Option("--from", help="The way back: PostgreSQL to make the home's files of.")]
MoveParts = Annotated[
    list[str] | None,
    typer.Option("--service", help="gateway, llm-service, chat-stream-service, feature-service or telemetry; repeat."),
]
ReportFile = Annotated[Path | None, typer.Option("--report", help="Write counts and checksums there, as JSON.")]


@migrate_app.command("check")
def migrate_check(to: MoveTo = "", source: MoveFrom = "", service: MoveParts = None) -> None:
    """List every row that the other store would not take; writes nothing."""
    from penstock_cli.migrate import command

    raise typer.Exit(command.check(load_settings(), to=to, source=source, services=service or ()))


@migrate_app.command("copy")
def migrate_copy(to: MoveTo = "", source: MoveFrom = "", service: MoveParts = None, report: ReportFile = None) -> None:
    """Check, copy and compare, while Penstock is stopped; run again it goes on where it ended."""
    from penstock_cli.migrate import command

    raise typer.Exit(command.copy(load_settings(), to=to, source=source, services=service or (), report=report))


@migrate_app.command("compare")
def migrate_compare(
    *,
    to: MoveTo = "",
    source: MoveFrom = "",
    service: MoveParts = None,
    report: ReportFile = None,
    newer_ok: Annotated[
        bool, typer.Option("--newer-ok", help="Rows that only the target has are no difference.")
    ] = False,
) -> None:
    """Read both stores and name what differs; works while Penstock runs, but for telemetry in DuckDB."""
    from penstock_cli.migrate import command

    yield_processor()
    code = command.compare(
        load_settings(), to=to, source=source, services=service or (), report=report, newer_ok=newer_ok
    )
    raise typer.Exit(code)


@migrate_app.command("schemas")
def migrate_schemas() -> None:
    """Give each service a schema for the tables that an earlier version made in the default one."""
    from penstock_cli.migrate import command

    raise typer.Exit(command.schemas())


@app.command()
def maintain() -> None:
    """Optimize, checkpoint and vacuum the stores; works while Penstock runs."""
    from penstock_cli import maintain as command

    raise typer.Exit(command.maintain(load_settings()))


@app.command()
def version() -> None:
    """Show the version."""
    from penstock_cli import version as command

    raise typer.Exit(command.show_version())
