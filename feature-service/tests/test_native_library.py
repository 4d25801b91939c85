"""The native kernel's library: made where a compiler answers, done without where none does, and chosen by a setting."""

import asyncio
import json
import shutil
import subprocess
import sys

import pytest

from feature_service.adapters import native_kernel
from feature_service.adapters.native_kernel import CompilationError, compile_library
from feature_service.adapters.partition.processes import WorkerPool
from feature_service.domain.feature import native_library
from feature_service.domain.feature.native_library import (
    SOURCE,
    KernelChoice,
    NativeLibrary,
    choose_kernel,
    chosen_kernel,
    kernel_name,
    library_name,
    library_paths,
)
from feature_service.main import serve
from feature_service.settings import FeatureSettings
from penstock_kit.errors import FailedPrecondition
from penstock_testkit.servers.process import free_port


@pytest.fixture(autouse=True)
def automatic_again():
    before = chosen_kernel()
    yield
    choose_kernel(before)


def compiler(folder, script):
    path = folder / "bin" / "cc"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return [str(path)]


def test_what_the_compiler_makes_can_be_called_and_needs_no_other_library(tmp_path):
    compile_library(tmp_path / "new" / "x.so")
    assert NativeLibrary(tmp_path / "new" / "x.so").level is not None
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.so"]


def test_the_source_is_short_and_makes_no_warning(tmp_path):
    assert SOURCE.read_text().count("\n") <= 400
    command = ["cc", *native_kernel.FLAGS, "-Wall", "-Wextra", "-Werror", "-o", tmp_path / "x.so", SOURCE]
    subprocess.run(command, check=True, timeout=60)


def test_without_a_compiler_it_is_said_that_there_is_none(tmp_path):
    with pytest.raises(CompilationError, match=r"^there is no C compiler$"):
        compile_library(tmp_path / "x.so", compilers=("no-such-compiler",))


def test_of_a_compiler_that_fails_its_error_is_told_in_a_line(tmp_path):
    failing = compiler(tmp_path, "echo 'In file x:' >&2; echo 'x.c:1: fatal error: stdint.h: No such file' >&2; exit 1")
    with pytest.raises(CompilationError, match=r"cc failed: x.c:1: fatal error: stdint.h: No such file$"):
        compile_library(tmp_path / "x.so", compilers=failing)
    (tmp_path / "silent").mkdir()
    silent = compiler(tmp_path / "silent", "exit 1")
    with pytest.raises(CompilationError, match=r"cc failed: it says nothing$"):
        compile_library(tmp_path / "x.so", compilers=silent)


def test_a_compiler_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(native_kernel, "_SECONDS", 0.2)
    with pytest.raises(CompilationError, match=r"timed out after 0\.2 seconds"):
        compile_library(tmp_path / "x.so", compilers=compiler(tmp_path, "exec sleep 60"))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (SOURCE.read_text().replace("#define LEAF 128", "#define LEAF 64"), "computes windows of 129 rows otherwise"),
        ("int x;", "undefined symbol: penstock_level"),
    ],
)
def test_a_library_that_does_not_compute_what_numpy_does_is_thrown_away(tmp_path, made, message):
    (tmp_path / "wrong.c").write_text(made)
    # Whatever is to be compiled: the last word is the source, the one before it where the library goes.
    script = f'for last; do out=$before; before=$last; done; exec cc -fPIC -shared -o "$out" {tmp_path}/wrong.c'
    with pytest.raises(CompilationError, match=message):
        compile_library(tmp_path / "made" / "x.so", compilers=compiler(tmp_path, script))
    assert not list((tmp_path / "made").iterdir())


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CompilationError, match="file"):
        compile_library(tmp_path / "file" / "x.so")


def set_up(monkeypatch, capsys, *paths):
    monkeypatch.setattr(native_kernel, "library_paths", lambda: paths)
    monkeypatch.setattr(sys, "argv", ["native_kernel"])
    assert native_kernel.main() == 0
    return capsys.readouterr().out


def test_set_up_makes_the_library_once_for_each_state_of_its_source(tmp_path, monkeypatch, capsys):
    first, second = tmp_path / "window_sums-1-x.so", tmp_path / "window_sums-2-x.so"
    assert set_up(monkeypatch, capsys, tmp_path, first) == "Features are computed by the native kernel\n"
    made = first.stat().st_mtime_ns
    assert set_up(monkeypatch, capsys, tmp_path, first) == "Features are computed by the native kernel\n"
    assert first.stat().st_mtime_ns == made
    set_up(monkeypatch, capsys, tmp_path, second)
    assert [path.name for path in tmp_path.iterdir()] == [second.name]


def test_set_up_goes_on_without_a_compiler_and_says_so_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = set_up(monkeypatch, capsys, tmp_path, tmp_path / "x.so")
    assert said == "Features are computed by NumPy: there is no C compiler\n"
    assert not list(tmp_path.iterdir())


def test_beside_its_source_the_library_is_found_before_that_of_the_environment(tmp_path, monkeypatch, capsys):
    beside, environment = library_paths()
    assert beside.parent == SOURCE.parent
    assert environment.is_relative_to(sys.prefix)
    assert beside.name == environment.name == library_name()
    monkeypatch.setattr(native_kernel, "library_paths", lambda: (tmp_path / "beside.so", tmp_path / "other.so"))
    monkeypatch.setattr(sys, "argv", ["native_kernel", "--beside"])
    native_kernel.main()
    assert [path.name for path in tmp_path.iterdir()] == ["beside.so"]


def test_another_source_has_another_library(tmp_path, monkeypatch):
    shutil.copy(SOURCE, tmp_path / "window_sums.c")
    monkeypatch.setattr(native_library, "SOURCE", tmp_path / "window_sums.c")
    before = library_name()
    with (tmp_path / "window_sums.c").open("a") as source:
        source.write("/* */\n")
    assert library_name() != before


def found(monkeypatch, *paths):
    monkeypatch.setattr(native_library, "library_paths", lambda: paths)
    native_library.installed_library.cache_clear()
    monkeypatch.setattr(native_library, "installed_library", native_library.installed_library.__wrapped__)


def test_where_there_is_no_library_numpy_computes(tmp_path, monkeypatch, compiled_library):
    (tmp_path / "broken.so").write_text("no library")
    found(monkeypatch, tmp_path / "missing.so", tmp_path / "broken.so")
    choose_kernel(KernelChoice.AUTO)
    assert (native_library.native_library(), kernel_name()) == (None, "numpy")
    monkeypatch.setattr(native_library, "installed_library", lambda: compiled_library)
    assert (native_library.native_library(), kernel_name()) == (compiled_library, "native")


def test_who_wants_numpy_gets_it_where_there_is_a_library_too(monkeypatch, compiled_library):
    monkeypatch.setattr(native_library, "installed_library", lambda: compiled_library)
    choose_kernel(KernelChoice.NUMPY)
    assert (native_library.native_library(), kernel_name()) == (None, "numpy")
    choose_kernel(KernelChoice.NATIVE)
    assert kernel_name() == "native"


def settings_of(home, **settings):
    values = {"PENSTOCK_HOME": home, "DEMO_DATA": False, "CACHE_SERVICE_ADDRESS": "127.0.0.1:1", **settings}
    values |= {"FEATURE_SERVICE_PORT": free_port(), "FEATURE_SERVICE_METRICS_PORT": free_port()}
    return FeatureSettings(_env_file=None, **values)


async def test_a_service_that_is_to_compute_natively_does_not_start_without_the_library(tmp_path, monkeypatch):
    found(monkeypatch, tmp_path / "a.so", tmp_path / "b.so")
    with pytest.raises(
        FailedPrecondition, match=r"FEATURE_KERNEL=native needs .*b\.so: install a C compiler"
    ) as refused:
        await serve(settings_of(tmp_path, FEATURE_KERNEL="native"), asyncio.Event())
    assert refused.value.reason == "EXTRA_UNAVAILABLE"


@pytest.mark.parametrize("choice", ["numpy", "native"])
async def test_a_service_logs_once_which_kernel_computes(tmp_path, monkeypatch, capsys, compiled_library, choice):
    monkeypatch.setattr(native_library, "installed_library", lambda: compiled_library)
    stop = asyncio.Event()
    stop.set()
    await serve(settings_of(tmp_path, FEATURE_KERNEL=choice, LOG_FORMAT="json"), stop)
    output = capsys.readouterr()
    lines = [line for line in (output.out + output.err).splitlines() if "features are computed" in line]
    assert [json.loads(line)["kernel"] for line in lines] == [choice]


def test_processes_compute_with_the_kernel_of_their_service():
    choose_kernel(KernelChoice.NUMPY)
    with WorkerPool() as pool:
        worker = pool._acquire()
        assert worker.args[-1] == "numpy"
        assert worker.poll() is None


def test_no_numpy_is_loaded_to_say_which_kernel_computes():
    code = (
        "import sys, feature_service.domain.feature.native_library as native; native.kernel_name();"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
