"""The training loss: the negative log-likelihood of the features."""

from mindspore import Tensor, nn


class NegativeLogLikelihood(nn.Cell):
    """`0.5 * sum(z^2) - log|det J|` per picture and feature scale, averaged over the batch and summed over the scales.

    This is FastFlow's equation (3) without the constant of the normal distribution, which has no gradient.
    """

    def construct(self, latents: tuple[Tensor, ...], log_dets: tuple[Tensor, ...]) -> Tensor:
        """Latents (B, C_i, H_i, W_i) and log-determinants (B,), one of each per scale -> the loss, a scalar."""
        loss = 0
        for z, log_det in zip(latents, log_dets):
            loss = loss + (0.5 * (z * z).sum((1, 2, 3)) - log_det).mean()
        return loss
