"""From a network's definition to its first update, step by step.

    python examples/neural_networks.py
    XPGRAD_BACKEND=jax python examples/neural_networks.py

Every array library prints the same text and the same digits, and so does PyTorch: put `torch` in place of `xpgrad` in
the three imports below, or leave them as they are and compare.
"""

import xpgrad as torch
import xpgrad.nn.functional as F
from xpgrad import nn, optim


class Net(nn.Module):
    """LeNet: ten scores for an image of 32 by 32. Sizes are given for a batch of N images."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, image):
        maps = F.relu(self.conv1(image))  # (N, 6, 28, 28)
        maps = F.max_pool2d(maps, (2, 2))  # (N, 6, 14, 14)
        maps = F.relu(self.conv2(maps))  # (N, 16, 10, 10)
        maps = F.max_pool2d(maps, 2)  # (N, 16, 5, 5)
        features = torch.flatten(maps, 1)  # (N, 400)
        features = F.relu(self.fc1(features))  # (N, 120)
        features = F.relu(self.fc2(features))  # (N, 84)
        return self.fc3(features)  # (N, 10)


def describe(net):
    """A network prints its layers, and knows its parameters."""
    print(net)
    parameters = list(net.parameters())
    print(len(parameters))
    print(parameters[0].size())


def run_forward_and_backward(net, image):
    """Scores of a random image, and gradients from a random direction."""
    scores = net(image)
    print(scores)
    net.zero_grad()
    scores.backward(torch.randn(1, 10))
    print(net.fc3.bias.grad)


def measure_loss(net, image):
    """How far the scores are from a made-up target; the target takes the shape of the scores."""
    scores = net(image)
    target = torch.randn(10)
    target = target.view(1, -1)
    criterion = nn.MSELoss()
    loss = criterion(scores, target)
    print(loss)
    return loss, criterion, target


def follow_graph(loss):
    """Three nodes back from the loss: the loss itself, the last linear layer, and that layer's bias."""
    print(loss.grad_fn)
    print(loss.grad_fn.next_functions[0][0])
    print(loss.grad_fn.next_functions[0][0].next_functions[0][0])


def propagate(net, loss):
    """A parameter's gradient is absent until `backward` has brought it."""
    net.zero_grad()
    print("conv1.bias.grad before backward")
    print(net.conv1.bias.grad)
    loss.backward()
    print("conv1.bias.grad after backward")
    print(net.conv1.bias.grad)


def update_by_hand(net):
    """Stochastic gradient descent, in two lines."""
    rate = 0.01
    for parameter in net.parameters():
        parameter.data.sub_(parameter.grad.data * rate)
    print(net.conv1.bias)


def update_by_optimizer(net, image, criterion, target):
    """The same by an optimizer, and two steps more: the loss falls."""
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        loss = criterion(net(image), target)
        loss.backward()
        optimizer.step()
        print(loss)


def main():
    torch.manual_seed(0)
    net = Net()
    describe(net)
    image = torch.randn(1, 1, 32, 32)
    run_forward_and_backward(net, image)
    loss, criterion, target = measure_loss(net, image)
    follow_graph(loss)
    propagate(net, loss)
    update_by_hand(net)
    update_by_optimizer(net, image, criterion, target)


if __name__ == "__main__":
    main()
