"""The plugins of large libraries, each in an environment of its own, held to all that they promise.

    python tools/plugins.py torch jax      these: install what they need into .venv-torch and .venv-jax, and test them
    python tools/plugins.py ci             a step of `python dev.py test`: where CI is set, all of them; elsewhere those
                                           that are installed already, since PyTorch alone may be gigabytes

Of each: its own tests, and the conformance suite, whose report goes to reports/: whole, but that in CI an operation has
few samples where a call is dear, and fewer are drawn. On JAX each new shape costs a compilation: XLA is told to compile
quickly rather than well. dpnp, whose environment takes 3 GB, is left out of CI where it cannot be installed.

Knows packages, folders and commands. Must not know gradarray, which need not be installed where this file runs.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from environments import ROOT, InstallError, installed, run_all

# XLA's way to an executable in half the time: one thread, nothing fused, nothing optimised. What is checked is what is
# computed, not how fast.
QUICKLY = (
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1 --xla_backend_optimization_level=0"
)


@dataclass(frozen=True)
class Plugin:
    """What a plugin is tested with."""

    device: str
    requirements: list[str]
    room: int = 2
    """Gigabytes that its environment takes."""
    optional: bool = False
    """Whether CI may do without."""
    in_ci: list[str] = field(default_factory=list)
    """Options of the suite there."""
    environment: dict[str, str] = field(default_factory=dict)
    """What the suite runs in."""


PLUGINS = {
    # the version is pinned, so that it is the one whose CPU build a machine may have at hand
    "torch": Plugin("torch:cpu", ["torch==2.13.0", "-e", "plugins/gradarray-torch"]),
    # here so that XLA knows the options above: it ends the process for one that it does not know
    "jax": Plugin(
        "jax:cpu:0",
        ["jax==0.10.2", "-e", "plugins/gradarray-jax"],
        in_ci=["--samples=few", "--examples=8"],
        environment={"XLA_FLAGS": QUICKLY},
    ),
    "dpnp": Plugin("dpnp:cpu:0", ["-e", "plugins/gradarray-dpnp[cpu]"], room=8, optional=True, in_ci=["--samples=few"]),
}


def main(arguments: Sequence[str]) -> int:
    """Run what `arguments` ask for; the exit status."""
    if arguments and all(name in PLUGINS for name in arguments):
        return max([test(name, []) for name in arguments])
    if arguments == ["ci"]:
        return max([in_ci(name) for name in PLUGINS])
    print(__doc__.strip())
    return 0 if arguments in (["-h"], ["--help"]) else 2


def in_ci(name: str) -> int:
    """Test a plugin if that can be asked of this machine; 0 where it is left out."""
    plugin, venv = PLUGINS[name], ROOT / f".venv-{name}"
    if not os.environ.get("CI") and not venv.is_dir():
        print(f"{name} is not tested: it is not installed. To install and test it: python tools/plugins.py {name}")
        return 0
    free = shutil.disk_usage(ROOT).free // 2**30
    if plugin.optional and not venv.is_dir() and free < plugin.room:
        print(f"{name} is not tested: it needs {plugin.room} GB, and there are {free}")
        return 0
    try:
        return test(name, plugin.in_ci)
    except InstallError as error:
        print(f"{name} is not tested: {error}")
        return 0 if plugin.optional else 1


def test(name: str, options: Sequence[str]) -> int:
    """Install a plugin and test it, the suite with `options`; 1 if anything fails."""
    plugin = PLUGINS[name]
    folder = f"plugins/gradarray-{name}"
    requirements = ["-e", ".[cli,special]", "-e", "./conformance", "pytest-xdist>=3.6", *plugin.requirements]
    python = installed(ROOT / f".venv-{name}", requirements, folder, "conformance")
    suite = [python, "-m", "gradarray", "conformance", plugin.device, "--seed=1", "-n", "2", *options]
    reports = [f"--report=reports/{name}.{suffix}" for suffix in ("html", "json")]
    return run_all(name, [
        ("its own tests", [python, "-m", "pytest", "-n", "2", "-q", f"{folder}/tests"], {}),
        (f"conformance of {plugin.device}", [*suite, *reports, "--", "-q"], plugin.environment),
    ])  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
