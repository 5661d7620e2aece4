"""The direct calls of MXNet's library do what MXNet's own wrappers do, and leave alone what is not theirs."""

from __future__ import annotations

import numpy as np
import pytest
from trainings import MXNET_IS_HERE

if not MXNET_IS_HERE:
    pytest.skip("MXNet is not installed", allow_module_level=True)

from deadrelu_tui.engine.by_mxnet.calls import Graph, Reader, Update, reshaped
from deadrelu_tui.engine.by_mxnet.runtime import mx


def products() -> Graph:
    """Return the graph of x · y and x · x from (y, x): an order of inputs that is not the order of their use."""
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    return Graph([y, x], [mx.sym.dot(x, y), mx.sym.dot(x, x)])


def test_a_graph_takes_its_inputs_in_the_order_that_was_declared() -> None:
    first, second = products()(mx.nd.array([1.0, 10.0]), mx.nd.array([2.0, 3.0]))
    assert (first.asscalar(), second.asscalar()) == (32.0, 13.0)


def test_what_a_graph_returned_is_not_touched_by_its_later_calls() -> None:
    graph, ones = products(), mx.nd.ones(3)
    returned = [graph(ones, ones * step) for step in range(12)]
    assert [float(total.asscalar()) for total, _ in returned] == [3.0 * step for step in range(12)]
    assert [float(squares.asscalar()) for _, squares in returned] == [3.0 * step**2 for step in range(12)]


def test_a_graph_of_one_output_returns_it_in_a_list() -> None:
    x = mx.sym.Variable("x")
    (twice,) = Graph([x], [x + x])(mx.nd.ones(2))
    assert twice.asnumpy().tolist() == [2.0, 2.0]


def test_a_fault_in_a_graph_is_raised_as_mxnet_tells_it() -> None:
    with pytest.raises(mx.base.MXNetError, match="shape"):
        products()(mx.nd.ones(2), mx.nd.ones(3))


@pytest.mark.parametrize("size", [1, 7, 5_000, 235_200])
def test_an_update_adds_a_multiple_of_the_gradient_in_place(size: int) -> None:
    random = np.random.default_rng(size)
    before, slope = (random.standard_normal((1, size)).astype(np.float32) for _ in range(2))
    parameter, gradient = mx.nd.array(before), mx.nd.array(slope)
    same, factor, update = reshaped(parameter, -1), mx.nd.full((1, 1), -0.1), Update()
    for _ in range(2):
        update(factor, parameter, gradient)
    np.testing.assert_allclose(same.asnumpy(), before[0] - 0.2 * slope[0], rtol=1e-5, atol=1e-6)
    assert (gradient.asnumpy() == slope).all()


def test_an_update_by_infinity_is_no_number_and_no_fault() -> None:
    parameter = mx.nd.ones((1, 2))
    Update()(mx.nd.zeros((1, 1)), parameter, mx.nd.array([[np.inf, 1.0]]))
    assert np.isnan(parameter.asnumpy()).tolist() == [[True, False]]


def test_what_is_reshaped_is_the_same_memory() -> None:
    array = mx.nd.zeros((2, 3))
    flat, row = reshaped(array, -1), reshaped(array, 1, -1)
    array[:] = 1
    assert (flat.shape, row.shape) == ((6,), (1, 6))
    assert flat.asnumpy().tolist() == row.asnumpy()[0].tolist() == [1.0] * 6


def test_a_reader_waits_for_arrays_and_reads_them_one_after_the_other() -> None:
    reader, x = Reader([1, 3]), mx.sym.Variable("x")
    graph = Graph([x], [mx.sym.dot(x, x), mx.sym.exp(x)])
    read = reader.read(graph(mx.nd.array([0.0, 1.0, 2.0])))
    np.testing.assert_allclose(read, [5.0, *np.exp([0.0, 1.0, 2.0])], rtol=1e-6)
    assert read is reader.vector


def test_a_reader_of_other_arrays_than_it_was_made_for_says_so() -> None:
    with pytest.raises(ValueError, match="zip"):
        Reader([1, 3]).read([mx.nd.ones(1)])
    with pytest.raises(mx.base.MXNetError, match="size"):
        Reader([3]).read([mx.nd.ones(5)])
