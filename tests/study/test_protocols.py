"""Protocols are found wherever the package is, and a study's own come first."""

from pathlib import Path

import pytest

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study import protocols
from emoclip_clinic.study.dataset_description import write_dataset_description
from emoclip_clinic.study.files import read_json
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.protocols import list_protocols, protocol_path, protocols_folder
from emoclip_clinic.study.versions import software_versions


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with protocols inside, as a wheel installs it."""
    folder = tmp_path / "site packages" / "emoclip_clinic"
    (folder / "protocols" / "scales").mkdir(parents=True)
    (folder / "protocols" / "scales" / "panss.yaml").write_text("shipped")
    monkeypatch.setattr(protocols, "files", lambda name: folder)
    return folder / "protocols"


def own(study: Study, relative: str) -> Path:
    path = study.protocols / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("own")
    return path


def test_the_package_has_its_protocols() -> None:
    assert protocols_folder().is_dir()
    assert list_protocols()


def test_protocols_lie_in_the_package_when_it_is_installed(shipped: Path) -> None:
    assert protocols_folder() == shipped
    assert protocol_path("scales", "panss.yaml") == shipped / "scales" / "panss.yaml"


def test_protocols_lie_beside_the_package_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "emoclip_clinic").mkdir()
    (tmp_path / "protocols").mkdir()
    monkeypatch.setattr(protocols, "files", lambda name: tmp_path / "emoclip_clinic")
    with pytest.raises(StudyError, match="Install emoclip-clinic again"):
        protocols_folder()
    (tmp_path / "pyproject.toml").touch()
    assert protocols_folder() == tmp_path / "protocols"


def test_a_studys_own_file_wins(shipped: Path, study: Study) -> None:
    path = own(study, "scales/panss.yaml")
    assert protocol_path("scales", "panss.yaml", study=study.root) == path
    assert protocol_path("scales", "panss.yaml") == shipped / "scales" / "panss.yaml"
    assert protocol_path("scales/panss.yaml", study=study.root) == path


def test_lists_join_both(shipped: Path, study: Study) -> None:
    mine = own(study, "scales/ours.yaml")
    own(study, "scales/.hidden")
    assert list_protocols("scales", study=study.root) == {
        "ours.yaml": mine,
        "panss.yaml": shipped / "scales" / "panss.yaml",
    }
    assert list_protocols("nothing", study=study.root) == {}


def test_an_unknown_protocol_is_an_error_with_a_suggestion(shipped: Path, study: Study) -> None:
    with pytest.raises(StudyError, match=r"Did you mean 'panss\.yaml'"):
        protocol_path("scales", "pans.yaml", study=study.root)


@pytest.mark.parametrize("part", ["../secret", "/etc/passwd", "scales/../../x"])
def test_a_protocol_lies_inside_protocols(shipped: Path, study: Study, part: str) -> None:
    with pytest.raises(StudyError, match="inside protocols"):
        protocol_path(part, study=study.root)


def test_the_derivatives_describe_themselves_as_bids_asks(study: Study) -> None:
    write_dataset_description(study)
    description = read_json(study.dataset_description_json)
    assert description["DatasetType"] == "derivative"
    assert description["BIDSVersion"].count(".") == 2
    assert description["Name"]
    (tool,) = description["GeneratedBy"]
    assert (tool["Name"], tool["Version"]) == ("emoclip-clinic", software_versions()["emoclip-clinic"])


def test_versions_are_those_of_what_is_installed() -> None:
    import numpy as np
    import pyarrow as pa

    versions = software_versions()
    assert versions["numpy"] == np.__version__
    assert versions["pyarrow"] == pa.__version__
