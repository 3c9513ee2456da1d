"""Motion of a camera between two of its pictures, from the pictures alone.

The separate ResNet pose network of Godard et al. (monodepth2), ICCV 2019, arXiv 1806.01260: both pictures stacked along the
channels, a small decoder, its mean over the picture times 0.01, read as an axis times an angle and a translation.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from leadline.geometry.rotation import axis_angle_to_matrix
from leadline.models.encoders import build_encoder

SMALL_STEP = 0.01
"""Factor on the decoder's output, so that a fresh network says that hardly anything moves."""
CHANNELS = 256


class PoseNetwork(nn.Module):
    """Encoder of two pictures and the pose decoder. Translations have no unit: they fit the depth that is learnt beside them."""

    def __init__(self, encoder: str = "resnet18", pretrained: str = "none") -> None:
        super().__init__()
        self.encoder = build_encoder(encoder, pretrained, num_images=2)
        self.decoder = nn.Sequential(
            nn.Conv2d(self.encoder.channels[-1], CHANNELS, kernel_size=1),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, 6, kernel_size=1),
        )

    def forward(self, first: Float[Tensor, "b 3 h w"], second: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 4 4"]:
        """`second_from_first`: the frame of the first camera to that of the second; RGB in [0, 1], the earlier picture first."""
        answer = self.decoder(self.encoder(torch.cat([first, second], dim=1))[-1])
        answer = SMALL_STEP * answer.float().mean(dim=(2, 3))
        return rigid_transform(answer[:, :3], answer[:, 3:])


def rigid_transform(axis_angle: Float[Tensor, "b 3"], translation: Float[Tensor, "b 3"]) -> Float[Tensor, "b 4 4"]:
    """The pose with a rotation [rad along its axis] and a translation."""
    top = torch.cat([axis_angle_to_matrix(axis_angle), translation[..., None]], dim=-1)
    bottom = top.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(*top.shape[:-2], 1, 4)
    return torch.cat([top, bottom], dim=-2)
