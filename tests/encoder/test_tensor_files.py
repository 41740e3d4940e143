"""Files that hold no tensors, or more than tensors, are refused; nothing in them is ever run."""

import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from emoclip_clinic.encoder.tensor_files import read_tensors
from emoclip_clinic.errors import WeightsError


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.target),)


def archive(value: object, *, legacy: bool = False) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return stream.getvalue()


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as file:
        file.addfile(tarfile.TarInfo("weights.pth"))
    return stream.getvalue()


def numpy_file() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.ones(3))
    return stream.getvalue()


GOOD = archive({"a": torch.ones(50, 50), "b": torch.zeros(3)})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file (0 bytes)"),
        (b"<!DOCTYPE html><html><title>Drive - Virus scan warning", "a web page (HTML)"),
        (b"\n <html>", "a web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
        (b"\x1f\x8b\x08\x00abc", "compressed"),
        (tarred(), "compressed or bundled"),
        (b"RIFF1234AVI ", "starts with b'RIFF1234'"),
        (b"a", "starts with b'a'"),
        (pickle.dumps({"a": 1}), "a Python pickle, which can run any code"),
        (GOOD[: len(GOOD) // 2], "damaged or cut short after"),
        (GOOD[:-30], "damaged or cut short after"),
        (zipped("hello.txt"), "a ZIP archive of something else"),
        (numpy_file(), "a ZIP archive of something else"),
        (zipped("m/constants.pkl", "m/code/__torch__/x.py"), "a TorchScript archive, not EmoCLIP"),
        (
            zipped("m/constants.pkl", "m/code/__torch__/multimodal/model/x.py"),
            "an OpenAI CLIP TorchScript archive",
        ),
        (zipped("m/data.pkl", "m/version"), "a damaged file"),
        (archive({"a": torch.ones(3)}, legacy=True)[:-20], "a damaged file"),
        (save({"a": torch.ones(30)})[:-10], "a damaged safetensors file"),
        (archive(torch.nn.Linear(2, 2)), "unpickling of torch.nn.modules.linear.Linear"),
        (archive({"a": torch.ones(3), "epoch": 4}), "entries that are no tensors: epoch"),
        (archive([torch.ones(3)]), "a single list"),
        (save({}), "no tensor at all"),
    ],
)
def test_refusals(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "Gewichte von Zoë.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_tensors(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.hint


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no such file.*emoclip-clinic weights list"):
        read_tensors(tmp_path / "absent.pth")
    with pytest.raises(WeightsError, match="a folder"):
        read_tensors(tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="this user may read every file")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(GOOD)
    path.chmod(0)
    with pytest.raises(WeightsError, match=r"readable.*Permission denied"):
        read_tensors(path)


@pytest.mark.parametrize("write", ["archive", "legacy", "pickle"])
def test_nothing_is_run(write: str, tmp_path: Path) -> None:
    target = tmp_path / "made by the file"
    trap = {"a": torch.ones(3), "trap": Trap(target)}
    path = tmp_path / "trap.pth"
    path.write_bytes(pickle.dumps(trap) if write == "pickle" else archive(trap, legacy=write == "legacy"))
    with pytest.raises(WeightsError, match=r"run (any )?code"):
        read_tensors(path)
    assert not target.exists()
    torch.load(io.BytesIO(archive(trap)), weights_only=False)
    assert target.exists()  # the trap works


def test_values_survive(tmp_path: Path) -> None:
    wanted = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(3.0), "c": torch.ones(2).half()}
    for name, content in {
        "a.pth": archive(wanted),
        "b": archive(wanted, legacy=True),
        "c": save(wanted),
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        for apart in (None, "b"):
            read = read_tensors(path, apart=apart)
            assert read.keys() == wanted.keys()
            for key, value in wanted.items():
                assert torch.equal(read[key], value)
                assert read[key].dtype == value.dtype


@pytest.mark.parametrize("write", [archive, save])
def test_what_is_read_apart_is_mapped_apart(
    write: Callable[[dict[str, torch.Tensor]], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(write({"a": torch.ones(64), "b": torch.zeros(64), "c": torch.ones(64)}))
    together, apart = read_tensors(path), read_tensors(path, apart="b")

    def distance(tensors: dict[str, torch.Tensor], name: str) -> int:
        return tensors[name].data_ptr() - tensors["a"].data_ptr()

    # Within one mapping, tensors are as far from each other as in the file.
    assert distance(apart, "c") == distance(together, "c")
    assert distance(apart, "b") != distance(together, "b")


def test_tensors_of_legacy_files_have_memory_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(archive({"a": torch.ones(64), "b": torch.zeros(64)}, legacy=True))
    storages = [value.untyped_storage() for value in read_tensors(path, apart="b").values()]
    assert [storage.nbytes() for storage in storages] == [256, 256]
    assert len({storage.data_ptr() for storage in storages}) == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, len(GOOD) - 1), noise=st.binary(min_size=1, max_size=40), cut=st.booleans())
def test_damaged_files_raise_our_error_or_load(
    position: int, noise: bytes, cut: bool, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.pth"
    path.write_bytes(GOOD[:position] + noise + (b"" if cut else GOOD[position + len(noise) :]))
    try:
        tensors = read_tensors(path)
    except WeightsError:
        return
    assert all(isinstance(value, torch.Tensor) for value in tensors.values())
