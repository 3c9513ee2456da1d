"""Log-binomial probabilities: one peak over ordered bins, whose place and sharpness are read from features.

ZoeDepth, Bhat et al. 2023, arXiv 2302.12288, section 3.3. With four positive numbers (a, b, c, d) of a pixel

    p = a / (a + b)      t = T_MIN + (T_MAX - T_MIN) c / (c + d)
    y_k = log C(K-1, k) + k log p + (K-1-k) log(1-p)      probabilities = softmax_k(y_k / t)

and log C(n, k) = n log n - k log k - (n-k) log(n-k), Stirling's first order.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from leadline.models.bins.pointwise import resized

T_MIN, T_MAX = 0.0212, 50.0
"""Range of the temperature."""
LEAST = 1e-4
"""Added to the four numbers, and least value of p and 1 - p."""
TINY = 1e-7


class LogBinomial(nn.Module):
    """From the finest map and the embedding to logits over `num_bins` >= 2 bins.

    The first 1x1 convolution reads both side by side. It is linear, and so is enlarging the embedding: its half of the sum
    is made at the embedding's own resolution and enlarged afterwards, which is the same and cheaper.
    """

    log_choose: Tensor
    steps: Tensor

    def __init__(self, channels: int, embedding: int, num_bins: int) -> None:
        super().__init__()
        hidden = (channels + embedding) // 2
        self.channels = channels
        self.mix = nn.Conv2d(channels + embedding, hidden, kernel_size=1)
        self.last = nn.Conv2d(hidden, 4, kernel_size=1)
        k = torch.arange(num_bins, dtype=torch.float64)
        self.register_buffer("log_choose", log_choose(num_bins - 1, k).float()[:, None, None], persistent=False)
        # From the middle of the bins: what all bins of a pixel have in common is nothing to a softmax, and halves keep their digits.
        self.register_buffer("steps", (k - (num_bins - 1) / 2).float()[:, None, None], persistent=False)

    def forward(self, finest: Float[Tensor, "n c h w"], embedding: Float[Tensor, "n e _y _x"]) -> Float[Tensor, "n k h w"]:
        """y / t in float32, but for a number per pixel."""
        ours = functional.conv2d(finest, self.mix.weight[:, : self.channels], self.mix.bias)
        theirs = functional.conv2d(embedding, self.mix.weight[:, self.channels :])
        hidden = functional.gelu(ours + resized(theirs, ours.shape[-2:]))
        with torch.autocast(hidden.device.type, enabled=False):
            return self.logits(functional.softplus(self.last(hidden.float())) + LEAST)

    def logits(self, numbers: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n k h w"]:
        """y / t of the four positive numbers, but for a number per pixel."""
        a, b, c, d = numbers.split(1, dim=1)
        peak = a / (a + b)
        odds = peak.clamp(LEAST, 1.0).log() - (b / (a + b)).clamp(LEAST, 1.0).log()
        cooling = 1 / (T_MIN + (T_MAX - T_MIN) * (c / (c + d)))
        return torch.addcmul(self.log_choose * cooling, self.steps, odds * cooling)


def log_choose(n: int, k: Float[Tensor, " k"]) -> Float[Tensor, " k"]:
    """Logarithms of the binomial coefficients (n, k), by Stirling's first order, as ZoeDepth has them."""
    m, k = n + TINY, k + TINY
    return m * torch.tensor(m, dtype=k.dtype).log() - k * k.log() - (m - k) * (m - k + TINY).log()
