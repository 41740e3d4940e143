"""`EmoClip` from the outside: preprocessing, batches, devices, warnings, and what it refuses."""

import doctest
import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from emoclip_clinic import encoder
from emoclip_clinic.encoder import (
    EmoClip,
    load_checkpoint,
    resolve_device,
    resolve_precision,
    tokenize,
)
from emoclip_clinic.errors import EncoderError, SettingsError, WeightsError

Distance = Callable[[object, object], float]


@pytest.fixture(scope="module")
def tiny() -> EmoClip:
    return EmoClip.from_name("tiny-random", device="cpu", text=True)


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 224, 224, 3), dtype=np.uint8)


def test_what_a_model_says_of_itself(tiny: EmoClip) -> None:
    assert tiny.name == "tiny-random"
    assert tiny.architecture.name == "tiny"
    assert tiny.weights_kind == "random"
    assert len(tiny.weights_sha256) == 64
    assert (tiny.sample_fps, tiny.segment_frames, tiny.image_size_px) == (6.25, 32, 224)
    assert (tiny.frame_dim, tiny.segment_dim) == (64, 64)
    assert (tiny.device.type, tiny.precision, tiny.has_text) == ("cpu", "fp32", True)


def test_preprocessing_is_clips(tiny: EmoClip, crops: np.ndarray) -> None:
    mean, std = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    wanted = ((crops / 255.0 - mean) / std).transpose(0, 3, 1, 2)
    images = tiny.preprocess(crops)
    assert images.dtype == torch.float32
    np.testing.assert_allclose(images.numpy(), wanted, atol=2e-6)
    np.testing.assert_allclose(
        tiny.preprocess(crops.astype(np.float32) + 0.25).numpy()[0, 0, 0, 0],
        ((crops[0, 0, 0, 0] + 0.25) / 255.0 - mean[0]) / std[0],
        atol=2e-6,
    )


def test_every_way_to_give_crops(tiny: EmoClip, crops: np.ndarray, distance: Distance) -> None:
    wanted = tiny.encode_frames(crops)
    assert wanted.dtype == torch.float32
    assert torch.equal(tiny.encode_frames(torch.from_numpy(crops)), wanted)
    assert torch.equal(tiny.encode_frames(crops.astype(np.float64)), wanted)
    assert torch.equal(tiny.encode_frames(tiny.preprocess(crops)), wanted)
    frozen = crops.copy()
    frozen.setflags(write=False)
    assert torch.equal(tiny.encode_frames(frozen), wanted)
    assert distance(tiny.encode_frames(crops[::-1]).flip(0), wanted) < 1e-6
    assert distance(tiny.encode_frames(crops, batch_size=4), wanted) < 1e-6
    assert torch.equal(torch.as_tensor(np.asarray(wanted)), wanted)


def test_video_is_frames_then_segments(tiny: EmoClip, crops: np.ndarray, distance: Distance) -> None:
    clips = np.stack([crops[:3], crops[3:]])
    wanted = tiny.encode_segments(tiny.encode_frames(crops).view(2, 3, 64))
    assert distance(tiny.encode_video(clips), wanted) < 1e-6
    preprocessed = tiny.preprocess(crops).view(2, 3, 3, 224, 224)
    assert distance(tiny.encode_video(preprocessed, batch_size=4), wanted) < 1e-6


def test_overlapping_segments_share_frames(tiny: EmoClip, crops: np.ndarray, distance: Distance) -> None:
    frames = tiny.encode_frames(crops)
    windows = np.lib.stride_tricks.sliding_window_view(frames.numpy(), 4, axis=0).swapaxes(1, 2)
    together = tiny.encode_segments(windows, batch_size=2)
    for start in range(3):
        assert distance(together[start], tiny.encode_video(crops[None, start : start + 4])[0]) < 1e-6


def test_half_precision_frames_are_taken(tiny: EmoClip) -> None:
    frames = np.random.default_rng(1).standard_normal((2, 4, 64)).astype(np.float16)
    assert torch.equal(tiny.encode_segments(frames), tiny.encode_segments(frames.astype(np.float32)))


def test_nothing_gives_nothing(tiny: EmoClip) -> None:
    assert tiny.encode_frames(np.zeros((0, 224, 224, 3), np.uint8)).shape == (0, 64)
    assert tiny.encode_segments(np.zeros((0, 4, 64), np.float32)).shape == (0, 64)


def test_longest_segment(tiny: EmoClip) -> None:
    assert tiny.encode_segments(torch.zeros(1, 1023, 64)).isfinite().all()
    with pytest.raises(EncoderError, match="T from 1 to 1023"):
        tiny.encode_segments(torch.zeros(1, 1024, 64))


@pytest.mark.parametrize(
    ("crops", "words"),
    [
        (np.zeros((2, 112, 112, 3), np.uint8), r"\(2, 112, 112, 3\)"),
        (np.zeros((224, 224, 3), np.uint8), r"\(224, 224, 3\)"),
        (np.zeros((2, 3, 224, 224), np.uint8), r"\(2, 3, 224, 224\)"),
        (np.zeros((2, 224, 224, 1), np.uint8), r"\(2, 224, 224, 1\)"),
        (np.zeros((2, 224, 224, 3), np.int64), "int64"),
        (np.full((1, 224, 224, 3), np.nan, np.float32), "finite"),
        (np.full((1, 3, 224, 224), np.inf, np.float32), "finite"),
        (np.array([[object()]]), "array of numbers"),
        ("face.png", "array of numbers"),
    ],
)
def test_what_cannot_be_crops(tiny: EmoClip, crops: np.ndarray, words: str) -> None:
    with pytest.raises(EncoderError, match=words):
        tiny.encode_frames(crops)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (np.zeros((4, 64), np.float32), r"\(4, 64\)"),
        (np.zeros((1, 4, 63), np.float32), r"\(1, 4, 63\)"),
        (np.zeros((1, 0, 64), np.float32), r"\(1, 0, 64\)"),
        (np.full((1, 4, 64), np.nan, np.float32), "finite"),
    ],
)
def test_what_cannot_be_frame_embeddings(tiny: EmoClip, frames: np.ndarray, words: str) -> None:
    with pytest.raises(EncoderError, match=words):
        tiny.encode_segments(frames)


def test_other_bad_input(tiny: EmoClip, crops: np.ndarray) -> None:
    with pytest.raises(EncoderError, match="Clips must have the shape"):
        tiny.encode_video(crops)
    with pytest.raises(EncoderError, match="at least 1"):
        tiny.encode_frames(crops, batch_size=0)
    with pytest.raises(EncoderError, match=r"\(N, 64\)"):
        tiny.logits(torch.ones(2, 63), torch.ones(2, 64))
    with pytest.raises(EncoderError, match="finite"):
        tiny.logits(torch.full((2, 64), torch.nan), torch.ones(2, 64))


def test_texts(tiny: EmoClip, distance: Distance) -> None:
    texts = ["a broad smile", "A  broad SMILE", "a frown with narrowed eyes"]
    embeddings = tiny.encode_text(texts)
    assert torch.equal(embeddings[0], embeddings[1])  # case and spacing do not count in CLIP
    assert distance(tiny.encode_text(texts[2:]), embeddings[2:]) < 1e-6
    tokens = tokenize(texts, tiny.architecture)
    assert torch.equal(tiny.encode_text(tokens), embeddings)
    assert torch.equal(tiny.encode_text(tokens.numpy().astype(np.int32)), embeddings)
    per_segment, per_text = tiny.logits(np.ones((2, 64), np.float32), embeddings)
    assert per_segment.shape == (2, 3)
    assert torch.equal(per_segment.T, per_text)


def test_long_texts_are_cut_and_keep_their_end(tiny: EmoClip) -> None:
    tokens = tokenize(["smile " * 200], tiny.architecture)
    assert tokens.shape == (1, 77)
    assert (int(tokens[0, 0]), int(tokens[0, -1])) == (49406, 49407)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([], "at least one text"),
        ("a smile", "as a list"),
        (["a smile", "  "], "text 1"),
        (["a smile", 3], "text 1"),
        (torch.zeros(2, 76, dtype=torch.int64), r"shape \(2, 76\)"),
        (torch.zeros(2, 77), "float32"),
        (torch.full((1, 77), 49408), "0 to 49407"),
        (torch.full((1, 77), -1), "0 to 49407"),
    ],
)
def test_what_cannot_be_texts(tiny: EmoClip, texts: object, words: str) -> None:
    with pytest.raises(EncoderError, match=words):
        tiny.encode_text(texts)


def test_random_weights_have_texts_only_on_request(tiny: EmoClip) -> None:
    silent = EmoClip.from_name("tiny-random", device="cpu")
    assert not silent.has_text
    assert silent.weights_sha256 == tiny.weights_sha256
    with pytest.raises(WeightsError, match="'tiny-random' without one"):
        silent.encode_text(["a smile"])


def test_unfolded_form_gives_the_same(
    tiny: EmoClip, full_state: dict[str, Tensor], tmp_path: Path, distance: Distance
) -> None:
    path = tmp_path / "a.pth"
    torch.save(full_state, path)
    frames = np.random.default_rng(2).standard_normal((3, 8, 64)).astype(np.float32)
    plain, folded = (
        load_checkpoint(path, architecture="tiny", device="cpu", fold=fold).encode_segments(frames)
        for fold in (False, True)
    )
    assert not torch.equal(plain, folded)
    assert distance(folded, plain) < 1e-6


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert resolve_device("auto") == resolve_device("cpu") == torch.device("cpu")
    for absent in ("cuda", "cuda:0", "mps"):
        with pytest.raises(SettingsError, match="present on this computer"):
            resolve_device(absent)
    for unknown in ("gpu", "cpu:1", "cuda:x", "cuda:-1", "mps:0", ""):
        with pytest.raises(SettingsError, match="must be auto, cpu, cuda"):
            resolve_device(unknown)
    with pytest.raises(SettingsError, match="Did you mean 'cuda'"):
        resolve_device("cudaa")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("auto") == torch.device("cuda")
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(SettingsError, match="with 2 CUDA devices"):
        resolve_device("cuda:2")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("mps") == torch.device("mps")


def test_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, cuda, mps = torch.device("cpu"), torch.device("cuda"), torch.device("mps")
    assert resolve_precision("auto", cpu) == resolve_precision("auto", mps) == "fp32"
    for half in ("bf16", "fp16"):
        assert resolve_precision(half, cuda) == half
        with pytest.raises(SettingsError, match="needs a CUDA device"):
            resolve_precision(half, cpu)
    with pytest.raises(SettingsError, match="Did you mean 'fp16'"):
        resolve_precision("fp61", cuda)
    for supported, wanted in ((True, "bf16"), (False, "fp16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation, s=supported: s)
        assert resolve_precision("auto", cuda) == wanted


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this computer has no CUDA device")
@pytest.mark.parametrize(("precision", "bound"), [("fp32", 1e-5), ("fp16", 1e-2), ("bf16", 5e-2)])
def test_cuda_equals_cpu(
    precision: str, bound: float, tiny: EmoClip, crops: np.ndarray, distance: Distance
) -> None:
    there = EmoClip.from_name("tiny-random", device="cuda", precision=precision)
    frames = there.encode_frames(crops)
    assert frames.device.type == "cpu"
    assert distance(frames, tiny.encode_frames(crops)) < bound
    assert distance(there.encode_segments(frames[None]), tiny.encode_segments(frames[None])) < 1e-5


def test_half_precision_applies_to_the_image_tower_only(
    tiny: EmoClip, crops: np.ndarray, monkeypatch: pytest.MonkeyPatch, distance: Distance
) -> None:
    """Autocast runs on a CPU too, so that its path is tested without a GPU."""
    exact = tiny.encode_frames(crops)
    monkeypatch.setattr(tiny, "precision", "bf16")
    rounded = tiny.encode_frames(crops)
    assert 1e-4 < distance(rounded, exact) < 5e-2
    assert rounded.dtype == torch.float32
    in_bf16 = tiny.encode_segments(exact[None])
    monkeypatch.setattr(tiny, "precision", "fp32")
    assert torch.equal(tiny.encode_segments(exact[None]), in_bf16)


@pytest.mark.parametrize("module", ["model", "registry"])
def test_examples_run(module: str, store: Path) -> None:
    found = importlib.import_module(f"emoclip_clinic.encoder.{module}")
    outcome = doctest.testmod(found)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_public_names_are_there() -> None:
    for name in encoder.__all__:
        assert getattr(encoder, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'EmoClipp'"):
        _ = encoder.EmoClipp
