"""The networks that are timed, written once in PyTorch's spelling: the same code runs on PyTorch and on xpgrad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def lenet(lib: Any) -> Any:
    """The tutorial's LeNet."""
    nn, F = lib.nn, lib.nn.functional

    class Net(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
            self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

        def forward(self, x: Any) -> Any:
            x = F.max_pool2d(F.relu(self.conv1(x)), 2)
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            x = lib.flatten(x, 1)
            return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))

    return Net()


def training_step(lib: Any, net: Any, x: Any, y: Any) -> Callable[[], Any]:
    """zero_grad, forward, cross-entropy, backward, SGD with momentum."""
    optimizer = lib.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    criterion = lib.nn.CrossEntropyLoss()

    def step() -> Any:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def lenet_step(lib: Any, batch: int) -> Callable[[], Any]:
    """A training step of LeNet on random images."""
    lib.manual_seed(0)
    return training_step(lib, lenet(lib), lib.randn(batch, 1, 32, 32), lib.randint(0, 10, (batch,)))


def forward_backward(lib: Any, module: Any, *shape: int, leaf: bool = True) -> Callable[[], Any]:
    """Forward, and backward with ones, to the parameters and (if `leaf`) to the input."""
    x = lib.randn(*shape, requires_grad=leaf)
    ones = lib.ones_like(module(x).detach())

    def step() -> Any:
        x.grad = None
        for p in module.parameters():
            p.grad = None
        module(x).backward(ones)
        return x.grad

    return step


CONVOLUTIONS = {
    "16x64x28x28 k3": ((16, 64, 28, 28), {"out_channels": 64, "kernel_size": 3, "padding": 1}),
    "16x256x14x14 k3": ((16, 256, 14, 14), {"out_channels": 256, "kernel_size": 3, "padding": 1}),
    "4x64x56x56 k3": ((4, 64, 56, 56), {"out_channels": 64, "kernel_size": 3, "padding": 1}),
    "16x64x28x28 depthwise k3": ((16, 64, 28, 28), {"out_channels": 64, "kernel_size": 3, "padding": 1, "groups": 64}),
    "16x64x28x28 k3 stride 2": ((16, 64, 28, 28), {"out_channels": 64, "kernel_size": 3, "padding": 1, "stride": 2}),
    "16x64x28x28 k3 dilation 2": (
        (16, 64, 28, 28),
        {"out_channels": 64, "kernel_size": 3, "padding": 2, "dilation": 2},
    ),
    "16x64x28x28 k1": ((16, 64, 28, 28), {"out_channels": 64, "kernel_size": 1}),
    "16x64x14x14 transposed k2 stride 2": (
        (16, 64, 14, 14),
        {"out_channels": 64, "kernel_size": 2, "stride": 2, "transposed": True},
    ),
}


def convolution_step(lib: Any, name: str) -> Callable[[], Any]:
    """Forward and backward of one of `CONVOLUTIONS`."""
    shape, how = CONVOLUTIONS[name]
    options: dict[str, Any] = dict(how)
    kind = lib.nn.ConvTranspose2d if options.pop("transposed", False) else lib.nn.Conv2d
    lib.manual_seed(0)
    return forward_backward(lib, kind(shape[1], bias=False, **options), *shape)


def residual_block(lib: Any) -> Callable[[], Any]:
    """A ResNet basic block of 64 channels with batch norm, on (16, 64, 28, 28)."""
    nn, F = lib.nn, lib.nn.functional

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = (nn.Conv2d(64, 64, 3, padding=1, bias=False) for _ in range(2))
            self.bn1, self.bn2 = nn.BatchNorm2d(64), nn.BatchNorm2d(64)

        def forward(self, x: Any) -> Any:
            y = F.relu(self.bn1(self.conv1(x)))
            return F.relu(self.bn2(self.conv2(y)) + x)

    lib.manual_seed(0)
    return forward_backward(lib, Block(), 16, 64, 28, 28)


def transformer_step(lib: Any) -> Callable[[], Any]:
    """Two transformer blocks, width 128, 4 heads, on 8 x 64 tokens."""
    lib.manual_seed(0)
    layers = [
        lib.nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True, norm_first=True) for _ in range(2)
    ]
    return forward_backward(lib, lib.nn.Sequential(*layers), 8, 64, 128)


def lstm_step(lib: Any) -> Callable[[], Any]:
    """An LSTM of width 128 over 64 steps, batch 8."""
    lib.manual_seed(0)
    lstm = lib.nn.LSTM(128, 128)

    class First(lib.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lstm = lstm

        def forward(self, x: Any) -> Any:
            return self.lstm(x)[0]

    return forward_backward(lib, First(), 64, 8, 128)


OPS_IN_CHAIN = 50


def overhead_step(lib: Any) -> Callable[[], Any]:
    """A chain of products of 4 elements, forward and backward: what recording costs."""
    x = lib.ones(4, requires_grad=True)

    def step() -> Any:
        y = x
        for _ in range(OPS_IN_CHAIN):
            y = y * x
        y.sum().backward()

    return step


def mlp_step(lib: Any, batch: int, width: int, depth: int) -> Callable[[], Any]:
    """A training step of a plain network, for how cost grows."""
    lib.manual_seed(0)
    layers: list[Any] = []
    for _ in range(depth):
        layers += [lib.nn.Linear(width, width), lib.nn.ReLU()]
    net = lib.nn.Sequential(*layers, lib.nn.Linear(width, 10))
    return training_step(lib, net, lib.randn(batch, width), lib.randint(0, 10, (batch,)))
