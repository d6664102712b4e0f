import pytest
from torch import nn

from mlcmkd.deployment.onnx.files import check_export
from mlcmkd.evaluation import cost
from mlcmkd.evaluation.cost import flops, latency_ms, time_calls
from tests.conftest import make_model


def test_operations_of_a_layer_are_counted_by_hand():
    """Two networks that differ in one 1 x 1 convolution differ in its operations."""
    model = make_model("light", input_px=64).train()
    every = flops(model)
    points, width, cells = 68, model.width, 16 * 16
    model.head.maps = nn.Conv2d(width, 1, 1)
    assert every - flops(model) == 2 * (points - 1) * width * cells
    assert model.training  # left as it was found


def test_operations_follow_the_inputs_area():
    small, large = (flops(make_model("base", "thermal", input_px=px)) for px in (32, 64))
    assert large == 4 * small
    assert flops(make_model("base", head="coordinate", input_px=32)) < 1.1 * small


def test_calls_are_counted_after_the_warm_up(monkeypatch):
    """The first calls, which load and allocate, take a second here; the counted ones 1 to 8 ms."""
    now, calls = [0.0], []

    def call() -> None:
        calls.append(1)
        counted = len(calls) - cost.WARM_UP
        now[0] += counted / 1000 if counted > 0 else 1

    monkeypatch.setattr("mlcmkd.evaluation.cost.time.perf_counter", lambda: now[0])
    found = time_calls(call, repeats=8)
    assert len(calls) == cost.WARM_UP + 8
    assert found == pytest.approx((4.5, 2.25, 6.75))


def test_latency_is_that_of_the_exported_network(monkeypatch):
    """A thermal network without a range is timed all the same."""
    exported = {}
    real = cost.file_latency_ms

    def watched(path, threads, repeats):
        exported.update(card=check_export(path), threads=threads)
        return real(path, threads, repeats)

    monkeypatch.setattr(cost, "file_latency_ms", watched)
    model = make_model("base", "thermal", input_px=32)
    model.spec = model.spec.model_copy(update={"radiometry": None})
    found = latency_ms(model, threads=2, repeats=3)
    assert 0 < found.low <= found.median <= found.high
    assert exported["threads"] == 2 and exported["card"].kind == "crop"
