"""docs/support.md is what the backends say."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def tool():
    spec = importlib.util.spec_from_file_location("support_tool", ROOT / "tools" / "support.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_backends_say(monkeypatch):
    monkeypatch.delenv("JAX_ENABLE_X64", raising=False)  # the page tells of JAX as it comes
    assert tool().PAGE.read_text(encoding="utf-8") == tool().render()


def test_every_plugin_of_this_repository_is_on_it():
    folders = {folder.name.removeprefix("gradarray-") for folder in (ROOT / "plugins").glob("gradarray-*")}
    assert folders == set(tool().PLUGINS)


def test_a_capability_that_is_taken_away_shows():
    module = tool()
    assert "| `x.numpy()` shares memory | yes |" in module.render()
    backend = module.backends.get("numpy")
    before = backend.capabilities
    backend.capabilities = module.Capabilities(missing={"tan": "it was lost (example#1)"})
    try:
        page = module.render()
    finally:
        backend.capabilities = before
    assert "| `x.numpy()` shares memory | `x.cpu().numpy()` |" in page
    assert "- **NumPy (`cpu`)**: `tan`: it was lost (example#1)" in page
