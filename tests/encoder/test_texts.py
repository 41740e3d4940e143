"""The small vocabulary is CLIP's own with fewer merges: nothing is unknown, and the end is the largest."""

import pytest
import torch

from emoclip_clinic.encoder import get_architecture, tokenize, tokens_needed
from emoclip_clinic.encoder.texts import _tokenizer

SMALL, WHOLE = get_architecture("emoclip-small"), get_architecture("tiny")
TEXTS = ["The eyebrows rise and the jaw drops.", "naïve Ångström, 表情 🙂", "a"]


@pytest.mark.parametrize("architecture", [SMALL, WHOLE], ids=lambda a: a.name)
def test_every_text_comes_back_from_its_tokens(architecture) -> None:
    tokens = tokenize(TEXTS, architecture)
    last = architecture.text.vocab_size - 1
    for row, text in zip(tokens, TEXTS, strict=True):
        end = int(row.argmax())
        assert row[0] == last - 1
        assert row[end] == last
        assert not row[end + 1 :].any()
        decoded = _tokenizer(architecture.text).decode(row[1:end].tolist())
        assert decoded.replace(" ", "") == text.lower().replace(" ", "")
        assert tokens_needed([text], architecture) == [end + 1]


def test_tokens_that_both_vocabularies_have_carry_the_same_number() -> None:
    small, whole = (tokenize(["it is in the"], a)[0] for a in (SMALL, WHOLE))
    assert torch.equal(small[1:5], whole[1:5])


def test_long_texts_are_cut_and_counted() -> None:
    text = "the " * 90
    assert tokens_needed([text, "a"], SMALL) == [92, 3]
    row = tokenize([text], SMALL)[0]
    assert row[-1] == SMALL.text.vocab_size - 1


def test_recomputing_activations_changes_no_gradient() -> None:
    from emoclip_clinic.encoder import build_network

    torch.manual_seed(0)
    network = build_network(SMALL, text=True, device="cpu")
    images = torch.randn(6, 3, 64, 64)
    tokens = tokenize(TEXTS, SMALL)
    gradients = []
    for recompute in (False, True):
        network.save_memory(recompute)
        network.zero_grad()
        segments = network.encode_segments(network.encode_frames(images).view(3, 2, -1))
        (segments * network.encode_text(tokens)).sum().backward()
        gradients.append({n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert len(gradients[0]) == sum(1 for _ in network.parameters()) - 2  # neither temperature takes part
    assert all(torch.allclose(gradients[0][n], gradients[1][n], atol=1e-6) for n in gradients[0])


@pytest.mark.oracle
@pytest.mark.parametrize("architecture", [SMALL, WHOLE], ids=lambda a: a.name)
def test_what_stands_after_the_longest_text_need_not_be_computed(architecture) -> None:
    from emoclip_clinic.encoder import random_network

    network = random_network(architecture, seed=0, text=True)
    tokens = tokenize(TEXTS, architecture)
    with torch.inference_mode():
        torch.testing.assert_close(network.encode_text(tokens), network.backbone.encode_text(tokens))
