"""Adam, computed as in `torch.optim.Adam`, whose construction imports a compiler and takes 1.5 s."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Adam:
    """Updates weights in place from their gradients.

    weight_decay: this fraction of each weight is added to its gradient (L2).
    Source: Kingma, Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 1.
    """

    beta1, beta2, epsilon = 0.9, 0.999, 1e-8

    def __init__(self, weights: Sequence[Tensor], *, learning_rate: float, weight_decay: float) -> None:
        self._weights = list(weights)
        self._learning_rate = learning_rate
        self._weight_decay = weight_decay
        self._mean = [torch.zeros_like(weight) for weight in self._weights]
        self._square = [torch.zeros_like(weight) for weight in self._weights]
        self._steps = 0

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for weight in self._weights:
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take one optimisation step; every weight must have a gradient."""
        self._steps += 1
        gradients = [weight.grad for weight in self._weights if weight.grad is not None]
        gradients = list(torch._foreach_add(gradients, self._weights, alpha=self._weight_decay))
        torch._foreach_lerp_(self._mean, gradients, 1 - self.beta1)
        torch._foreach_mul_(self._square, self.beta2)
        torch._foreach_addcmul_(self._square, gradients, gradients, 1 - self.beta2)
        scale = torch._foreach_sqrt(self._square)
        torch._foreach_div_(scale, (1 - self.beta2**self._steps) ** 0.5)
        torch._foreach_add_(scale, self.epsilon)
        rate = self._learning_rate / (1 - self.beta1**self._steps)
        torch._foreach_addcdiv_(self._weights, self._mean, scale, -rate)
