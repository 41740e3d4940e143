"""What is installed is the package with its protocols, all of it and nothing else."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import emoclip_clinic
from emoclip_clinic.study.protocols import protocols_folder

PRINT_FOLDERS = """
import emoclip_clinic
from emoclip_clinic.study.protocols import protocols_folder
print(emoclip_clinic.__file__)
print(protocols_folder())
"""


def build_wheel(source: Path, target: Path, version: str = "standard") -> Path:
    (path,) = WheelBuilder(str(source)).build(directory=str(target), versions=[version])
    return Path(path)


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def installed_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(repository, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked_sdist(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    (path,) = SdistBuilder(str(repository)).build(directory=str(folder), versions=["standard"])
    with tarfile.open(path) as archive:
        # The filter came with Python 3.11.4, and later versions warn without one.
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (source,) = (entry for entry in folder.iterdir() if entry.is_dir())
    return source


def test_the_wheel_holds_package_and_protocols_and_nothing_else(repository: Path, wheel: Path) -> None:
    package = {f"emoclip_clinic/{name}" for name in files_below(repository / "emoclip_clinic")}
    protocols = {f"emoclip_clinic/protocols/{name}" for name in files_below(repository / "protocols")}
    assert protocols
    assert "emoclip_clinic/py.typed" in package
    assert installed_names(wheel) == package | protocols


def test_the_wheel_finds_its_protocols_wherever_it_is_installed(
    repository: Path, wheel: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site packages é"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = f"import sys; sys.path.insert(0, {str(site)!r})\n{PRINT_FOLDERS}"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    package, protocols = result.stdout.splitlines()
    assert Path(package).parent == site / "emoclip_clinic"
    assert Path(protocols) == site / "emoclip_clinic" / "protocols"
    assert files_below(Path(protocols)) == files_below(repository / "protocols")


def test_the_source_archive_builds_the_same_wheel(wheel: Path, unpacked_sdist: Path, tmp_path: Path) -> None:
    assert installed_names(build_wheel(unpacked_sdist, tmp_path)) == installed_names(wheel)


def test_the_source_archive_holds_tests_and_licence(repository: Path, unpacked_sdist: Path) -> None:
    names = files_below(unpacked_sdist)
    assert {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO"} <= names
    assert {"tests/test_packaging.py", ".ci/run"} <= names


def test_an_editable_install_leaves_everything_where_it_is(repository: Path, tmp_path: Path) -> None:
    editable = build_wheel(repository, tmp_path, "editable")
    with zipfile.ZipFile(editable) as archive:
        (pth,) = (name for name in archive.namelist() if name.endswith(".pth"))
        assert Path(archive.read(pth).decode().strip()) == repository
        assert not [name for name in archive.namelist() if name.endswith((".py", ".yaml"))]


def test_the_tested_package_has_the_protocols_of_the_repository(repository: Path) -> None:
    assert files_below(protocols_folder()) == files_below(repository / "protocols")
    if Path(emoclip_clinic.__file__).is_relative_to(repository / "emoclip_clinic"):
        assert protocols_folder() == repository / "protocols"
