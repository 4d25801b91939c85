import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from feature_service.domain.feature import native_library
from penstock_cli.doctor import machine
from penstock_cli.settings import DEFAULT_PORTS
from penstock_testkit.servers.certificate import make_certificate
from penstock_testkit.servers.mqtt_broker import MqttBroker
from penstock_testkit.servers.openid_provider import OpenIdProvider
from penstock_testkit.servers.process import free_port
from penstock_testkit.servers.tdengine import TDengineServer
from penstock_testkit.waiting import HANG_SECONDS


def free_ports(count: int) -> list[int]:
    ports: dict[int, None] = {}
    while len(ports) < count:
        ports[free_port()] = None
    return list(ports)


def doctor(folder: Path, *options: str, **values: str) -> "subprocess.CompletedProcess[str]":
    ports = dict(zip(DEFAULT_PORTS, map(str, free_ports(len(DEFAULT_PORTS))), strict=True))
    return run(folder, "doctor", *options, **{**ports, **values})


def run(folder: Path, *arguments: str, **values: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "penstock_cli", *arguments],
        env={"PATH": os.environ["PATH"], **values},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def report(outcome: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    found = json.loads(outcome.stdout)
    return {"ok": found["ok"], **{finding["name"]: finding for finding in found["findings"]}}


def test_a_fresh_folder_is_ready_to_start_and_stays_as_it_was(tmp_path: Path) -> None:
    outcome = doctor(tmp_path, "--json")
    found = report(outcome)
    assert outcome.returncode == 0, outcome.stdout
    assert found["ok"]
    assert found["Python"]["ok"]
    assert found["providers"]["need"] == "recommended"
    assert "offline provider" in found["providers"]["detail"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("library", "detail"), [(object(), "native"), (None, "numpy: the same features")])
def test_which_kernel_computes_features_is_told_with_the_way_to_the_faster_one(
    monkeypatch: pytest.MonkeyPatch, library: object, detail: str
) -> None:
    monkeypatch.setattr(native_library, "installed_library", lambda: library)
    finding = machine._feature_kernel()  # pyright: ignore[reportPrivateUsage]
    assert (finding.need, finding.ok) == ("optional", library is not None)
    assert finding.detail.startswith(detail)
    assert finding.remedy == "install a C compiler and run python -m feature_service.adapters.native_kernel"


def test_the_database_of_one_service_alone_is_asked_too(tmp_path: Path) -> None:
    url = f"postgresql://me:hunter2secret@127.0.0.1:{free_port()}/penstock"
    outcome = doctor(tmp_path, "--json", LLM_SERVICE_DATABASE_URL=url)
    found = report(outcome)["LLM_SERVICE_DATABASE_URL"]
    assert not found["ok"]
    assert "hunter2secret" not in outcome.stdout


def test_what_is_wrong_is_named_with_a_remedy_and_secrets_are_masked(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        outcome = doctor(
            tmp_path,
            "--json",
            LLM_SERVICE_PORT=str(port),
            OPENAI_API_KEY="sk-1234567890abcd23",
            GEMINI_API_KEY="AIzaSyFirst000001,AIzaSySecond0002",
            DATABASE_URL=f"postgresql://me:hunter2secret@127.0.0.1:{free_port()}/penstock",
            REDIS_URL=f"redis://:redispass99@127.0.0.1:{free_port()}/0",
            JWT_SECRET="tooshort-secret",
            PENSTOCK_LOG_LEVEL="shouting",
        )
    found = report(outcome)
    assert outcome.returncode == 1
    assert not found["ok"]
    assert f"port {port} (LLM_SERVICE_PORT, llm-service) is in use" in found["ports"]["detail"]
    assert "LLM_SERVICE_PORT" in found["ports"]["remedy"]
    assert "PENSTOCK_LOG_LEVEL" in found["settings"]["detail"]
    assert not found["DATABASE_URL"]["ok"]
    assert (found["REDIS_URL"]["need"], found["REDIS_URL"]["ok"]) == ("recommended", False)
    assert (found["JWT_SECRET"]["need"], found["JWT_SECRET"]["ok"]) == ("required", False)
    assert "sk-1…cd23" in found["openai"]["detail"]
    assert "AIza…0001, AIza…0002" in found["gemini"]["detail"]
    for secret in ("sk-1234567890abcd23", "AIzaSyFirst000001", "hunter2secret", "redispass99", "tooshort-secret"):
        assert secret not in outcome.stdout + outcome.stderr


def test_a_home_that_cannot_be_written_is_required(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    outcome = doctor(tmp_path, "--json", PENSTOCK_HOME=str(tmp_path / "file" / "home"))
    assert outcome.returncode == 1
    assert report(outcome)["PENSTOCK_HOME"]["ok"] is False


def test_the_table_says_in_words_whether_it_can_start(tmp_path: Path) -> None:
    assert "ready to start" in doctor(tmp_path).stdout
    failed = doctor(tmp_path, PENSTOCK_HTTP_PORT="0")
    assert failed.returncode == 1
    assert "1 required missing" in failed.stdout


def test_a_dotenv_that_others_can_read_is_pointed_out(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("QWEN_API_KEY=sk-abcdefghijklmnop\n")
    file.chmod(0o644)
    found = report(doctor(tmp_path, "--json"))
    assert found[".env"]["ok"] is False
    assert found[".env"]["remedy"] == "chmod 600 .env"
    assert "sk-a…mnop" in found["qwen"]["detail"]


def test_maintain_gives_free_space_back(tmp_path: Path) -> None:
    home = tmp_path / "var"
    home.mkdir()
    database = sqlite3.connect(home / "chat.db")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE big (content TEXT)")
    database.executemany("INSERT INTO big VALUES (?)", [("x" * 10_000,)] * 300)
    database.execute("DELETE FROM big")
    database.commit()
    database.close()
    before = (home / "chat.db").stat().st_size
    outcome = run(tmp_path, "maintain")
    assert outcome.returncode == 0, outcome.stderr
    assert "chat.db" in outcome.stdout
    assert (home / "chat.db").stat().st_size < before / 10


def test_maintain_of_an_unreadable_database_says_which(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "llm.db").write_text("this is no database at all, " * 100)
    outcome = run(tmp_path, "maintain")
    assert outcome.returncode == 1
    assert "llm.db" in outcome.stderr


def test_the_version_is_told(tmp_path: Path) -> None:
    assert run(tmp_path, "version").stdout.startswith("penstock 0.")


def test_down_and_status_of_nothing_are_calm(tmp_path: Path) -> None:
    assert run(tmp_path, "down").returncode == 0
    status = run(tmp_path, "status", "--json")
    assert (status.returncode, json.loads(status.stdout)) == (3, {"running": False})


def test_mistakes_in_the_tools_file_are_told_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "tools.yaml").write_text("http: []\nmcp: []\nhttp: []\n")
    outcome = doctor(tmp_path, "--json", CHAT_TOOLS_FILE="tools.yaml")
    assert outcome.returncode == 1
    found = report(outcome)["CHAT_TOOLS_FILE"]
    assert not found["ok"]
    assert "line 3, column 1, http: is given a second time" in found["detail"]


def test_a_right_tools_file_is_counted(tmp_path: Path) -> None:
    entry = "{name: a, description: d, url: 'https://a.example/', headers: {k: '${A_KEY}'}}"
    (tmp_path / "tools.yaml").write_text(f"allowed_hosts: [a.example]\nhttp: [{entry}]\n")
    (tmp_path / ".env").write_text("CHAT_TOOLS_FILE=tools.yaml\nA_KEY=0123456789\n")
    (tmp_path / ".env").chmod(0o600)
    found = report(doctor(tmp_path, "--json"))["CHAT_TOOLS_FILE"]
    assert (found["ok"], found["detail"]) == (True, "tools.yaml: 1 HTTP tools, 0 MCP servers")


PROVIDERS = "providers: [{name: local, base_url: 'http://127.0.0.1:9/v1', api_key_env: A_KEY, models: [m]}]\n"


def test_mistakes_in_the_providers_file_are_told_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "llm.yaml").write_text(f"{PROVIDERS}aliases:\n  smart: nowhere/big\n")
    outcome = doctor(tmp_path, "--json", LLM_CONFIG_FILE="llm.yaml")
    assert outcome.returncode == 1
    found = report(outcome)["LLM_CONFIG_FILE"]
    assert not found["ok"]
    assert "line 3, column 3, aliases.smart: 'nowhere/big' leads nowhere" in found["detail"]


def test_a_provider_whose_key_is_not_set_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "llm.yaml").write_text(PROVIDERS)
    found = report(doctor(tmp_path, "--json", LLM_CONFIG_FILE="llm.yaml"))
    assert found["ok"]
    assert (found["LLM_CONFIG_FILE"]["ok"], found["A_KEY"]["ok"]) == (True, False)
    assert found["A_KEY"]["need"] == "recommended"
    assert "A_KEY" not in report(doctor(tmp_path, "--json", LLM_CONFIG_FILE="llm.yaml", A_KEY="0123456789"))


def test_an_order_that_names_nobody_is_told_before_the_start(tmp_path: Path) -> None:
    outcome = doctor(tmp_path, "--json", LLM_PROVIDER_ORDER="gemni,openai")
    assert outcome.returncode == 1
    assert "'gemni', which is no provider" in report(outcome)["LLM_PROVIDER_ORDER"]["detail"]


def test_the_password_of_the_trace_collector_is_masked(tmp_path: Path) -> None:
    url = f"http://me:collector99secret@127.0.0.1:{free_port()}"
    outcome = doctor(tmp_path, "--json", OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert report(outcome)["traces"]["ok"] is False
    assert "collector99secret" not in outcome.stdout + outcome.stderr


def test_a_dotenv_that_a_group_can_read_is_pointed_out(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("QWEN_API_KEY=sk-abcdefghijklmnop\n")
    file.chmod(0o640)
    found = report(doctor(tmp_path, "--json"))[".env"]
    assert (found["ok"], found["remedy"]) == (False, "chmod 600 .env")
    assert "0640" in found["detail"]
    file.chmod(0o600)
    assert report(doctor(tmp_path, "--json"))[".env"]["ok"]


def test_the_proxy_and_who_takes_it_are_told_without_its_password(tmp_path: Path) -> None:
    proxy = "http://me:proxy99secret@proxy.example:3128"
    outcome = doctor(tmp_path, "--json", HTTPS_PROXY=proxy, OPENAI_API_KEY="sk-1234567890abcd23", NO_PROXY="10.0.0.0/8")
    found = report(outcome)["HTTPS_PROXY"]
    assert found["ok"]
    assert "proxy.example:3128, taken by openai; NO_PROXY 10.0.0.0/8" in found["detail"]
    assert "proxy99secret" not in outcome.stdout + outcome.stderr
    assert "HTTP_PROXY" not in report(outcome)


def test_a_proxy_that_is_none_is_told_before_the_start(tmp_path: Path) -> None:
    outcome = doctor(tmp_path, "--json", HTTP_PROXY="socks5://proxy.example:1080")
    assert outcome.returncode == 1
    assert "a proxy is named by http://host:port" in report(outcome)["HTTP_PROXY"]["detail"]


def test_a_file_of_certificates_that_is_none_is_told_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text("no certificate")
    outcome = doctor(tmp_path, "--json", SSL_CERT_FILE="roots.pem")
    assert outcome.returncode == 1
    assert report(outcome)["SSL_CERT_FILE"]["remedy"] == "name a PEM file of certificates"
    shown, _ = make_certificate(tmp_path)
    found = report(doctor(tmp_path, "--json", SSL_CERT_FILE=str(shown)))
    assert "1 certificates" in found["SSL_CERT_FILE"]["detail"]


def test_a_broker_is_tried_with_the_login_that_the_service_has(tmp_path: Path) -> None:
    url = f"mqtt://me:geheim123@127.0.0.1:{free_port()}"
    outcome = doctor(tmp_path, "--json", MQTT_URL=url)
    found = report(outcome)
    assert not found["MQTT_URL"]["ok"]
    assert "can't be reached" in found["MQTT_URL"]["detail"]
    assert "geheim123" not in outcome.stdout
    wrong = report(doctor(tmp_path, "--json", MQTT_URL="http://broker"))
    assert "mqtt://host:1883" in wrong["MQTT_URL"]["detail"]


async def test_a_broker_that_takes_us_is_told(tmp_path: Path) -> None:
    broker = MqttBroker(free_port())
    await broker.open()
    try:
        found = report(await asyncio.to_thread(doctor, tmp_path, "--json", MQTT_URL=broker.url))
    finally:
        await broker.cut()
    assert found["MQTT_URL"]["ok"]
    assert found["MQTT_URL"]["detail"] == f"{broker.url} takes us"
    assert broker.sessions == {}


async def test_the_issuer_of_single_sign_on_is_asked_for_its_description_and_the_groups_are_read(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "groups.yaml"
    rules.write_text("rules:\n  - group: welders\n")
    async with OpenIdProvider() as provider:
        settings = {
            "PENSTOCK_PUBLIC_URL": "https://penstock.example.com",
            "PENSTOCK_OIDC_ISSUER": provider.issuer,
            "PENSTOCK_OIDC_CLIENT_ID": "penstock",
            "PENSTOCK_OIDC_GROUPS_FILE": str(rules),
            "PENSTOCK_OIDC_NETWORKS": "127.0.0.0/8",
        }
        right = report(await asyncio.to_thread(doctor, tmp_path, "--json", **settings))
        provider.description = {"issuer": "https://other.example"}
        other = report(await asyncio.to_thread(doctor, tmp_path, "--json", **settings))
        rules.write_text("rules:\n  - group: welders\n    role: king\n")
        public = {**settings, "PENSTOCK_OIDC_NETWORKS": ""}
        wrong = report(await asyncio.to_thread(doctor, tmp_path, "--json", **public))
    assert right["PENSTOCK_OIDC_ISSUER"]["ok"] and right["PENSTOCK_OIDC_GROUPS_FILE"]["ok"], right
    assert "https://penstock.example.com/auth/oidc/callback" in right["PENSTOCK_OIDC_ISSUER"]["detail"]
    assert "https://other.example" in other["PENSTOCK_OIDC_ISSUER"]["detail"]
    assert not other["PENSTOCK_OIDC_ISSUER"]["ok"] and other["ok"]
    assert "not on the public internet" in wrong["PENSTOCK_OIDC_ISSUER"]["detail"]
    assert "line 3, column 5" in wrong["PENSTOCK_OIDC_GROUPS_FILE"]["detail"] and not wrong["ok"]


def test_settings_of_single_sign_on_that_lack_one_are_named(tmp_path: Path) -> None:
    outcome = doctor(tmp_path, "--json", PENSTOCK_OIDC_ISSUER="http://id.example.com", PENSTOCK_PASSWORD_SIGN_IN="off")
    assert "PENSTOCK_OIDC_ISSUER: Value error, must begin with https://" in outcome.stdout
    outcome = doctor(tmp_path, "--json", PENSTOCK_OIDC_ISSUER="https://id.example.com")
    named = "PENSTOCK_OIDC_CLIENT_ID and PENSTOCK_OIDC_GROUPS_FILE and PENSTOCK_PUBLIC_URL"
    assert named in outcome.stdout and outcome.returncode == 1
    outcome = doctor(tmp_path, "--json", PENSTOCK_PASSWORD_SIGN_IN="off")
    assert "else nobody could sign in" in outcome.stdout and outcome.returncode == 1


async def test_a_tdengine_is_asked_with_the_login_of_the_setting(tmp_path: Path) -> None:
    async with TDengineServer(password="geheim123") as server:
        url = server.url().replace("taosdata", "geheim123")
        right = await asyncio.to_thread(doctor, tmp_path, "--json", TELEMETRY_URL=url)
        wrong = await asyncio.to_thread(doctor, tmp_path, "--json", TELEMETRY_URL=url.replace("geheim123", "wr0ng"))
    assert report(right)["TELEMETRY_URL"]["ok"]
    assert "answers" in report(right)["TELEMETRY_URL"]["detail"]
    assert not report(wrong)["TELEMETRY_URL"]["ok"]
    assert wrong.returncode == 1
    assert "geheim123" not in right.stdout
    assert "wr0ng" not in wrong.stdout


def test_a_store_of_telemetry_that_is_away_or_none_is_told_before_the_start(tmp_path: Path) -> None:
    for url, said in (
        (f"taosrest://root:geheim123@127.0.0.1:{free_port()}/penstock", "TDengine"),
        (f"postgresql://me:geheim123@127.0.0.1:{free_port()}/penstock", "telemetry"),
        ("influx://me:geheim123@host/rows", "write duckdb:///path/to/file or postgresql://"),
    ):
        outcome = doctor(tmp_path, "--json", TELEMETRY_URL=url)
        found = report(outcome)["TELEMETRY_URL"]
        assert not found["ok"]
        assert said in found["detail"]
        assert "geheim123" not in outcome.stdout
