"""The symmetric contrastive loss, with every copy of a caption in the batch as a right answer."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

__all__ = ["caption_identities", "contrastive_loss"]


def contrastive_loss(
    videos: Tensor,
    texts: Tensor,
    *,
    scale: Tensor,
    all_videos: Tensor,
    all_texts: Tensor,
    identities: Tensor,
    all_identities: Tensor,
) -> Tensor:
    r"""Compute the loss of this process's rows against the batch of all processes.

    Without copies of captions this is the loss of `open_clip.ClipLoss` in its local form. With copies, the
    target of a row is spread evenly over all columns with its caption.

    Parameters
    ----------
    videos, texts : Tensor of shape (b, D)
        L2-normalised embeddings of this process; row i of both belongs together.
    scale : Tensor, scalar
        Inverse temperature.
    all_videos, all_texts : Tensor of shape (B, D)
        Those of all processes, through which gradients flow; `videos` and `texts` for one process.
    identities : Tensor of shape (b,), int64
        Numbers that are equal where captions are.
    all_identities : Tensor of shape (B,), int64
        Those of all processes.

    Returns
    -------
    Tensor, scalar
        The mean over this process's rows. With equal b on all processes, the mean over processes is the loss
        of the whole batch, and the mean of their gradients its gradient.

    Notes
    -----
    With :math:`P_{ij} = [c_i = c_j] / \sum_k [c_i = c_k]` and logits :math:`s\, v_i \cdot t_j`, the loss is
    the mean of the cross-entropy of rows against :math:`P` and that of columns against :math:`P`.

    References
    ----------
    Radford et al. (2021). Learning transferable visual models from natural language supervision.
    https://doi.org/10.48550/arXiv.2103.00020
    Yang et al. (2022). Unified contrastive learning in image-text-label space (the form with several
    positives). https://doi.org/10.48550/arXiv.2204.03610
    """
    same = (identities[:, None] == all_identities[None, :]).to(videos.dtype)
    targets = same / same.sum(dim=1, keepdim=True)
    per_video = scale * videos @ all_texts.T
    per_text = scale * texts @ all_videos.T
    return (cross_entropy(per_video, targets) + cross_entropy(per_text, targets)) / 2


def caption_identities(tokens: Tensor) -> Tensor:
    """Number captions so that equal tokens have equal numbers, on every process alike.

    Parameters
    ----------
    tokens : Tensor of shape (b, L), int64
        Token numbers. Captions that differ only in what is cut off count as equal.

    Returns
    -------
    Tensor of shape (b,), int64
        A polynomial hash modulo 2**64; two different captions share it with negligible probability.
    """
    powers = torch.empty(tokens.shape[1], dtype=torch.int64)
    power = 1
    for position in range(len(powers)):
        powers[position] = power
        power = power * 6364136223846793005 % 2**64
        power -= 2**64 if power >= 2**63 else 0
    return ((tokens + 1) * powers.to(tokens.device)).sum(dim=1)
