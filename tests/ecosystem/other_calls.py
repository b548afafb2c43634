"""array-api-extra, scikit-learn, einops, xarray, dask and NumPy: what of them is called, with what."""

import numpy as np

from .call import call
from .inputs import SPD, SQ, XP, X, Y, cplx, ints, pos, unit, x, y


def load_extra():
    import array_api_extra as xpx

    E = lambda n, fn, *a, **k: call(f"xpx.{n}", fn, *a, **k)
    E("angle", lambda xp, a: xpx.angle(a), cplx)
    E("apply_where", lambda xp, a, b: xpx.apply_where(a > 0, (a, b), lambda u, v: u / v, lambda u, v: u * v), x, pos)
    E("apply_where[fill]", lambda xp, a: xpx.apply_where(a > 0, a, xp.log, fill_value=-1.0), x)
    E("argpartition", lambda xp, a: xp.sort(xpx.argpartition(a, 3)[:3]), x)
    E("partition", lambda xp, a: xp.sort(xpx.partition(a, 3)[:3]), x)
    for o in "set add subtract multiply divide power min max".split():
        E(f"at.{o}", lambda xp, a, o=o: getattr(xpx.at(a, slice(1, 4)), o)(2.0, copy=True), pos)
    E("at.set[mask]", lambda xp, a: xpx.at(a, a > 0).set(0.0, copy=True), x)
    E("at.set[default copy]", lambda xp, a: xpx.at(a * 1.0, slice(2, 5)).set(7.0), x)
    E("at.add[int array]", lambda xp, a: xpx.at(a, xp.asarray([1, 3, 5])).add(2.0, copy=True), x)
    E("atleast_nd", lambda xp, a: xpx.atleast_nd(a, ndim=3), x)
    E("broadcast_shapes", lambda xp, a: xpx.broadcast_shapes(a.shape, (1,)), x)
    E("cov", lambda xp, a: xpx.cov(a), X.T)
    E("create_diagonal", lambda xp, a: xpx.create_diagonal(a, offset=1), x[:4])
    E("default_dtype", lambda xp: str(xpx.default_dtype(xp)).split(".")[-1])
    E("deg2rad", lambda xp, a: xpx.deg2rad(a), x)
    E("rad2deg", lambda xp, a: xpx.rad2deg(a), x)
    E("diag_indices", lambda xp: xpx.diag_indices(3, xp=xp))
    E("tril_indices", lambda xp: xpx.tril_indices(3, xp=xp))
    E("triu_indices", lambda xp: xpx.triu_indices(3, xp=xp))
    E("expand_dims", lambda xp, a: xpx.expand_dims(a, axis=(0, 2)), x)
    E("isclose", lambda xp, a, b: xpx.isclose(a, b), x, x + 1e-9)
    E("isin", lambda xp, a, b: xpx.isin(a, b), ints, np.array([1, 3]))
    E("kron", lambda xp, a, b: xpx.kron(a, b), SQ, X[:2])
    E("lazy_apply", lambda xp, a: xpx.lazy_apply(lambda t: t * 2, a), x)
    E("lazy_apply[as_numpy]", lambda xp, a: xpx.lazy_apply(np.sin, a, as_numpy=True), x)
    E("nan_to_num", lambda xp, a: xpx.nan_to_num(a), np.where(x > 1, np.nan, x))
    for n in "nanmax nanmin nansum nanmean".split():
        E(n, lambda xp, a, f=getattr(xpx, n): f(a), np.where(x > 1, np.nan, x), grad=False)
    E("nunique", lambda xp, a: xpx.nunique(a), ints)
    E("one_hot", lambda xp, a: xpx.one_hot(a, 5), ints)
    E("pad", lambda xp, a: xpx.pad(a, 2, constant_values=1.0), X)
    E("searchsorted", lambda xp, a, b: xpx.searchsorted(a, b), np.sort(x), y)
    E("setdiff1d", lambda xp, a, b: xpx.setdiff1d(a, b), ints, np.array([1, 3]))
    E("union1d", lambda xp, a, b: xpx.union1d(a, b), ints, np.array([1, 13]))
    E("sinc", lambda xp, a: xpx.sinc(a), x)
    E("unravel_index", lambda xp, a: xpx.unravel_index(a, (3, 8)), ints)


def load_sklearn():
    from sklearn import config_context
    from sklearn import decomposition as dc
    from sklearn import (
        discriminant_analysis as da,
    )
    from sklearn import (
        kernel_approximation as ka,
    )
    from sklearn import linear_model as lm
    from sklearn import (
        metrics as me,
    )
    from sklearn import (
        mixture as mx,
    )
    from sklearn import (
        model_selection as ms,
    )
    from sklearn import naive_bayes as nb
    from sklearn import preprocessing as pr
    from sklearn.metrics import cluster as mc
    from sklearn.metrics import pairwise as pw

    yi = (X[:, 0] + 0.3 * Y[:, 0] > 0).astype(np.int64)
    y3 = np.digitize(X[:, 0], [-0.5, 0.5]).astype(np.int64)
    yr = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * x[:16]

    def K(name, fn, *a, **k):
        def g(xp, *v):
            with config_context(array_api_dispatch=True):
                return fn(xp, *v)

        call("sklearn." + name, g, *a, **k)

    fitattr = lambda e, *n: [getattr(e, k) for k in n]
    K(
        "PCA(full)",
        lambda xp, a: (lambda e: [e.transform(a), *fitattr(e, "components_", "explained_variance_")])(
            dc.PCA(2, svd_solver="full").fit(a)
        ),
        X,
    )
    K("PCA(covariance_eigh)", lambda xp, a: dc.PCA(2, svd_solver="covariance_eigh").fit(a).transform(a), X)
    K(
        "PCA(randomized)",
        lambda xp, a: dc.PCA(2, svd_solver="randomized", power_iteration_normalizer="QR", random_state=0).fit_transform(
            a
        ),
        X,
        rtol=1e-3,
        atol=1e-4,
        grad=False,
    )
    K("Ridge(svd)", lambda xp, a, b: (lambda e: [e.predict(a), e.coef_])(lm.Ridge(1.0, solver="svd").fit(a, b)), X, yr)
    K("RidgeCV", lambda xp, a, b: lm.RidgeCV().fit(a, b).predict(a), X, yr)
    K("RidgeClassifier(svd)", lambda xp, a, b: lm.RidgeClassifier(solver="svd").fit(a, b).decision_function(a), X, yi)
    K("RidgeClassifierCV", lambda xp, a, b: lm.RidgeClassifierCV().fit(a, b).predict(a), X, yi)
    K(
        "LogisticRegression(lbfgs)",
        lambda xp, a, b: lm.LogisticRegression(solver="lbfgs").fit(a, b).predict_proba(a),
        X,
        yi,
        rtol=1e-3,
        gtol=1e-2,
    )
    K(
        "PoissonRegressor(lbfgs)",
        lambda xp, a, b: lm.PoissonRegressor().fit(a, b).predict(a),
        X,
        np.abs(yr),
        rtol=1e-3,
        gtol=1e-2,
    )
    K("LinearRegression [np-only]", lambda xp, a, b: lm.LinearRegression().fit(a, b).predict(a), X, yr)
    K(
        "LinearDiscriminantAnalysis(svd)",
        lambda xp, a, b: da.LinearDiscriminantAnalysis().fit(a, b).decision_function(a),
        X,
        yi,
    )
    K("GaussianNB", lambda xp, a, b: nb.GaussianNB().fit(a, b).predict_proba(a), X, yi)
    K(
        "GaussianMixture",
        lambda xp, a: mx.GaussianMixture(2, init_params="random", random_state=0, max_iter=5).fit(a).score_samples(a),
        X,
        grad=False,
        rtol=1e-4,
    )
    for n in "StandardScaler MinMaxScaler MaxAbsScaler Binarizer Normalizer PolynomialFeatures RobustScaler".split():
        K(n, lambda xp, a, n=n: getattr(pr, n)().fit_transform(a), X)
    K(
        "StandardScaler.inverse_transform",
        lambda xp, a: (lambda e: e.inverse_transform(e.transform(a)))(pr.StandardScaler().fit(a)),
        X,
    )
    K("KernelCenterer", lambda xp, a: pr.KernelCenterer().fit_transform(a), SPD)
    K("LabelEncoder", lambda xp, a: pr.LabelEncoder().fit_transform(a), y3)
    K("LabelBinarizer", lambda xp, a: pr.LabelBinarizer().fit_transform(a), y3)
    K("OneHotEncoder", lambda xp, a: pr.OneHotEncoder(sparse_output=False).fit_transform(a), y3[:, None])
    K("Nystroem", lambda xp, a: ka.Nystroem(n_components=5, random_state=0).fit_transform(a), X, grad=False)
    K(
        "make_pipeline(StandardScaler,PCA,Ridge)",
        lambda xp, a, b: (
            __import__("sklearn.pipeline")
            .pipeline.make_pipeline(pr.StandardScaler(), dc.PCA(2, svd_solver="full"), lm.Ridge(solver="svd"))
            .fit(a, b)
            .predict(a)
        ),
        X,
        yr,
    )
    K("train_test_split", lambda xp, a, b: ms.train_test_split(a, b, random_state=0), X, yi)
    K("cross_val_predict", lambda xp, a, b: ms.cross_val_predict(lm.Ridge(solver="svd"), a, b, cv=3), X, yr)
    K("cross_val_score", lambda xp, a, b: ms.cross_val_score(lm.Ridge(solver="svd"), a, b, cv=3), X, yr, grad=False)
    K(
        "GridSearchCV",
        lambda xp, a, b: ms.GridSearchCV(lm.Ridge(solver="svd"), {"alpha": [0.1, 1.0]}, cv=3).fit(a, b).predict(a),
        X,
        yr,
        grad=False,
    )
    p_, t_ = yr + 0.2 * y[:16], yr
    for n in (
        "mean_squared_error mean_absolute_error r2_score root_mean_squared_error explained_variance_score max_error "
        "median_absolute_error mean_absolute_percentage_error mean_pinball_loss d2_absolute_error_score "
        "d2_pinball_score d2_tweedie_score mean_tweedie_deviance".split()
    ):
        K("metrics." + n, lambda xp, a, b, f=getattr(me, n): f(a, b), t_, p_)
    for n in "mean_squared_log_error root_mean_squared_log_error mean_poisson_deviance mean_gamma_deviance".split():
        K("metrics." + n, lambda xp, a, b, f=getattr(me, n): f(a, b), np.abs(t_) + 0.1, np.abs(p_) + 0.1)
    yp = np.where(np.arange(16) % 5 == 0, 1 - yi, yi)
    for n in (
        "accuracy_score balanced_accuracy_score cohen_kappa_score confusion_matrix f1_score hamming_loss jaccard_score "
        "precision_score recall_score zero_one_loss matthews_corrcoef "
        "multilabel_confusion_matrix precision_recall_fscore_support class_likelihood_ratios hinge_loss".split()
    ):
        K("metrics." + n, lambda xp, a, b, f=getattr(me, n): f(a, b), yi, yp)
    K("metrics.fbeta_score", lambda xp, a, b: me.fbeta_score(a, b, beta=0.5), yi, yp)
    pr2 = unit[:16]
    for n in (
        "log_loss brier_score_loss roc_auc_score average_precision_score "
        "roc_curve precision_recall_curve det_curve d2_log_loss_score d2_brier_score"
    ).split():
        K("metrics." + n, lambda xp, a, b, f=getattr(me, n): f(a, b), yi, pr2)
    for n in "calinski_harabasz_score davies_bouldin_score silhouette_score".split():
        K("metrics." + n, lambda xp, a, b, f=getattr(me, n): f(a, b), X, yi)
    K("metrics.cluster.entropy", lambda xp, a: mc.entropy(a), y3)
    for n in "mutual_info_score adjusted_rand_score".split():
        K("metrics." + n, lambda xp, a, b, f=getattr(me, n): f(a, b), y3, yi)
    for n in (
        "additive_chi2_kernel chi2_kernel cosine_distances cosine_similarity euclidean_distances laplacian_kernel "
        "linear_kernel manhattan_distances paired_cosine_distances paired_euclidean_distances "
        "paired_manhattan_distances polynomial_kernel rbf_kernel sigmoid_kernel "
        "pairwise_distances pairwise_kernels haversine_distances".split()
    ):
        a, b = (XP, XP[::-1].copy()) if "chi2" in n else (X[:, :2], Y[:, :2]) if n.startswith("hav") else (X, Y)
        K("pairwise." + n, lambda xp, a, b, f=getattr(pw, n): f(a, b), a, b)
    from sklearn.utils import class_weight as cw
    from sklearn.utils import extmath as em
    from sklearn.utils import validation as va

    K("utils.check_array", lambda xp, a: va.check_array(a), X)
    K("utils.check_X_y", lambda xp, a, b: va.check_X_y(a, b), X, yi)
    K("utils.column_or_1d", lambda xp, a: va.column_or_1d(a[:, None]), x)
    K("utils.resample", lambda xp, a: __import__("sklearn.utils").utils.resample(a, random_state=0), X)
    K("utils.extmath.softmax", lambda xp, a: em.softmax(a), X)
    K(
        "utils.extmath.randomized_svd",
        lambda xp, a: em.randomized_svd(a, 2, random_state=0, power_iteration_normalizer="QR")[1],
        X,
        rtol=1e-3,
        grad=False,
    )
    K("utils.extmath.weighted_mode", lambda xp, a, b: em.weighted_mode(a, b), ints, pos)
    K("utils.compute_class_weight", lambda xp, a: cw.compute_class_weight("balanced", classes=np.unique(y3), y=a), y3)
    from sklearn.utils._array_api import get_namespace_and_device, move_to

    K("utils.move_to(numpy)", lambda xp, a: float(np.sum(move_to(a, xp=np, device="cpu"))), x, grad=False)
    K(
        "utils.move_to(from numpy)",
        lambda xp, a: (lambda q: move_to(np.arange(3.0), xp=q[0], device=q[2]))(get_namespace_and_device(a)),
        x,
        grad=False,
    )


def load_misc():
    import einops
    import einops.array_api as ea

    call("einops.rearrange", lambda xp, a: einops.rearrange(a, "a b -> b a"), X)
    call("einops.array_api.rearrange", lambda xp, a: ea.rearrange(a, "(a c) b -> b a c", c=2), X)
    call("einops.array_api.reduce", lambda xp, a: ea.reduce(a, "a b -> b", "mean"), X)
    call("einops.array_api.reduce(max)", lambda xp, a: ea.reduce(a, "a b -> a", "max"), X)
    call("einops.array_api.repeat", lambda xp, a: ea.repeat(a, "a b -> a b c", c=2), X)
    call("einops.array_api.pack", lambda xp, a, b: ea.pack([a, b], "a *")[0], X, Y)
    call("einops.array_api.unpack", lambda xp, a: ea.unpack(a, [(1,), (2,)], "a *"), X)
    call(
        "einops.asnumpy",
        lambda xp, a: float(np.sum(einops.asnumpy(a))) if False else float(np.sum(ea.asnumpy(a))),
        X,
        grad=False,
    )
    import xarray as xr

    D = lambda n, fn, *a, **k: call("xarray." + n, fn, *a, **k)
    da_ = lambda a: xr.DataArray(a, dims=("i", "j"), coords={"j": [10, 20, 30]})
    D("DataArray.data", lambda xp, a: da_(a).data, X)
    D("arith", lambda xp, a: (da_(a) * 2 + 1).data, X)
    D("arith[2]", lambda xp, a, b: (da_(a) * da_(b)).data, X, Y)
    D("mean(dim)", lambda xp, a: da_(a).mean("i", skipna=False).data, X)
    D("mean(dim,skipna)", lambda xp, a: da_(a).mean("i").data, X)
    D("sum", lambda xp, a: da_(a).sum(skipna=False).data, X)
    D("std", lambda xp, a: da_(a).std("i", skipna=False).data, X)
    D("max", lambda xp, a: da_(a).max("i", skipna=False).data, X)
    D("sel", lambda xp, a: da_(a).sel(j=20).data, X)
    D("isel", lambda xp, a: da_(a).isel(i=slice(1, 4)).data, X)
    D("isel[list]", lambda xp, a: da_(a).isel(i=[1, 4]).data, X)
    D("transpose", lambda xp, a: da_(a).transpose("j", "i").data, X)
    D("where", lambda xp, a: da_(a).where(da_(a) > 0, 0.0).data, X)
    D("concat", lambda xp, a, b: xr.concat([da_(a), da_(b)], "i").data, X, Y)
    D("broadcast", lambda xp, a, b: (da_(a) + xr.DataArray(b, dims="j")).data, X, X[0])
    D("apply_ufunc", lambda xp, a: xr.apply_ufunc(xp.exp, da_(a)).data, X)
    D("np.exp(DataArray)", lambda xp, a: np.exp(da_(a)).data, X)
    D("dot", lambda xp, a, b: xr.dot(da_(a), da_(b), dim="j").data, X, Y)
    D("shift", lambda xp, a: da_(a).shift(i=1, fill_value=0.0).data, X)
    D("roll", lambda xp, a: da_(a).roll(i=1).data, X)
    D("cumsum", lambda xp, a: da_(a).cumsum("i", skipna=False).data, X)
    D("differentiate", lambda xp, a: da_(a).differentiate("j").data, X)
    D("integrate", lambda xp, a: da_(a).integrate("j").data, X)
    D("clip", lambda xp, a: da_(a).clip(-1, 1).data, X)
    D("isnull", lambda xp, a: da_(a).isnull().data, X)
    D("quantile", lambda xp, a: da_(a).quantile(0.5, "i").data, X)
    D("Dataset.mean", lambda xp, a: xr.Dataset({"v": da_(a)}).mean("i", skipna=False)["v"].data, X)
    D("repr", lambda xp, a: len(repr(da_(a))) > 0, X, grad=False)
    import dask.array as dsk

    ch = lambda a: dsk.from_array(a, chunks=(4, 3), asarray=False)
    call("dask.from_array(asarray=False)", lambda xp, a: ch(a).compute(), X)
    call("dask.mean", lambda xp, a: ch(a).mean(axis=0).compute(), X)
    call("dask.sum", lambda xp, a: ch(a).sum().compute(), X)
    call("dask.arith", lambda xp, a: (ch(a) * 2 + 1).compute(), X)
    call("dask.matmul", lambda xp, a: (ch(a) @ ch(a).T).compute(), X)
    call("dask.map_blocks", lambda xp, a: ch(a).map_blocks(lambda t: t * 2).compute(), X)
    call("dask.exp", lambda xp, a: dsk.exp(ch(a)).compute(), X)
    call("dask.getitem", lambda xp, a: ch(a)[2:7].compute(), X)
    # numpy functions called on the array
    for n in "sum mean exp sin stack concatenate where dot linalg.norm reshape allclose".split():
        f = np
        for q_ in n.split("."):
            f = getattr(f, q_)
        special = {
            "stack": lambda xp, a, f=f: f([a, a]),
            "concatenate": lambda xp, a, f=f: f([a, a]),
            "where": lambda xp, a, f=f: f(a > 0, a, 0.0),
            "dot": lambda xp, a, f=f: f(a, a),
            "reshape": lambda xp, a, f=f: f(a, (-1, 2)),
            "allclose": lambda xp, a, f=f: f(a, a),
        }
        call(f"numpy.{n}(t)", special.get(n, lambda xp, a, f=f: f(a)), x)
    call("numpy ndarray + t", lambda xp, a: np.ones(24) + a, x)
    call("numpy float64 * t", lambda xp, a: np.float64(2.0) * a, x)
    call("t * numpy float64", lambda xp, a: a * np.float64(2.0), x)
    call("t + numpy ndarray", lambda xp, a: a + np.ones(24), x)
    call("np.from_dlpack(t)", lambda xp, a: float(np.from_dlpack(a).sum()), x, grad=False)
    call("copy.deepcopy", lambda xp, a: __import__("copy").deepcopy(a), x, grad=False)
    call("pickle", lambda xp, a: __import__("pickle").loads(__import__("pickle").dumps(a)), x, grad=False)


load_extra()
load_sklearn()
load_misc()
