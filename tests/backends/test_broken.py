"""Backends that break the contract: each is told what is wrong with it, and none takes another with it."""

import re
import subprocess
import sys
import textwrap

import array_api_compat.numpy as library
import numpy as np
import pytest

import gradarray as ga
from gradarray.backends import (
    Backend,
    BackendUnavailableError,
    Device,
    every,
    get,
    owner,
    register,
    require,
    resolve,
    unregister,
    unusable,
)
from gradarray.backends import _manager as manager

from ..frozen import FrozenBackend  # noqa: TID252 - what the tests share


class Array:
    """Nobody else's array."""

    dtype, shape = np.dtype("float32"), ()


class Sound(Backend):
    """Holds as much of the contract as can be told without computing."""

    name = "toy"
    array_types = (Array,)

    def devices(self):
        return [Device(self.name, "box")]

    def device_of(self, array):
        return Device(self.name, "box")

    def namespace(self, device):
        return library

    def raw_dtype(self, dtype, device):
        return dtype.__numpy_dtype__

    def from_numpy(self, array, device, *, copy):
        return Array()

    def to_numpy(self, array):
        return np.zeros(array.shape)

    def index_add(self, array, key, value):
        return array


@pytest.fixture(autouse=True)
def as_if_new(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(manager, "_registered", dict(manager._registered))
    monkeypatch.setattr(manager, "_sound", list(manager._sound))


def broken(**parts):
    """An instance of a class that differs from the sound one in some parts."""
    return type("Broken", (Sound,), {"__module__": __name__, **parts})()


def giving(value):
    return lambda *arguments: value


def fail(*arguments):
    raise OSError("libtoy.so: no\nsuch file")


# -- registering -------------------------------------------------------------------------------------------------------


def test_the_sound_one_is_sound():
    register(backend := broken())
    assert get("toy") is require("toy") is owner(Array()) is backend
    assert resolve("toy") == resolve("toy:box") == Device("toy", "box")


@pytest.mark.parametrize(
    ("backend", "error", "message"),
    [
        (Sound, TypeError, "expected a backend, got the class Sound; make one of it: Sound()"),
        ("toy", TypeError, "expected an instance of gradarray.backends.Backend, got 'toy', of type str"),
        (broken(name=None), TypeError, "Broken.name must be a str, by which devices name it, got None; write name = "),
        (broken(name="my toy"), ValueError, "Broken.name must be a name such as 'mine', for devices 'mine:cpu', got"),
        (broken(name="toy:box"), ValueError, "Broken.name must be a name such as 'mine', for devices 'mine:cpu', got"),
        (broken(name="cuda"), ValueError, "Broken.name cannot be 'cuda', which is a device of the backend 'cupy'"),
        (broken(capabilities={}), TypeError, "Broken.capabilities must be a gradarray.backends.Capabilities, got {}"),
        (broken(name="numpy"), ValueError, "a backend named 'numpy' is registered already, gradarray.backends.numpy"),
    ],
)  # fmt: skip
def test_what_is_no_backend_is_not_registered(backend, error, message):
    before = dict(manager._registered)
    with pytest.raises(error, match=re.escape(message)):
        register(backend)
    assert manager._registered == before


def test_a_backend_without_a_name():
    class Nameless(Sound):
        @property
        def name(self):
            raise AttributeError

    with pytest.raises(TypeError, match=r"Nameless\.name must be a str"):
        register(Nameless())


def test_a_missing_method_is_named():
    class Half(Backend):
        name, array_types = "half", (Array,)

    with pytest.raises(TypeError, match=r"Half.*device_of.*devices.*from_numpy.*index_add.*namespace.*to_numpy"):
        Half()


def test_two_backends_of_one_name():
    first = broken()
    register(first)
    with pytest.raises(
        ValueError, match=r"'toy' is registered already, .*test_broken\.Broken; give yours, .*Other, another name"
    ):
        register(type("Other", (Sound,), {})())
    assert get("toy") is first
    register(again := type(first)())  # of the same class, as where a module is run twice
    assert get("toy") is require("toy") is again


class Chilled(FrozenBackend):
    """The frozen one, on a device of its own."""

    name = "chilled"

    def devices(self):
        return (Device("chilled", "cpu"),)

    def device_of(self, array):
        return Device("chilled", "cpu")


def test_one_that_is_taken_away_is_gone_and_another_has_its_name():
    manager._sound.clear()  # one of another test has the same type of arrays
    register(first := Chilled())
    x = ga.ones(3, device=(there := ga.device("chilled:cpu")), requires_grad=True)
    y = ga.exp(x)
    assert unregister("chilled") is first
    for device in (there, str(there)):  # an object is resolved once, a name each time
        with pytest.raises(RuntimeError, match="no backend named 'chilled' is registered"):
            ga.ones(3, device=device)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.cpu().numpy(), np.exp(np.ones(3)), rtol=1e-6)
    register(second := Chilled())
    z = ga.ones(3, device=there)
    assert get("chilled") is second and z.device == x.device
    with pytest.raises(RuntimeError, match="to be on the same device"):
        z + x
    with pytest.raises(ValueError, match="'numpy' is built in"):
        unregister("numpy")
    with pytest.raises(RuntimeError, match="no backend named 'nobody'"):
        unregister("nobody")


# -- using -------------------------------------------------------------------------------------------------------------

BOX = Device("toy", "box")
DEVICES = "devices() must give gradarray.backends.Devices, at least one, got "
BREACHES = {
    "unavailable() raised OSError: libtoy.so: no such file": {"unavailable": fail},
    "it raised OSError: libtoy.so: no such file": {"devices": fail},
    f"{DEVICES}['toy:box']": {"devices": giving(["toy:box"])},
    f"{DEVICES}[]": {"devices": giving([])},
    f"{DEVICES}None": {"devices": giving(None)},
    "devices() gave device(type='cpu'), of the backend 'numpy' and not of 'toy'": {"devices": giving([Device("cpu")])},
    "devices() gave device(type='toy:box') twice": {"devices": giving([BOX, BOX])},
    "array_types must be a tuple of types, at least one, got <class '": {"array_types": Array},
    "array_types must be a tuple of types, at least one, got ()": {"array_types": ()},
    "capabilities_on(device(type='toy:box')) must give gradarray.backends.Cap": {"capabilities_on": giving(None)},
    "namespace(device(type='toy:box')) must give the library's Array API namespa": {"namespace": giving(None)},
    "kernels(device(type='toy:box')) must give functions by name, got None": {"kernels": giving(None)},
    "kernels(device(type='toy:box')) must give functions by name, got {'exp': 1}": {"kernels": giving({"exp": 1})},
    "dtypes(device(type='toy:box')) must give gradarray.backends.DTypes by": {"dtypes": giving({"f": "float32"})},
    "its arrays, numpy.ndarray, are those of the backend 'numpy' already": {"array_types": (np.ndarray,)},
}


@pytest.mark.parametrize("message", BREACHES)
def test_a_breach_is_told_where_the_backend_is_asked_for(message):
    assert unusable(get("numpy")) is None
    register(broken(**BREACHES[message]))
    register(sound := broken(name="other"))
    for ask in (lambda: require("toy"), lambda: resolve("toy:box")):
        with pytest.raises(
            BackendUnavailableError, match=re.escape("'toy' cannot be used here: it breaks the contract")
        ) as e:
            ask()
        assert message in str(e.value)
    assert owner(Array()) is sound and owner(np.zeros(1)) is get("numpy")
    assert resolve("other") == Device("other", "box")


def test_a_reason_of_the_wrong_type():
    register(broken(unavailable=giving(False)))
    with pytest.raises(BackendUnavailableError, match=r"unavailable\(\) must give None or a sentence, got False"):
        require("toy")


def test_the_first_of_two_that_claim_one_array_type_keeps_it():
    first, second = broken(), broken(name="other")
    register(first)
    register(second)
    assert owner(Array()) is first
    with pytest.raises(BackendUnavailableError, match=r"its arrays, .*\.Array, are those of the backend 'toy' already"):
        require("other")
    assert require("toy") is first


def test_whose_an_array_is_is_known_without_importing_the_libraries_of_others():
    register(broken(name="other", array_types=(), unavailable=fail, devices=fail))
    seen = []
    register(broken(name="third", array_types=(), unavailable=lambda self: seen.append("imported")))
    register(sound := broken())
    assert owner(Array()) is sound and seen == []


def test_a_backend_that_fails_when_asked_for_an_array_is_passed_over():
    register(broken(name="other", owns=fail, unavailable=giving("its library is not installed")))
    register(sound := broken())
    assert owner(Array()) is sound


def test_a_subclass_of_numpys_array_is_numpys_until_a_backend_has_it():
    kind = type("Box", (np.ndarray,), {})
    array = np.zeros(2).view(kind)
    register(box := broken(array_types=(kind,)))
    assert owner(array) is get("numpy")
    assert require("toy") is owner(array) is box
    assert owner(np.zeros(2)) is owner(np.zeros(2).view(type("Other", (np.ndarray,), {}))) is get("numpy")


def test_a_dtype_that_is_listed_in_another_form_is_told():
    register(broken(raw_dtype=Backend.raw_dtype))  # numpy.float32, where arrays show dtype('float32')
    words = (
        "Broken.dtypes() must list dtypes as array.dtype shows them, dtype('float32'); it lists <class 'numpy.float32'>"
    )
    with pytest.raises(TypeError, match=re.escape(words)):
        ga.ones(2, device="toy").sum()


# -- plugins that fail -------------------------------------------------------------------------------------------------

PLUGINS = {
    "raises": "raise OSError('libraises.so: no such file')",
    "imports": "import a_library_that_nobody_has",
    "hookless": "",
    "hook_raises": "from gradarray.backends import hookimpl\n@hookimpl\ndef gradarray_backends():\n    1 / 0\n",
    "hook_none": "from gradarray.backends import hookimpl\n@hookimpl\ndef gradarray_backends():\n    return 3\n",
    "abstract": """
        from gradarray.backends import Backend, hookimpl
        class Half(Backend):
            name = "half"
        @hookimpl
        def gradarray_backends():
            return [Half()]
    """,
    "twin": """
        from good_plugin import Good
        from gradarray.backends import hookimpl
        class Twin(Good): ...
        @hookimpl
        def gradarray_backends():
            return [Twin()]
    """,
}
GOOD = """
import numpy as np
import array_api_compat.numpy as library
from gradarray.backends import Backend, Device, hookimpl

class Array(np.ndarray): ...

class Good(Backend):
    name = "good"
    array_types = (Array,)
    def devices(self): return [Device("good", "box")]
    def device_of(self, array): return Device("good", "box")
    def namespace(self, device): return library
    def kernels(self, device):
        return {"asarray": lambda x, dtype=None, copy=None: np.array(x, dtype=dtype, copy=copy).view(Array)}
    def raw_dtype(self, dtype, device): return dtype.__numpy_dtype__
    def from_numpy(self, array, device, *, copy): return array.copy().view(Array)
    def to_numpy(self, array): return array.view(np.ndarray)
    def index_add(self, array, key, value): raise NotImplementedError

@hookimpl
def gradarray_backends(): return [Good()]
"""
REASONS = {
    "raises": "OSError: libraises.so: no such file",
    "imports": "ModuleNotFoundError: No module named 'a_library_that_nobody_has'",
    "hookless": "TypeError: it has no function gradarray_backends, marked @hookimpl, that returns a list of backends",
    "hook_raises": "ZeroDivisionError: division by zero",
    "hook_none": "TypeError: gradarray_backends() must return a list of backends, got 3",
    "abstract": "TypeError: Can't instantiate abstract class Half",
    "twin": "ValueError: a backend named 'good' is registered already, good_plugin.Good; give yours, twin_",
}


@pytest.fixture
def python(tmp_path):
    """Run a program in an environment in which these plugins are installed beside a good one."""
    for name, source in {**PLUGINS, "good": GOOD}.items():
        (tmp_path / f"{name}_plugin.py").write_text(textwrap.dedent(source), encoding="utf-8")
        info = tmp_path / f"gradarray_{name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gradarray-{name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[gradarray]\n{name} = {name}_plugin\n")

    def run(*arguments):
        start = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        if arguments[0] == "-c":
            arguments = ("-c", start + textwrap.dedent(arguments[1]))
        else:
            arguments = ("-c", f"{start}from gradarray.__main__ import main\nsys.exit(main({arguments!r}))")
        done = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


def test_plugins_that_fail_are_left_out_with_a_warning_and_break_no_other(python):
    done = python("-c", """
        import gradarray as ga
        x = ga.tensor([1.0, 2.0], device="good", requires_grad=True)
        (x * x).sum().backward()
        print(x.grad)
    """)  # fmt: skip
    assert done.stdout == "tensor([2., 4.], device='good:box')\n"
    for name, why in REASONS.items():
        said = f"RuntimeWarning: gradarray leaves out the plugin {name} = {name}_plugin of gradarray-{name} 1.2: {why}"
        assert done.stderr.count(said) == 1


def test_also_where_warnings_are_errors(python):
    done = python("-c", """
        import warnings
        warnings.simplefilter("error")
        import gradarray as ga
        try:
            ga.tensor(1.0, device="good")
        except RuntimeWarning:
            print(ga.tensor(1.0, device="good"), len(ga.backends.left_out()))
    """)  # fmt: skip
    assert done.stdout == f"tensor(1., device='good:box') {len(PLUGINS)}\n"


def test_nobody_is_bothered_who_computes_on_the_cpu(python):
    done = python("-c", "import gradarray as ga; print(ga.ones(2, requires_grad=True).sum())")
    assert (done.stdout, done.stderr) == ("tensor(2., grad_fn=<SumBackward0>)\n", "")


def test_the_device_of_a_plugin_that_failed_says_why(python):
    done = python("-c", """
        import gradarray as ga
        try:
            ga.tensor(1.0, device="raises")
        except RuntimeError as error:
            print(error)
    """)  # fmt: skip
    assert re.search(r"no backend named 'raises' is registered \(there are 'numpy', 'cupy'.*'good'", done.stdout)
    assert "the plugin raises = raises_plugin of gradarray-raises 1.2 is left out: OSError: libraises.so" in done.stdout


def test_the_list_of_backends_shows_them(python):
    shown = python("backends", "--plain").stdout
    assert "good: available\n" in shown and "numpy: available\n" in shown
    for name, why in REASONS.items():
        assert f"plugin {name} = {name}_plugin of gradarray-{name} 1.2: left out\n  why       {why}" in shown


def test_every_backend_that_is_installed_here_is_sound():
    for backend in every():
        why = unusable(backend)
        assert why is None or "breaks the contract" not in why
