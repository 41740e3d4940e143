"""From texts to token numbers, with CLIP's vocabulary as it ships with open_clip, whole or cut."""

from collections.abc import Sequence
from functools import cache

from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from emoclip_clinic.encoder.architectures import Architecture, TextTower
from emoclip_clinic.errors import EncoderError

__all__ = ["tokenize", "tokens_needed"]

_BYTES = 512  # every byte, inside a word and at its end
_SPECIAL = ("<start_of_text>", "<end_of_text>")


class _CutTokenizer(SimpleTokenizer):  # type: ignore[misc]
    """CLIP's tokenizer with its first merges only: any text has tokens, rare words have several.

    Merges stand in the order in which they were learnt, so that the first ones are the most frequent.
    """

    encoder: dict[str, int]
    bpe_ranks: dict[tuple[str, str], int]

    def __init__(self, text: TextTower) -> None:
        super().__init__(context_length=text.context_length)
        n_kept = text.vocab_size - len(_SPECIAL)
        kept = [token for token, number in self.encoder.items() if number < n_kept]
        self.encoder = {token: number for number, token in enumerate([*kept, *_SPECIAL])}
        self.decoder = {number: token for token, number in self.encoder.items()}
        self.bpe_ranks = {pair: rank for pair, rank in self.bpe_ranks.items() if rank < n_kept - _BYTES}
        self.vocab_size = len(self.encoder)
        self.all_special_ids = [self.encoder[token] for token in _SPECIAL]
        self.sot_token_id, self.eot_token_id = self.all_special_ids


@cache
def _tokenizer(text: TextTower) -> SimpleTokenizer:
    whole = SimpleTokenizer(context_length=text.context_length)
    return whole if whole.vocab_size == text.vocab_size else _CutTokenizer(text)


def tokenize(texts: Sequence[str], architecture: Architecture) -> Tensor:
    """Turn texts into token numbers.

    Parameters
    ----------
    texts : sequence of str
        Texts in English; what exceeds the context length is cut off, as in CLIP.
    architecture : Architecture
        Its text tower states the context length L and the size of the vocabulary.

    Returns
    -------
    Tensor of shape (C, L), int64
        Token numbers: start, text, end, then zeros.

    Raises
    ------
    EncoderError
        If there is no text, one is empty, or one is no text.

    References
    ----------
    Sennrich, Haddow and Birch (2016). Neural machine translation of rare words with subword units.
    https://doi.org/10.18653/v1/P16-1162
    """
    _check_texts(texts)
    tokens: Tensor = _tokenizer(architecture.text)(list(texts))
    return tokens


def tokens_needed(texts: Sequence[str], architecture: Architecture) -> list[int]:
    """Count the tokens of texts before anything is cut off.

    Parameters
    ----------
    texts : sequence of str
        Texts in English.
    architecture : Architecture
        Its text tower states the vocabulary.

    Returns
    -------
    list of int
        Tokens of each text, start and end included. What exceeds the context length will be cut off.

    Raises
    ------
    EncoderError
        As `tokenize`.
    """
    _check_texts(texts)
    tokenizer = _tokenizer(architecture.text)
    return [len(tokenizer.encode(text)) + len(_SPECIAL) for text in texts]


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str) or not texts:
        raise EncoderError("Texts must be given as a list with at least one text", found=texts)
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise EncoderError(
                "Every text must be a string that is not empty", found=repr(text), where=f"text {number}"
            )
