"""Weights are found by name, checked by content, and registered without ever leaving half a file."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor

from emoclip_clinic.encoder import (
    ARCHITECTURES,
    EmoClip,
    WeightsRecord,
    add_weights,
    check_weights,
    find_weights,
    hash_weights,
    list_weights,
    registration,
    registry,
    verify_weights,
    weights_store,
)
from emoclip_clinic.errors import StudyError, WeightsError
from emoclip_clinic.study.files import sha256_file
from emoclip_clinic.study.protocols import protocols_folder

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@pytest.fixture
def checkpoint(full_state: dict[str, Tensor], tmp_path: Path) -> Path:
    path = tmp_path / "My Weights.PTH"
    torch.save(full_state, path)
    return path


def names(**options: Path) -> dict[str, str]:
    return {entry.record.name: entry.state for entry in list_weights(**options)}


def test_shipped_records(store: Path) -> None:
    assert names() == {"emoclip": "absent", "emoclip-random": "generated", "tiny-random": "generated"}
    for entry in list_weights():
        record = entry.record
        assert record.architecture in ARCHITECTURES
        image = ARCHITECTURES[record.architecture].image
        assert record.preprocessing.image_size_px == image.image_size_px
        assert (record.preprocessing.mean, record.preprocessing.std) == (CLIP_MEAN, CLIP_STD)
        assert (record.sample_fps, record.segment_frames) == (6.25, 32)
        assert record.licence
        assert record.source
    published = list_weights()[0].record
    assert (published.kind, published.sha256) == ("published", None)


def test_published_weights_that_are_absent(store: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        EmoClip.from_name("emoclip")
    message = str(caught.value)
    assert "https://github.com/NickyFot/EmoCLIP" in message
    assert "emoclip-clinic weights add FILE --name emoclip" in message
    assert str(store) in message


def test_unknown_and_impossible_names(store: Path) -> None:
    with pytest.raises(WeightsError, match="Did you mean 'emoclip'"):
        find_weights("emocllip")
    for name in ("", "../emoclip", "a b", "x" * 65, ".hidden"):
        with pytest.raises(WeightsError, match="letters, digits") as caught:
            find_weights(name)
        assert f"Found: {name!r}." in str(caught.value)
        assert "emoclip-clinic weights list" in str(caught.value)


def test_add_then_use(store: Path, checkpoint: Path, full_state: dict[str, Tensor]) -> None:
    entry = add_weights(
        checkpoint, "mine", architecture="tiny", licence="MIT", sample_fps=12.5, segment_frames=16
    )
    assert entry.state == "found"
    assert entry.path is not None
    assert entry.path.parent == store
    assert entry.path.read_bytes() == checkpoint.read_bytes()
    assert entry.record.sha256 == sha256_file(checkpoint) == hash_weights(entry)
    assert entry.record.size_bytes == checkpoint.stat().st_size
    assert names()["mine"] == "found"
    assert verify_weights("mine") == entry
    checkpoint.unlink()
    model = EmoClip.from_name("mine", device="cpu")
    assert (model.name, model.weights_kind, model.weights_sha256) == ("mine", "user", entry.record.sha256)
    assert (model.sample_fps, model.segment_frames) == (12.5, 16)
    assert torch.equal(model.network.logit_scale, full_state["logit_scale"])
    assert not EmoClip.from_name("mine", device="cpu", text=False).has_text


def test_add_under_a_shipped_name_takes_its_description(
    store: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    protocols = tmp_path / "shipped"
    (protocols / "weights").mkdir(parents=True)
    shipped = {
        "name": "known",
        "kind": "published",
        "architecture": "tiny",
        "licence": "MIT",
        "sample_fps": 5.0,
        "sha256": sha256_file(checkpoint),
    }
    path = protocols / "weights" / "known.yaml"
    path.write_text(yaml.safe_dump(shipped))
    monkeypatch.setattr(registration, "protocols_folder", lambda: protocols)
    record = add_weights(checkpoint, "known").record
    assert (record.kind, record.licence, record.sample_fps) == ("published", "MIT", 5.0)
    with pytest.raises(WeightsError, match="described by a shipped record"):
        add_weights(checkpoint, "known", licence="other")
    path.write_text(yaml.safe_dump(shipped | {"sha256": "0" * 64}))
    with pytest.raises(WeightsError, match=r"sha256 [0-9a-f]{64}, expected 0{64}"):
        add_weights(checkpoint, "known", replace=True)


def test_add_refuses_what_does_not_load(store: Path, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="'vit-b-32' key for key"):
        add_weights(checkpoint, "emoclip")
    with pytest.raises(WeightsError, match="no such file"):
        add_weights(tmp_path / "absent.pth", "mine")
    with pytest.raises(WeightsError, match="generated random weights"):
        add_weights(checkpoint, "tiny-random", architecture="tiny")
    with pytest.raises(WeightsError, match="letters, digits"):
        add_weights(checkpoint, "a/b", architecture="tiny")
    assert not store.exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sample_fps": 0}, "sample_fps = 0: "),
        ({"sample_fps": -3.0}, "sample_fps = -3.0: "),
        ({"sample_fps": float("nan")}, "sample_fps = nan: "),
        ({"segment_frames": 0}, "segment_frames = 0: "),
        ({"segment_frames": 1024}, "segment_frames = 1024"),
        ({"architecture": ""}, "Choose one of: emoclip-small, tiny, vit-b-32"),
    ],
)
def test_add_refuses_values_that_cannot_be_meant(
    values: dict[str, object], words: str, store: Path, checkpoint: Path
) -> None:
    with pytest.raises(WeightsError) as caught:
        add_weights(checkpoint, "mine", **{"architecture": "tiny"} | values)
    assert words in str(caught.value)
    assert caught.value.hint
    assert not store.exists()


def test_add_without_values_takes_those_of_records(store: Path, checkpoint: Path) -> None:
    record = add_weights(checkpoint, "mine", architecture="tiny").record
    assert (record.sample_fps, record.segment_frames, record.licence) == (6.25, 32, "not stated")


def test_a_name_is_replaced_only_on_request(
    store: Path, checkpoint: Path, full_state: dict[str, Tensor], tmp_path: Path
) -> None:
    first = add_weights(checkpoint, "mine", architecture="tiny")
    assert add_weights(checkpoint, "mine", architecture="tiny").path == first.path
    other = tmp_path / "other.pth"
    torch.save({**full_state, "logit_scale": torch.tensor(1.0)}, other)
    with pytest.raises(WeightsError, match=r"taken by other weights.*--replace"):
        add_weights(other, "mine", architecture="tiny")
    assert verify_weights("mine") == find_weights("mine")
    second = add_weights(other, "mine", architecture="tiny", replace=True)
    assert second.record.sha256 == sha256_file(other)
    assert sorted(store.iterdir()) == sorted([store / "mine.yaml", second.path])


def test_a_copy_that_fails_leaves_nothing(
    store: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registration.shutil, "copyfile", full_disk)
    with pytest.raises(StudyError, match="No space left"):
        add_weights(checkpoint, "mine", architecture="tiny")
    assert not list(store.iterdir())
    assert "mine" not in names()


def test_a_missing_file_is_named(store: Path, checkpoint: Path) -> None:
    entry = add_weights(checkpoint, "mine", architecture="tiny", source="https://example.org/mine")
    entry.path.unlink()
    assert names()["mine"] == "absent"
    with pytest.raises(WeightsError) as caught:
        EmoClip.from_name("mine")
    message = str(caught.value)
    assert str(entry.path) in message
    assert f"expected {entry.record.size_bytes} bytes" in message
    assert "https://example.org/mine" in message
    assert "login node" in message
    assert "emoclip-clinic weights add FILE --name mine" in message


def test_a_file_of_another_size_is_altered(store: Path, checkpoint: Path) -> None:
    entry = add_weights(checkpoint, "mine", architecture="tiny")
    with entry.path.open("ab") as stream:
        stream.write(b"x")
    assert names()["mine"] == "altered"
    size = entry.record.size_bytes
    for use in (find_weights, verify_weights, EmoClip.from_name):
        with pytest.raises(WeightsError, match=f"{size + 1} bytes, expected {size}"):
            use("mine")


def test_a_changed_byte_is_found_on_every_load(store: Path, checkpoint: Path) -> None:
    entry = add_weights(checkpoint, "mine", architecture="tiny")
    content = bytearray(entry.path.read_bytes())
    content[len(content) // 2] ^= 1
    entry.path.write_bytes(content)
    for use in (verify_weights, EmoClip.from_name):
        with pytest.raises(WeightsError, match=f"expected {entry.record.sha256}") as caught:
            use("mine")
        assert "bytes" not in str(caught.value)  # the size is as recorded, and no matter
    assert check_weights("mine") == entry  # too cheap to read the content


def test_random_weights_are_verified_by_generating_them(store: Path) -> None:
    entry = verify_weights("tiny-random")
    assert hash_weights(entry) == entry.record.sha256
    assert EmoClip.from_name("tiny-random", device="cpu").weights_sha256 == entry.record.sha256


def test_random_weights_are_warned_of_when_they_are_asked_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, store: Path, checkpoint: Path
) -> None:
    monkeypatch.setattr(registry, "_warned", set())
    add_weights(checkpoint, "mine", architecture="tiny")
    with caplog.at_level(logging.WARNING, logger="emoclip_clinic"):
        for name in ("mine", "tiny-random", "emoclip-random", "tiny-random"):
            check_weights(name)
        EmoClip.from_name("tiny-random", device="cpu")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    for record, name in zip(caplog.records, ("tiny-random", "emoclip-random"), strict=True):
        assert f"WEIGHTS ARE RANDOM: '{name}'" in record.message


@pytest.mark.slow
def test_full_size_random_weights_are_what_the_record_says(store: Path) -> None:
    verify_weights("emoclip-random")


def test_a_studys_own_records_win(store: Path, checkpoint: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    (study / "protocols" / "weights").mkdir(parents=True)
    (study / "models").mkdir()
    checkpoint.rename(study / "models" / "own.pth")
    record = {"name": "emoclip", "kind": "user", "architecture": "tiny", "file": "models/own.pth"}
    (study / "protocols" / "weights" / "emoclip.yaml").write_text(yaml.safe_dump(record))
    assert names(study=study)["emoclip"] == "found"
    assert names()["emoclip"] == "absent"
    model = EmoClip.from_name("emoclip", study=study, device="cpu")
    assert model.weights_kind == "user"
    assert model.weights_sha256 == sha256_file(study / "models" / "own.pth")


def test_a_study_in_a_checkout_of_the_source_does_not_hide_added_weights(
    store: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(protocols_folder().parent)
    with pytest.raises(WeightsError, match="weights add FILE --name emoclip"):
        find_weights("emoclip", study=Path())
    store.mkdir()
    (store / "own.pth").write_bytes(b"x")
    (store / "emoclip.yaml").write_text("name: emoclip\nkind: user\narchitecture: tiny\nfile: own.pth")
    assert find_weights("emoclip", study=Path()).path == store / "own.pth"


def test_what_to_do_about_a_studys_own_record(store: Path, checkpoint: Path, tmp_path: Path) -> None:
    """Registering the file would not help, since the study's record wins over the store."""
    study = tmp_path / "study"
    folder = study / "protocols" / "weights"
    folder.mkdir(parents=True)
    own = {"name": "own", "kind": "user", "architecture": "tiny"}
    for more, hint in (
        ({"file": "models/own.pth"}, f"Put it at {study}/models/own.pth, or correct the record {folder}"),
        ({}, f"Name it as 'file', relative to the study, or correct the record {folder}"),
        ({"file": "own.pth", "source": "Zoë"}, f"Get the file from Zoë. Put it at {study}/own.pth, or"),
        ({"fetch": "Ask Zoë."}, "Ask Zoë. Name it as 'file'"),
    ):
        (folder / "own.yaml").write_text(yaml.safe_dump(own | more))
        with pytest.raises(WeightsError) as caught:
            check_weights("own", study=study)
        assert caught.value.hint.startswith(hint)
        assert "weights add" not in caught.value.hint


def test_a_stored_record_without_a_source_says_what_to_run(store: Path) -> None:
    store.mkdir()
    (store / "own.yaml").write_text("name: own\nkind: user\narchitecture: tiny\nfile: own.pth")
    with pytest.raises(WeightsError) as caught:
        find_weights("own")
    assert caught.value.hint == (
        "On a login node or wherever the file is, run: emoclip-clinic weights add FILE --name own"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "must be YAML"),
        ("", "allowed values"),
        ("name: bad\nkind: random", "the key 'architecture' is missing"),
        ("name: bad\nkind: random\narchitecture: tiny\nsampel_fps: 3", "Did you mean 'sample_fps'?"),
        (
            "name: bad\nkind: random\narchitecture: tiny\npreprocessing: {meen: 3}",
            "'meen' is no key of preprocessing; Did you mean 'mean'?",
        ),
        ("name: bad\nkind: secret\narchitecture: tiny", "kind = 'secret': input should be 'published'"),
        ("name: bad\nkind: user\narchitecture: tiny\nsha256: abc", "sha256 = 'abc'"),
        ("name: bad\nkind: random\narchitecture: tinny", "Did you mean 'tiny'?"),
        (
            "name: bad\nkind: random\narchitecture: tiny\npreprocessing: {image_size_px: 112}",
            "crops of 112 px, not 224",
        ),
        ("name: bad\nkind: random\narchitecture: tiny\nsegment_frames: 2000", "takes 1 to 1023"),
        ("name: other\nkind: user\narchitecture: tiny", "named like its file"),
    ],
)
def test_records_that_are_not_valid(text: str, words: str, store: Path) -> None:
    store.mkdir()
    (store / "bad.yaml").write_text(text)
    for use in (lambda: find_weights("bad"), lambda: check_weights("bad"), list_weights):
        with pytest.raises(WeightsError) as caught:
            use()
        assert words in str(caught.value)
        assert str(store / "bad.yaml") in str(caught.value)
        assert caught.value.hint


def test_records_survive_writing(store: Path) -> None:
    record = WeightsRecord(name="a", kind="user", architecture="tiny", source="Zoë's disk")
    text = yaml.safe_dump(record.model_dump(mode="json"), allow_unicode=True)
    assert WeightsRecord.model_validate(yaml.safe_load(text)) == record


def test_store_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMOCLIP_CLINIC_WEIGHTS", str(tmp_path / "here"))
    assert weights_store() == tmp_path / "here"
    monkeypatch.delenv("EMOCLIP_CLINIC_WEIGHTS")
    assert weights_store().parts[-1] == "weights"
    assert "emoclip-clinic" in weights_store().parts


def test_listing_needs_no_pytorch() -> None:
    code = (
        "import sys; from emoclip_clinic.encoder import list_weights; "
        "list_weights(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
