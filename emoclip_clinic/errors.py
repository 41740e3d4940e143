"""The family of errors that the package raises on bad input, and how their messages are composed.

A message has up to four parts: the rule, what was found, where, and what to do next. The command line prints it
without a traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

__all__ = [
    "AgreementError",
    "EmoClipClinicError",
    "EncoderError",
    "FaceError",
    "FormatError",
    "RatingsError",
    "RegressionError",
    "ScaleError",
    "SettingsError",
    "StudyError",
    "VideoError",
    "WeightsError",
    "did_you_mean",
]


class EmoClipClinicError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    rule : str
        What must hold, as a sentence.
    found : object, optional
        The offending value; shown with ``repr`` unless it is a string.
    where : str or Path, optional
        File, row, column or recording.
    hint : str, optional
        What the user can do next, as a sentence.
    """

    def __init__(
        self, rule: str, *, found: object = None, where: str | Path | None = None, hint: str | None = None
    ) -> None:
        self.rule = rule
        self.found = found
        self.where = where
        self.hint = hint
        super().__init__(self._message())

    def _message(self) -> str:
        text = self.rule if self.rule.endswith((".", "!", "?")) else f"{self.rule}."
        if self.found is not None:
            text += f" Found: {self.found if isinstance(self.found, str) else repr(self.found)}."
        if self.where is not None:
            text = f"{self.where}: {text}"
        if self.hint:
            text += f" {self.hint}"
        return text


class StudyError(EmoClipClinicError):
    """The study folder, its recordings table or its identifiers are not usable."""


class SettingsError(EmoClipClinicError):
    """A setting has an unknown name or a value that is not allowed."""


class FormatError(EmoClipClinicError):
    """A file of ours is damaged or has a version that this release does not read."""


class VideoError(EmoClipClinicError):
    """A video cannot be opened or decoded."""


class FaceError(EmoClipClinicError):
    """A face detector, a track or a subject rule is not usable."""


class EncoderError(EmoClipClinicError):
    """What was given to the encoder has a shape, type or value that it cannot take."""


class WeightsError(EmoClipClinicError):
    """Model weights are absent, altered, or do not fit the architecture."""


class ScaleError(EmoClipClinicError):
    """The definition of a rating scale is not valid."""


class RatingsError(EmoClipClinicError):
    """A ratings file holds values that its scale does not allow."""


class RegressionError(EmoClipClinicError, ValueError):
    """The data do not allow the regression that was asked for.

    Also a ``ValueError``, which is what scikit-learn expects of an estimator.
    """


class AgreementError(EmoClipClinicError):
    """The arrays or options given to an agreement statistic cannot be meant."""


def did_you_mean(value: str, options: Iterable[str]) -> str:
    """Compose the sentence that offers the closest option, or all of them if none is close."""
    known = sorted(options)
    close = get_close_matches(value.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    if close:
        match = next(k for k in known if k.lower() == close[0])
        return f"Did you mean '{match}'?"
    return f"Choose one of: {', '.join(known)}." if known else ""
