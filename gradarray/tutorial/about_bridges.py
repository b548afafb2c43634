"""T13 to T17: tensors cross to NumPy and back, and from device to device.

Knows the public API. Must not know how a program is run.
"""

from __future__ import annotations

from typing import Any

import gradarray as ga
from gradarray.tutorial.expect import raises, suffix
from gradarray.tutorial.program import program

DTYPES = """
bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128
""".split()


@program(
    "T13",
    "A tensor as a NumPy array",
    """
    a = ga.ones(5)
    print(a)
    b = a.numpy()
    print(b)

    a.add_(1)
    print(a)
    print(b)
    """,
    prints="""
    tensor([1., 1., 1., 1., 1.]{device})
    [1. 1. 1. 1. 1.]
    tensor([2., 2., 2., 2., 2.]{device})
    [2. 2. 2. 2. 2.]
    """,
    shares_numpy_memory=True,
)
def to_numpy(p: Any) -> None:
    assert type(p.b) is p.np.ndarray and p.b.dtype == p.np.float32
    p.np.add(p.b, 1, out=p.b)
    assert p.a.tolist() == [3] * 5, "the other way round"
    p.a[1:3] = 0
    p.a.mul_(2)
    assert p.b.tolist() == [6, 0, 0, 6, 6]
    with raises(RuntimeError, "grad", "detach()"):
        p.a.requires_grad_().numpy()
    assert p.np.shares_memory(p.a.detach().numpy(), p.b)


@program(
    "T14",
    "A NumPy array as a tensor",
    """
    a = np.ones(5)
    b = ga.from_numpy(a)
    np.add(a, 1, out=a)
    print(a)
    print(b)
    """,
    elsewhere="""
    a = np.ones(5)
    b = ga.asarray(a, copy=False)  # ga.from_numpy is for the CPU
    np.add(a, 1, out=a)
    print(a)
    print(b)
    """,
    prints="""
    [2. 2. 2. 2. 2.]
    tensor([2., 2., 2., 2., 2.]{device}, dtype=gradarray.float64)
    """,
    dtypes=("float64",),
    shares_numpy_memory=True,
)
def from_numpy(p: Any) -> None:
    p.b.mul_(2)
    p.b[0] = 0
    assert p.a.tolist() == [0, 4, 4, 4, 4], "the other way round"
    on_cpu = ga.from_numpy(p.a)
    assert str(on_cpu.device) == "cpu", "whatever the default device"
    p.a[1] = 7
    assert on_cpu.tolist() == p.b.tolist() == [0, 7, 4, 4, 4]
    with raises(TypeError, "list"):
        ga.from_numpy([1.0])  # type: ignore[arg-type]


@program(
    "T15",
    "Every dtype crosses, both ways",
    """
    for name in ("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
                 "float32 float64 complex64 complex128").split():
        a = np.ones(5, dtype=name)
        b = ga.from_numpy(a)
        print(b.dtype, b.numpy().dtype)
    """,
    elsewhere="""
    for name in ("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
                 "float32 float64 complex64 complex128").split():
        a = np.ones(5, dtype=name)
        b = ga.asarray(a, copy=False)  # ga.from_numpy is for the CPU
        print(b.dtype, b.numpy().dtype)
    """,
    prints="\n".join(f"gradarray.{name} {name}" for name in DTYPES),
    dtypes=tuple(DTYPES),
    shares_numpy_memory=True,
)
def every_dtype(p: Any) -> None:
    for name in DTYPES:
        dtype = getattr(ga, name)
        lowest = p.np.iinfo(name).min if dtype.kind in "iu" else 0
        highest = p.np.iinfo(name).max if dtype.kind in "iu" else 1
        a = p.np.array([lowest, highest, 1], dtype=name)
        b = ga.asarray(a, copy=False)
        c = b.numpy()
        assert b.device == p.device and b.dtype is dtype and c.dtype == a.dtype, name
        assert p.np.shares_memory(a, c) and c.tolist() == b.tolist() == a.tolist(), name
        a[2] = highest
        b[0] = 1
        assert a.tolist() == b.tolist() == c.tolist() == [1, highest, highest], name
        ones = ga.ones(3, dtype=dtype)
        ones.numpy()[1] = 0
        assert ones.tolist() == [1, 0, 1], name


@program(
    "T16",
    "Tensors move between devices",
    """
    print(ga.cuda.is_available())
    try:
        print(ga.ones(1, device=ga.device("cuda")))  # a device can be named where there is none
    except RuntimeError as error:
        print(error)

    x = ga.randn(1, device="cpu")
    y = ga.ones_like(x, device=device)  # directly create a tensor on the device
    x = x.to(device)                    # or just use strings: .to("cuda")
    z = x + y
    print(z)
    print(z.to("cpu", ga.double))       # .to can also change dtype together!
    """,
)
def move(p: Any) -> None:
    assert repr(ga.device("cuda")) == "device(type='cuda')" and str(ga.device("cuda", 1)) == "cuda:1"
    if ga.cuda.is_available():
        moves(ga.device("cuda"))
        assert p.output.startswith("True\ntensor([1.], device='cuda:0')\n")
    else:
        why = ga.backends.get("cupy").unavailable()
        assert p.output.startswith("False\n") and why and why in p.output
        assert not why.startswith("CuPy is not installed") or "pip install" in why
        for create in (lambda: ga.ones(1, device="cuda"), lambda: ga.ones(1).to("cuda:1"), ga.ones(1).cuda):
            with raises(ga.backends.BackendUnavailableError, why):
                create()
    assert p.x.device == p.y.device == p.z.device == p.device
    lines = p.output.splitlines()[-2:]
    assert lines == [repr(p.z), repr(p.z.to("cpu", ga.double))] and lines[1].endswith("dtype=gradarray.float64)")
    moves(p.device)


def moves(device: ga.device) -> None:
    """Numbers go to ``device``, are added there, and come back."""
    x = ga.tensor([1.5, -2.0], device="cpu")
    for there in x.to(device), x.to(str(device)), x.to(device=device), ga.tensor([1.5, -2.0], device=device):
        z = there + ga.ones_like(there)
        assert repr(z.device) == repr(ga.backends.resolve(device)) and suffix(z.device) in repr(z)
        assert z.to(device) is z
        back = z.to("cpu", ga.double)
        assert (str(back.device), back.dtype, back.tolist()) == ("cpu", ga.float64, [2.5, -1.0])
        assert z.cpu().dtype is ga.float32 and z.tolist() == [2.5, -1.0]
    assert x.tolist() == [1.5, -2.0] and str(x.device) == "cpu"


@program(
    "T17",
    "Devices do not mix, but for numbers",
    """
    x = ga.ones(3)
    y = ga.ones(3, device="{other}")
    try:
        x + y
    except RuntimeError as error:
        print(error)

    two = ga.tensor(2.0, device="cpu")  # 0-dimensional CPU tensors may be mixed in
    print(x * two)
    print(y * two)
    """,
    prints="""
    …
    tensor([2., 2., 2.]{device})
    tensor([2., 2., 2.]{other})
    """,
    second_device=True,
)
def mixing(p: Any) -> None:
    both = str(p.device), str(p.other)
    for mix in (
        lambda: p.x + p.y,
        lambda: p.y * p.x,
        lambda: p.x @ p.y,
        lambda: p.x.add_(p.y),
        lambda: p.x > p.y,
        lambda: ga.add(p.x, p.x, out=p.y),
        lambda: ga.where(p.x > 0, p.x, p.y),
        lambda: ga.concat([p.x, p.y]),
    ):
        with raises(RuntimeError, *both):
            mix()
    assert p.x.tolist() == p.y.tolist() == [1, 1, 1]
    for x in p.x, p.y:
        assert all(z.device == x.device and z.tolist() == [3] * 3 for z in (x + p.two, p.two + x, ga.add(p.two, x)))
        assert x.clone().add_(p.two).tolist() == [3] * 3
    here, there = (p.y, p.x) if str(p.other) == "cpu" else (p.x, p.y)
    with raises(RuntimeError, *both):  # nor do 0-dimensional tensors of another device than the CPU
        here + there.sum()
