"""Small models, made when a test wants them."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(path, nodes, inputs, outputs, constants=()):
    graph = helper.make_graph(
        nodes, "model",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def mlp(path, sizes=(128, 256, 256, 10), seed=1):
    random = np.random.default_rng(seed)
    nodes, constants, value = [], [], "x"
    for i, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
        weight = random.standard_normal((rows, columns)) / np.sqrt(rows)
        constants += [(f"w{i}", weight.astype(np.float32)), (f"b{i}", np.zeros(columns, np.float32))]
        last = i == len(sizes) - 2
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], ["y" if last else f"g{i}"]))
        if not last:
            nodes.append(helper.make_node("Relu", [f"g{i}"], [f"r{i}"]))
            value = f"r{i}"
    save(path, nodes, [("x", TensorProto.FLOAT, ["N", sizes[0]])],
         [("y", TensorProto.FLOAT, ["N", sizes[-1]])], constants)


def identity(path, kind, shape):
    save(path, [helper.make_node("Identity", ["x"], ["y"])], [("x", kind, shape)], [("y", kind, shape)])


def two_inputs(path):
    """sum and product of 'a' (float32) and 'b' (int64)."""
    save(path, [helper.make_node("Cast", ["b"], ["bf"], to=TensorProto.FLOAT),
                helper.make_node("Add", ["a", "bf"], ["sum"]),
                helper.make_node("Mul", ["a", "bf"], ["product"])],
         [("a", TensorProto.FLOAT, ["N", 2]), ("b", TensorProto.INT64, ["N", 2])],
         [("sum", TensorProto.FLOAT, ["N", 2]), ("product", TensorProto.FLOAT, ["N", 2])])


def running_sum(path):
    """Sums along the first size: records that were joined would see each other."""
    save(path, [helper.make_node("CumSum", ["x", "axis"], ["y"])],
         [("x", TensorProto.FLOAT, ["N", 2])], [("y", TensorProto.FLOAT, ["N", 2])],
         [("axis", np.array(0, np.int64))])
