"""What changes from training step to training step: the learning rate, and how fast the weights' average follows."""

import math

WARM_UP = 0.05  # of all steps
LAST_RATE = 0.01  # of the highest learning rate


def learning_rate(step: int, steps: int, highest: float, schedule: str) -> float:
    """The learning rate of a step (from 0) of so many.

    "cosine" rises linearly over the first `WARM_UP` of the steps, and then falls along half a cosine to `LAST_RATE` of
    the highest (SGDR without restarts, arXiv 1608.03983, with the warm-up of arXiv 1706.02677).
    """
    if schedule == "constant":
        return highest
    rising = max(1, round(WARM_UP * steps))
    if step < rising:
        return highest * (step + 1) / rising
    done = (step - rising) / max(1, steps - 1 - rising)
    return highest * (LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * done)) / 2)


def averaging_rate(step: int, decay: float) -> float:
    """How much of the weights after a step (from 0) goes into their exponential moving average.

    It is 1 - decay, but more in the first steps, so that the average soon forgets the initial weights.
    """
    return 1 - min(decay, (1 + step) / (10 + step))
