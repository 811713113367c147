"""An LSTM that learns to write, letter by letter; its text is this very file.

    python examples/char_lstm.py
    XPGRAD_BACKEND=jax python examples/char_lstm.py --compile

It reads the text in order, in several streams side by side, and keeps its state from one piece to the next. Every
array library prints the same losses, and so does PyTorch: put `torch` in place of `xpgrad` in the three imports below.
The recipe is that of Zaremba et al., "Recurrent neural network regularization" (2014).
"""

import argparse
import pathlib

import xpgrad as torch
import xpgrad.nn.functional as F
from xpgrad import nn


class Writer(nn.Module):
    """Scores for the next letter at each place of a text, (length, streams)."""

    def __init__(self, letters, size=64, layers=2, dropout=0.2):
        super().__init__()
        self.letter = nn.Embedding(letters, size)
        self.lstm = nn.LSTM(size, size, layers, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(size, letters)

    def forward(self, text, state=None):
        x, state = self.lstm(self.dropout(self.letter(text)), state)
        return self.scores(self.dropout(x)), state


def pieces(text, length, streams):
    """Endless pieces of the text in order, each with the same piece one letter later."""
    long = (len(text) - 1) // streams
    seen, following = (text[shift : shift + long * streams].view(streams, long).t() for shift in (0, 1))
    while True:
        for begin in range(0, long - length + 1, length):
            yield begin == 0, seen[begin : begin + length], following[begin : begin + length]


def train(model, text, steps, length, streams=8, compiled=False):
    """The losses of `steps` steps."""
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

    def step(seen, following, state):
        scores, state = model(seen, state)
        loss = F.cross_entropy(scores.flatten(0, 1), following.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach(), tuple(s.detach() for s in state)  # what is learned reaches back one piece

    step = torch.compile(step) if compiled else step
    begin = tuple(torch.zeros(model.lstm.num_layers, streams, model.lstm.hidden_size) for _ in "hc")
    losses, state = [], begin
    for number, (fresh, seen, following) in zip(range(steps), pieces(text, length, streams), strict=False):
        loss, state = step(seen, following, begin if fresh else state)
        losses.append(loss.item())
        if number % 20 == 0 or number == steps - 1:
            print(f"step {number:4d}   loss {losses[-1]:.4f}")
    return losses


@torch.no_grad()
def write(model, begin, count):
    """`count` more letters, each the likeliest."""
    model.eval()
    scores, state = model(begin)
    text = begin[:, 0].tolist()
    for _ in range(count):
        text.append(scores[-1, 0].argmax().item())
        scores, state = model(torch.tensor([text[-1:]]), state)
    return text


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--length", type=int, default=16)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--compile", action="store_true", help="a step as one program, if the library can")
    parser.add_argument("--letters", type=int, default=80, help="how many to write at the end")
    parser.add_argument("--text", type=pathlib.Path, default=pathlib.Path(__file__))
    options = parser.parse_args(argv)
    source = options.text.read_text()
    letters = sorted(set(source))
    text = torch.tensor([letters.index(letter) for letter in source])
    torch.manual_seed(0)
    model = Writer(len(letters), layers=options.layers, dropout=options.dropout)
    print(f"{len(source)} letters, {sum(p.numel() for p in model.parameters())} parameters")
    losses = train(model, text, options.steps, options.length, compiled=options.compile)
    print("".join(letters[i] for i in write(model, text[: options.length, None], options.letters)))
    return losses


if __name__ == "__main__":
    main()
