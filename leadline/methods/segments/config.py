"""Configuration of the learner `segments`. Imports no tensors, so that recipes and the command line read it cheaply."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SegmentsConfig:
    """A segmentation encoder without prompts, learnt from instance ids: a stand-in for SAM where there is no model hub."""

    width: int = 192
    """Channels of its tokens; those of a depth encoder it is to be bridged with."""
    blocks: int = 8
    """Transformer blocks."""
    heads: int = 6
    patch: int = 14
    """Side of a token [px]."""
    longer_side: int = 336
    """What the longer side of a picture becomes [px]; finer than the depth encoder sees it, as with SAM."""
    embedding: int = 32
    """Channels of the embedding that the loss compares; it is left out of what is kept."""
    temperature: float = 0.1
    """Of the likeness between embeddings."""
    num_points: int = 384
    """Pixels compared with each other in every picture."""
