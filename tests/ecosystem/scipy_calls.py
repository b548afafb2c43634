"""SciPy: what of it is called, with what."""

import importlib

import numpy as np
import scipy.cluster.hierarchy as hi
import scipy.cluster.vq as vq
import scipy.constants as co
import scipy.differentiate as df
import scipy.fft as fft
import scipy.integrate as ig
import scipy.interpolate as ip
import scipy.linalg as la
import scipy.ndimage as nd
import scipy.optimize as op
import scipy.optimize.elementwise as oe
import scipy.signal as sg
import scipy.spatial as ss
import scipy.special as sp
import scipy.stats as st
from scipy.spatial.transform import RigidTransform, Rotation, Slerp
from scipy.special._support_alternative_backends import _special_funcs

from .call import call
from .inputs import (
    BIM,
    CX,
    IMG,
    LAB,
    SPD,
    SQ,
    R,
    X,
    Y,
    cplx,
    gi,
    grid,
    gy,
    ints,
    pos,
    pos2,
    unit,
    x,
    y,
    z,
)  # fmt: skip

# ---- special: every dispatched function
infos = [(f.name, f.n_args, f.int_only) for f in _special_funcs]
dom = {
    "bdtr": (np.array([1.0, 2, 3]), np.array([5, 6, 7]), np.array([0.3, 0.4, 0.5])),
    "bdtrc": (np.array([1.0, 2, 3]), np.array([5, 6, 7]), np.array([0.3, 0.4, 0.5])),
    "bdtri": (np.array([1.0, 2, 3]), np.array([5, 6, 7]), np.array([0.3, 0.4, 0.5])),
    "expn": (ints + 1, pos),
    "multigammaln": None,
    "nbdtr": (ints, ints + 3, unit),
    "nbdtrc": (ints, ints + 3, unit),
    "nbdtri": (ints, ints + 3, unit),
    "pdtri": (ints, unit),
    "polygamma": None,
    "yn": (ints, pos),
    "zeta": (pos + 1.2, pos2),
    "zetac": (pos + 1.2,),
    "erfinv": (unit - 0.5,),
    "ellipk": (unit,),
    "gammaincinv": (pos, unit),
    "gammainccinv": (pos, unit),
    "betainc": (pos, pos2, unit),
    "betaincc": (pos, pos2, unit),
    "betaincinv": (pos, pos2, unit),
    "logit": (unit,),
    "ndtri": (unit,),
    "fdtri": (pos + 2, pos2 + 2, unit),
    "stdtrit": (pos + 2, unit),
    "chdtri": (pos + 2, unit),
    "lpmv": (ints * 1.0, ints + 2.0, unit),
    "ellipkm1": (unit,),
    "hyp1f1": (pos, pos2, x),
    "radian": (pos, pos2, unit),
}
for n, k, _ in infos:
    a = dom.get(n, [pos, pos2, unit][:k] if n not in ("erf", "erfc", "expit", "ndtr", "log_ndtr") else [x])
    if a is None:
        continue
    call(f"special.{n}", lambda xp, *v, f=getattr(sp, n): f(*v), *a)
call("special.multigammaln", lambda xp, a: sp.multigammaln(a, 3), pos + 2)
call("special.polygamma", lambda xp, a: sp.polygamma(1, a), pos)
call("special.logsumexp", lambda xp, a: sp.logsumexp(a, axis=0), X)
call("special.logsumexp[b]", lambda xp, a, b: sp.logsumexp(a, b=b), x, pos)
call("special.softmax", lambda xp, a: sp.softmax(a, axis=1), X)
call("special.log_softmax", lambda xp, a: sp.log_softmax(a, axis=1), X)

# ---- stats
mean = lambda v, axis=-1: importlib.import_module("scipy._lib._array_api").array_namespace(v).mean(v, axis=axis)
S1 = (
    "circmean circstd circvar describe differential_entropy iqr jarque_bera kstat kstatvar kurtosis kurtosistest "
    "median_abs_deviation moment normaltest rankdata sem skew skewtest tmax tmean tmin tsem tstd tvar variation zscore "
    "lmoment".split()
)
for n in S1:
    call(f"stats.{n}", lambda xp, a, f=getattr(st, n): f(a), x)
for n in "gmean gstd gzscore hmean entropy chisquare power_divergence".split():
    call(f"stats.{n}", lambda xp, a, f=getattr(st, n): f(a), pos)
for n in (
    "mood ansari brunnermunzel chatterjeexi cramervonmises_2samp epps_singleton_2samp mannwhitneyu "
    "spearmanrho pearsonr ttest_ind ttest_rel wilcoxon zmap entropy power_divergence".split()
):
    a, b = (
        (pos, pos2)
        if n == "entropy"
        else (pos, pos / pos2 * pos.sum() / (pos / pos2).sum())
        if n == "power_divergence"
        else (x, y)
    )
    call(
        f"stats.{n}[2]" if n in ("entropy", "power_divergence") else f"stats.{n}",
        lambda xp, a, b, f=getattr(st, n): f(a, b),
        a,
        b,
        grad=n != "power_divergence",
    )
for n in "alexandergovern bartlett f_oneway fligner friedmanchisquare kruskal levene".split():
    call(f"stats.{n}", lambda xp, a, b, c, f=getattr(st, n): f(a, b, c), x, y, z)
call(
    "stats.bootstrap",
    lambda xp, a: st.bootstrap(
        (a,), mean, n_resamples=49, rng=np.random.default_rng(0), method="percentile", vectorized=True
    ),
    x,
)
call("stats.boxcox_llf", lambda xp, a: st.boxcox_llf(0.5, a), pos)
call("stats.combine_pvalues", lambda xp, a: st.combine_pvalues(a), unit)
call("stats.cramervonmises", lambda xp, a: st.cramervonmises(a, sp.ndtr), x)
call("stats.ks_1samp", lambda xp, a: st.ks_1samp(a, sp.ndtr), x)
call("stats.directional_stats", lambda xp, a: st.directional_stats(a), X)
call("stats.false_discovery_control", lambda xp, a: st.false_discovery_control(a), unit)
call("stats.mode", lambda xp, a: st.mode(a), ints)
call(
    "stats.monte_carlo_test",
    lambda xp, a: st.monte_carlo_test(
        a, lambda size: xp.zeros(size, dtype=xp.float64), mean, n_resamples=49, vectorized=True
    ),
    x,
)
call(
    "stats.permutation_test",
    lambda xp, a, b: st.permutation_test(
        (a, b),
        lambda u, v, axis: mean(u, axis) - mean(v, axis),
        n_resamples=49,
        rng=np.random.default_rng(0),
        vectorized=True,
    ),
    x,
    y,
)
call("stats.pmean", lambda xp, a: st.pmean(a, 2.0), pos)
call(
    "stats.power",
    lambda xp, a: st.power(
        lambda v, axis: st.ttest_1samp(v, 0.0, axis=axis),
        lambda size: xp.reshape(xp.linspace(-1.0, 2.0, size[0] * size[1], dtype=xp.float64), size) * a[0],
        (xp.asarray([10, 12]),),
        n_resamples=11,
    ),
    x,
    grad=False,
)
call("stats.quantile", lambda xp, a, p: st.quantile(a, p), x, np.array([0.1, 0.5, 0.77]))
call("stats.sigmaclip", lambda xp, a: st.sigmaclip(a, 2.0, 2.0), x)
call("stats.trim_mean", lambda xp, a: st.trim_mean(a, 0.1), x)
call("stats.ttest_1samp", lambda xp, a: st.ttest_1samp(a, 0.1), x)
call(
    "stats.ttest_ind_from_stats",
    lambda xp, a, b, c, d: st.ttest_ind_from_stats(a, b, 20, c, d, 25),
    np.array(0.3),
    np.array(1.2),
    np.array(0.5),
    np.array(1.1),
)
call("stats.yeojohnson_llf", lambda xp, a: st.yeojohnson_llf(0.5, a), x)
# NumPy-only ones: how do they fail?
call("stats.norm.logpdf [np-only]", lambda xp, a: st.norm.logpdf(a), x)
call("stats.norm.cdf [np-only]", lambda xp, a: st.norm.cdf(a), x)
call("stats.Normal.pdf [np-only]", lambda xp, a: st.Normal().pdf(a), x)
call(
    "stats.multivariate_normal.logpdf [np-only]",
    lambda xp, a: st.multivariate_normal.logpdf(a, np.zeros(3), np.eye(3)),
    X,
)
call("stats.gaussian_kde [np-only]", lambda xp, a: st.gaussian_kde(a)(a), x)
call("stats.linregress [np-only]", lambda xp, a, b: st.linregress(a, b), x, y)
call("stats.spearmanr [np-only]", lambda xp, a, b: st.spearmanr(a, b), x, y)
call("stats.kendalltau [np-only]", lambda xp, a, b: st.kendalltau(a, b), x, y)

# ---- fft
for n in [*"fft ifft rfft hfft ihfft".split(), "irfft"]:
    a = x if n in ("rfft", "ihfft") else cplx
    call(f"fft.{n}", lambda xp, a, f=getattr(fft, n): f(a), a)
for n in "fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn hfft2 hfftn ihfft2 ihfftn".split():
    a = IMG if n[:1] == "r" or n.startswith("ih") else CX
    call(f"fft.{n}", lambda xp, a, f=getattr(fft, n): f(a), a)
for n in "dct idct dst idst".split():
    call(f"fft.{n}", lambda xp, a, f=getattr(fft, n): f(a), x)
for n in "dctn idctn dstn idstn".split():
    call(f"fft.{n}", lambda xp, a, f=getattr(fft, n): f(a), IMG)
call("fft.fftshift", lambda xp, a: fft.fftshift(a), x)
call("fft.ifftshift", lambda xp, a: fft.ifftshift(a), x)
call("fft.fftfreq", lambda xp: fft.fftfreq(8, 0.1, xp=xp))
call("fft.rfftfreq", lambda xp: fft.rfftfreq(8, 0.1, xp=xp))
call("fft.fht", lambda xp, a: fft.fht(a, 0.1, 0.5), x)
call("fft.ifht", lambda xp, a: fft.ifht(a, 0.1, 0.5), x)

# ---- integrate / differentiate / optimize.elementwise / linalg / constants
call("integrate.trapezoid", lambda xp, a, b: ig.trapezoid(a, b), x, np.sort(pos))
call("integrate.cumulative_trapezoid", lambda xp, a, b: ig.cumulative_trapezoid(a, b), x, np.sort(pos))
call("integrate.cumulative_simpson", lambda xp, a, b: ig.cumulative_simpson(a, x=b), x, np.sort(pos))
call("integrate.romb", lambda xp, a: ig.romb(a, 0.5), x[:17])
call("integrate.simpson [np-only]", lambda xp, a: ig.simpson(a, dx=0.5), x[:17])
call(
    "integrate.cubature",
    lambda xp, a, b: ig.cubature(lambda t: xp.exp(-xp.sum(t * t, axis=-1)), a, b),
    np.array([0.0, 0.0]),
    np.array([1.0, 1.0]),
    gtol=1e-3,
)
call(
    "integrate.tanhsinh",
    lambda xp, a, b: ig.tanhsinh(lambda t: xp.exp(-t * t), a, b),
    np.array([0.0, 0.2]),
    np.array([1.0, 1.5]),
    gtol=1e-3,
)
call(
    "integrate.tanhsinh[args]",
    lambda xp, a, b, p: ig.tanhsinh(lambda t, p: xp.exp(-p * t * t), a, b, args=(p,)),
    np.array([0.0, 0.2]),
    np.array([1.0, 1.5]),
    np.array([1.0, 2.0]),
    gtol=1e-3,
)
call(
    "integrate.nsum", lambda xp, a: ig.nsum(lambda k: 1 / k**2, a, xp.asarray(xp.inf)), np.array([1.0, 2.0]), grad=False
)
call(
    "integrate.qmc_quad",
    lambda xp, a, b: ig.qmc_quad(
        lambda t: xp.sum(t * t, axis=0), a, b, qrng=st.qmc.Halton(2, rng=np.random.default_rng(0)), n_points=32
    ),
    np.array([0.0, 0.0]),
    np.array([1.0, 1.0]),
)
call("integrate.quad_vec [np-only]", lambda xp, a: ig.quad_vec(lambda t: xp.exp(-t * a), 0, 1)[0], pos[:3])
call("integrate.quad [np-only]", lambda xp, a: ig.quad(lambda t: float(t * a[0]), 0, 1)[0], pos[:3], grad=False)
call("integrate.solve_ivp [np-only]", lambda xp, a: ig.solve_ivp(lambda t, y: -y, (0.0, 1.0), a).y, pos[:3])
call("differentiate.derivative", lambda xp, a: df.derivative(xp.sin, a), x[:4], gtol=1e-3)
call("differentiate.jacobian", lambda xp, a: df.jacobian(lambda t: t**3, a).df, x[:3], gtol=1e-3)
call("differentiate.hessian", lambda xp, a: df.hessian(lambda t: xp.sum(t**3, axis=0), a).ddf, x[:3], gtol=1e-2)
call(
    "optimize.elementwise.find_root",
    lambda xp, a, b, c: oe.find_root(lambda t, c: t**3 - c, (a, b), args=(c,)).x,
    np.zeros(3),
    np.full(3, 4.0),
    np.array([1.0, 2.0, 8.1]),
    gtol=1e-3,
)
call(
    "optimize.elementwise.find_minimum",
    lambda xp, a, b, c, p: oe.find_minimum(lambda t, p: (t - p) ** 2, (a, b, c), args=(p,)).x,
    np.full(3, -3.0),
    np.zeros(3),
    np.full(3, 4.0),
    np.array([0.3, 0.5, 0.7]),
    rtol=1e-5,
    gtol=1e-3,
)
call(
    "optimize.elementwise.bracket_root",
    lambda xp, a, c: oe.bracket_root(lambda t, c: t**3 - c, a, args=(c,)).bracket,
    np.zeros(3),
    np.array([1.0, 2.0, 8.1]),
)
call(
    "optimize.elementwise.bracket_minimum",
    lambda xp, a, c: oe.bracket_minimum(lambda t, c: (t - c) ** 2, a, args=(c,)).bracket,
    np.zeros(3),
    np.array([1.0, 2.0, 8.1]),
)
for n in "rosen rosen_der rosen_hess".split():
    call(f"optimize.{n}", lambda xp, a, f=getattr(op, n): f(a), x[:5])
call("optimize.rosen_hess_prod", lambda xp, a, b: op.rosen_hess_prod(a, b), x[:5], y[:5])
call(
    "optimize.minimize(BFGS) [np-only]",
    lambda xp, a: op.minimize(lambda t: float(xp.sum(xp.asarray(t) ** 2)), a, method="BFGS").x,
    x[:3],
    grad=False,
    atol=1e-4,
)
call(
    "optimize.minimize(L-BFGS-B) [np-only]",
    lambda xp, a: op.minimize(lambda t: float(xp.sum(xp.asarray(t) ** 2)), a, method="L-BFGS-B").x,
    x[:3],
    grad=False,
    atol=1e-4,
)
call(
    "optimize.least_squares [np-only]",
    lambda xp, a: op.least_squares(lambda t: np.asarray(t) - 1, a).x,
    x[:3],
    grad=False,
)
call("optimize.linear_sum_assignment [np-only]", lambda xp, a: op.linear_sum_assignment(a), SQ, grad=False)
call("optimize.nnls [np-only]", lambda xp, a, b: op.nnls(a, b)[0], SPD, pos[:4])
call("linalg.block_diag", lambda xp, a, b: la.block_diag(a, b), SQ, X[:2])
call("linalg.fiedler", lambda xp, a: la.fiedler(a), x[:5])
call("linalg.orthogonal_procrustes", lambda xp, a, b: la.orthogonal_procrustes(a, b), X, Y)
for n in "inv det expm logm sqrtm lu_factor qr svd eigh cholesky toeplitz hankel pinv norm".split():
    call(f"linalg.{n} [np-only]", lambda xp, a, f=getattr(la, n): f(a), SPD[0] if n in ("toeplitz", "hankel") else SPD)
call("linalg.solve [np-only]", lambda xp, a, b: la.solve(a, b), SPD, X[:4])
call("linalg.lstsq [np-only]", lambda xp, a, b: la.lstsq(a, b)[0], X, Y)
call("constants.convert_temperature", lambda xp, a: co.convert_temperature(a, "C", "K"), x)
call("constants.lambda2nu", lambda xp, a: co.lambda2nu(a), pos)
call("constants.nu2lambda", lambda xp, a: co.nu2lambda(a), pos)

# ---- signal
W = sg.windows
for n in (
    "barthann bartlett blackman blackmanharris bohman boxcar cosine flattop hamming hann lanczos nuttall parzen "
    "taylor triang tukey exponential".split()
):
    call(f"signal.windows.{n}", lambda xp, f=getattr(W, n): f(9, xp=xp))
call("signal.windows.chebwin", lambda xp: W.chebwin(9, 50, xp=xp))
call("signal.windows.gaussian", lambda xp: W.gaussian(9, 2.0, xp=xp))
call("signal.windows.general_cosine", lambda xp, c: W.general_cosine(9, c), np.array([0.5, 0.3, 0.2]))
call("signal.windows.general_gaussian", lambda xp: W.general_gaussian(9, 1.5, 2.0, xp=xp))
call("signal.windows.general_hamming", lambda xp: W.general_hamming(9, 0.6, xp=xp))
call("signal.windows.kaiser", lambda xp: W.kaiser(9, 3.0, xp=xp))
call("signal.windows.kaiser_bessel_derived", lambda xp: W.kaiser_bessel_derived(10, 3.0, xp=xp))
call("signal.windows.get_window", lambda xp: W.get_window("hann", 9, xp=xp))
for n in "convolve correlate fftconvolve oaconvolve".split():
    call(f"signal.{n}", lambda xp, a, b, f=getattr(sg, n): f(a, b), x, y[:5])
for n in "convolve2d correlate2d".split():
    call(f"signal.{n}", lambda xp, a, b, f=getattr(sg, n): f(a, b), IMG, SQ)
call("signal.choose_conv_method", lambda xp, a, b: sg.choose_conv_method(a, b), x, y)
call("signal.detrend", lambda xp, a: sg.detrend(a), x)
call("signal.detrend[constant]", lambda xp, a: sg.detrend(a, type="constant"), x)
call("signal.hilbert", lambda xp, a: sg.hilbert(a), x)
call("signal.hilbert2", lambda xp, a: sg.hilbert2(a), IMG)
call("signal.envelope", lambda xp, a: sg.envelope(a), x)
call("signal.resample", lambda xp, a: sg.resample(a, 12), x)
call("signal.resample_poly", lambda xp, a: sg.resample_poly(a, 2, 3), x)
call("signal.upfirdn", lambda xp, a, b: sg.upfirdn(a, b, 2, 1), y[:4], x)
call("signal.medfilt", lambda xp, a: sg.medfilt(a, 3), x)
call("signal.medfilt2d", lambda xp, a: sg.medfilt2d(a, 3), IMG)
call("signal.order_filter", lambda xp, a, d: sg.order_filter(a, d, 1), IMG, np.ones((3, 3)))
call("signal.wiener", lambda xp, a: sg.wiener(a, 3), IMG)
call("signal.savgol_filter", lambda xp, a: sg.savgol_filter(a, 5, 2), x)
call("signal.savgol_coeffs", lambda xp: sg.savgol_coeffs(5, 2, xp=xp))
ba, aa = np.array([0.1, 0.2, 0.1]), np.array([1.0, -0.5, 0.2])
for n in "freqz freqs group_delay".split():
    call(f"signal.{n}", lambda xp, b, a, f=getattr(sg, n): f((b, a), 8) if f is sg.group_delay else f(b, a, 8), ba, aa)
call("signal.lfilter", lambda xp, b, a, v: sg.lfilter(b, a, v), ba, aa, x)
call("signal.filtfilt", lambda xp, b, a, v: sg.filtfilt(b, a, v), ba, aa, x)
call("signal.lfilter_zi", lambda xp, b, a: sg.lfilter_zi(b, a), ba, aa)
call(
    "signal.lfiltic", lambda xp, b, a, v: sg.lfiltic(b, a, v), ba, 2 * aa, x[:2]
)  # a[0] == 1 is a value-dependent branch
call("signal.deconvolve", lambda xp, a, b: sg.deconvolve(a, b), x, np.array([1.0, 0.5]))
sos = np.array([[0.1, 0.2, 0.1, 1.0, -0.5, 0.2], [0.3, 0.1, 0.2, 1.0, 0.1, 0.05]])
call("signal.sosfilt", lambda xp, s, v: sg.sosfilt(s, v), sos, x, wrt=(1,))
call("signal.sosfiltfilt", lambda xp, s, v: sg.sosfiltfilt(s, v), sos, np.tile(x, 2), wrt=(1,))
call("signal.sosfilt_zi", lambda xp, s: sg.sosfilt_zi(s), sos)
call("signal.freqz_sos", lambda xp, s: sg.freqz_sos(s, 8), sos, grad=False)
call("signal.sosfreqz", lambda xp, s: sg.sosfreqz(s, 8), sos, grad=False)
call("signal.sos2tf", lambda xp, s: sg.sos2tf(s), sos)
call("signal.sos2zpk", lambda xp, s: sg.sos2zpk(s), sos, grad=False)
call("signal.tf2sos", lambda xp, b, a: sg.tf2sos(b, a), ba, aa, grad=False)
call("signal.tf2zpk", lambda xp, b, a: sg.tf2zpk(b, a), ba, aa, grad=False)
zz, pp = np.array([-1.0, -0.5]), np.array([0.3 + 0.2j, 0.3 - 0.2j])
call("signal.zpk2tf", lambda xp, z_, p_: sg.zpk2tf(z_, p_, 1.0), zz, pp)
call("signal.zpk2sos", lambda xp, z_, p_: sg.zpk2sos(z_, p_, 1.0), zz, pp, grad=False)
for n in "freqz_zpk freqs_zpk".split():
    call(f"signal.{n}", lambda xp, z_, p_, f=getattr(sg, n): f(z_, p_, 1.0, 8), zz, pp)
for n, a in {"lp2lp": (2.0,), "lp2hp": (2.0,), "lp2bp": (2.0, 1.0), "lp2bs": (2.0, 1.0), "bilinear": (2.0,)}.items():
    call(f"signal.{n}", lambda xp, b, d, f=getattr(sg, n), a=a: f(b, d, *a), ba, aa, grad=False)
    call(f"signal.{n}_zpk", lambda xp, u, v, f=getattr(sg, n + "_zpk"), a=a: f(u, v, 1.0, *a), zz, pp - 1)
call("signal.normalize", lambda xp, b, a: sg.normalize(b, a), ba, aa * 2)
call("signal.abcd_normalize", lambda xp, a, b, c, d: sg.abcd_normalize(a, b, c, d), SQ, SQ[:, :1], SQ[:1], SQ[:1, :1])
call("signal.vectorstrength", lambda xp, e, p: sg.vectorstrength(e, p), pos, np.array([1.0, 2.0]))
call("signal.minimum_phase", lambda xp, h: sg.minimum_phase(h), np.array([0.1, 0.2, 0.4, 0.2, 0.1]), grad=False)
call("signal.firwin", lambda xp, c: sg.firwin(9, c), np.array(0.3))
call(
    "signal.firwin2",
    lambda xp, f, g: sg.firwin2(9, f, g),
    np.array([0.0, 0.5, 1.0]),
    np.array([1.0, 0.5, 0.0]),
    grad=False,
)
call("signal.firls", lambda xp, f, g: sg.firls(9, f, g), np.array([0.0, 0.3, 0.5, 1.0]), np.array([1.0, 1.0, 0.1, 0.1]))
call(
    "signal.remez",
    lambda xp, f, g: sg.remez(9, f, g, fs=2.0),
    np.array([0.0, 0.3, 0.5, 1.0]),
    np.array([1.0, 0.0]),
    grad=False,
)
call("signal.gammatone", lambda xp: sg.gammatone(0.2, "fir", fs=2.0, xp=xp))
call("signal.iirnotch", lambda xp: sg.iirnotch(0.3, 5.0, xp=xp))
call("signal.iirpeak", lambda xp: sg.iirpeak(0.3, 5.0, xp=xp))
call("signal.iircomb", lambda xp: sg.iircomb(0.2, 5.0, xp=xp))
call("signal.gauss_spline", lambda xp, a: sg.gauss_spline(a, 3), x)
for n in "cspline1d qspline1d".split():
    call(f"signal.{n}", lambda xp, a, f=getattr(sg, n): f(a), x)
    call(f"signal.{n}_eval", lambda xp, a, b, f=getattr(sg, n + "_eval"): f(a, b), x, pos * 3)
call("signal.cspline2d", lambda xp, a: sg.cspline2d(a), R.standard_normal((24, 25)))
call("signal.spline_filter", lambda xp, a: sg.spline_filter(a), R.standard_normal((64, 65)))
for n, a in {
    "buttap": (3,),
    "besselap": (3,),
    "cheb1ap": (3, 1.0),
    "cheb2ap": (3, 20.0),
    "ellipap": (3, 1.0, 20.0),
}.items():
    call(f"signal.{n}", lambda xp, f=getattr(sg, n), a=a: f(*a, xp=xp))
call("signal.butter", lambda xp, w: sg.butter(3, w), np.array(0.3), grad=False)
call("signal.bessel", lambda xp, w: sg.bessel(3, w), np.array(0.3), grad=False)
call("signal.cheby1", lambda xp, w: sg.cheby1(3, 1.0, w), np.array(0.3), grad=False)
call("signal.cheby2", lambda xp, w: sg.cheby2(3, 20.0, w), np.array(0.3), grad=False)
call("signal.ellip", lambda xp, w: sg.ellip(3, 1.0, 20.0, w), np.array(0.3), grad=False)
call("signal.iirfilter", lambda xp, w: sg.iirfilter(3, w, btype="lowpass"), np.array(0.3), grad=False)
for n in "buttord cheb1ord cheb2ord ellipord".split():
    call(f"signal.{n}", lambda xp, a, b, f=getattr(sg, n): f(a, b, 3.0, 20.0), np.array(0.2), np.array(0.4), grad=False)
call("signal.welch [np-only]", lambda xp, a: sg.welch(a, nperseg=8), x)
call("signal.periodogram [np-only]", lambda xp, a: sg.periodogram(a), x)
call("signal.find_peaks [np-only]", lambda xp, a: sg.find_peaks(a)[0], x)
call("signal.lombscargle [np-only]", lambda xp, a, b, c: sg.lombscargle(a, b, c), np.sort(pos), x, pos[:4])
call("signal.ShortTimeFFT.stft [np-only]", lambda xp, a: sg.ShortTimeFFT(np.hanning(8), 4, 1.0).stft(a), x)
call("signal.czt [np-only]", lambda xp, a: sg.czt(a), x)

# ---- ndimage
for n in (
    "gaussian_filter1d(1.) uniform_filter1d(3) maximum_filter1d(3) minimum_filter1d(3) gaussian_filter(1.) "
    "uniform_filter(3) maximum_filter(3) minimum_filter(3) median_filter(3) laplace() gaussian_laplace(1.) "
    "gaussian_gradient_magnitude(1.) sobel() prewitt() spline_filter() "
    "spline_filter1d() grey_closing(3) grey_dilation(3) "
    "grey_erosion(3) grey_opening(3) white_tophat(3) black_tophat(3) "
    "morphological_gradient(3) morphological_laplace(3)".split()
):
    f, a = n[:-1].split("(")
    a = [float(v) if "." in v else int(v) for v in a.split(",") if v]
    call(f"ndimage.{f}", lambda xp, v, f=getattr(nd, f), a=a: f(v, *a), IMG)
call("ndimage.percentile_filter", lambda xp, v: nd.percentile_filter(v, 30, 3), IMG)
call("ndimage.rank_filter", lambda xp, v: nd.rank_filter(v, 2, 3), IMG)
for n in "convolve correlate".split():
    call(f"ndimage.{n}", lambda xp, v, w, f=getattr(nd, n): f(v, w), IMG, SQ[:3, :3])
    call(f"ndimage.{n}1d", lambda xp, v, w, f=getattr(nd, n + "1d"): f(v, w), IMG, SQ[0, :3])
call("ndimage.shift", lambda xp, v: nd.shift(v, (0.5, 0.3)), IMG)
call("ndimage.zoom", lambda xp, v: nd.zoom(v, 1.5), IMG)
call("ndimage.rotate", lambda xp, v: nd.rotate(v, 30.0, reshape=False), IMG)
call("ndimage.affine_transform", lambda xp, v, m: nd.affine_transform(v, m), IMG, np.array([[0.9, 0.1], [-0.1, 0.8]]))
call("ndimage.map_coordinates", lambda xp, v, c: nd.map_coordinates(v, c, order=1), IMG, R.uniform(1, 7, (2, 6)))
call("ndimage.geometric_transform", lambda xp, v: nd.geometric_transform(v, lambda o: (o[0] - 0.5, o[1] - 0.5)), IMG)
for n in "fourier_gaussian fourier_uniform fourier_shift fourier_ellipsoid".split():
    call(f"ndimage.{n}", lambda xp, v, f=getattr(nd, n): f(v, 1.5), CX)
for n in (
    "binary_closing binary_dilation binary_erosion binary_fill_holes "
    "binary_hit_or_miss binary_opening binary_propagation label"
).split():
    call(f"ndimage.{n}", lambda xp, v, f=getattr(nd, n): f(v), BIM)
for n in (
    "mean sum sum_labels variance standard_deviation minimum "
    "maximum median center_of_mass extrema minimum_position maximum_position"
).split():
    call(f"ndimage.{n}", lambda xp, v, labels, f=getattr(nd, n): f(v, labels, xp.asarray([1, 2])), IMG, LAB)
for n in "distance_transform_bf distance_transform_cdt distance_transform_edt".split():
    call(f"ndimage.{n}", lambda xp, v, f=getattr(nd, n): f(v), BIM)
call("ndimage.find_objects", lambda xp, labels: str(nd.find_objects(labels)), LAB)
call("ndimage.histogram", lambda xp, v: nd.histogram(v, -2, 2, 5), IMG)
call("ndimage.value_indices", lambda xp, labels: [v for k, v in sorted(nd.value_indices(labels).items())], LAB)
call("ndimage.iterate_structure", lambda xp, v: nd.iterate_structure(v, 2), np.ones((3, 3), dtype=bool))
call("ndimage.generic_filter", lambda xp, v: nd.generic_filter(v, np.max, 3), IMG, grad=False)
call(
    "ndimage.vectorized_filter",
    lambda xp, v: nd.vectorized_filter(v, lambda w, axis: xp.mean(w, axis=axis), size=3),
    IMG,
)
call(
    "ndimage.watershed_ift",
    lambda xp, v, m: nd.watershed_ift(v, m),
    (np.abs(IMG) * 50).astype(np.uint8),
    LAB.astype(np.int32),
)

# ---- cluster
call("cluster.vq.whiten", lambda xp, a: vq.whiten(a), X)
call("cluster.vq.vq", lambda xp, a, b: vq.vq(a, b), X, X[:3] + 0.1)
call("cluster.vq.kmeans", lambda xp, a, b: vq.kmeans(a, b), X, X[:3] + 0.1)
call("cluster.vq.kmeans2", lambda xp, a, b: vq.kmeans2(a, b, minit="matrix"), X, X[:3] + 0.1)
for n in "average centroid complete median single ward weighted linkage".split():
    a = (lambda d: d[np.triu_indices(8, 1)])(np.linalg.norm(X[:8, None] - X[None, :8], axis=-1))
    call(f"cluster.hierarchy.{n}", lambda xp, a, f=getattr(hi, n): f(a), a)
Z = hi.linkage(X[:8], "average")
for (
    n
) in "cophenet inconsistent is_monotonic is_valid_linkage leaves_list maxdists num_obs_linkage to_mlab_linkage".split():
    call(f"cluster.hierarchy.{n}", lambda xp, a, f=getattr(hi, n): f(a), Z, grad=False)
call("cluster.hierarchy.fcluster", lambda xp, a: hi.fcluster(a, 1.5, "distance"), Z, grad=False)
call("cluster.hierarchy.fclusterdata", lambda xp, a: hi.fclusterdata(a, 1.5), X)
call("cluster.hierarchy.optimal_leaf_ordering", lambda xp, a, b: hi.optimal_leaf_ordering(a, b), Z, X[:8], grad=False)

# ---- interpolate
call("interpolate.CubicSpline", lambda xp, a, b, c: ip.CubicSpline(a, b)(c), grid, gy, gi)
call("interpolate.Akima1DInterpolator", lambda xp, a, b, c: ip.Akima1DInterpolator(a, b)(c), grid, gy, gi)
call("interpolate.PchipInterpolator", lambda xp, a, b, c: ip.PchipInterpolator(a, b)(c), grid, gy, gi)
call("interpolate.CubicHermiteSpline", lambda xp, a, b, c: ip.CubicHermiteSpline(a, b, xp.cos(a))(c), grid, gy, gi)
call("interpolate.make_interp_spline", lambda xp, a, b, c: ip.make_interp_spline(a, b)(c), grid, gy, gi)
call(
    "interpolate.make_smoothing_spline", lambda xp, a, b, c: ip.make_smoothing_spline(a, b)(c), grid, gy, gi, grad=False
)
call("interpolate.make_splrep", lambda xp, a, b, c: ip.make_splrep(a, b, s=0)(c), grid, gy, gi)
call(
    "interpolate.PPoly",
    lambda xp, a, b, c: ip.PPoly(a, b)(c),
    R.standard_normal((3, 5)),
    np.arange(6.0),
    np.array([0.5, 2.5, 4.1]),
)
call(
    "interpolate.BPoly",
    lambda xp, a, b, c: ip.BPoly(a, b)(c),
    R.standard_normal((3, 5)),
    np.arange(6.0),
    np.array([0.5, 2.5, 4.1]),
)
call(
    "interpolate.BSpline", lambda xp, t, c, v: ip.BSpline(t, c, 2)(v), np.arange(8.0), x[:5], np.array([2.5, 3.1, 4.2])
)
call(
    "interpolate.RegularGridInterpolator",
    lambda xp, a, b, v, c: ip.RegularGridInterpolator((a, b), v)(c),
    np.arange(9.0),
    np.arange(10.0),
    IMG,
    R.uniform(1, 7, (5, 2)),
)
call("interpolate.RBFInterpolator", lambda xp, a, b, c: ip.RBFInterpolator(a, b)(c), X, x[:16], Y[:4])
call("interpolate.interp1d [np-only]", lambda xp, a, b, c: ip.interp1d(a, b)(c), grid, gy, gi)
call("interpolate.griddata [np-only]", lambda xp, a, b, c: ip.griddata(a, b, c, "nearest"), X, x[:16], Y[:4])

# ---- spatial
q = R.standard_normal((5, 4))
q /= np.linalg.norm(q, axis=1, keepdims=True)
call("spatial.Rotation.from_quat.as_matrix", lambda xp, a: Rotation.from_quat(a).as_matrix(), q)
call("spatial.Rotation.from_rotvec.as_quat", lambda xp, a: Rotation.from_rotvec(a).as_quat(), X[:5])
call(
    "spatial.Rotation.from_matrix.as_rotvec",
    lambda xp, a: Rotation.from_matrix(a).as_rotvec(),
    Rotation.from_quat(q).as_matrix(),
    grad=False,
)  # orthogonality test is a branch
call("spatial.Rotation.from_euler.as_mrp", lambda xp, a: Rotation.from_euler("xyz", a).as_mrp(), X[:5])
call("spatial.Rotation.as_euler", lambda xp, a: Rotation.from_quat(a).as_euler("zyx"), q)
call("spatial.Rotation.apply", lambda xp, a, v: Rotation.from_quat(a).apply(v), q, X[:5])
call("spatial.Rotation.inv", lambda xp, a: Rotation.from_quat(a).inv().as_quat(), q)
call(
    "spatial.Rotation.mul",
    lambda xp, a, b: (Rotation.from_quat(a) * Rotation.from_quat(b)).as_quat(),
    q,
    q[::-1].copy(),
)
call("spatial.Rotation.pow", lambda xp, a: (Rotation.from_quat(a) ** 0.5).as_quat(), q)
call("spatial.Rotation.magnitude", lambda xp, a: Rotation.from_quat(a).magnitude(), q)
call("spatial.Rotation.mean", lambda xp, a: Rotation.from_quat(a).mean().as_matrix(), q)
call("spatial.Rotation.getitem", lambda xp, a: Rotation.from_quat(a)[1:3].as_quat(), q)
call("spatial.Rotation.align_vectors", lambda xp, a, b: Rotation.align_vectors(a, b)[0].as_matrix(), X[:5], Y[:5])
call(
    "spatial.Rotation.as_davenport",
    lambda xp, a: Rotation.from_quat(a).as_davenport(xp.asarray([[0.0, 0, 1], [0.0, 1, 0], [1.0, 0, 0]]), "extrinsic"),
    q,
)
call(
    "spatial.Slerp",
    lambda xp, a, t: Slerp(xp.asarray([0.0, 1, 2, 3, 4]), Rotation.from_quat(a))(t).as_quat(),
    q,
    np.array([0.5, 1.5]),
)
call(
    "spatial.RigidTransform.apply",
    lambda xp, a, t, v: RigidTransform.from_components(t, Rotation.from_quat(a)).apply(v),
    q,
    X[:5],
    Y[:5],
)
call(
    "spatial.RigidTransform.exp_coords",
    lambda xp, a: RigidTransform.from_exp_coords(a).as_matrix(),
    R.standard_normal((4, 6)),
)
call(
    "spatial.RigidTransform.dual_quat",
    lambda xp, a: RigidTransform.from_exp_coords(a).as_dual_quat(),
    R.standard_normal((4, 6)),
)
call(
    "spatial.RigidTransform.inv",
    lambda xp, a: RigidTransform.from_exp_coords(a).inv().as_matrix(),
    R.standard_normal((4, 6)),
)
call("spatial.distance.cdist [np-only]", lambda xp, a, b: ss.distance.cdist(a, b), X, Y)
call("spatial.distance.pdist [np-only]", lambda xp, a: ss.distance.pdist(a), X)
call("spatial.distance.euclidean [np-only]", lambda xp, a, b: ss.distance.euclidean(a, b), x, y)
call("spatial.cKDTree.query [np-only]", lambda xp, a, b: ss.cKDTree(a).query(b)[0], X, Y)
call("spatial.procrustes [np-only]", lambda xp, a, b: ss.procrustes(a, b), X, Y)
call(
    "spatial.geometric_slerp [np-only]",
    lambda xp, a, b: ss.geometric_slerp(a, b, np.array([0.3])),
    q[0],
    q[1],
    grad=False,
)
