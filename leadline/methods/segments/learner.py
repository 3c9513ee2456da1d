"""A small segmentation encoder, learnt from instance ids of rendered worlds. It gives no depth: what it leaves is for `briges`.

What is kept is the transformer alone, in the format of `transformers` (models/semantic.py reads it).
"""

from pathlib import Path
from typing import Any, cast, final

import torch
from torch import nn
from transformers import Dinov2Config, Dinov2Model

from leadline.data.sample import Needs, Sample
from leadline.io.atomic import writable_folder
from leadline.losses.instances import instance_loss
from leadline.methods.base import Learner, Loss
from leadline.methods.segments.config import SegmentsConfig
from leadline.models.hub import no_progress_bar
from leadline.models.mimetic import begin_mimetic
from leadline.models.semantic import TransformerEncoder
from leadline.types import UserError


@final
class Segments(Learner):
    """The encoder, and a linear head that is there for the loss alone."""

    def __init__(self, config: SegmentsConfig) -> None:
        super().__init__()
        if config.width % config.heads or config.longer_side < config.patch:
            raise UserError("segments", f"{config.heads} heads, {config.longer_side} px", "give a divisor of width, and more than a patch")
        self.config = config
        network = Dinov2Model(
            Dinov2Config(
                hidden_size=config.width,
                num_hidden_layers=config.blocks,
                num_attention_heads=config.heads,
                image_size=config.longer_side,
                patch_size=config.patch,
            )
        )
        begin_mimetic(network, width=config.width)
        cast(Any, network).embeddings.mask_token.requires_grad_(False)
        self.segmenter = TransformerEncoder(network, width=config.width, side=config.longer_side, patch=config.patch)
        self.embed = nn.Conv2d(config.width, config.embedding, 1)

    @property
    def needs(self) -> Needs:
        """Pictures and instance ids."""
        return Needs(layers=frozenset({"instance", "usable"}))

    def loss(self, sample: Sample) -> Loss:
        """Contrast between pixels of each picture."""
        image = sample.image[:, 0].flatten(0, 1)
        embedding = self.embed(self.segmenter(image))
        assert sample.instance is not None and sample.usable is not None
        with torch.autocast(image.device.type, enabled=False):
            term = instance_loss(
                embedding=embedding,
                instance=sample.instance[:, 0].flatten(0, 1),
                valid=sample.usable[:, 0].flatten(0, 1),
                num_points=self.config.num_points,
                temperature=self.config.temperature,
            )
        return Loss(terms={"instances": term}, panels={"image": image})

    def save(self, folder: Path, card: str) -> None:
        """Write the encoder in the format of `transformers`, with `card` as its README.md."""
        writable_folder(folder)
        with no_progress_bar():
            cast(Any, self.segmenter.network).save_pretrained(folder)
        (folder / "README.md").write_text(card, encoding="utf-8")
