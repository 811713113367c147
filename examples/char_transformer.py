"""A small GPT that learns to write, letter by letter; its text is this very file.

    python examples/char_transformer.py
    XPGRAD_BACKEND=jax python examples/char_transformer.py --compile

Every array library prints the same losses, and so does PyTorch: put `torch` in place of `xpgrad` in the three imports
below. The architecture is that of Radford et al., "Language models are unsupervised multitask learners" (2019).
"""

import argparse
import pathlib

import xpgrad as torch
import xpgrad.nn.functional as F
from xpgrad import nn


class Attention(nn.Module):
    """Causal attention of several heads: letters see those before them."""

    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)

    def forward(self, x):
        batch, length, size = x.shape
        heads = self.qkv(x).view(batch, length, 3, self.heads, size // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # each (batch, heads, length, size / heads)
        x = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(x.transpose(1, 2).reshape(batch, length, size))


class Block(nn.Module):
    """Attention and a feed-forward net, each added to what it was given."""

    def __init__(self, size, heads, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = Attention(size, heads)
        self.net = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.net(self.norm2(x)))


class GPT(nn.Module):
    """Scores for the next letter at each place of a text."""

    def __init__(self, letters, length, size=48, heads=4, layers=2, dropout=0.1):
        super().__init__()
        self.length = length
        self.letter = nn.Embedding(letters, size)
        self.place = nn.Embedding(length, size)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([Block(size, heads, dropout) for _ in range(layers)])
        self.norm = nn.LayerNorm(size)
        self.scores = nn.Linear(size, letters)

    def forward(self, text):
        x = self.dropout(self.letter(text) + self.place(torch.arange(text.shape[1])))
        for block in self.blocks:
            x = block(x)
        return self.scores(self.norm(x))


def batches(text, length, size):
    """Endless batches of snippets, each with the same snippet one letter later."""
    while True:
        begins = torch.randint(len(text) - length - 1, (size,)).tolist()
        yield tuple(torch.stack([text[b + shift : b + shift + length] for b in begins]) for shift in (0, 1))


def train(model, text, steps, batch=12, compiled=False):
    """The losses of `steps` steps."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=3e-4)

    def step(seen, following):
        loss = F.cross_entropy(model(seen).flatten(0, 1), following.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    step = torch.compile(step) if compiled else step
    losses = []
    for number, pair in zip(range(steps), batches(text, model.length, batch), strict=False):
        losses.append(step(*pair).item())
        schedule.step()
        if number % 20 == 0 or number == steps - 1:
            print(f"step {number:4d}   loss {losses[-1]:.4f}")
    return losses


@torch.no_grad()
def write(model, begin, count):
    """`count` more letters, each the likeliest."""
    model.eval()
    text = begin
    for _ in range(count):
        scores = model(text[:, -model.length :])[:, -1]
        text = torch.cat([text, scores.argmax(-1, keepdim=True)], dim=1)
    return text[0].tolist()


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--compile", action="store_true", help="a step as one program, if the library can")
    parser.add_argument("--letters", type=int, default=80, help="how many to write at the end")
    parser.add_argument("--text", type=pathlib.Path, default=pathlib.Path(__file__))
    options = parser.parse_args(argv)
    source = options.text.read_text()
    letters = sorted(set(source))
    text = torch.tensor([letters.index(letter) for letter in source])
    torch.manual_seed(0)
    model = GPT(len(letters), options.length, layers=options.layers, dropout=options.dropout)
    print(f"{len(source)} letters, {sum(p.numel() for p in model.parameters())} parameters")
    losses = train(model, text, options.steps, compiled=options.compile)
    print("".join(letters[i] for i in write(model, text[None, : options.length], options.letters)))
    return losses


if __name__ == "__main__":
    main()
