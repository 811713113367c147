"""Connectionist temporal classification: the probability of a label sequence, summed over its alignments.

A target l1 ... lL is written with blanks between, b l1 b ... lL b, 2L + 1 states. alpha[t, s] is the logarithm of
the probability of all paths that end in state s at time t, beta[t, s] that of all ways on from there. Both recur in
log space; a finite number stands for log 0, so that no difference of infinities arises. The recursions are written in
registered ops, so they serve forwards and rules alike, and every order of gradient.

A. Graves et al., "Connectionist temporal classification" (2006). The gradient is that with respect to the scores before
log_softmax, exp(log p) less the posterior, as PyTorch has it: after log_softmax the two are the same.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import device_of, op

NEVER = -1e30


def _moved(xp: Any, a: Any, by: int) -> Any:
    """a (N, S) moved along its states, NEVER coming in: ``out[s] = a[s - by]``."""
    fill = xp.zeros((a.shape[0], abs(by)), dtype=a.dtype, device=device_of(a)) + NEVER
    return xp.concat([fill, a[:, :-by]] if by > 0 else [a[:, -by:], fill], axis=1)


def _total(xp: Any, parts: list[Any]) -> Any:
    """log of the sum of exponentials, never of infinities."""
    top = parts[0]
    for p in parts[1:]:
        top = xp.maximum(top, p)
    rest = 0
    for p in parts:
        rest = rest + xp.exp(p - top)
    return xp.maximum(top + xp.log(rest), NEVER)


def _states(xp: Any, log_p: Any, targets: Any, blank: int) -> tuple[Any, Any]:
    """The scores of the states, (T, N, 2L + 1), and which states may be entered past a blank."""
    n, length = targets.shape
    blanks = xp.zeros_like(targets) + blank
    labels = xp.reshape(xp.stack([blanks, targets], axis=2), (n, 2 * length))
    labels = xp.concat([labels, xp.zeros((n, 1), dtype=labels.dtype, device=device_of(labels)) + blank], axis=1)
    index = xp.broadcast_to(xp.expand_dims(labels, axis=0), (log_p.shape[0], n, 2 * length + 1))
    before = xp.concat([xp.zeros((n, 2), dtype=labels.dtype, device=device_of(labels)) + blank, labels[:, :-2]], axis=1)
    return xp.take_along_axis(log_p, index, axis=2), (labels != blank) & (labels != before)


def _ends(xp: Any, scores: Any, target_lengths: Any) -> Any:
    """Which states a path may end in: the last label and the blank behind it."""
    places = xp.expand_dims(xp.arange(scores.shape[2], device=device_of(target_lengths)), axis=0)
    last = xp.expand_dims(2 * target_lengths, axis=1)
    return (places == last) | (places == last - 1)


def _alphas(xp: Any, scores: Any, skip: Any) -> list[Any]:
    places = xp.arange(scores.shape[2], device=device_of(scores))
    alpha = xp.where(xp.expand_dims(places < 2, axis=0), scores[0, ...], NEVER)
    found = [alpha]
    for t in range(1, scores.shape[0]):
        alpha = _total(xp, [alpha, _moved(xp, alpha, 1), xp.where(skip, _moved(xp, alpha, 2), NEVER)]) + scores[t, ...]
        found.append(alpha)
    return found


def _betas(xp: Any, scores: Any, skip: Any, ends: Any, input_lengths: Any) -> list[Any]:
    """beta without the score of its own time, so that alpha + beta is the logarithm of the paths through a state."""
    start = xp.where(ends, xp.zeros_like(scores[0, ...]), NEVER)
    beta = start
    found: list[Any] = []
    after = xp.concat([skip[:, 2:], skip[:, :2] & False], axis=1)
    for t in range(scores.shape[0] - 1, -1, -1):
        if found:
            ahead = beta + scores[t + 1, ...]
            beta = _total(xp, [ahead, _moved(xp, ahead, -1), xp.where(after, _moved(xp, ahead, -2), NEVER)])
        beta = xp.where(xp.expand_dims(input_lengths - 1 == t, axis=1), start, beta)
        found.append(beta)
    return found[::-1]


def ctc_loss_each(xp: Any, log_p: Any, targets: Any, input_lengths: Any, target_lengths: Any, *, blank: int = 0) -> Any:
    """-log p(target) of each sample.

    Args:
        log_p: (T, N, C). targets: (N, L), L the longest. input_lengths, target_lengths: (N,).
        blank: the class that stands for no label.

    Returns:
        (N,); infinite where no alignment fits.
    """
    scores, skip = _states(xp, log_p, targets, blank)
    alphas = xp.stack(_alphas(xp, scores, skip), axis=0)
    at = xp.reshape(input_lengths - 1, (1, log_p.shape[1], 1))
    at = xp.broadcast_to(xp.where(at < 0, 0, at), (1, *scores.shape[1:]))
    final = xp.where(_ends(xp, scores, target_lengths), xp.take_along_axis(alphas, at, axis=0)[0, ...], NEVER)
    top = xp.max(final, axis=1)
    likelihood = top + xp.log(xp.sum(xp.exp(final - xp.expand_dims(top, axis=1)), axis=1))
    likelihood = xp.where((input_lengths == 0) & (target_lengths == 0), 0.0, likelihood)
    return xp.where((likelihood < NEVER / 2) | ((input_lengths == 0) & (target_lengths > 0)), math.inf, -likelihood)


def _ctc(xp: Any, g: Any, log_p: Any, targets: Any, input_lengths: Any, target_lengths: Any, y: Any,
         blank: int = 0) -> Any:  # fmt: skip
    scores, skip = _states(xp, log_p, targets, blank)
    ends = _ends(xp, scores, target_lengths)
    paths = xp.stack(_alphas(xp, scores, skip), axis=0)
    paths = paths + xp.stack(_betas(xp, scores, skip, ends, input_lengths), axis=0)
    posterior = xp.exp(xp.minimum(paths + xp.reshape(y, (1, y.shape[0], 1)), 0.0))
    n, length = targets.shape
    blanks = xp.sum(posterior[:, :, 0::2], axis=2, keepdims=True)
    index = xp.broadcast_to(xp.expand_dims(targets, axis=0), (log_p.shape[0], n, length))
    labels = xp.take_along_axis_adjoint(posterior[:, :, 1::2], index, shape=log_p.shape, axis=2)
    classes = xp.arange(log_p.shape[2], device=device_of(log_p))
    labels = labels + xp.where(classes == blank, blanks, 0.0)
    times = xp.reshape(xp.arange(log_p.shape[0], device=device_of(log_p)), (log_p.shape[0], 1, 1))
    within = times < xp.reshape(input_lengths, (1, n, 1))
    g, lost = xp.reshape(g, (1, n, 1)), xp.reshape(xp.isinf(y), (1, n, 1))
    grad = xp.where(lost & (g != 0), math.nan, (xp.exp(log_p) - labels) * g)  # no alignment fits: no gradient either
    return xp.where(within, grad, 0.0)


op("ctc_loss_each", _ctc, None, None, None, args="log_p targets input_lengths target_lengths", forward=ctc_loss_each,
   node="CtcLossBackward0")  # fmt: skip
