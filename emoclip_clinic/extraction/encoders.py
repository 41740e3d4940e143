"""The model of a run: loaded when the first recording needs it, then shared by all."""

from functools import cached_property
from typing import TYPE_CHECKING

from emoclip_clinic.encoder import WeightsEntry, find_weights, hash_weights
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
    """

    def __init__(self, settings: ExtractSettings, *, study: Study, encoder: "EmoClip | None" = None) -> None:
        self._settings = settings
        self._study = study
        self.entry: WeightsEntry = find_weights(settings.model, study=study.root)
        if encoder is not None:
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

    def check_device(self) -> None:
        """Check that device and precision are to be had, before any work.

        Raises
        ------
        SettingsError
            If they are not.
        """
        from emoclip_clinic.encoder import resolve_device, resolve_precision

        resolve_precision(self._settings.precision, resolve_device(self._settings.device))

    def record(self) -> WeightsRecord:
        """What a sidecar says of the weights."""
        record = self.entry.record
        return WeightsRecord(
            name=record.name, kind=record.kind, sha256=self.weights_sha256, architecture=record.architecture
        )
