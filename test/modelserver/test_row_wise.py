"""Which models' requests may be run as one: decided by the graph, and never against the truth, which
ONNX Runtime itself tells here."""

import threading

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
random = np.random.default_rng(7)


def weights(*shape):
    return random.standard_normal(shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def ml(op, inputs, outputs, **attributes):
    return node(op, inputs, outputs, domain="ai.onnx.ml", **attributes)


class Case:
    """A model of x -> y; `x` is the shape of one record, `constants` are initializers, `functions`
    are the model's own."""

    def __init__(self, name, nodes, x=(4,), constants=None, kind=FLOAT, opset=17, out=FLOAT, rank=2,
                 functions=()):
        self.name, self.nodes, self.x, self.constants = name, nodes, x, constants or {}
        self.kind, self.opset, self.out, self.rank, self.functions = kind, opset, out, rank, functions

    def save(self, path):
        graph = helper.make_graph(
            self.nodes, "model", [helper.make_tensor_value_info("x", self.kind, ["N", *self.x])],
            [helper.make_tensor_value_info("y", self.out, ["N"] + [None] * (self.rank - 1))],
            [value if isinstance(value, TensorProto) else numpy_helper.from_array(value, name)
             for name, value in self.constants.items()])
        sets = {"": self.opset, "ai.onnx.ml": 3, "own": 1}
        model = helper.make_model(graph, ir_version=8, functions=self.functions, opset_imports=[
            helper.make_opsetid(domain, version) for domain, version in sets.items() if version])
        onnx.save(model, str(path))

    def record(self, scale):
        if self.kind == INT64:
            return random.integers(0, 4, (1, *self.x)).astype(np.int64)
        return (scale * random.standard_normal((1, *self.x))).astype(np.float32)


def trees(op, **more):
    return ml(op, "x", more.pop("outputs", "y"), nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2],
              nodes_featureids=[1, 0, 0], nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
              nodes_values=[0.1, 0.0, 0.0], nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0],
              nodes_hitrates=[1.0] * 3, nodes_missing_value_tracks_true=[0] * 3,
              post_transform="NONE", **more)


# Sizes computed in the graph, as exporters write x.view(x.size(0), -1, 2).
VIEW = [node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Unsqueeze", "n first", "nn"),
        node("Concat", "nn rest", "wanted", axis=0), node("Reshape", "x wanted", "y")]

ROW_WISE = [
    Case("dense layers", [node("Gemm", "x w b", "g"), node("Relu", "g", "r"), node("MatMul", "r v", "y")],
         constants={"w": weights(4, 8), "b": weights(8), "v": weights(8, 3)}),
    Case("gemm, turned weights", [node("Gemm", "x w", "y", transB=1)], constants={"w": weights(3, 4)}),
    Case("softmax", [node("Softmax", "x", "y")]),
    Case("softmax before version 13", [node("Softmax", "x", "y", axis=1)], x=(2, 3), opset=11, rank=3),
    Case("normaliser of each record",
         [node("ReduceMean", "x", "m", axes=[1]), node("Sub", "x m", "d"), node("Mul", "d d", "q"),
          node("ReduceMean", "q", "v", axes=[-1]), node("Sqrt", "v", "s"), node("Div", "d s", "y")]),
    Case("layer normalisation", [node("LayerNormalization", "x w b", "y")],
         constants={"w": weights(4), "b": weights(4)}),
    Case("convolution", [node("Conv", "x w", "c", pads=[1] * 4), node("BatchNormalization", "c a b m v", "n"),
                         node("MaxPool", "n", "p", kernel_shape=[2, 2]),
                         node("GlobalAveragePool", "p", "g"), node("Flatten", "g", "y")], x=(3, 8, 8),
         constants={"w": weights(5, 3, 3, 3), "a": weights(5), "b": weights(5), "m": weights(5),
                    "v": np.ones(5, np.float32)}),
    Case("embedding", [node("Gather", "w x", "e"), node("ReduceSum", "e axes", "y", keepdims=0)],
         kind=INT64, constants={"w": weights(4, 6), "axes": ints(1)}),
    Case("reshape that keeps the first size", [node("Reshape", "x s", "y")], constants={"s": ints(0, 2, -1)}, rank=3),
    Case("reshape to as many records", [node("Reshape", "x s", "y")], x=(2, 2), constants={"s": ints(-1, 4)}),
    Case("reshape by sizes computed in the graph", VIEW, rank=3,
         constants={"zero": np.array(0, np.int64), "first": ints(0), "rest": ints(2, 2)}),
    Case("attention", [node("MatMul", "x q", "a"), node("MatMul", "x k", "b"), node("Transpose", "b", "t", perm=[0, 2, 1]),
                       node("MatMul", "a t", "s"), node("Softmax", "s", "p", axis=-1), node("MatMul", "p x", "y")],
         x=(3, 4), constants={"q": weights(4, 4), "k": weights(4, 4)}, rank=3),
    Case("recurrent, by turning the axes",
         [node("Transpose", "x", "t", perm=[1, 0, 2]), node("GRU", "t w r", "all last", hidden_size=2),
          node("Squeeze", "last axes", "y")], x=(3, 4),
         constants={"w": weights(1, 6, 4), "r": weights(1, 6, 2), "axes": ints(0)}),
    Case("columns cut and joined",
         [node("Slice", "x a b one", "c"), node("Split", "x", "d e", axis=1), node("Concat", "c d e", "y", axis=-1)],
         constants={"a": ints(1), "b": ints(3), "one": ints(1)}),
    Case("largest of each record", [node("TopK", "x k", "v i"), node("ArgMax", "v", "y", axis=1, keepdims=1)],
         constants={"k": ints(2)}, out=INT64),
    Case("padded", [node("Pad", "x p", "y")], constants={"p": ints(0, 1, 0, 2)}),
    Case("mean by einsum", [node("Einsum", "x w", "y", equation="bi,ij->bj")], constants={"w": weights(4, 2)}),
    Case("static quantisation", [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "y")],
         constants={"s": np.array(0.1, np.float32), "z": np.array(0, np.int8)}),
    Case("running sum of each record", [node("CumSum", "x a", "y")], constants={"a": np.array(1, np.int64)}),
    Case("trees", [ml("Scaler", "x", "t", offset=[0.5], scale=[2.0]), node("Identity", "t", "u"),
                   trees("TreeEnsembleRegressor", n_targets=1, target_ids=[0, 0], target_nodeids=[1, 2],
                         target_treeids=[0, 0], target_weights=[1.5, 2.5])]),
    Case("labels of trees",
         [trees("TreeEnsembleClassifier", outputs="l p", classlabels_int64s=[0, 1], class_ids=[1, 1],
                class_nodeids=[1, 2], class_treeids=[0, 0], class_weights=[0.2, 0.9]),
          node("ArgMax", "p", "a", axis=1), ml("ArrayFeatureExtractor", "names a", "f"),
          node("Reshape", "f s", "y")],
         constants={"names": ints(7, 9), "s": ints(-1)}, out=INT64, rank=1),
]

NOT_ROW_WISE = [
    Case("dynamic quantisation", [node("DynamicQuantizeLinear", "x", "q s z"), node("DequantizeLinear", "q s z", "y")]),
    Case("normaliser over everything", [node("ReduceMean", "x", "m", keepdims=1), node("Sub", "x m", "y")]),
    Case("normaliser over the records", [node("ReduceMax", "x", "m", axes=[0]), node("Div", "x m", "y")]),
    Case("softmax over the records", [node("Softmax", "x", "y", axis=0)]),
    Case("softmax over everything, before version 13", [node("Softmax", "x", "y", axis=0)], opset=11),
    Case("running sum over the records", [node("CumSum", "x a", "y")], constants={"a": np.array(0, np.int64)}),
    Case("records against records", [node("Transpose", "x", "t", perm=[1, 0]), node("MatMul", "x t", "s"),
                                     node("MatMul", "s x", "y")]),
    Case("weights over the records", [node("Transpose", "x", "t", perm=[1, 0]), node("Softmax", "t", "p", axis=1),
                                      node("Transpose", "p", "y", perm=[1, 0])]),
    Case("sorted records", [node("TopK", "x k", "y i", axis=0)], constants={"k": ints(1)}),
    Case("divided by their number", [node("Shape", "x", "s"), node("Gather", "s zero", "n"),
                                     node("Cast", "n", "f", to=FLOAT), node("Div", "x f", "y")],
         constants={"zero": np.array(0, np.int64)}),
    Case("places in the whole input", [node("MaxPool", "x", "v y", kernel_shape=[2])], x=(1, 4), out=INT64, rank=3),
    Case("reversed", [node("Slice", "x a b axis step", "y")],
         constants={"a": ints(-1), "b": ints(-2**62), "axis": ints(0), "step": ints(-1)}),
    Case("reshape that regroups", [node("Reshape", "x s", "r"), node("ReduceSum", "r axes", "t"), node("Reshape", "t u", "y")],
         constants={"s": ints(2, -1), "u": ints(-1, 1), "axes": ints(1)}),
    Case("noise", [node("RandomUniformLike", "x", "r"), node("Add", "x r", "y")]),
    Case("a constant for each record", [node("Add", "x c", "y")], constants={"c": weights(2, 4)}),
]

NUMBER = [node("Shape", "x", "s"), node("Gather", "s first", "n")]
BY_SIZES = ["x", "", "", "wanted"]
OWN_IDENTITY = helper.make_function(
    "own", "Identity", ["a"], ["b"], [node("Sub", "a a", "b")], [helper.make_opsetid("", 17)])

# What a rule that reads a little less closely takes for row-wise.
SEEMINGLY_ROW_WISE = [
    Case("resized to as many rows as records", rank=4, x=(1, 2, 2), constants={"twice": ints(0, 1, 0, 3)}, nodes=[
        node("Shape", "x", "s"), node("Gather", "s twice", "wanted"), helper.make_node("Resize", BY_SIZES, ["y"])]),
    Case("resized to fit the aspect ratio", rank=4, x=(1, 4, 4), opset=18,
         constants={"first": ints(0), "rest": ints(1, 2, 2)}, nodes=NUMBER + [
             node("Concat", "n rest", "wanted", axis=0),
             helper.make_node("Resize", BY_SIZES, ["y"], keep_aspect_ratio_policy="not_larger")]),
    Case("sizes laid over records", x=(2,), constants={"twice": ints(1, 1), "one": ints(1)}, nodes=[
        node("Shape", "x", "s"), node("Gather", "s twice", "z"), node("Unsqueeze", "z one", "u"),
        node("Cast", "u", "f", to=FLOAT), node("Add", "x f", "y")]),
    Case("several matrices of weights", x=(1, 1, 3), constants={"w": weights(5, 3, 2), "s": ints(-1, 2)},
         nodes=[node("MatMul", "x w", "m"), node("Reshape", "m s", "y")]),
    Case("several matrices of records", x=(1, 2, 2), constants={"s": ints(-1, 4)}, nodes=[
        node("Concat", "x x", "b", axis=1), node("MatMul", "x b", "m"), node("Reshape", "m s", "y")]),
    Case("an axis that a cast moves", x=(3, 4), rank=3, constants={"two": ints(2)}, nodes=[
        node("Transpose", "x", "t", perm=[1, 0, 2]), node("Cast", "two", "b", to=TensorProto.BOOL),
        node("Cast", "b", "a", to=INT64), node("ReduceSum", "t a", "r"), node("Transpose", "r", "y", perm=[1, 0, 2])]),
    Case("a number of records that a cast makes one", constants={"first": ints(0), "rest": ints(-1)}, nodes=NUMBER + [
        node("Cast", "n", "b", to=TensorProto.BOOL), node("Cast", "b", "c", to=INT64),
        node("Concat", "c rest", "wanted", axis=0), node("Reshape", "x wanted", "y")]),
    Case("operators of no version", [node("Resize", "x roi scales", "y")], x=(1, 2, 2), rank=4, opset=None,
         constants={"roi": np.ones(8, np.float32), "scales": np.array([2, 1, 1, 1], np.float32)}),
    Case("an axis of half precision", constants={"h": helper.make_tensor("h", TensorProto.FLOAT16, [1], [6e-8])},
         nodes=[node("Cast", "h", "a", to=INT64), node("ReduceSum", "x a", "y")]),
    Case("an axis that the model's own operator gives", constants={"one": ints(1)}, functions=[OWN_IDENTITY],
         nodes=[node("Identity", "one", "a", domain="own"), node("ReduceSum", "x a", "y")]),
]


def is_joined(server):
    return "requests are not joined" not in server.output()


def rows_apart(path, case, scales):
    """Whether two records are answered the same together as apart, by ONNX Runtime."""
    session = onnxruntime.InferenceSession(str(path))
    for scale in scales:
        first, second = case.record(1), case.record(scale)
        try:
            apart = [session.run(["y"], {"x": each})[0] for each in (first, second)]
            both = session.run(["y"], {"x": np.concatenate([first, second])})[0]
        except Exception:  # such shapes do not go together
            return False
        apart = np.concatenate(apart)
        if len(both) != 2 or apart.shape != both.shape or not np.allclose(apart, both, rtol=1e-4, atol=1e-5):
            return False
    return True


@pytest.mark.parametrize("case", ROW_WISE, ids=lambda case: case.name)
def test_requests_to_a_model_that_works_on_each_record_alone_are_joined(tmp_path, serve, case):
    path = tmp_path / "model.onnx"
    case.save(path)
    server = serve(tmp_path)
    assert is_joined(server), server.output()
    assert rows_apart(path, case, (1, 0.01, 100)), "the rule is wrong"


@pytest.mark.parametrize("case", NOT_ROW_WISE, ids=lambda case: case.name)
def test_requests_to_a_model_that_mixes_records_are_not_joined(tmp_path, serve, case):
    case.save(tmp_path / "model.onnx")
    server = serve(tmp_path)
    assert not is_joined(server), server.output()


@pytest.mark.parametrize("case", SEEMINGLY_ROW_WISE, ids=lambda case: case.name)
def test_no_rule_takes_what_mixes_records_for_row_wise(tmp_path, serve, case):
    path = tmp_path / "model.onnx"
    case.save(path)
    assert not rows_apart(path, case, (1, 100)), "the model is row-wise"
    server = serve(tmp_path)
    assert not is_joined(server), server.output()
    assert "made-up" not in server.output(), "only made-up records showed it"


def test_a_strangers_large_request_does_not_change_a_small_ones_answer(tmp_path, serve):
    case = NOT_ROW_WISE[0]
    case.save(tmp_path / "model.onnx")
    server = serve(tmp_path, env={"SLIPWAY_BATCH_WAIT_MS": "5"})
    small = "0.1,-0.2,0.3,0.4\n"
    want = server.ask(small, "text/csv").text
    stop = threading.Event()

    def stranger():
        while not stop.is_set():
            server.ask("900,-900,30,40\n" * 8, "text/csv")

    threads = [threading.Thread(target=stranger) for _ in range(4)]
    for thread in threads:
        thread.start()
    got = {server.ask(small, "text/csv").text for _ in range(100)}
    stop.set()
    for thread in threads:
        thread.join()
    assert got == {want}


@pytest.mark.parametrize("said, joined", [("always", True), ("never", False), ("auto", False)])
def test_who_knows_the_model_may_say_whether_requests_are_joined(tmp_path, serve, said, joined):
    NOT_ROW_WISE[0].save(tmp_path / "model.onnx")
    server = serve(tmp_path, env={"SLIPWAY_BATCH_JOIN": said})
    assert is_joined(server) is joined


def test_a_switch_that_is_not_known_is_refused(tmp_path, serve):
    ROW_WISE[0].save(tmp_path / "model.onnx")
    server = serve(tmp_path, ready=False, env={"SLIPWAY_BATCH_JOIN": "sometimes"})
    assert server.wait() is False
    assert "SLIPWAY_BATCH_JOIN is 'sometimes'" in server.output()
