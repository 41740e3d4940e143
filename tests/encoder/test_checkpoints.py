"""Every form of checkpoint loads to the same numbers; everything else is refused in words that help."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from emoclip_clinic.encoder import EmoClip, get_architecture, load_checkpoint, load_network
from emoclip_clinic.errors import WeightsError

State = dict[str, Tensor]
Change = Callable[[State], State]


def saved(state: State, path: Path) -> Path:
    torch.save(state, path)
    return path


def load(path: Path, **options: bool) -> EmoClip:
    return load_checkpoint(path, architecture="tiny", device="cpu", **options)


def in_module(state: State) -> State:
    return {f"module.{name}": value for name, value in state.items()}


def with_regressor(state: State) -> State:
    layers = {"mlp.0.weight": (32, 64), "mlp.0.bias": (32,), "mlp.2.weight": (7, 32), "mlp.2.bias": (7,)}
    return {**state, **{name: torch.zeros(shape) for name, shape in layers.items()}}


@pytest.fixture(scope="module")
def clips() -> Tensor:
    return torch.randn(2, 4, 3, 224, 224, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def wanted(full_state: State, clips: Tensor, tmp_path_factory: pytest.TempPathFactory) -> Tensor:
    return load(saved(full_state, tmp_path_factory.mktemp("full") / "a.pth")).encode_video(clips)


FORMS: dict[str, Change] = {
    "plain": lambda x: x,
    "module": in_module,
    "wrapped": lambda x: {"state_dict": x},
}


@pytest.mark.parametrize("form", FORMS)
def test_full_forms(form: str, full_state: State, clips: Tensor, wanted: Tensor, tmp_path: Path) -> None:
    model = load(saved(FORMS[form](full_state), tmp_path / "a.pth"))
    assert model.has_text
    assert torch.equal(model.encode_video(clips), wanted)
    assert model.network.logit_scale == full_state["logit_scale"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("regressor", [False, True])
def test_downstream_forms(
    form: str, regressor: bool, downstream_state: State, clips: Tensor, wanted: Tensor, tmp_path: Path
) -> None:
    state = with_regressor(downstream_state) if regressor else downstream_state
    model = load(saved(FORMS[form](state), tmp_path / "a.pth"))
    assert not model.has_text
    assert torch.equal(model.encode_video(clips), wanted)


def test_safetensors(full_state: State, clips: Tensor, wanted: Tensor, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({name: value.contiguous() for name, value in full_state.items()}, path)
    assert torch.equal(load(path).encode_video(clips), wanted)


def test_legacy_file(full_state: State, clips: Tensor, wanted: Tensor, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(full_state, path, _use_new_zipfile_serialization=False)
    assert torch.equal(load(path).encode_video(clips), wanted)


def test_text_tower_can_be_left_out(full_state: State, clips: Tensor, wanted: Tensor, tmp_path: Path) -> None:
    model = load(saved(full_state, tmp_path / "a.pth"), text=False)
    assert not model.has_text
    assert torch.equal(model.encode_video(clips), wanted)


def test_text_tower_asked_for_but_absent(downstream_state: State, tmp_path: Path) -> None:
    path = saved(downstream_state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"text tower.*downstream EmoCLIP.*--text-weights"):
        load(path, text=True)
    with pytest.raises(WeightsError, match="text tower"):
        load(path).encode_text(["a smile"])
    with pytest.raises(WeightsError, match="text tower"):
        load(path).logits(torch.ones(1, 64), torch.ones(1, 64))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(dtype: torch.dtype, full_state: State, tmp_path: Path) -> None:
    cast = {name: value.to(dtype) for name, value in full_state.items()}
    network = load_network(saved(cast, tmp_path / "a.pth"), architecture="tiny")
    for name, value in network.state_dict().items():
        assert torch.equal(value, cast[name].to(torch.float32))


def test_loaded_network_can_be_trained(full_state: State, tmp_path: Path) -> None:
    path = saved(full_state, tmp_path / "a.pth")
    before = path.read_bytes()
    network = load_network(path, architecture="tiny").train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network.encode_segments(torch.randn(2, 4, 64)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(network.temporal.cls_token, full_state["temporal.cls_token"])
    assert path.read_bytes() == before


def drop(*names: str) -> Change:
    return lambda state: {name: value for name, value in state.items() if name not in names}


def put(name: str, value: Tensor) -> Change:
    return lambda state: {**state, name: value}


def keep(prefix: str, *, without: str = "") -> Change:
    return lambda state: {
        name.removeprefix(without): value for name, value in state.items() if name.startswith(prefix)
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop("temporal.cls_token"), ["missing: 1 (temporal.cls_token)", "a full EmoCLIP"]),
        (put("extra", torch.ones(2)), ["surplus: 1 (extra)"]),
        (put("mlp.0.weight", torch.ones(2)), ["surplus: 1 (mlp.0.weight)"]),
        (
            put("temporal.cls_token", torch.ones(1, 1, 63)),
            ["temporal.cls_token [1, 1, 63] instead of [1, 1, 64]"],
        ),
        (keep("temporal."), ["missing: ", "EmoCLIP's temporal part alone"]),
        (keep("backbone."), ["without its temporal part"]),
        (
            keep("backbone.", without="backbone."),
            ["OpenAI or open_clip weights of a ViT as in the architecture 'tiny'", "without EmoCLIP's"],
        ),
        (lambda _: {"fc.weight": torch.ones(2)}, ["surplus: 1 (fc.weight)", "some other model"]),
        (lambda _: {"vision_model.x": torch.ones(2)}, ["Hugging Face"]),
        (lambda _: {"visual.trunk.x": torch.ones(2)}, ["timm"]),
        (lambda _: {"visual.layer1.0.conv1.weight": torch.ones(2)}, ["CLIP ResNet"]),
        (put("temporal.cls_token", torch.full((1, 1, 64), float("nan"))), ["finite", "temporal.cls_token"]),
        (put("logit_scale", torch.tensor(float("inf"))), ["finite", "(logit_scale)"]),
        (put("temporal.cls_token", torch.ones(1, 1, 64, dtype=torch.int64)), ["floating-point"]),
        (put("epoch", 3), ["no tensors: epoch"]),
        (lambda _: {}, ["no tensor at all"]),
        (lambda _: torch.ones(3), ["a single Tensor"]),
    ],
)
def test_what_does_not_fit(change: Change, words: list[str], full_state: State, tmp_path: Path) -> None:
    path = saved(change(full_state), tmp_path / "wrong.pth")
    with pytest.raises(WeightsError) as caught:
        load(path)
    message = str(caught.value)
    assert str(path) in message
    for word in words:
        assert word in message
    assert caught.value.hint
    assert "--architecture" not in caught.value.hint


def test_other_architecture_is_named(full_state: State, downstream_state: State, tmp_path: Path) -> None:
    for number, state in enumerate((full_state, in_module(with_regressor(downstream_state)))):
        with pytest.raises(WeightsError, match="ViT as in the architecture 'tiny'; missing: ") as caught:
            load_checkpoint(saved(state, tmp_path / f"{number}.pth"), architecture="vit-b-32")
        assert "'vit-b-32' key for key" in str(caught.value)
        assert "backbone." in str(caught.value)
        assert "Add it with --architecture tiny " in caught.value.hint


def test_larger_clip_is_named(tmp_path: Path) -> None:
    blocks = {f"visual.transformer.resblocks.{i}.ln_1.weight": torch.ones(1) for i in range(12)}
    state = {
        "visual.conv1.weight": torch.ones(768, 3, 16, 16),
        "visual.class_embedding": torch.ones(768),
        **blocks,
    }
    with pytest.raises(WeightsError, match="OpenAI or open_clip weights of a ViT-B-16"):
        load_checkpoint(saved(state, tmp_path / "b16.pt"), architecture="vit-b-32")


def test_unknown_architecture(full_state: State, tmp_path: Path) -> None:
    path = saved(full_state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="Did you mean 'vit-b-32'"):
        load_checkpoint(path, architecture="vit-b32")


def test_a_record_of_ones_own_is_an_architecture(full_state: State, tmp_path: Path) -> None:
    path = saved(full_state, tmp_path / "my model (2).pth")
    model = load_checkpoint(
        path, architecture=get_architecture("tiny"), device="cpu", sample_fps=12.5, segment_frames=16
    )
    assert (model.name, model.weights_kind) == ("my-model-2", "user")
    assert (model.sample_fps, model.segment_frames) == (12.5, 16)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sample_fps": -1}, "sample_fps = -1: "),
        ({"sample_fps": 0}, "sample_fps = 0: "),
        ({"segment_frames": 0}, "segment_frames = 0: "),
        ({"segment_frames": 1024}, "takes 1 to 1023"),
    ],
)
def test_values_that_cannot_be_meant(
    values: dict[str, float], words: str, full_state: State, tmp_path: Path
) -> None:
    path = saved(full_state, tmp_path / "a.pth")
    with pytest.raises(WeightsError) as caught:
        load_checkpoint(path, architecture="tiny", device="cpu", **values)
    assert words in str(caught.value)
    assert caught.value.hint
