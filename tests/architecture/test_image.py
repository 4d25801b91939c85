"""What the images leave out of the packages, and what stays."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from penstock_cli.supervisor.service import RUNTIME_ENVIRONMENT

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def slim() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slim", ROOT / "deploy" / "docker" / "slim.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}\n")


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_nothing_loads_goes_and_what_is_loaded_and_licences_stay(slim: ModuleType, tmp_path: Path) -> None:
    kept = {"pyarrow/lib.py", "scipy/stats/a.py", "x-1.dist-info/METADATA", "x-1.dist-info/licenses/LICENSE"}
    put(tmp_path, *kept, "pyarrow/_flight.so", "pyarrow/lib.pyx", "scipy/stats/tests/test_a.py", "scipy/io/a.py")
    put(tmp_path, "x-1.dist-info/RECORD", "numpy/random/lib/n.a")
    slim.remove_unused(tmp_path)
    assert names(tmp_path) == kept


def test_copies_of_a_library_become_links_to_one_and_others_stay(slim: ModuleType, tmp_path: Path) -> None:
    for name, text in {"a.so": "1", "a.so.2": "1", "a.so.2.1": "1", "b.so": "1", "b.so.2": "2"}.items():
        (tmp_path / name).write_text(text)
    slim.link_copies(tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.is_symlink()} == {"a.so", "a.so.2"}
    assert [(tmp_path / name).read_text() for name in ("a.so", "a.so.2", "b.so", "b.so.2")] == ["1", "1", "1", "2"]


def test_of_large_packages_only_what_is_loaded_gets_bytecode(slim: ModuleType, tmp_path: Path) -> None:
    put(tmp_path, "small/a.py", "scipy/a.py")
    slim.compile_loaded(tmp_path, modules=())
    assert {name.partition("/")[0] for name in names(tmp_path) if name.endswith(".pyc")} == {"small"}


def test_a_service_in_a_container_runs_under_the_settings_that_the_supervisor_gives_it() -> None:
    dockerfile = (ROOT / "deploy" / "docker" / "service.Dockerfile").read_text("utf-8")
    told = dict(re.findall(r"^(?:ENV|   ) +(\w+)=(\S+)", dockerfile, re.MULTILINE))
    assert {name: told.get(name) for name in RUNTIME_ENVIRONMENT} == RUNTIME_ENVIRONMENT


def test_the_recipe_of_the_images_names_no_platform_but_takes_that_of_the_build() -> None:
    documented = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert "--platform linux/amd64,linux/arm64" in documented
    dockerfile = (ROOT / "deploy" / "docker" / "service.Dockerfile").read_text("utf-8")
    # Nothing in it is of one platform.
    assert not re.search(r"x86_64|amd64|aarch64|arm64", dockerfile)
