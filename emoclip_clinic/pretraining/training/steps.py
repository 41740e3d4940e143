"""What a step of each stage computes: its loss, its evaluation, and what must be kept to go on with it."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.parallel import DistributedDataParallel

from emoclip_clinic.encoder import EmoClipNetwork, tokenize
from emoclip_clinic.errors import PretrainingError, suggestions
from emoclip_clinic.pretraining.data import Batch, ClipDataset, evaluation_batches
from emoclip_clinic.pretraining.training.loss import caption_identities, contrastive_loss
from emoclip_clinic.pretraining.training.networks import (
    ContrastNetwork,
    FrameNetwork,
    as_images,
    attribute_losses,
)
from emoclip_clinic.pretraining.training.parameters import ParameterGroup, contrast_groups, frame_groups
from emoclip_clinic.pretraining.training.precision import autocast
from emoclip_clinic.pretraining.training.processes import Processes
from emoclip_clinic.pretraining.training.recipe import Recipe, Stage
from emoclip_clinic.pretraining.training.retrieval import retrieval_scores

__all__ = ["ContrastSteps", "FrameSteps", "StageSteps"]

_EVALUATED_AT_ONCE = 16
_SCALED_BY = 512  # clips from which the scale of attributes is taken; most are at rest in most of them
_FRAMES_STREAM = 0xF4A3


class StageSteps(Protocol):
    """A stage as the loop sees it."""

    name: str
    settings: Stage
    groups: tuple[ParameterGroup, ...]
    score_name: str

    @property
    def module(self) -> nn.Module:
        """The module whose gradients are computed."""
        ...

    def loss(self, batch: Batch, *, precision: str) -> Tensor:
        """Compute this process's loss of a batch."""
        ...

    def after_step(self) -> None:
        """Keep parameters where they must stay."""
        ...

    def evaluate(self, validation: ClipDataset, *, precision: str) -> dict[str, float]:
        """Score the network; ``score_name`` is what weights are chosen by."""
        ...

    def scale(self) -> float | None:
        """Inverse temperature, if the stage has one."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint must hold beside weights and optimiser."""
        ...

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `tensors` gave."""
        ...


def _in_parallel(module: nn.Module, processes: Processes) -> nn.Module:
    """The module with gradients averaged over the processes."""
    if processes.world_size == 1:
        return module
    devices = [processes.device.index] if processes.device.type == "cuda" else None
    return DistributedDataParallel(module, device_ids=devices, broadcast_buffers=False)


class ContrastSteps:
    """The contrast of clips and captions.

    Parameters
    ----------
    network : EmoClipNetwork
        The network, on the device of the process.
    recipe : Recipe
        Which parts are trained, and how.
    processes : Processes
        The processes that train together.
    """

    name = "contrast"
    score_name = "mean_reciprocal_rank"

    def __init__(self, network: EmoClipNetwork, *, recipe: Recipe, processes: Processes) -> None:
        self.settings: Stage = recipe.contrast
        self._contrast = recipe.contrast
        self._processes = processes
        self._side = network.architecture.image.image_size_px
        self.groups = contrast_groups(network, recipe)
        self._plain = ContrastNetwork(
            network,
            train_image=recipe.image.train,
            train_text=recipe.text.train,
            train_temporal=recipe.temporal.train,
        )
        self._parallel = _in_parallel(self._plain, processes)

    @property
    def module(self) -> nn.Module:
        """The module whose gradients are computed."""
        return self._plain

    def loss(self, batch: Batch, *, precision: str) -> Tensor:
        """Compute this process's loss of a batch.

        Parameters
        ----------
        batch : Batch
            Clips with their captions.
        precision : {"fp32", "bf16"}
            Arithmetic of the network; the loss is computed in float32.

        Returns
        -------
        Tensor, scalar
            See `contrastive_loss`.
        """
        tokens, images = self._inputs(batch)
        with autocast(self._processes.device, precision):
            videos, texts, scale = self._parallel(images, tokens)
        identities = caption_identities(tokens)
        within = self._contrast.negatives_within
        if within is not None:
            return self._within_groups(videos, texts, scale, identities, within)
        # One collective for both, so that no gradient of a tower is exchanged between them.
        everything = self._processes.gather(torch.cat([videos, texts], dim=1))
        all_videos, all_texts = everything.chunk(2, dim=1)
        return contrastive_loss(
            videos,
            texts,
            scale=scale,
            all_videos=all_videos,
            all_texts=all_texts,
            identities=identities,
            all_identities=self._processes.gather(identities),
        )

    def _within_groups(
        self, videos: Tensor, texts: Tensor, scale: Tensor, identities: Tensor, within: int
    ) -> Tensor:
        """The mean loss of groups of `within` clips, each with negatives of its own only."""
        if len(videos) % within:
            raise PretrainingError(
                "Each process's clips must divide into the groups that are told apart",
                found=f"{len(videos)} clips per process for negatives_within = {within}",
                hint="Set batch_size / processes to a multiple of contrast.negatives_within.",
            )
        losses = []
        for start in range(0, len(videos), within):
            rows = slice(start, start + within)
            v, t, i = videos[rows], texts[rows], identities[rows]
            losses.append(
                contrastive_loss(v, t, scale=scale, all_videos=v, all_texts=t, identities=i, all_identities=i)
            )
        return torch.stack(losses).mean()

    def _inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        device = self._processes.device
        tokens = tokenize(batch.captions, self._plain.network.architecture).to(device)
        return tokens, as_images(batch.clips, side=self._side, device=device)

    def after_step(self) -> None:
        """Clamp the inverse temperature to between 1 and its greatest value, as CLIP does."""
        with torch.no_grad():
            self._plain.network.logit_scale.clamp_(0.0, float(np.log(self._contrast.max_scale)))

    @torch.no_grad()
    def evaluate(self, validation: ClipDataset, *, precision: str) -> dict[str, float]:
        """Let clips and captions of the validation find each other.

        Parameters
        ----------
        validation : ClipDataset
            Clips of sources that are not trained on; all their windows are averaged.
        precision : {"fp32", "bf16"}
            Arithmetic of the network.

        Returns
        -------
        dict of str to float
            See `retrieval_scores`.
        """
        device = self._processes.device
        videos, texts, identities = [], [], []
        for batch in evaluation_batches(validation, batch_size=_EVALUATED_AT_ONCE):
            tokens, images = self._inputs(batch)
            with autocast(device, precision):
                seen = self._plain.embed_videos(images)
                said = self._plain.network.encode_text(tokens)
            windows = seen.float().view(len(batch), batch.n_windows, -1)
            videos.append(normalize(windows.mean(dim=1), dim=-1))
            texts.append(normalize(said.float(), dim=-1))
            identities.append(caption_identities(tokens))
        similarities = torch.cat(videos) @ torch.cat(texts).T
        return retrieval_scores(similarities.cpu().numpy(), torch.cat(identities).cpu().numpy())

    def scale(self) -> float:
        """Inverse temperature."""
        return float(self._plain.network.logit_scale.detach().exp())

    def tensors(self) -> dict[str, Tensor]:
        """Nothing beside the weights."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Nothing to take back."""


class FrameSteps:
    """The image tower against numeric attributes of single frames.

    Parameters
    ----------
    network : EmoClipNetwork
        The network, on the device of the process.
    recipe : Recipe
        With a frame stage.
    processes : Processes
        The processes that train together.
    dataset : ClipDataset
        Clips with attributes, from which their scale is taken.
    """

    name = "frames"
    score_name = "r2"

    def __init__(
        self, network: EmoClipNetwork, *, recipe: Recipe, processes: Processes, dataset: ClipDataset
    ) -> None:
        assert recipe.frame_stage is not None
        self.settings: Stage = recipe.frame_stage
        self._frames = recipe.frame_stage
        self._seed = recipe.seed
        self._processes = processes
        self._side = network.architecture.image.image_size_px
        self.attributes = _chosen_attributes(dataset, recipe.frame_stage.attributes)
        self._columns = [dataset.attribute_names.index(name) for name in self.attributes]
        self._plain = FrameNetwork(network, n_attributes=len(self._columns)).to(processes.device)
        self._set_scale(dataset)
        self.groups = frame_groups(network, self._plain.heads, recipe.frame_stage)
        self._parallel = _in_parallel(self._plain, processes)

    def _set_scale(self, dataset: ClipDataset) -> None:
        indices = np.unique(np.linspace(0, len(dataset) - 1, _SCALED_BY).astype(int))
        values = np.concatenate([self._values(dataset.windows(int(i)).attributes) for i in indices])
        std = values.std(axis=0, dtype=np.float64)
        self._plain.mean.copy_(torch.from_numpy(values.mean(axis=0, dtype=np.float64)))
        self._plain.std.copy_(torch.from_numpy(np.where(std > 1e-6, std, 1.0)))

    def _values(self, attributes: np.ndarray | None) -> np.ndarray:
        if attributes is None:
            raise PretrainingError(
                "A frame stage needs clips with numeric attributes",
                found="clips without any",
                hint="Leave frame_stage out of the recipe, or train on rendered clips.",
            )
        return attributes.reshape(-1, attributes.shape[-1])[:, self._columns]

    @property
    def module(self) -> nn.Module:
        """The module whose gradients are computed."""
        return self._plain

    def loss(self, batch: Batch, *, precision: str) -> Tensor:
        """Compute the mean squared error of standardised attributes on frames drawn from a batch.

        Parameters
        ----------
        batch : Batch
            Clips with attributes.
        precision : {"fp32", "bf16"}
            Arithmetic of the network.

        Returns
        -------
        Tensor, scalar
            The mean over frames and attributes.
        """
        clips, drawn = np.arange(len(batch))[:, None], self._drawn_frames(batch)
        frames = batch.clips[clips, drawn]
        values = self._values(None if batch.attributes is None else batch.attributes[clips, drawn])
        images = as_images(frames, side=self._side, device=self._processes.device).flatten(0, 1)
        with autocast(self._processes.device, precision):
            predicted = self._parallel(images)
        wanted = torch.from_numpy(values).to(self._processes.device)
        return attribute_losses(predicted, wanted, self._plain).mean()

    def _drawn_frames(self, batch: Batch) -> np.ndarray:
        """Positions (b, k) of frames: the same for a clip whatever the number of processes."""
        n_frames, rank = batch.clips.shape[1], self._processes.rank
        rng = np.random.default_rng([self._seed, _FRAMES_STREAM, batch.epoch, batch.step])
        order = rng.random((len(batch) * self._processes.world_size, n_frames)).argsort(axis=1)
        own = order[rank * len(batch) : (rank + 1) * len(batch)]
        drawn: np.ndarray = own[:, : self._frames.frames_per_clip]
        return drawn

    def after_step(self) -> None:
        """Nothing is bounded here."""

    @torch.no_grad()
    def evaluate(self, validation: ClipDataset, *, precision: str) -> dict[str, float]:
        """Compute the share of variance explained on frames of sources that are not trained on.

        Parameters
        ----------
        validation : ClipDataset
            Clips with attributes.
        precision : {"fp32", "bf16"}
            Arithmetic of the network.

        Returns
        -------
        dict of str to float
            ``"r2"``, the mean of all attributes that vary, and ``"r2/<attribute>"`` for each of them.
        """
        predicted, wanted = [], []
        for batch in evaluation_batches(validation, batch_size=_EVALUATED_AT_ONCE):
            images = as_images(batch.clips, side=self._side, device=self._processes.device)
            with autocast(self._processes.device, precision):
                scores = self._plain(images.flatten(0, 1))
            predicted.append((scores * self._plain.std + self._plain.mean).double().cpu().numpy())
            wanted.append(self._values(batch.attributes))
        y, x = np.concatenate(wanted), np.concatenate(predicted)
        spread = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
        varies = spread > 1e-9
        r2 = 1 - ((y - x) ** 2).sum(axis=0)[varies] / spread[varies]
        names = np.array(self.attributes)[varies]
        each = {f"r2/{name}": float(value) for name, value in zip(names, r2, strict=True)}
        return {"r2": float(r2.mean()), **each}

    def scale(self) -> None:
        """No temperature here."""
        return

    def tensors(self) -> dict[str, Tensor]:
        """Heads and the scale of the attributes."""
        named = {**dict(self._plain.heads.state_dict()), "mean": self._plain.mean, "std": self._plain.std}
        return {f"heads/{name}": value.clone() for name, value in named.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back heads and scale.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            As `tensors` gave them; other names are left alone.
        """
        with torch.no_grad():
            for name, value in self._plain.heads.state_dict().items():
                value.copy_(tensors[f"heads/{name}"])
            self._plain.mean.copy_(tensors["heads/mean"])
            self._plain.std.copy_(tensors["heads/std"])


def _chosen_attributes(dataset: ClipDataset, wanted: tuple[str, ...]) -> tuple[str, ...]:
    known = dataset.attribute_names
    if not known:
        raise PretrainingError(
            "A frame stage needs clips with numeric attributes",
            found="clips without any",
            hint="Leave frame_stage out of the recipe, or train on rendered clips.",
        )
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise PretrainingError(
            "Attributes of a frame stage must be among those of the clips",
            found=", ".join(unknown),
            where="frame_stage.attributes",
            hint=suggestions(unknown, known),
        )
    return wanted or known
