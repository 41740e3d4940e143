"""The loss: a transcription of its definition, open_clip's own, and what it is where nothing is learnt."""

import math

import numpy as np
import pytest
import torch
from open_clip import ClipLoss
from torch import Tensor
from torch.nn.functional import normalize

from emoclip_clinic.encoder import get_architecture, tokenize
from emoclip_clinic.pretraining.training import contrastive_loss
from emoclip_clinic.pretraining.training.loss import caption_identities

N, D, SCALE = 7, 5, torch.tensor(9.0)


def embeddings(seed: int) -> Tensor:
    return normalize(torch.randn(N, D, generator=torch.Generator().manual_seed(seed)), dim=-1)


def loss_of(videos: Tensor, texts: Tensor, identities: Tensor) -> Tensor:
    return contrastive_loss(
        videos,
        texts,
        scale=SCALE,
        all_videos=videos,
        all_texts=texts,
        identities=identities,
        all_identities=identities,
    )


def naive(videos: np.ndarray, texts: np.ndarray, identities: list[int]) -> float:
    """For each row, the mean surprise of its right columns; both directions; no vector operation."""
    total = 0.0
    for queries, keys in ((videos, texts), (texts, videos)):
        for i, query in enumerate(queries):
            logits = [9.0 * float(query @ key) for key in keys]
            log_sum = math.log(sum(math.exp(x) for x in logits))
            right = [j for j, other in enumerate(identities) if other == identities[i]]
            total += sum(log_sum - logits[j] for j in right) / len(right)
    return total / (2 * len(identities))


@pytest.mark.parametrize("identities", [list(range(N)), [0, 1, 0, 2, 1, 0, 3], [0] * N])
def test_it_is_what_its_definition_says(identities: list[int]) -> None:
    videos, texts = embeddings(0), embeddings(1)
    found = float(loss_of(videos, texts, torch.tensor(identities)))
    assert found == pytest.approx(naive(videos.numpy(), texts.numpy(), identities), abs=1e-5)


@pytest.mark.oracle
def test_without_copies_it_is_open_clips_loss_with_its_gradients() -> None:
    videos, texts = embeddings(0).requires_grad_(), embeddings(1).requires_grad_()
    ours = loss_of(videos, texts, torch.arange(N))
    theirs = ClipLoss()(videos, texts, SCALE)
    torch.testing.assert_close(ours, theirs)
    for a, b in zip(
        torch.autograd.grad(ours, (videos, texts)), torch.autograd.grad(theirs, (videos, texts)), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_the_mean_of_two_halves_against_the_whole_is_the_whole() -> None:
    videos, texts, identities = embeddings(0)[:6], embeddings(1)[:6], torch.tensor([0, 1, 0, 2, 1, 0])
    halves = [
        contrastive_loss(
            videos[rows],
            texts[rows],
            scale=SCALE,
            all_videos=videos,
            all_texts=texts,
            identities=identities[rows],
            all_identities=identities,
        )
        for rows in (slice(3), slice(3, 6))
    ]
    torch.testing.assert_close(torch.stack(halves).mean(), loss_of(videos, texts, identities))


def test_order_does_not_matter_and_equal_embeddings_cost_the_logarithm_of_the_batch() -> None:
    videos, texts, identities = embeddings(0), embeddings(1), torch.tensor([0, 1, 0, 2, 1, 0, 3])
    order = torch.randperm(N, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(
        loss_of(videos[order], texts[order], identities[order]), loss_of(videos, texts, identities)
    )
    same = videos[:1].expand(N, D)
    assert float(loss_of(same, same, identities)) == pytest.approx(math.log(N), abs=1e-5)


def test_a_copy_of_the_caption_is_no_wrong_answer() -> None:
    videos = normalize(torch.tensor([[1.0, 0.1], [1.0, -0.1], [-1.0, 0.0]]), dim=-1)
    texts = normalize(torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]), dim=-1)
    known = loss_of(videos, texts, torch.tensor([0, 0, 1]))
    unknown = loss_of(videos, texts, torch.tensor([0, 1, 2]))
    assert float(known) == pytest.approx(float(unknown), abs=1e-6)  # both copies are equally likely, so far
    apart = loss_of(videos, texts + torch.tensor([[0.0, 0.3], [0.0, -0.3], [0.0, 0.0]]), torch.arange(3))
    assert float(apart) < float(unknown)  # without the identities, copies are pushed apart


def test_identities_are_equal_where_tokens_are() -> None:
    texts = ["she smiles", "She  smiles", "he smiles", "smiles she", "she smiles."]
    numbers = caption_identities(tokenize(texts, get_architecture("emoclip-small"))).tolist()
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 4
    many = [f"{a} {b} {c}" for a in "abcdefgh" for b in "abcdefgh" for c in "abcdefgh"]
    assert len(set(caption_identities(tokenize(many, get_architecture("emoclip-small"))).tolist())) == 512
