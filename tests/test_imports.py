"""What an import costs, and which room may import which."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import emoclip_clinic

HEAVY = ("av", "cv2", "numpy", "open_clip", "pandas", "pyarrow", "scipy", "sklearn", "torch")
VERBS = (
    (),
    ("extract",),
    ("recordings",),
    ("status",),
    ("doctor",),
    ("scales", "list"),
    ("ratings", "import"),
    ("weights",),
    ("weights", "list"),
    ("weights", "add"),
    ("weights", "verify"),
    ("zeroshot",),
    ("zeroshot", "score"),
    ("pretrain",),
    ("pretrain", "prepare"),
    ("init",),
    ("report",),
    ("agreement",),
)
ROOMS = sorted(module.name for module in pkgutil.iter_modules(emoclip_clinic.__path__) if module.ispkg)


def loaded_after(code: str, *modules: str) -> str:
    """Run code in a fresh interpreter and return which of the modules it has loaded."""
    report = f"import sys; print('LOADED', *[m for m in {modules!r} if m in sys.modules])"
    program = f"try:\n    {code}\nexcept SystemExit as end:\n    assert not end.code, end.code\n{report}"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return result.stdout.splitlines()[-1].removeprefix("LOADED").strip()


@pytest.mark.parametrize("module", ["emoclip_clinic", "emoclip_clinic.cli", "emoclip_clinic.errors"])
def test_importing_the_top_loads_nothing_heavy(module: str) -> None:
    assert loaded_after(f"import {module}", *HEAVY) == ""


def test_help_and_version_load_nothing_heavy() -> None:
    """All of them one after the other in one interpreter, which tells for each what it has loaded first."""
    calls = [["--version"], *([*verb, "--help"] for verb in VERBS)]
    program = f"""
import sys
from emoclip_clinic.cli import app
seen = set()
for call in {calls!r}:
    try:
        app(call)
    except SystemExit as end:
        assert not end.code, (call, end.code)
    new = {{name for name in {HEAVY!r} if name in sys.modules}} - seen
    seen |= new
    print("LOADED", *call, "->", *sorted(new))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    told = [line for line in result.stdout.splitlines() if line.startswith("LOADED ")]
    assert told == [" ".join(["LOADED", *call, "->"]) for call in calls]


@pytest.mark.parametrize("room", ["agreement", "regression", "reporting", "study"])
def test_rooms_of_statistics_load_neither_torch_nor_video(room: str) -> None:
    assert loaded_after(f"import emoclip_clinic.{room}", "torch", "open_clip", "cv2", "av") == ""


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_names_its_public_interface_and_has_all_of_it(room: str) -> None:
    package = importlib.import_module(f"emoclip_clinic.{room}")
    assert package.__all__
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    assert len(set(package.__all__)) == len(package.__all__)


def test_rooms_import_in_one_direction(repository: Path) -> None:
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    result = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
