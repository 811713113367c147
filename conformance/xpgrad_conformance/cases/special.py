"""Special functions: on both sides of the seams of their approximations."""

from __future__ import annotations

from . import case, fixed, positive, real, unit

_SEAMS = fixed([-30.0, -5.0, -4.01, -3.99, -1.0, -0.47, -0.46, 0.1, 0.46, 0.47, 1.5, 3.99, 4.01, 6.0])

case("erf", real(3, 4), torch=lambda torch, x: torch.erf(x))
case("erf", _SEAMS, torch=lambda torch, x: torch.erf(x), about="seams")
case("erfc", _SEAMS, torch=lambda torch, x: torch.erfc(x), about="seams")
case("erfinv", unit(3, 4), torch=lambda torch, x: torch.erfinv(x))
case(
    "erfcx", fixed([-3.0, -0.47, 0.1, 0.46, 0.47, 1.5, 3.99, 4.01, 40.0]), torch=lambda torch, x: torch.special.erfcx(x)
)
case("log_ndtr", fixed([-200.0, -30.0, -5.0, -1.01, -0.99, 0.1, 3.0, 30.0]), order=1,
     torch=lambda torch, x: torch.special.log_ndtr(x), about="both tails")  # fmt: skip
case("log_ndtr", real(3, 4), torch=lambda torch, x: torch.special.log_ndtr(x))
case("logit", fixed([1e-9, 0.2, 0.26, 0.49, 0.51, 0.74, 0.8, 0.999]), torch=lambda torch, x: torch.logit(x), order=1)
case("logit", fixed([0.1, 0.2, 0.26, 0.49, 0.51, 0.74, 0.8]), torch=lambda torch, x: torch.logit(x))
case("xlogy", real(3, 4), positive(4), torch=lambda torch, x, y: torch.xlogy(x, y))
case(
    "xlogy", fixed([0.0, 0.0, 2.0]), fixed([1.5, 3.0, 0.5]), torch=lambda torch, x, y: torch.xlogy(x, y), about="a zero"
)
case("lgamma", positive(3, 4), torch=lambda torch, x: torch.lgamma(x))
case("lgamma", fixed([-2.5, -0.7, -0.2, 0.3, 5.5, 40.0, 2000.0]), torch=lambda torch, x: torch.lgamma(x), order=1,
     about="reflected")  # fmt: skip
case("digamma", positive(3, 4))  # PyTorch's trigamma, its slope, is good to nine digits only
case("polygamma", positive(3, 4), torch=lambda torch, x: torch.special.zeta(torch.full_like(x, 2.0), x), n=1)
case("polygamma", positive(3, 4), torch=lambda torch, x: torch.polygamma(2, x), n=2)
case("erfcx_derivative", fixed([-2.0, -0.47, 0.1, 1.5, 7.9, 8.1, 40.0]), n=2)
case("polygamma", fixed([-12.3, -9.6, -0.4, 0.2, 30.0]), about="reflected", n=2)
case(
    "lgamma", fixed([0.9, 1.0, 1.1, 1.49, 1.51, 2.0, 2.49, 2.51]), torch=lambda torch, x: torch.lgamma(x), about="seams"
)
case("ndtr", _SEAMS, torch=lambda torch, x: torch.special.ndtr(x))
case(
    "ndtri",
    fixed([1e-20, 1e-3, 0.07, 0.08, 0.5, 0.92, 0.93, 0.999]),
    torch=lambda torch, x: torch.special.ndtri(x),
    order=1,
)
case("ndtri", fixed([0.05, 0.07, 0.08, 0.5, 0.92, 0.93]), torch=lambda torch, x: torch.special.ndtri(x))
case("entr", positive(3, 4), torch=lambda torch, x: torch.special.entr(x))
case("xlog1py", real(3, 4), positive(4), torch=lambda torch, x, y: torch.special.xlog1py(x, y))
case("xlog1py", fixed([0.0, 0.0, 2.0]), fixed([1.5, 3.0, -0.5]), torch=lambda torch, x, y: torch.special.xlog1py(x, y),
     about="a zero")  # fmt: skip
for _name in ("i0", "i1", "i0e", "i1e"):
    case(_name, fixed([-31.0, -29.0, -1.3, 0.2, 2.0, 29.0, 31.0]), order=1,
         torch=lambda torch, x, f=_name: getattr(torch.special, f)(x))  # fmt: skip
    case(_name, fixed([-3.0, -0.4, 0.3, 1.7]))
case("bessel", fixed([-3.0, 0.0, 1.7]), n=3)
case("scaled_bessel", fixed([-3.0, -0.2, 1.7, 40.0]), n=2)
case("sinc", fixed([-2.6, -1.0, 0.0, 1e-9, 0.3, 0.95, 0.96, 4.5]), torch=lambda torch, x: torch.sinc(x), order=1)
case("sinc", fixed([-2.6, -1.0, 0.0, 0.3, 0.95, 0.96, 4.5]), about="second order")
case("sinc_derivative", fixed([-1.4, 0.0, 0.3, 1.3, 4.5]), n=3)
