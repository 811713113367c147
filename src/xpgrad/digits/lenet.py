"""LeNet, the network that the main job trains: two convolutions and three linear layers for 32 by 32 images."""

from __future__ import annotations

from typing import Any

import xpgrad
import xpgrad.nn.functional as F
from xpgrad import nn


class LeNet(nn.Module):
    """Scores for the ten digits from grey images.

    Shape: images (N, 1, 32, 32) to scores (N, 10).

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (1998); with relu and max-pooling, as today's tutorials have it.

    Example:
        >>> import xpgrad
        >>> from xpgrad.digits.lenet import LeNet
        >>> LeNet()(xpgrad.zeros(2, 1, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, images: Any) -> Any:
        """The scores of `images`, before softmax."""
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = xpgrad.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)
