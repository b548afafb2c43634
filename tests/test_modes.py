"""Modes as decorators of everything that can be called, per thread and per task; inference tensors."""

import asyncio
import threading

import pytest

import gradarray as ga

X = ga.ones(2, requires_grad=True)


def recorded():
    return (X * 2).requires_grad


# -- decorators --------------------------------------------------------------------------------------------------------


def test_a_generator_runs_in_the_mode_and_its_caller_does_not():
    seen = []

    @ga.no_grad()
    def numbers(n):
        """Some numbers."""
        for i in range(n):
            seen.append(recorded())
            got = yield i
            seen.append((got, recorded()))
        return "done"

    generator = numbers(2)
    assert numbers.__doc__ == "Some numbers."
    assert next(generator) == 0 and recorded()
    assert generator.send("a") == 1 and recorded()
    with pytest.raises(StopIteration) as stop:
        generator.send("b")
    assert stop.value.value == "done" and recorded()
    assert seen == [False, ("a", False), False, ("b", False)]


def test_a_generator_gets_errors_and_is_closed_in_the_mode():
    seen = []

    @ga.no_grad
    def numbers():
        try:
            while True:
                try:
                    yield 1
                except ValueError:
                    seen.append(recorded())
        finally:
            seen.append(recorded())

    generator = numbers()
    next(generator)
    assert generator.throw(ValueError()) == 1
    generator.close()
    assert seen == [False, False] and recorded()

    @ga.no_grad
    def fails():
        yield 1
        raise KeyError("from inside")

    with pytest.raises(KeyError, match="from inside"):
        list(fails())
    assert recorded()


def test_a_coroutine_runs_in_the_mode_in_its_own_task():
    seen = []

    @ga.no_grad()
    async def off():
        seen.append(("off", recorded()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen.append(("off", recorded()))
        return 5

    async def on():
        for _ in range(3):
            seen.append(("on", recorded()))
            await asyncio.sleep(0)

    async def main():
        results = await asyncio.gather(off(), on())
        assert results[0] == 5
        assert await off() == 5 and recorded()

    asyncio.run(main())
    assert set(seen) == {("off", False), ("on", True)}


def test_an_asynchronous_generator_runs_in_the_mode_and_its_caller_does_not():
    seen = []

    @ga.no_grad()
    async def numbers():
        try:
            for i in range(2):
                seen.append(recorded())
                await asyncio.sleep(0)
                try:
                    seen.append((yield i))
                except ValueError:
                    seen.append("thrown")
        finally:
            seen.append(recorded())

    async def main():
        generator = numbers()
        assert await generator.asend(None) == 0 and recorded()
        assert await generator.asend("sent") == 1 and recorded()
        with pytest.raises(StopAsyncIteration):
            await generator.athrow(ValueError())
        async for i in numbers():
            assert recorded() and i == 0
            break

    asyncio.run(main())
    assert seen[:5] == [False, "sent", False, "thrown", False]


def test_of_a_class_the_constructor_runs_in_the_mode():
    @ga.no_grad()
    class Model:
        def __init__(self):
            self.constructed = recorded()

        def run(self):
            return recorded()

    model = Model()
    assert isinstance(model, Model)
    assert (model.constructed, model.run()) == (False, True)


def test_set_grad_enabled_as_a_decorator():
    @ga.set_grad_enabled(False)
    def off():
        return recorded()

    assert recorded() and not off() and recorded()


def test_each_task_has_its_own_mode():
    async def body():
        with ga.no_grad():
            await asyncio.sleep(0)
            assert not recorded()

    async def main():
        tasks = [asyncio.create_task(body()) for _ in range(3)]
        await asyncio.sleep(0)
        assert recorded()
        await asyncio.gather(*tasks)

    asyncio.run(main())


# -- inference mode ----------------------------------------------------------------------------------------------------


def test_tensors_made_in_inference_mode():
    w = ga.ones(2, requires_grad=True)
    normal = ga.ones(2, 2)
    with ga.inference_mode():
        assert ga.is_inference_mode_enabled() and not ga.is_grad_enabled()
        made = ga.ones(2)
        result = w * 2
        view = normal[0]
        normal.add_(1)
        with ga.enable_grad():
            assert not (w * 2).requires_grad
        with ga.inference_mode(False):
            assert (w * 2).requires_grad and not (w * 2).is_inference()
        made.mul_(3)
    assert not ga.is_inference_mode_enabled() and ga.is_grad_enabled()
    assert [x.is_inference() for x in (made, result, view, normal, made[0], made.detach())] == [
        True, True, False, False, True, True,
    ]  # fmt: skip
    assert [x.is_inference() for x in (made * 2, made.clone(), made + w)] == [False] * 3
    assert (made.tolist(), normal.tolist(), result.requires_grad) == ([3.0, 3.0], [[2.0, 2.0]] * 2, False)


def test_what_inference_tensors_refuse():
    w = ga.ones(2, requires_grad=True)
    tracked = w * 1
    with ga.inference_mode():
        x = ga.ones(2)
        view = tracked[:1]
    with pytest.raises(RuntimeError, match="cannot be saved for backward"):
        x * w
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        x[0] = 1
    with pytest.raises(RuntimeError, match="Setting requires_grad=True"):
        x.requires_grad_()
    with pytest.raises(RuntimeError, match="version counter"):
        x._version
    with pytest.raises(RuntimeError, match="modified in place"):
        view.add_(1)
    assert x.tolist() == [1.0, 1.0]
    (x + w).sum().backward()  # saves nothing
    assert w.grad.tolist() == [1.0, 1.0]


def test_inference_mode_as_a_decorator():
    @ga.inference_mode
    def plain():
        return ga.ones(1).is_inference()

    @ga.inference_mode()
    def called():
        return ga.ones(1).is_inference()

    @ga.inference_mode()
    def generator():
        yield ga.ones(1).is_inference()

    assert plain() and called() and list(generator()) == [True]
    assert not ga.ones(1).is_inference()


def test_inference_mode_is_per_thread():
    inside, out = threading.Event(), threading.Event()
    seen = []

    def other():
        inside.wait()
        seen.append(((X * 2).requires_grad, (X * 2).is_inference()))
        out.set()

    thread = threading.Thread(target=other)
    thread.start()
    with ga.inference_mode():
        inside.set()
        out.wait()
    thread.join()
    assert seen == [(True, False)]


def test_nothing_is_left_of_a_mode_that_looks_on():
    before = X._kind.short
    with pytest.raises(ValueError, match="inside"), ga.inference_mode():
        raise ValueError("inside")
    assert X._kind.short is before is True
    assert recorded() and not (X * 2).is_inference()
