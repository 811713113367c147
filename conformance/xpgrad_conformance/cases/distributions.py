"""Special functions of statistics and physics. PyTorch has the values of most and the gradients of few.

PyTorch's own Bessel and Airy functions are off by 1e-8 at larger arguments, so their values are compared near 0 alone.
"""

from __future__ import annotations

from . import case, fixed, positive, real

case("airy_ai", fixed([-1.0, -0.5, 0.1, 0.8, 2.5]), torch=lambda torch, x: torch.special.airy_ai(x.detach()), order=0)
for _name in ("bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_k0", "modified_bessel_k1",
              "scaled_modified_bessel_k0", "scaled_modified_bessel_k1"):  # fmt: skip
    case(_name, fixed([0.3, 1.1, 2.0]), torch=lambda torch, x, f=_name: getattr(torch.special, f)(x.detach()), order=0)
    case(_name, fixed([0.3, 1.1, 2.7, 6.2]), about="gradients")
for _name in ("igamma", "igammac"):
    case(_name, fixed([0.4, 1.5, 3.0]), fixed([0.7, 0.9, 4.5]), order=1,
         torch=lambda torch, a, x, f=_name: getattr(torch, f)(a, x))  # fmt: skip
case("zeta", fixed([1.7, 2.5, 4.0]), fixed([0.6, 1.0, 2.2]), order=0,
     torch=lambda torch, s, q: torch.special.zeta(s, q))  # fmt: skip
case("linalg.matrix_exp", real(2, 3, 3), complex=True, torch=lambda torch, x: torch.linalg.matrix_exp(x))
case("linalg.matrix_exp", positive(2, 2), about="large", torch=lambda torch, x: torch.linalg.matrix_exp(4 * x),
     call=lambda xp, x: xp.linalg.matrix_exp(4.0 * x))  # fmt: skip
