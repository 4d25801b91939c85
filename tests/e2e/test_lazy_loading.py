"""Nothing heavy is loaded before somebody needs it."""

from pathlib import Path

import httpx

from penstock_testkit.system import start_system
from penstock_testkit.waiting import HANG_SECONDS
from tests.e2e.chat import ask

HEAVY = {
    "openai", "anthropic", "google.genai", "pandas", "sklearn", "duckdb", "pyarrow", "scipy", "torch", "mcp",
    "cryptography", "sqlalchemy.orm",
}  # fmt: skip
SERVICES = {"gateway", "llm_service", "chat_stream_service", "feature_service", "cache_service"}


async def test_no_provider_is_loaded_after_start_and_exactly_the_fallback_after_one_answer(tmp_path: Path) -> None:
    system = start_system(tmp_path / "home", demo=False)
    try:
        headers = {"Authorization": f"Bearer {system.key}"}
        async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS) as http:
            before = (await http.get("/api/v1/monitoring/providers")).raise_for_status().json()
            await ask(http, "Hi there!")
            after = (await http.get("/api/v1/monitoring/providers")).raise_for_status().json()
    finally:
        system.stop()
    assert before["loaded_providers"] == []
    assert before["available_providers"] == ["fallback"]
    assert after["loaded_providers"] == ["fallback"]


def test_an_idle_service_has_imported_no_sdk_and_no_data_library(tmp_path: Path) -> None:
    recorded = tmp_path / "modules"
    recorded.mkdir()
    environment = {
        "PYTHONPATH": str(Path(__file__).parent / "record_modules"),
        "RECORD_MODULES": str(recorded),
        "OPENAI_API_KEY": "sk-test-never-called",
    }
    # The first start loads the demo data; the second is the one of an idle system that has them.
    start_system(tmp_path / "home", extra_env=environment).stop()
    _modules_of_services(recorded)
    start_system(tmp_path / "home", extra_env=environment).stop()
    loaded = _modules_of_services(recorded)
    for service in SERVICES:
        assert not loaded[service] & HEAVY, service


def test_no_service_loads_what_makes_schemas_at_a_first_start_nor_where_files_are_missing_later(tmp_path: Path) -> None:
    recorded = tmp_path / "modules"
    recorded.mkdir()
    environment = {"PYTHONPATH": str(Path(__file__).parent / "record_modules"), "RECORD_MODULES": str(recorded)}
    for _ in ("first", "later"):
        start_system(tmp_path / "home", extra_env=environment, demo=False).stop()
        loaded = _modules_of_services(recorded)
        assert [name for name, modules in loaded.items() if "alembic" in modules] == []
        for file in ("gateway.db", "llm.db", "chat.db", "feature.db"):
            (tmp_path / "home" / file).unlink()


def _modules_of_services(recorded: Path) -> dict[str, set[str]]:
    """Return what each service of the last start had imported, and forget it."""
    loaded = {file.name.split(".")[0]: set(file.read_text().split()) for file in recorded.iterdir()}
    for file in recorded.iterdir():
        file.unlink()
    assert set(loaded) >= SERVICES
    return {name: modules for name, modules in loaded.items() if name in SERVICES}
