"""Special functions under SciPy's names, made from their records in the table.

Knows dispatch. The values are SciPy's, or those of the device's own library where it has the function; the derivatives
are gradarray's own. Each record in ``gradarray.ops.special_*`` says where its formula is from and how far it reaches.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gradarray import _state
from gradarray._dispatch import DtypeError, apply
from gradarray._primitive import TABLE
from gradarray._storage import Value
from gradarray.creation import as_value
from gradarray.dtypes import combine
from gradarray.functions._into import into
from gradarray.ops import special as operations

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

assert operations, "importing it has entered them in the table"

Function = Callable[..., "Tensor"]
_DOC = """{summary}

Parameters
----------
{parameters} : Tensor{numbers}
    Real. Shapes broadcast, dtypes promote; integers become the default floating dtype.
out : Tensor, optional
    Written to and returned, in its own memory. Must have the result's shape; not with gradients.

Returns
-------
Tensor
    Of the common floating dtype and the broadcast shape. {derivative}

Raises
------
TypeError
    If an argument is complex, or none is a tensor.
RuntimeError
    If tensors lie on different devices, or shapes do not broadcast.
NotImplementedError
    If SciPy is needed for it and not installed: ``pip install "gradarray[special]"``.

References
----------
``scipy.special.{name}``.
"""


def arguments(name: str, xs: tuple[Any, ...]) -> list[Any]:
    """``xs`` as an operation of the table takes them: numbers as tensors of the dtype and device of the others."""
    tensors = [x for x in xs if isinstance(x, Value)]
    if not tensors:
        given = ", ".join(type(x).__name__ for x in xs)
        raise TypeError(f"special.{name} needs at least one tensor, got {given}; make one with gradarray.asarray")
    for x in xs:
        if isinstance(x, complex) or (isinstance(x, Value) and x._dtype.kind == "c"):
            shown = repr(x._dtype) if isinstance(x, Value) else repr(x)
            raise DtypeError(f"special.{name} takes real numbers, got {shown}; take real and imag apart")
    numbers: list[Any] = [x for x in xs if isinstance(x, bool | int | float)]
    if not numbers:
        return list(xs)
    default = _state.get_default_dtype()
    dtype: Any = combine([x._dtype for x in tensors], numbers, default)
    dtype = dtype if dtype.kind == "f" else default
    place = tensors[0]._place
    return [as_value(x, dtype=dtype, device=place) if isinstance(x, bool | int | float) else x for x in xs]


def _function(name: str, parameters: str, summary: str) -> Function:
    """The function that runs the record ``special.name``; a parameter after a / is one without a derivative."""
    record = TABLE[f"special.{name}"]
    marked = parameters.split()
    names = [p.removeprefix("/") for p in marked]
    differentiable = [p for p in marked if not p.startswith("/")]

    def function(*xs: Any, out: Any = None) -> Any:
        if len(xs) != len(names):
            raise TypeError(f"special.{name}({', '.join(names)}) takes {len(names)} arguments, got {len(xs)}")
        result: Any = apply(record, arguments(name, xs), {})
        if result is NotImplemented:
            raise TypeError(
                f"special.{name}: expected tensors or numbers, got {', '.join(type(x).__name__ for x in xs)}"
            )
        return result if out is None else into(out, result, name)

    kinds = inspect.Parameter
    function.__name__ = function.__qualname__ = name
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*(kinds(p, kinds.POSITIONAL_ONLY) for p in names), kinds("out", kinds.KEYWORD_ONLY, default=None)]
    )
    function.__doc__ = _DOC.format(
        name=name,
        summary=summary,
        parameters=", ".join(names),
        numbers=" or Python number" if len(names) > 1 else "",
        derivative=f"Differentiable in {', '.join(differentiable)}." if differentiable else "Its derivative is 0.",
    )
    return function


# -- error functions, the normal distribution --------------------------------------------------------------------------

erf = _function("erf", "x", "Error function.")
erfc = _function("erfc", "x", "``1 - erf(x)``.")
erfcx = _function("erfcx", "x", "``exp(x**2) * erfc(x)``.")
erfi = _function("erfi", "x", "Imaginary error function, ``-i erf(ix)``.")
erfinv = _function("erfinv", "y", "Inverse of ``erf``.")
erfcinv = _function("erfcinv", "y", "Inverse of ``erfc``.")
dawsn = _function("dawsn", "x", "Dawson's integral.")
ndtr = _function("ndtr", "x", "Distribution function of the standard normal distribution.")
log_ndtr = _function("log_ndtr", "x", "Logarithm of ``ndtr``.")
ndtri = _function("ndtri", "y", "Inverse of ``ndtr``.")
ndtri_exp = _function("ndtri_exp", "y", "Inverse of ``log_ndtr``.")
owens_t = _function("owens_t", "h a", "Owen's T function.")

# -- logistic functions, entropies, powers, losses, degrees ------------------------------------------------------------

expit = _function("expit", "x", "Logistic function, ``1 / (1 + exp(-x))``.")
logit = _function("logit", "x", "Inverse of ``expit``.")
log_expit = _function("log_expit", "x", "Logarithm of ``expit``.")
xlogy = _function("xlogy", "x y", "``x * log(y)``, 0 where ``x`` is.")
xlog1py = _function("xlog1py", "x y", "``x * log1p(y)``, 0 where ``x`` is.")
entr = _function("entr", "x", "``-x * log(x)``, an entropy's term.")
rel_entr = _function("rel_entr", "x y", "``x * log(x / y)``, a relative entropy's term.")
kl_div = _function("kl_div", "x y", "``x * log(x / y) - x + y``, a term of Kullback and Leibler's divergence.")
cbrt = _function("cbrt", "x", "Cube root.")
exp2 = _function("exp2", "x", "``2**x``.")
exp10 = _function("exp10", "x", "``10**x``.")
exprel = _function("exprel", "x", "``(exp(x) - 1) / x``.")
cosm1 = _function("cosm1", "x", "``cos(x) - 1``.")
boxcox = _function("boxcox", "x lmbda", "Box and Cox's transform, ``(x**lmbda - 1) / lmbda``.")
boxcox1p = _function("boxcox1p", "x lmbda", "The same of ``1 + x``.")
inv_boxcox = _function("inv_boxcox", "y lmbda", "Inverse of ``boxcox``.")
inv_boxcox1p = _function("inv_boxcox1p", "y lmbda", "Inverse of ``boxcox1p``.")
huber = _function("huber", "delta r", "Huber's loss.")
pseudo_huber = _function("pseudo_huber", "delta r", "A smooth form of Huber's loss.")
sinc = _function("sinc", "x", "``sin(pi x) / (pi x)``.")
sindg = _function("sindg", "x", "Sine of an angle in degrees.")
cosdg = _function("cosdg", "x", "Cosine of an angle in degrees.")
tandg = _function("tandg", "x", "Tangent of an angle in degrees.")
cotdg = _function("cotdg", "x", "Cotangent of an angle in degrees.")
radian = _function("radian", "d m s", "Degrees, minutes and seconds in radians.")

# -- gamma, beta, zeta -------------------------------------------------------------------------------------------------

gamma = _function("gamma", "x", "Gamma function.")
gammaln = _function("gammaln", "x", "Logarithm of the absolute value of ``gamma``.")
loggamma = _function("loggamma", "x", "Logarithm of ``gamma``, nan for negative numbers.")
gammasgn = _function("gammasgn", "/x", "Sign of ``gamma``.")
rgamma = _function("rgamma", "x", "``1 / gamma(x)``.")
digamma = psi = _function("digamma", "x", "Logarithmic derivative of ``gamma``.")
polygamma = _function("polygamma", "/n x", "Derivative of order ``n``, a whole number, of ``digamma``.")
poch = _function("poch", "z m", "Rising factorial, ``gamma(z + m) / gamma(z)``.")
binom = _function("binom", "n k", "Binomial coefficient of real numbers.")
beta = _function("beta", "a b", "Beta function.")
betaln = _function("betaln", "a b", "Logarithm of the absolute value of ``beta``.")
zetac = _function("zetac", "x", "Riemann's zeta function minus 1.")
hurwitz_zeta = _function("zeta", "x q", "Hurwitz's zeta function.")
gammainc = _function("gammainc", "a x", "Regularised lower incomplete gamma function.")
gammaincc = _function("gammaincc", "a x", "Regularised upper incomplete gamma function.")
gammaincinv = _function("gammaincinv", "a y", "Inverse of ``gammainc`` in ``x``.")
gammainccinv = _function("gammainccinv", "a y", "Inverse of ``gammaincc`` in ``x``.")
betainc = _function("betainc", "a b x", "Regularised incomplete beta function.")
betaincc = _function("betaincc", "a b x", "``1 - betainc(a, b, x)``.")
betaincinv = _function("betaincinv", "a b y", "Inverse of ``betainc`` in ``x``.")
betainccinv = _function("betainccinv", "a b y", "Inverse of ``betaincc`` in ``x``.")

# -- distributions -----------------------------------------------------------------------------------------------------

bdtr = _function("bdtr", "/k /n p", "Distribution function of the binomial distribution.")
bdtrc = _function("bdtrc", "/k /n p", "``1 - bdtr(k, n, p)``.")
bdtri = _function("bdtri", "/k /n y", "Inverse of ``bdtr`` in ``p``.")
btdtria = _function("btdtria", "p b x", "Inverse of ``betainc`` in ``a``.")
btdtrib = _function("btdtrib", "a p x", "Inverse of ``betainc`` in ``b``.")
chdtr = _function("chdtr", "v x", "Distribution function of chi-square.")
chdtrc = _function("chdtrc", "v x", "``1 - chdtr(v, x)``.")
chdtri = _function("chdtri", "v p", "Inverse of ``chdtrc`` in ``x``.")
chdtriv = _function("chdtriv", "p x", "Inverse of ``chdtr`` in ``v``.")
fdtr = _function("fdtr", "dfn dfd x", "Distribution function of F.")
fdtrc = _function("fdtrc", "dfn dfd x", "``1 - fdtr(dfn, dfd, x)``.")
fdtri = _function("fdtri", "dfn dfd p", "Inverse of ``fdtr`` in ``x``.")
gdtr = _function("gdtr", "a b x", "Distribution function of the gamma distribution.")
gdtrc = _function("gdtrc", "a b x", "``1 - gdtr(a, b, x)``.")
gdtria = _function("gdtria", "p b x", "Inverse of ``gdtr`` in ``a``.")
gdtrib = _function("gdtrib", "a p x", "Inverse of ``gdtr`` in ``b``.")
gdtrix = _function("gdtrix", "a b p", "Inverse of ``gdtr`` in ``x``.")
nbdtr = _function("nbdtr", "/k /n p", "Distribution function of the negative binomial distribution.")
nbdtrc = _function("nbdtrc", "/k /n p", "``1 - nbdtr(k, n, p)``.")
nbdtri = _function("nbdtri", "/k /n y", "Inverse of ``nbdtr`` in ``p``.")
pdtr = _function("pdtr", "/k m", "Distribution function of the Poisson distribution.")
pdtrc = _function("pdtrc", "/k m", "``1 - pdtr(k, m)``.")
pdtri = _function("pdtri", "/k y", "Inverse of ``pdtr`` in ``m``.")
stdtr = _function("stdtr", "df t", "Distribution function of Student's t.")
stdtrit = _function("stdtrit", "df p", "Inverse of ``stdtr`` in ``t``.")

# -- Bessel functions --------------------------------------------------------------------------------------------------

j0 = _function("j0", "x", "Bessel function of the first kind of order 0.")
j1 = _function("j1", "x", "Bessel function of the first kind of order 1.")
jv = jn = _function("jv", "v z", "Bessel function of the first kind; in ``v`` for positive ``z``.")
y0 = _function("y0", "x", "Bessel function of the second kind of order 0.")
y1 = _function("y1", "x", "Bessel function of the second kind of order 1.")
yn = _function("yn", "/n x", "Bessel function of the second kind of whole order.")
yv = _function("yv", "v z", "Bessel function of the second kind; in ``v`` for positive ``z``.")
i0 = _function("i0", "x", "Modified Bessel function of the first kind of order 0.")
i0e = _function("i0e", "x", "``exp(-abs(x)) * i0(x)``.")
i1 = _function("i1", "x", "Modified Bessel function of the first kind of order 1.")
i1e = _function("i1e", "x", "``exp(-abs(x)) * i1(x)``.")
iv = _function("iv", "v z", "Modified Bessel function of the first kind; in ``v`` for positive ``z``.")
ive = _function("ive", "v z", "``exp(-abs(z)) * iv(v, z)``.")
k0 = _function("k0", "x", "Modified Bessel function of the second kind of order 0.")
k0e = _function("k0e", "x", "``exp(x) * k0(x)``.")
k1 = _function("k1", "x", "Modified Bessel function of the second kind of order 1.")
k1e = _function("k1e", "x", "``exp(x) * k1(x)``.")
kn = _function("kn", "/n x", "Modified Bessel function of the second kind of whole order.")
kv = _function("kv", "v z", "Modified Bessel function of the second kind; in ``v`` for positive ``z``.")
kve = _function("kve", "v z", "``exp(z) * kv(v, z)``.")

# -- integrals, hypergeometric and Legendre functions ------------------------------------------------------------------

exp1 = _function("exp1", "x", "Exponential integral E₁.")
expi = _function("expi", "x", "Exponential integral Ei.")
expn = _function("expn", "/n x", "Generalised exponential integral of whole order.")
spence = _function("spence", "z", "Spence's function, the dilogarithm of ``1 - z``.")
ellipk = _function("ellipk", "m", "Complete elliptic integral of the first kind.")
ellipkm1 = _function("ellipkm1", "p", "``ellipk(1 - p)``.")
ellipe = _function("ellipe", "m", "Complete elliptic integral of the second kind.")
ellipkinc = _function("ellipkinc", "phi m", "Incomplete elliptic integral of the first kind.")
ellipeinc = _function("ellipeinc", "phi m", "Incomplete elliptic integral of the second kind.")
hyp0f1 = _function("hyp0f1", "v z", "Confluent hypergeometric limit function.")
hyp1f1 = _function("hyp1f1", "a b x", "Confluent hypergeometric function; in ``a`` and ``b`` for ``abs(x)`` up to 75.")
hyp2f1 = _function(
    "hyp2f1", "a b c z", "Gauss's hypergeometric function; in ``a``, ``b``, ``c`` for ``z`` in (-4, 0.8)."
)
lpmv = _function("lpmv", "/m v x", "Associated Legendre function of whole order; in ``v`` for ``v`` above -1.")
