"""EmoCLIP for use: face crops, frame embeddings and texts in, embeddings out, whatever the device.

Around the network stand what belongs to its weights (preprocessing, frame rate, hash) and what belongs to
computing (device, precision, batches).
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emoclip_clinic.encoder.architectures import Architecture, get_architecture
from emoclip_clinic.encoder.checkpoints import load_network
from emoclip_clinic.encoder.devices import Precision, resolve_device, resolve_precision
from emoclip_clinic.encoder.network import EmoClipNetwork
from emoclip_clinic.encoder.random_weights import hash_network, random_network
from emoclip_clinic.encoder.records import WeightsRecord, build_record, check_record
from emoclip_clinic.encoder.registry import check_hash, check_weights, hash_weights
from emoclip_clinic.encoder.texts import tokenize
from emoclip_clinic.errors import EncoderError, WeightsError
from emoclip_clinic.study.files import sha256_file

__all__ = ["EmoClip", "load_checkpoint"]

_CROPS_AT_ONCE = 256
_SEGMENTS_AT_ONCE = 128
_TEXTS_AT_ONCE = 64


class EmoClip:
    """EmoCLIP with its weights, ready to encode. Use `EmoClip.from_name` or `load_checkpoint`.

    Parameters
    ----------
    network : EmoClipNetwork
        The network with weights. It is moved to the device, folded unless `fold` is False, and put into
        evaluation mode.
    record : WeightsRecord
        What belongs to the weights; its hash must be known.
    device : str
        See `resolve_device`.
    precision : str
        See `resolve_precision`.
    fold : bool
        Whether to fold the heads of the temporal part. The results are the same; the unfolded form is
        slower and needs more memory.

    Attributes
    ----------
    name : str
        Name of the weights.
    architecture : Architecture
        Sizes and numbers of heads.
    weights_sha256 : str
        Hash of the weights.
    weights_kind : {"published", "user", "random"}
        What kind of weights.
    sample_fps : float
        Sampled frames per second of video that suit the weights.
    segment_frames : int
        Sampled frames of a segment in training.
    image_size_px : int
        Side S of a face crop.
    frame_dim, segment_dim : int
        Sizes of frame embeddings and of segment embeddings.
    device : torch.device
        Where the network is.
    precision : {"fp32", "bf16", "fp16"}
        Arithmetic of the image tower. The temporal part and texts are always computed in float32.
    has_text : bool
        Whether texts can be encoded.
    """

    def __init__(
        self,
        network: EmoClipNetwork,
        *,
        record: WeightsRecord,
        device: str = "auto",
        precision: str = "auto",
        fold: bool = True,
    ) -> None:
        assert record.sha256 is not None
        self.name = record.name
        self.architecture = network.architecture
        self.weights_sha256: str = record.sha256
        self.weights_kind: Literal["published", "user", "random"] = record.kind
        self.sample_fps = record.sample_fps
        self.segment_frames = record.segment_frames
        self.image_size_px = network.architecture.image.image_size_px
        self.frame_dim = self.segment_dim = network.architecture.embed_dim
        self.device = resolve_device(device)
        self.precision: Precision = resolve_precision(precision, self.device)
        self.has_text = network.has_text
        check_record(record, network.architecture)
        if fold:
            network.fold()
        self.network = network.requires_grad_(False).eval().to(self.device)
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(record.preprocessing.mean, device=self.device).view(shape) * 255.0
        self._std = torch.tensor(record.preprocessing.std, device=self.device).view(shape) * 255.0

    @classmethod
    def from_name(
        cls,
        name: str,
        *,
        device: str = "auto",
        precision: str = "auto",
        text: bool | None = None,
        study: Path | None = None,
    ) -> Self:
        """Load registered weights.

        Parameters
        ----------
        name : str
            Name of the weights, see `list_weights`.
        device : str
            ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
        precision : str
            ``"auto"``, ``"fp32"``, ``"bf16"`` or ``"fp16"``: arithmetic of the image tower.
        text : bool, optional
            Whether to load the text tower; by default if the weights file has one. Random weights have one
            only if it is asked for.
        study : Path, optional
            Root of a study, whose own ``protocols/weights`` win.

        Returns
        -------
        EmoClip
            The model.

        Raises
        ------
        WeightsError
            If the weights are not registered, not on this computer, altered, or do not fit their
            architecture.
        SettingsError
            If this computer has no such device, or it does not compute in this precision.

        Examples
        --------
        >>> import numpy as np
        >>> from emoclip_clinic.encoder import EmoClip
        >>> model = EmoClip.from_name("tiny-random", device="cpu")
        >>> crops = np.zeros((32, 224, 224, 3), dtype=np.uint8)
        >>> frames = model.encode_frames(crops)
        >>> model.encode_segments(frames[None]).shape
        torch.Size([1, 64])
        """
        entry = check_weights(name, study=study)
        record = entry.record
        architecture = get_architecture(record.architecture)
        if entry.path is None:
            network = random_network(architecture, seed=record.seed or 0, text=bool(text))
            sha256 = record.sha256 or hash_network(network)
        else:
            sha256 = hash_weights(entry)
            check_hash(entry, sha256)
            network = load_network(entry.path, architecture=architecture, text=text)
        record = record.model_copy(update={"sha256": sha256})
        return cls(network, record=record, device=device, precision=precision)

    def preprocess(self, crops: NDArray[Any] | Tensor) -> Tensor:
        """Normalise face crops with the mean and standard deviation that belong to the weights.

        Parameters
        ----------
        crops : ndarray or Tensor of shape (N, S, S, 3)
            RGB in grey levels from 0 to 255, uint8 or floating point.

        Returns
        -------
        Tensor of shape (N, 3, S, S), float32
            Normalised crops on the model's device.

        Raises
        ------
        EncoderError
            If shape, type or values are others.
        """
        values = _as_tensor(crops, "Crops")
        side = self.image_size_px
        if values.ndim != 4 or tuple(values.shape[1:]) != (side, side, 3):
            raise EncoderError(
                f"Crops must have the shape (N, {side}, {side}, 3)", found=str(tuple(values.shape))
            )
        if values.dtype != torch.uint8 and not values.is_floating_point():
            raise EncoderError("Crops must be uint8 or floating-point grey levels", found=str(values.dtype))
        x = values.to(self.device).to(torch.float32).permute(0, 3, 1, 2)
        return ((x - self._mean) / self._std).contiguous()

    def encode_frames(self, crops: NDArray[Any] | Tensor, *, batch_size: int = _CROPS_AT_ONCE) -> Tensor:
        """Embed face crops, each by itself.

        Parameters
        ----------
        crops : ndarray or Tensor of shape (N, S, S, 3) or (N, 3, S, S)
            Crops in grey levels, see `preprocess`, or preprocessed crops.
        batch_size : int
            Crops encoded at once.

        Returns
        -------
        Tensor of shape (N, D), float32, on the CPU
            Frame embeddings, not L2-normalised: as the temporal part takes them.

        Raises
        ------
        EncoderError
            If shape, type or values cannot be crops.
        """
        values = _as_tensor(crops, "Crops")
        side = self.image_size_px
        ready = tuple(values.shape[1:]) == (3, side, side) and values.is_floating_point()

        def encode(chunk: Tensor) -> Tensor:
            images = chunk.to(self.device, torch.float32) if ready else self.preprocess(chunk)
            if self.precision == "fp32":
                return self.network.encode_frames(images)
            dtype = torch.bfloat16 if self.precision == "bf16" else torch.float16
            with torch.autocast(self.device.type, dtype=dtype):
                return self.network.encode_frames(images)

        if not ready and values.ndim != 4:
            raise EncoderError(
                f"Crops must have the shape (N, {side}, {side}, 3)", found=str(tuple(values.shape))
            )
        return self._in_batches(encode, values, batch_size, self.frame_dim)

    def encode_segments(
        self, frames: NDArray[Any] | Tensor, *, batch_size: int = _SEGMENTS_AT_ONCE
    ) -> Tensor:
        """Embed segments of frame embeddings.

        Overlapping segments share frame embeddings: compute those once, then give the windows.

        Parameters
        ----------
        frames : ndarray or Tensor of shape (B, T, D)
            Frame embeddings, not L2-normalised. All segments of a call have T frames; there is no padding.
        batch_size : int
            Segments encoded at once.

        Returns
        -------
        Tensor of shape (B, D), float32, on the CPU
            Segment embeddings, not L2-normalised.

        Raises
        ------
        EncoderError
            If shape, type or values cannot be frame embeddings.
        """
        values = _as_tensor(frames, "Frame embeddings")
        longest = self.architecture.temporal.positions - 1
        shape = tuple(values.shape)
        if values.ndim != 3 or shape[2] != self.frame_dim or not 1 <= shape[1] <= longest:
            raise EncoderError(
                f"Frame embeddings must have the shape (B, T, {self.frame_dim}), T from 1 to {longest}",
                found=str(shape),
            )
        return self._in_batches(
            lambda chunk: self.network.encode_segments(chunk.to(self.device, torch.float32)),
            values,
            batch_size,
            self.segment_dim,
        )

    def encode_video(self, clips: NDArray[Any] | Tensor, *, batch_size: int = _CROPS_AT_ONCE) -> Tensor:
        """Embed clips of face crops: `encode_frames`, then `encode_segments`.

        Parameters
        ----------
        clips : ndarray or Tensor of shape (B, T, 3, S, S) or (B, T, S, S, 3)
            Preprocessed crops, or crops in grey levels.
        batch_size : int
            Crops encoded at once.

        Returns
        -------
        Tensor of shape (B, D), float32, on the CPU
            Segment embeddings, not L2-normalised.

        Raises
        ------
        EncoderError
            If shape, type or values cannot be clips.
        """
        values = _as_tensor(clips, "Clips")
        if values.ndim != 5:
            side = self.image_size_px
            raise EncoderError(
                f"Clips must have the shape (B, T, 3, {side}, {side}) or (B, T, {side}, {side}, 3)",
                found=str(tuple(values.shape)),
            )
        frames = self.encode_frames(values.flatten(0, 1), batch_size=batch_size)
        return self.encode_segments(frames.view(*values.shape[:2], self.frame_dim))

    def encode_text(self, texts: Sequence[str] | NDArray[np.integer[Any]] | Tensor) -> Tensor:
        """Embed texts.

        Parameters
        ----------
        texts : sequence of str, or integer ndarray or Tensor of shape (C, L)
            Texts in English, or their token numbers, see `tokenize`.

        Returns
        -------
        Tensor of shape (C, D), float32, on the CPU
            Text embeddings, not L2-normalised.

        Raises
        ------
        WeightsError
            If the weights have no text tower.
        EncoderError
            If these are no texts, or no token numbers.
        """
        self._need_text()
        if isinstance(texts, Tensor | np.ndarray):
            tokens = torch.as_tensor(texts)
            self._check_tokens(tokens)
        else:
            tokens = tokenize(texts, self.architecture)
        return self._in_batches(
            lambda chunk: self.network.encode_text(chunk.to(self.device, torch.int64)),
            tokens,
            _TEXTS_AT_ONCE,
            self.segment_dim,
        )

    def logits(self, segments: NDArray[Any] | Tensor, texts: NDArray[Any] | Tensor) -> tuple[Tensor, Tensor]:
        """Compare segments with texts: cosine similarity times the trained inverse temperature.

        Parameters
        ----------
        segments : ndarray or Tensor of shape (B, D)
            Segment embeddings.
        texts : ndarray or Tensor of shape (C, D)
            Text embeddings.

        Returns
        -------
        per_segment : Tensor of shape (B, C), float32, on the CPU
            A row's softmax gives the probability of each text for a segment.
        per_text : Tensor of shape (C, B), float32, on the CPU
            The transpose.

        Raises
        ------
        WeightsError
            If the weights have no text tower, and so no temperature.
        EncoderError
            If shapes or values cannot be embeddings.
        """
        self._need_text()
        given = (_as_tensor(segments, "Segment embeddings"), _as_tensor(texts, "Text embeddings"))
        for values in given:
            if values.ndim != 2 or values.shape[1] != self.segment_dim:
                raise EncoderError(
                    f"Embeddings must have the shape (N, {self.segment_dim})", found=str(tuple(values.shape))
                )
        with torch.inference_mode():
            rows, columns = self.network.logits(*(x.to(self.device, torch.float32) for x in given))
        return rows.cpu(), columns.cpu()

    @property
    def inverse_temperature(self) -> float:
        """Trained factor by which cosine similarities are multiplied before the softmax, see `logits`.

        Raises
        ------
        WeightsError
            If the weights have no text tower, and so no temperature.
        """
        self._need_text()
        return float(self.network.logit_scale.exp())

    def _need_text(self) -> None:
        if not self.has_text:
            raise WeightsError(
                "Texts need weights with a text tower",
                found=f"'{self.name}' without one",
                hint="Give a full EmoCLIP checkpoint, or --text-weights NAME for the text tower of "
                "others; right only where both were trained together.",
            )

    def _check_tokens(self, tokens: Tensor) -> None:
        text = self.architecture.text
        integer = not (tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool)
        if not integer or tokens.ndim != 2 or tokens.shape[1] != text.context_length:
            raise EncoderError(
                f"Token numbers must be integers of shape (C, {text.context_length})",
                found=f"{tokens.dtype} of shape {tuple(tokens.shape)}",
            )
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < text.vocab_size:
            raise EncoderError(
                f"Token numbers must be from 0 to {text.vocab_size - 1}",
                found=f"{int(tokens.min())} to {int(tokens.max())}",
            )

    def _in_batches(
        self, encode: Callable[[Tensor], Tensor], values: Tensor, batch_size: int, width: int
    ) -> Tensor:
        if batch_size < 1:
            raise EncoderError("The batch size must be at least 1", found=batch_size)
        out = torch.empty(len(values), width)
        with torch.inference_mode():
            for start in range(0, len(values), batch_size):
                out[start : start + batch_size] = encode(values[start : start + batch_size])
        return out


def load_checkpoint(
    path: Path | str,
    *,
    architecture: Architecture | str,
    device: str = "auto",
    precision: str = "auto",
    text: bool | None = None,
    fold: bool = True,
    sample_fps: float = 6.25,
    segment_frames: int = 32,
) -> EmoClip:
    """Load a checkpoint that is not registered.

    Parameters
    ----------
    path : Path or str
        The checkpoint, in any form that `load_network` knows.
    architecture : Architecture or str
        What it must fit.
    device, precision : str
        See `EmoClip.from_name`.
    text : bool, optional
        Whether to load the text tower; by default if the file has one.
    fold : bool
        Whether to fold the heads of the temporal part for inference.
    sample_fps : float
        Sampled frames per second that suit the weights.
    segment_frames : int
        Sampled frames of a segment.

    Returns
    -------
    EmoClip
        The model, named like the file.

    Raises
    ------
    WeightsError
        If the file cannot be read or does not fit, or a value is not allowed.
    SettingsError
        If this computer has no such device, or it does not compute in this precision.
    """
    network = load_network(path, architecture=architecture, text=text)
    fields = {
        "name": re.sub(r"[^A-Za-z0-9]+", "-", Path(path).stem).strip("-")[:64] or "checkpoint",
        "kind": "user",
        "architecture": network.architecture.name,
        "source": str(path),
        "sha256": sha256_file(Path(path)),
        "preprocessing": {"image_size_px": network.architecture.image.image_size_px},
        "sample_fps": sample_fps,
        "segment_frames": segment_frames,
    }
    record = build_record(fields, architecture=network.architecture)
    return EmoClip(network, record=record, device=device, precision=precision, fold=fold)


def _as_tensor(values: NDArray[Any] | Tensor, what: str) -> Tensor:
    """The values as a tensor, or an EncoderError if they are no finite numbers."""
    try:
        # PyTorch takes neither read-only nor reversed arrays; such ones are copied.
        tensor = (
            values if isinstance(values, Tensor) else torch.from_numpy(np.require(values, None, ["C", "W"]))
        )
    except (TypeError, ValueError) as error:
        raise EncoderError(f"{what} must be an array of numbers", found=str(error)) from error
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor.sum(dtype=torch.float32))):
        raise EncoderError(f"{what} must be finite", found="NaN or infinity")
    return tensor
