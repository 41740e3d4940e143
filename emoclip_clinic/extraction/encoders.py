"""The model of a run: loaded when the first recording needs it, then shared by all."""

from functools import cached_property
from typing import TYPE_CHECKING

from emoclip_clinic.encoder import WeightsEntry, check_weights, hash_weights
from emoclip_clinic.errors import SettingsError
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.sidecar import WeightsRecord

if TYPE_CHECKING:
    from emoclip_clinic.encoder import EmoClip

__all__ = ["Encoders"]


class Encoders:
    """Weights by name: what the registry knows of them at once, the loaded model when it is needed.

    Parameters
    ----------
    settings : ExtractSettings
        Names the weights, device and precision.
    study : Study
        Whose own weights records win.
    encoder : EmoClip, optional
        A model that is loaded already.

    Raises
    ------
    WeightsError
        If the weights are not registered or not on this computer.
    SettingsError
        If the loaded model is not the one that the settings ask for.
    """

    def __init__(self, settings: ExtractSettings, *, study: Study, encoder: "EmoClip | None" = None) -> None:
        self._settings = settings
        self._study = study
        self.entry: WeightsEntry = check_weights(settings.model, study=study.root)
        if encoder is not None:
            self._check_loaded(encoder)
            self.__dict__["encoder"] = encoder

    @cached_property
    def weights_sha256(self) -> str:
        """Hash of the weights; of the file if the record does not tell."""
        return self.entry.record.sha256 or hash_weights(self.entry)

    @cached_property
    def encoder(self) -> "EmoClip":
        """The model.

        Raises
        ------
        WeightsError
            If the weights are damaged or do not fit.
        SettingsError
            If the device or precision is not to be had.
        """
        from emoclip_clinic.encoder import EmoClip

        settings = self._settings
        return EmoClip.from_name(
            settings.model,
            device=settings.device,
            precision=settings.precision,
            text=False,
            study=self._study.root,
        )

    def record(self) -> WeightsRecord:
        """What a sidecar says of the weights."""
        record = self.entry.record
        return WeightsRecord(
            name=record.name, kind=record.kind, sha256=self.weights_sha256, architecture=record.architecture
        )

    def _check_loaded(self, encoder: "EmoClip") -> None:
        asked = (self._settings.model, self.weights_sha256[:8])
        given = (encoder.name, encoder.weights_sha256[:8])
        if asked != given:
            raise SettingsError(
                "The loaded model must be the one of the settings",
                found=f"{given[0]} ({given[1]}), not {asked[0]} ({asked[1]})",
            )
        if self._settings.precision not in ("auto", encoder.precision):
            raise SettingsError(
                "The loaded model must compute in the precision of the settings",
                found=f"{encoder.precision}, not {self._settings.precision}",
            )
