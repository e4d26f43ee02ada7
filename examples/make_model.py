"""Writes a small neural network as an ONNX model.tar.gz, and one record for it as CSV.

usage: make_model.py [model.tar.gz record.csv]
"""
import io
import sys
import tarfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS = [128, 256, 256, 10]


def mlp(seed=7, layers=LAYERS):
    """A multilayer perceptron: `input` float [N,128] -> `output` float [N,10], or of other widths."""
    chance = np.random.default_rng(seed)
    nodes, weights, value = [], [], "input"
    for i, (inside, outside) in enumerate(zip(layers, layers[1:])):
        last = i == len(layers) - 2
        scale = (2 / inside) ** 0.5
        for name, array in (("w", chance.normal(0, scale, (inside, outside))), ("b", chance.normal(0, 0.1, outside))):
            weights.append(numpy_helper.from_array(array.astype(np.float32), f"{name}{i}"))
        sums = "output" if last else f"sum{i}"
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], [sums]))
        if not last:
            nodes.append(helper.make_node("Relu", [sums], [f"relu{i}"]))
            value = f"relu{i}"
    graph = helper.make_graph(
        nodes, "mlp",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", layers[0]])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", layers[-1]])],
        weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def tar_gz(files):
    """A model.tar.gz with {name: bytes}."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def main(model_path, record_path):
    with open(model_path, "wb") as file:
        file.write(tar_gz({"model.onnx": mlp()}))
    record = np.random.default_rng(1).normal(size=LAYERS[0]).astype(np.float32)
    with open(record_path, "w", encoding="ascii") as file:
        file.write(",".join(str(x) for x in record) + "\n")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["model.tar.gz", "record.csv"]))
