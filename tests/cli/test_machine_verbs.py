"""Facts about the verbs that look at this machine: doctor and weights."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from emoclip_clinic.encoder import get_architecture, random_network
from emoclip_clinic.extraction import selftest
from emoclip_clinic.study.protocols import protocols_folder


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setenv("EMOCLIP_CLINIC_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    network = random_network(get_architecture("tiny"), seed=3)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
    return path


def invoke(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_doctor_finds_this_machine_in_order_and_explains_absent_weights() -> None:
    result = invoke("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert result.exit_code == 0
    assert list(checks) == ["versions", "devices", "disk", "decoding", "detector", "encoder", "weights"]
    assert {name for name, check in checks.items() if check["state"] != "ok"} <= {
        "weights",
        "disk",
        "devices",
    }
    assert checks["decoding"]["data"]["frames_shown"] == list(range(0, 50, 4))
    assert checks["encoder"]["data"]["relative_distances"]["folded_from_plain"] < 1e-5
    assert checks["weights"]["state"] == "warn"
    assert "weights list" in checks["weights"]["hint"]


def test_doctor_fails_with_what_to_do_where_numbers_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "_SEGMENT_REFERENCE", (0.5,) * 6)
    (check,) = [check for check in selftest.run_checks(Path.cwd()) if check.name == "encoder"]
    assert check.state == "fail"
    assert "segment from reference" in check.detail
    assert check.hint is not None


def test_a_check_that_raises_has_failed_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    for name in ("_check_decoding", "_check_encoder"):
        monkeypatch.setattr(selftest, name, broken)
    result = invoke("doctor", "--study", str(tmp_path))
    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert [line.split()[1] for line in lines if line.startswith("fail")] == ["decoding", "encoder"]
    assert any("ImportError: libGL.so.1" in line for line in lines)
    assert "7 checks: 2 failed" in result.stderr


def test_doctor_says_plainly_that_the_study_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = tmp_path / "absent"
    result = invoke("doctor", "--study", str(absent))
    assert result.exit_code == 2
    assert "The study must be an existing folder" in result.stderr
    for name in ("_check_versions", "_check_decoding", "_check_detector", "_check_encoder"):
        monkeypatch.setattr(selftest, name, lambda: selftest.Check("skipped", "ok", ""))
    disk = next(check for check in selftest.run_checks(absent) if check.name == "disk")
    assert (disk.state, disk.hint) == ("fail", "Name an existing folder with --study.")
    assert disk.detail == f"the study must be an existing folder, and {absent} is none"


def test_doctor_knows_the_weights_of_the_study(tmp_path: Path) -> None:
    folder = tmp_path / "protocols" / "weights"
    folder.mkdir(parents=True)
    shipped = protocols_folder() / "weights" / "tiny-random.yaml"
    (folder / "ours.yaml").write_text(shipped.read_text().replace("name: tiny-random", "name: ours"))
    (check,) = [check for check in selftest.run_checks(tmp_path) if check.name == "weights"]
    assert "ours" in [entry["name"] for entry in check.data["weights"]]


def test_weights_list_says_how_to_get_the_published_ones() -> None:
    result = invoke("weights", "list")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split("\t")[:2] == ["emoclip", "absent"]
    assert "weights add FILE --name emoclip" in result.stderr


def test_added_weights_are_listed_and_verified_and_damage_is_found(checkpoint: Path, store: Path) -> None:
    added = invoke(
        "weights", "add", str(checkpoint), "--name", "mine", "--architecture", "tiny", "--licence", "MIT"
    )
    assert added.exit_code == 0, added.stderr
    listed = {line.split("\t")[0]: line.split("\t") for line in invoke("weights", "list").stdout.splitlines()}
    assert listed["mine"][1] == "found"
    assert listed["mine"][-1] == "MIT"
    assert invoke("weights", "verify", "mine").exit_code == 0

    (copy,) = store.glob("mine-*.safetensors")
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)
    damaged = invoke("weights", "verify", "mine", "tiny-random")
    assert damaged.exit_code == 1
    assert "tiny-random: ok" in damaged.stdout
    assert "sha256" in damaged.stderr


def test_weights_of_another_size_are_listed_with_what_to_do(checkpoint: Path, store: Path) -> None:
    invoke("weights", "add", str(checkpoint), "--name", "mine", "--architecture", "tiny")
    (copy,) = store.glob("mine-*.safetensors")
    copy.write_bytes(copy.read_bytes() + b"x")
    listed = invoke("weights", "list")
    assert "mine: another size than registered" in listed.stderr
    assert "weights add FILE --name mine" in listed.stderr


def test_weights_list_starts_instructions_properly_where_a_record_has_none(tmp_path: Path) -> None:
    folder = tmp_path / "study" / "protocols" / "weights"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text("name: own\nkind: user\narchitecture: tiny\nfile: models/own.pth")
    result = invoke("weights", "list", "--study", str(tmp_path / "study"))
    assert result.exit_code == 0
    assert f"own: absent\nPut it at {tmp_path}/study/models/own.pth" in result.stderr


def test_weights_list_complains_of_an_unknown_architecture(store: Path) -> None:
    store.mkdir()
    (store / "own.yaml").write_text("name: own\nkind: random\narchitecture: vit-b32")
    result = invoke("weights", "list")
    assert result.exit_code == 2
    assert "Did you mean 'vit-b-32'?" in result.stderr
    assert str(store / "own.yaml") in result.stderr


@pytest.mark.parametrize(
    ("option", "value"), [("--sample-fps", "0"), ("--sample-fps", "-3"), ("--segment-frames", "0")]
)
def test_weights_are_not_added_with_values_that_cannot_be_meant(
    option: str, value: str, checkpoint: Path, store: Path
) -> None:
    result = invoke(
        "weights", "add", str(checkpoint), "--name", "mine", "--architecture", "tiny", option, value
    )
    assert result.exit_code == 2
    assert f"{option[2:].replace('-', '_')} = {value}" in result.stderr
    assert "internal" not in result.stderr.lower()
    assert not store.exists()


def test_weights_of_another_architecture_say_how_to_add_them(checkpoint: Path) -> None:
    result = invoke("weights", "add", str(checkpoint), "--name", "mine")
    assert result.exit_code == 2
    assert "Add it with --architecture tiny" in result.stderr


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"visual.proj": torch.zeros(2, 2)}, path)
    result = invoke("weights", "add", str(path), "--name", "mine")
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_a_mistyped_name_of_weights_gets_a_suggestion() -> None:
    result = invoke("weights", "verify", "tiny-randon")
    assert result.exit_code == 2
    assert "Did you mean 'tiny-random'?" in result.stderr


def test_doctor_names_packages_that_are_absent_or_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [
        "numpy>=1",
        "pandas>=99",
        "surely-not-there>=1",
        "only-elsewhere; sys_platform == 'nowhere'",
        "only-for-tests; extra == 'test'",
    ]
    monkeypatch.setattr(selftest.importlib.metadata, "requires", lambda _name: wanted)
    check = selftest._check_versions()
    assert check.state == "fail"
    assert "pandas is " in check.detail
    assert "not >=99" in check.detail
    assert "surely-not-there is not installed" in check.detail
    assert "elsewhere" not in check.detail
    assert "tests" not in check.detail
