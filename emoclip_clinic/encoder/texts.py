"""From texts to token numbers, with CLIP's vocabulary as it ships with open_clip."""

from collections.abc import Sequence
from functools import cache

from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from emoclip_clinic.encoder.architectures import Architecture
from emoclip_clinic.errors import EncoderError

__all__ = ["tokenize"]


@cache
def _tokenizer(context_length: int) -> SimpleTokenizer:
    return SimpleTokenizer(context_length=context_length)


def tokenize(texts: Sequence[str], architecture: Architecture) -> Tensor:
    """Turn texts into token numbers.

    Parameters
    ----------
    texts : sequence of str
        Texts in English; what exceeds the context length is cut off, as in CLIP.
    architecture : Architecture
        Its text tower states the context length L.

    Returns
    -------
    Tensor of shape (C, L), int64
        Token numbers: start, text, end, then zeros.

    Raises
    ------
    EncoderError
        If there is no text, one is empty, or one is no text.
    """
    if isinstance(texts, str) or not texts:
        raise EncoderError("Texts must be given as a list with at least one text", found=texts)
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise EncoderError(
                "Every text must be a string that is not empty", found=repr(text), where=f"text {number}"
            )
    tokens: Tensor = _tokenizer(architecture.text.context_length)(list(texts))
    return tokens
