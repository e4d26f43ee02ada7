#!/usr/bin/env python3
"""Writes what onnx_graph_fuzz starts from into FOLDER: small models, one for each kind of operator.

  onnx_graph_seeds.py FOLDER

Written by hand, for whoever fuzzes need not have the onnx package. Field numbers: onnx/onnx.proto.
"""
import pathlib
import struct
import sys

FLOAT, INT64 = 1, 7


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def number(field, value):
    return varint(field << 3) + varint(value)


def part(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def attribute(name, value):
    if isinstance(value, str):
        return part(1, name) + part(4, value) + number(20, 3)
    if isinstance(value, int):
        return part(1, name) + number(3, value) + number(20, 2)
    return part(1, name) + part(8, b"".join(varint(each) for each in value)) + number(20, 7)


def node(op, inputs, outputs, domain="", **attributes):
    return part(1, b"".join([
        *(part(1, "" if name == "-" else name) for name in inputs.split()),
        *(part(2, name) for name in outputs.split()), part(4, op), part(7, domain),
        *(part(5, attribute(name, value)) for name, value in attributes.items())]))


def floats(name, *dims):
    count = 1
    for dim in dims:
        count *= dim
    return part(5, b"".join(number(1, dim) for dim in dims) + number(2, FLOAT) + part(8, name) +
                part(9, struct.pack("<f", 1) * count))


def ints(name, *values):
    return part(5, number(1, len(values)) + number(2, INT64) + part(8, name) +
                part(7, b"".join(varint(value) for value in values)))


def value(field, name, *dims):
    shape = b"".join(part(1, part(2, dim) if isinstance(dim, str) else number(1, dim)) for dim in dims)
    return part(field, part(1, name) + part(2, part(1, number(1, FLOAT) + part(2, shape))))


def model(*nodes, x=("N", 4), y=("N", "?"), version=17):
    return (number(1, 8) + part(7, b"".join(nodes) + value(11, "x", *x) + value(12, "y", *y)) +
            part(8, part(1, "") + number(2, version)) + part(8, part(1, "ai.onnx.ml") + number(2, 3)))


def seeds():
    yield "dense", model(node("Gemm", "x w b", "g", transB=1), node("Relu", "g", "y"), floats("w", 3, 4),
                         floats("b", 3))
    yield "view", model(node("Shape", "x", "s"), node("Gather", "s first", "n"), node("Concat", "n rest", "z", axis=0),
                        node("Reshape", "x z", "y"), ints("first", 0), ints("rest", -1, 2), y=("N", 2, 2))
    yield "attention", model(node("MatMul", "x w", "a"), node("Transpose", "a", "t", perm=[0, 2, 1]),
                             node("MatMul", "x t", "s"), node("Softmax", "s", "p", axis=-1),
                             node("MatMul", "p x", "y"), floats("w", 4, 4), x=("N", 3, 4), y=("N", 3, 4))
    yield "image", model(node("Conv", "x w", "c"), node("MaxPool", "c", "p", kernel_shape=[2, 2]),
                         node("GlobalAveragePool", "p", "g"), node("Flatten", "g", "y"), floats("w", 2, 3, 3, 3),
                         x=("N", 3, 8, 8))
    yield "resize", model(node("Shape", "x", "s"), node("Slice", "s zero two", "n"), node("Concat", "n rest", "z", axis=0),
                          node("Resize", "x - - z", "y", mode="nearest"), ints("zero", 0), ints("two", 2),
                          ints("rest", 4, 4), x=("N", 1, 2, 2), y=("N", 1, 4, 4))
    yield "sizes", model(node("Shape", "x", "s", start=1), node("Unsqueeze", "s a", "u"), node("Cast", "u", "f", to=FLOAT),
                         node("Mul", "x f", "y"), ints("a", 0))
    yield "axes", model(node("ReduceMean", "x", "m", axes=[-1]), node("Sub", "x m", "d"), node("TopK", "d k", "v i"),
                        node("Pad", "v p", "q"), node("Tile", "q t", "y"), ints("k", 2), ints("p", 0, 1, 0, 1),
                        ints("t", 1, 3))
    yield "recurrent", model(node("Transpose", "x", "t", perm=[1, 0, 2]), node("GRU", "t w r", "all last", hidden_size=2),
                             node("Squeeze", "last a", "y"), floats("w", 1, 6, 4), floats("r", 1, 6, 2), ints("a", 0),
                             x=("N", 3, 4))
    yield "einsum", model(node("Einsum", "x w", "y", equation="bi,ij->bj"), floats("w", 4, 2))
    yield "table", model(node("Scaler", "x", "s", domain="ai.onnx.ml"),
                         node("TreeEnsembleRegressor", "s", "y", domain="ai.onnx.ml", n_targets=1), y=("N", 1))
    yield "mixes", model(node("Softmax", "x", "y", axis=0), version=11)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
