"""What scripts written for AWS's images import, are given and raise; models without a script."""

import functools
import io
import json
import os
import pickle
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np
import pytest
import recordio_files
import scipy.sparse
import xgboost
from conftest import own_module
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from test_python import own_python, write_script  # noqa: F401  pylint: disable=unused-import

IRIS, KINDS = load_iris(return_X_y=True)
SKLEARN, XGBOOST = "sagemaker-scikit-learn", "sagemaker-xgboost"


@pytest.fixture
def forest(tmp_path, serve, own_python):  # noqa: F811
    joblib.dump(RandomForestClassifier(10, random_state=1).fit(IRIS, KINDS), tmp_path / "model.joblib")
    return serve(tmp_path, image=SKLEARN, env=own_python)


@pytest.mark.parametrize("body, content_type", [
    ("5,3.5,1,0.2", "text/csv"), ('"5.0","3.5","1.0","0.2"', "text/csv"), ("5,3,1,0", "text/csv"),
    ([5, 3.5, 1, 0.2], "application/json"), ({"instances": [[5, 3.5, 1, 0.2]]}, "application/json"),
    ({"inputs": [[5, 3.5, 1, 0.2]]}, "application/json"), ("[5, 3.5, 1, 0.2]\n", "application/jsonlines"),
])
def test_a_forest_answers_however_a_record_is_spelt(forest, body, content_type):
    answer = forest.ask(body, content_type)
    assert (answer.status, answer.json) == (200, [0]), answer.text


@pytest.mark.parametrize("body, content_type, words", [
    ("a,b,c,d\n1,2,3,4", "text/csv", "line 1, column 1: 'a'"), ("a,b", "text/csv", "wants 4 values"), ("1,2,3", "text/csv", "wants 4 values"),
    ([["x", 1, 2, 3]], "application/json", "wants 4 values"), ({"a": 1}, "application/json", "wants 4 values"),
    (b"\xff,1,2,3", "text/csv", "cannot be read"), ("1,,3,inf", "text/csv", "does not take"),
    ([[1, 2, 3, 4], [1, 2]], "application/json", "one shape"), ([1, 2, 3, 4, 5, 6, 7, 8], "application/json", "wants 4"),
])
def test_a_mistake_in_a_request_is_told_as_one(forest, body, content_type, words):
    answer = forest.ask(body, content_type)
    assert answer.status == 400 and words in answer.json["error"], (answer.status, answer.text)


def test_a_mistake_of_the_scripts_own_code_is_none_of_the_client(tmp_path, serve, own_python):  # noqa: F811
    write_script(tmp_path, '''
class Model:
    n_features_in_ = 4
    def predict(self, data):
        raise ValueError("a mistake in here")
def model_fn(model_dir):
    return Model()
def input_fn(data, content_type):
    return data
''')
    answer = serve(tmp_path, image=SKLEARN, env=own_python).ask("1,2,3,4", "text/csv")
    assert (answer.status, answer.json["error"]) == (500, "ValueError: a mistake in here")


@pytest.mark.parametrize("accept, content_type", [
    ("application/json, text/plain, */*", "application/json"), ("text/html, */*;q=0.8", "application/json"),
    ("text/csv;q=0.9, application/json;q=0.1", "text/csv"), ("application/json;q=0, */*", "text/csv")])
def test_of_several_types_one_comes_back(forest, accept, content_type):
    answer = forest.ask("5,3.5,1,0.2", "text/csv", accept)
    assert (answer.status, answer.content_type) == (200, content_type)


def test_the_columns_that_a_model_was_fitted_with_are_named(tmp_path, serve, own_python):  # noqa: F811
    model = LogisticRegression().fit(IRIS, KINDS)
    model.feature_names_in_ = np.array(["length", "width", "petal", "sepal"], dtype=object)
    joblib.dump(model, tmp_path / "model.joblib")
    answer = serve(tmp_path, image=SKLEARN, env=own_python).ask([{"length": 1}])
    assert answer.status == 400 and "length, width, petal, sepal" in answer.json["error"]


FIRST_LINES = """
from sagemaker_inference import content_types, decoder, encoder, errors, utils, environment, logging
from sagemaker_inference import default_inference_handler, default_handler_service, transformer, parameters, model_server
from sagemaker_inference.errors import BaseInferenceToolkitError, GenericInferenceToolkitError, UnsupportedFormatError
from sagemaker_inference.default_handler_service import DefaultHandlerService
from sagemaker_inference.transformer import Transformer
from sagemaker_containers.beta.framework import content_types, encoders, env, errors, modules, transformer, worker, logging
from sagemaker_containers.beta.framework.worker import Response
from sagemaker_containers import _content_types, _errors
import sagemaker_xgboost_container.encoder as xgb_encoders
from sagemaker_xgboost_container.constants import xgb_content_types
from sagemaker_sklearn_container.serving import default_input_fn
from sagemaker_containers.beta.framework import server
from sagemaker_containers import entry_point
from sagemaker_xgboost_container import distributed, data_utils, checkpointing
from flask import Response, jsonify
from sklearn.externals import joblib
import smdebug.xgboost as smd
from smdebug import SaveConfig
from sagemaker_training import environment as training_environment
"""


def test_the_first_lines_of_scripts_for_awss_images_are_run(tmp_path, serve, own_python):  # noqa: F811
    write_script(tmp_path, FIRST_LINES + '''
assert joblib.hash(1)
for call in (entry_point.run, data_utils.get_dmatrix, smd.Hook, SaveConfig, training_environment.Environment):
    try:
        call("a", "b")
        assert False
    except NotImplementedError as said:
        assert "for training" in str(said)
try:
    encoders.array_to_recordio_protobuf([1])
    assert False
except NotImplementedError as said:
    assert "recordio" in str(said)
class Service(DefaultHandlerService):
    pass
class Own(default_inference_handler.DefaultInferenceHandler):
    def default_predict_fn(self, data, model):
        return data + model
own = Own()
def model_fn(model_dir):
    assert environment.Environment().module_name == "inference"
    assert utils.parse_accept("text/csv;q=1, a/b") == ["text/csv", "a/b"]
    logging.get_logger().info("hello")
    model_server.start_model_server(handler_service="x")
    return 1
def input_fn(data, content_type):
    return own.default_input_fn(data, content_type)
def predict_fn(data, model):
    return own.default_predict_fn(data, model)
def output_fn(prediction, accept):
    return own.default_output_fn(prediction, accept)
''')
    server = serve(tmp_path, env=own_python)
    assert server.ask("1,2", "text/csv").json == [[2, 3]]
    assert server.ask("1,2", "image/png").status == 415
    assert server.ask("1,2", "text/csv", "image/png").status == 406


def test_the_context_is_the_model_servers(tmp_path, serve, own_python):  # noqa: F811
    write_script(tmp_path, '''
import json
seen = []
def pre_model_fn(model_dir):
    seen.append("before")
def model_fn(model_dir, context):
    seen.append(context.model_name)
    return "the model"
def model_warmup_fn(model_dir, model, context):
    seen.append(model)
def transform_fn(model, data, content_type, accept, context):
    context.metrics.add_counter("asked", 1)
    context.metrics.add_time("spent", 3, 0, "ms")
    context.metrics.add_size("size", 3); context.metrics.add_percent("share", 3)
    context.metrics.add_error("wrong", "why"); context.metrics.add_metric("own", 3, unit="x")
    said = [seen, context.get_request_header(0, "content-TYPE"), context.manifest["runtime"],
            context.system_properties["batch_size"], len(context.get_request_id(0)) > 8,
            context.request_processor[0].get_request_properties()["Accept"]]
    if data == "plain":
        assert context.get_response_status(0)[0] == 200
        return json.dumps(said)
    context.set_response_status(429, "slow down")
    context.set_response_content_type(0, "application/x-own")
    context.set_response_header(0, "X-Own", "1")
    return json.dumps(said)
''')
    server = serve(tmp_path, env=own_python)
    answer = server.ask("own", "text/csv", "text/plain")
    assert (answer.status, answer.content_type) == (429, "application/x-own"), answer.text
    assert answer.json == [["before", "model", "the model"], "text/csv", "python", 1, True, "text/plain"]
    again = server.ask("plain", "text/csv")
    assert (again.status, again.content_type) == (200, "application/json"), again.text
    server.ask("own", "text/csv")
    assert server.output().count("'X-Own' of an answer is not passed on") == 1
    assert "[METRICS]asked.Count:1|#Level:Model" in server.output()


RAISES = {
    "class E(Exception):\n    status = 200": 500, "class E(Exception):\n    status_code = 204": 500,
    "class E(Exception):\n    status = status_code = 'fine'\n    code = 200": 500,
    "class E(Exception):\n    http_status = 200": 500,
    "class E(Exception):\n    def __str__(self): raise SystemExit(3)": 500,
    "class E(Exception):\n    def __str__(self): return 7": 500,
    "class E(Exception):\n    def __str__(self): return 'x' * (64 << 20)": 500,
    "class E(Exception):\n    def __str__(self): return 'a\\ud800b'": 500,
    "class E(Exception):\n    @property\n    def __class__(self): raise OSError": 500,
    "def E(): return errors.GenericInferenceToolkitError(422, 'no such flower')": 422,
    "def E(): return errors.GenericInferenceToolkitError(200, 'fine')": 500,
    "def E(): return errors.GenericInferenceToolkitError('422', 'text')": 500,
    "class E(errors.BaseInferenceToolkitError):\n    def __init__(self): pass": 500,
    "class E(errors.BaseInferenceToolkitError):\n    def __init__(self): super().__init__(400, 'bad', 'p')": 400,
    "def E(): return errors.UnsupportedFormatError('a/b')": 415,
    "E = errors.ClientError": 500,
    "import http\ndef E(): return errors.GenericInferenceToolkitError(http.HTTPStatus.CONFLICT, 'x')": 409,
}


def test_an_exception_is_no_success_and_is_reported_whatever_it_is(tmp_path, serve, own_python):  # noqa: F811
    write_script(tmp_path, '''
import os
from sagemaker_inference import errors
def model_fn(model_dir):
    return os.getpid()
def transform_fn(model, data, content_type, accept):
    if data == "pid": return str(model), "text/plain"
    if data == "status": return "x", "text/plain\\r\\nX: 1"
    scope = {"errors": errors}
    exec(data, scope)
    raise scope["E"]()
''')
    server = serve(tmp_path, env=own_python)
    pid = server.ask("pid", "text/csv").text
    for code, status in RAISES.items():
        answer = server.ask(code.encode(), "text/csv")
        assert answer.status == status and "error" in answer.json, (code, answer.status, answer.text[:200])
        assert len(answer.body) < 16384
    assert server.ask(b"def E(): return errors.GenericInferenceToolkitError(422, 'no such flower')",
                      "text/csv").json["error"] == "no such flower"
    assert server.ask("status", "text/csv").status == 500
    assert server.ask("pid", "text/csv").text == pid


@pytest.mark.parametrize("program, path", [
    ("inference", "code/inference.py"), ("json.py", "code/json.py"), ("code", "code/code.py"),
    ("inference/types.py", "code/inference/types.py"), ("entry", "code/entry.py")])
def test_a_script_is_found_by_its_name_and_run_by_its_path(tmp_path, serve, own_python, program, path):  # noqa: F811
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    (file.parent / "beside.py").write_text("WORD = 'beside'\n")
    file.write_text("import json, code, types, beside\n"
                    "def model_fn(d): return code.InteractiveConsole and types.SimpleNamespace(word=beside.WORD)\n"
                    "def transform_fn(m, *rest): return json.dumps([m.word, __file__])\n" if path[-7:] != "json.py" else
                    "import beside\nimport json as real\n"
                    "def model_fn(d): return real.dumps\n"
                    "def transform_fn(m, *rest): return m([beside.WORD, __file__])\n")
    server = serve(tmp_path, env=dict(own_python, SAGEMAKER_PROGRAM=program))
    assert server.ask("{}").json == ["beside", str(file)]


def test_answers_may_be_objects_as_flask_has_them(tmp_path, serve, own_python):  # noqa: F811
    write_script(tmp_path, '''
from flask import Response, jsonify
from sagemaker_containers.beta.framework import worker
def model_fn(model_dir):
    pass
def transform_fn(model, data, content_type, accept):
    return {"own": lambda: Response("<p>", status=404, content_type="text/html; charset=utf-8"),
            "json": lambda: jsonify(a=1), "list": lambda: Response([b"a", b"b"], mimetype="text/plain"),
            "worker": lambda: worker.Response(response="x", status="418 TEAPOT", mimetype="text/csv"),
            "parts": lambda: Response(iter([b"a", b"b"]), mimetype="text/plain")}[data]()
''')
    server = serve(tmp_path, env=own_python)
    answers = [server.ask(what, "text/csv") for what in ("own", "json", "list", "worker", "parts")]
    assert [(each.status, each.content_type, each.text) for each in answers] == [
        (404, "text/html; charset=utf-8", "<p>"), (200, "application/json", '{"a": 1}'),
        (200, "text/plain", "ab"), (418, "text/csv", "x"), (200, "text/plain", "ab")]


def test_a_handler_may_set_the_custom_attributes_of_its_answer(tmp_path, serve, own_python):  # noqa: F811
    write_script(tmp_path, '''
def model_fn(model_dir):
    pass
def transform_fn(model, data, content_type, accept, context):
    name = "X-Amzn-SageMaker-Custom-Attributes"
    context.set_response_header(0, name.lower(), context.get_request_header(0, name) + data)
    return iter(["a", "b"]) if data == "!" else "whole"
''')
    server = serve(tmp_path, env=own_python)
    name = {"X-Amzn-SageMaker-Custom-Attributes": "trace=7"}
    for data, text in (("?", "whole"), ("!", "ab")):
        answer = server.ask(data, "text/csv", **name)
        assert (answer.status, answer.text, answer.custom_attributes) == (200, text, "trace=7" + data)
        pair = (b"X-Amzn-SageMaker-Custom-Attributes", b"trace=8")
        begin_or_whole = 6 if data == "!" else 2
        assert ask_link(server, data.encode(), [pair]) == (begin_or_whole, {pair[0]: pair[1] + data.encode()})
    assert server.ask("\r\nX: 1", "text/csv", **name).status == 500
    assert server.ask("x" * 1020, "text/csv", **name).status == 500


def ask_link(server, body, pairs):
    """(type of the frame, its further headers) of the first answer over the framed link (link_frame.h)."""
    named = b"".join(struct.pack("<HH", len(name), len(value)) + name + value for name, value in pairs)
    head = struct.pack("<HHHH", 0, len(b"text/csv"), 0, len(pairs)) + b"text/csv" + named
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.connect(str(server.link))
        link.sendall(struct.pack("<IBBHI", len(head) + len(body), 1, 1, 0, 7) + head + body)
        length, kind, _, _, _ = struct.unpack("<IBBHI", link.recv(12, socket.MSG_WAITALL))
        frame = link.recv(length, socket.MSG_WAITALL)
    _, type_bytes, accept_bytes, count = struct.unpack("<HHHH", frame[:8])
    at, found = 8 + type_bytes + accept_bytes, {}
    for _ in range(count):
        name, value = struct.unpack("<HH", frame[at:at + 4])
        found[frame[at + 4:at + 4 + name]] = frame[at + 4 + name:at + 4 + name + value]
        at += 4 + name + value
    return kind, found


XGBOOST_BODIES = [
    ("text/csv", "5,3.5,1,0.2\n6,3,4,1"), ("text/csv", "5;3.5;1;0.2"), ("text/csv", "5\t3.5\t1\t0.2"),
    ("text/csv", "5|3.5|1|0.2"), ("text/csv", "5 3.5 1 0.2"), ("text/csv", '"5.0","3.5",,0.2'),
    ("text/libsvm", "1 0:5 2:1.5\n0:17.0 3:2\n"), ("text/x-libsvm", "0 qid:3 0:5 1:2 # said\n"),
    ("text/csv", "a,b,c,d\n5,3.5,1,0.2"), ("text/csv", "\ufeff5,3,1,0"), ("text/libsvm", "1 x:2"),
    ("text/libsvm", "1 0:a"), ("text/libsvm", ""), ("text/csv", "5,x,1,2"),
    ("text/libsvm", "1 1:5 3:1.5\n2:17.0 4:2\n"), ("text/libsvm", "1 1:5 0:1.5\n"), ("text/libsvm", "1 0:2 9:1"),
    ("application/json", "[5,3.5,1,0.2]"), ("application/json", "[[5,3.5,1,0.2],[6,3,4,1]]"),
    ("application/json", '{"instances":[[5,3.5,1,null]]}'), ("application/jsonlines", "[5,3.5,1,0.2]\n[6,3,4,1]\n"),
    # A record of too few columns, or of another shape, is no record with missing ones.
    ("text/csv", "5,3.5,1"), ("text/csv", "5,3.5,1,0.2,7"), ("application/json", "[[5,3.5,1]]"),
    ("application/json", "[5,3.5,1]"), ("application/json", "5"), ("application/json", "[[[5,3.5,1,0.2]]]"),
    ("application/jsonlines", "[5,3.5]\n[6,3]\n"),
]
RECORDIO = "application/x-recordio-protobuf"
ROWS = [[5, 3.5, 1, 0.2], [6, 3, 4, 1]]
SPARSE = {"values": [5, 1.5], "keys": [3, 0]}
FRAMED = recordio_files.dense(ROWS)
# Read or refused alike; what is refused, with these words.
RECORDIO_BODIES = [
    (FRAMED, None), (recordio_files.dense(ROWS, kind="float64"), None),
    (recordio_files.dense([[5, -3, 1, 2]], kind="int32"), None),
    (recordio_files.frame(recordio_files.record(recordio_files.tensor(ROWS[0]), label=7)), None),
    (recordio_files.frame(recordio_files.record(recordio_files.tensor(**SPARSE, shape=[4]))), None),
    (recordio_files.frame(recordio_files.record(recordio_files.tensor(**SPARSE))) + FRAMED, None),
    (FRAMED + recordio_files.frame(recordio_files.record(recordio_files.tensor([], shape=[4]))), None),
    (b"", "no record"), (FRAMED[:-3], "record 2"), (FRAMED[:5], "record 1 (byte 0): its frame is cut off"),
    (FRAMED + b"5,3,1,2\n", "record 3"), (FRAMED + recordio_files.frame(b"\x0a\x7f"), "is no record of SageMaker's"),
    (FRAMED + recordio_files.frame(b"\x12\0"), "no features 'values'"),
    (FRAMED + recordio_files.dense([[1, 2, 3]]), "it has 3 values, and 4 are due"),
    (FRAMED + recordio_files.frame(recordio_files.record(recordio_files.field(9, b"x"))), "bytes, and no numbers"),
    (recordio_files.frame(recordio_files.record(recordio_files.tensor(ROWS[0]), name="x")), "features 'x'"),
    (recordio_files.frame(recordio_files.record(recordio_files.tensor([1], keys=[1, 2]))), "2 keys for 1 values"),
    (recordio_files.frame(recordio_files.record(recordio_files.tensor([1, 2], keys=[1, 1]))), "its key 1 comes twice"),
    (recordio_files.frame(recordio_files.record(recordio_files.tensor([1], keys=[3], shape=[3]))), "its key 3 is beyond"),
]


def test_a_script_for_xgboost_reads_what_the_built_in_backend_reads(tmp_path, serve, own_python):  # noqa: F811
    named = xgboost.DMatrix(IRIS, KINDS, feature_names=["length", "width", "petal", "sepal"])
    booster = xgboost.train({"objective": "reg:squarederror"}, named, 5)
    plain, scripted = tmp_path / "plain", tmp_path / "scripted"
    for folder in (plain, scripted):
        folder.mkdir()
        booster.save_model(folder / "model.ubj")
    write_script(scripted, '''
import os, xgboost
import sagemaker_xgboost_container.encoder as xgb_encoders
def model_fn(model_dir):
    return xgboost.Booster(model_file=os.path.join(model_dir, "model.ubj"))
''')
    built_in = serve(plain, image=XGBOOST)
    script = serve(scripted, image=XGBOOST, env=own_python)
    for content_type, body in XGBOOST_BODIES:
        want, got = (each.ask(body.encode(), content_type, "text/csv") for each in (built_in, script))
        assert want.status == got.status, (body, want.text, got.text)
        assert "Stack trace" not in got.text
        if want.status == 200:
            numbers = [float(x) for x in want.text.split(",")]
            np.testing.assert_allclose([float(x) for x in got.text.split()], numbers, rtol=1e-6)
    for body, words in RECORDIO_BODIES:
        want, got = (each.ask(body, RECORDIO) for each in (built_in, script))
        assert want.status == got.status == (400 if words else 200), (body, want.text, got.text)
        if words:
            assert words in want.json["error"] and words in got.json["error"], (want.text, got.text)
        else:
            numbers = [float(x) for x in want.text.split(",")]
            np.testing.assert_allclose([float(x) for x in got.text.split()], numbers, rtol=1e-6)
    assert built_in.ask(FRAMED, RECORDIO).text == built_in.ask("5,3.5,1,0.2\n6,3,4,1", "text/csv").text


@pytest.mark.parametrize("image, scripted_absent", [("sagemaker-xgboost:1.7-1", np.nan),
                                                    ("sagemaker-xgboost:3.0-5", 0.0)])
def test_libsvm_counts_as_the_version_of_the_image_does(tmp_path, serve, own_python, image, scripted_absent):  # noqa: F811
    booster = xgboost.train({"objective": "reg:squarederror", "base_score": 0.5}, xgboost.DMatrix(IRIS, KINDS), 5)
    plain, scripted = tmp_path / "plain", tmp_path / "scripted"
    for folder in (plain, scripted):
        folder.mkdir()
        booster.save_model(folder / "model.ubj")
    write_script(scripted, '''
import os, xgboost
def model_fn(model_dir):
    return xgboost.Booster(model_file=os.path.join(model_dir, "model.ubj"))
''')
    built_in, script = serve(plain, image=image), serve(scripted, image=image, env=own_python)
    shift = image.endswith("3.0-5")
    for text, indices in (("0 1:6 3:5.5\n0 3:1.5", [{1: 6, 3: 5.5}, {3: 1.5}]),
                          ("0 1:6 3:5.5\n0 0:1.5", [{1: 6, 3: 5.5}, {0: 1.5}])):
        offset = 1 if shift and not any(0 in row for row in indices) else 0
        width = max(max(row) for row in indices) - offset + 1
        for server, absent in ((built_in, np.nan), (script, scripted_absent)):
            table = np.full((2, 4), np.nan)
            table[:, :width] = absent
            for at, row in enumerate(indices):
                for index, value in row.items():
                    table[at, index - offset] = value
            got = server.ask(text, "text/libsvm", "text/csv").text.replace("\n", ",").strip(",").split(",")
            np.testing.assert_allclose([float(x) for x in got], booster.predict(xgboost.DMatrix(table)), rtol=1e-6)
    full = "0 1:5 2:3.5 3:1 4:0.2"
    assert built_in.ask(full, "text/libsvm").status == script.ask(full, "text/libsvm").status == (200 if shift else 400)


def test_what_archivers_put_beside_a_pickled_model_is_looked_over(tmp_path, serve, own_python):  # noqa: F811
    (tmp_path / "forest.pkl").write_bytes(pickle.dumps(LogisticRegression().fit(IRIS, KINDS)))
    for name in ("._forest.pkl", ".DS_Store", "._model.joblib"):
        (tmp_path / name).write_bytes(b"\0\5\26\7")
    for name in ("__MACOSX", ".ipynb_checkpoints", "a.pkl"):
        (tmp_path / name).mkdir()
    (tmp_path / "__MACOSX" / "._forest.pkl").write_bytes(b"\0")
    server = serve(tmp_path, image=SKLEARN, env=own_python)
    assert server.ask("5,3.5,1,0.2", "text/csv").json == [0]


@pytest.mark.parametrize("script, words", [
    ("from sagemaker_inference.default_handler_service import DefaultHandlerService\n"
     "class Own(DefaultHandlerService):\n    pass\n", "has Own, which is for a server of its own"),
    ("def input_handler(data, context):\n    pass\n", "has input_handler, which"),
    ("from sagemaker_inference.errors import GenericInferenceToolkitError\n"
     "class Wrong(GenericInferenceToolkitError):\n    pass\ndef handle(data, context):\n    pass\n", "has handle, which"),
    ("import mlio\n", "read a body with numpy or pandas"), ("import no_such.part\n", "Put no_such into code/requirements.txt"),
    ("import sagemaker_sklearn_extension.externals\n", "Put sagemaker-scikit-learn-extension into")])
def test_what_a_script_has_that_cannot_be_run_is_told(tmp_path, serve, own_python, script, words):  # noqa: F811
    write_script(tmp_path, script)
    joblib.dump(LogisticRegression().fit(IRIS, KINDS), tmp_path / "model.joblib")
    server = serve(tmp_path, ready=False, image=SKLEARN, env=own_python)
    assert server.wait() is False
    assert words in server.output().strip().splitlines()[-1], server.output()


@pytest.mark.parametrize("model, words", [
    ({"model": LogisticRegression(), "columns": ["a"]}, "is a dict without predict()"),
    (OneHotEncoder().fit([[1], [2]]), "is a OneHotEncoder without predict()"),
    (LogisticRegression(), "The LogisticRegression is not fitted"),
    (make_pipeline(StandardScaler(), LogisticRegression()), "The LogisticRegression is not fitted"),
    (LogisticRegression, "is the class LogisticRegression"),
])
def test_what_can_give_no_answer_is_refused_when_it_is_loaded(tmp_path, serve, own_python, model, words):  # noqa: F811
    joblib.dump(model, tmp_path / "model.joblib")
    server = serve(tmp_path, image=SKLEARN, ready=False, env=own_python)
    assert server.wait() is False and words in server.output().strip().splitlines()[-1], server.output()


def test_a_model_of_a_scripts_own_is_asked_for_predict_alone(tmp_path, serve, own_python):  # noqa: F811
    write_script(tmp_path, """
class Model:
    steps, n_features_in_ = 50, "many"
    @staticmethod
    def predict(data):
        return data * 2
def model_fn(model_dir):
    return Model
""")
    assert serve(tmp_path, image=SKLEARN, env=own_python).ask([[1.5]]).json == [[3.0]]


@pytest.mark.parametrize("place, pickled, words", [
    ("model.joblib", b"c__main__\nOwn\n.", "define or import it in code/inference.py"),
    ("model.pkl", b"cown_steps\nOwn\n.", "or own_steps.py beside code/inference.py"),
    ("model.pkl", b"\x80\x04]", "The file is cut off, or no pickle"),
    ("inner/model.pkl", b"\x80\x04N.", "the model's files lie at the top"),
])
def test_a_pickle_that_cannot_be_loaded_says_what_mends_it(tmp_path, serve, own_python, place, pickled, words):  # noqa: F811
    path = tmp_path / "model" / place
    path.parent.mkdir(parents=True)
    path.write_bytes(pickled)
    server = serve(tmp_path / "model", image=SKLEARN, ready=False, env=own_python)
    assert server.wait() is False and words in server.output().strip().splitlines()[-1], server.output()


def test_a_model_that_takes_only_the_numbers_it_was_fitted_with_is_given_them(tmp_path, serve, own_python):  # noqa: F811
    model = KMeans(3, n_init=1, random_state=1).fit(IRIS)
    joblib.dump(model, tmp_path / "model.joblib")
    server = serve(tmp_path, image=SKLEARN, env=own_python)
    rows = IRIS[::30].tolist()
    assert server.ask(rows).json == model.predict(IRIS[::30]).tolist()
    assert server.ask("\n".join(",".join(map(str, row)) for row in rows), "text/csv").json == server.ask(rows).json


def test_labels_are_texts_in_every_format(tmp_path, serve, own_python):  # noqa: F811
    labels = np.array(["a,b", 'q"x', "new\nline"], dtype=object)[KINDS]
    joblib.dump(LogisticRegression(max_iter=500).fit(IRIS, labels), tmp_path / "model.joblib")
    server = serve(tmp_path, image=SKLEARN, env=own_python)
    want = ["a,b", "new\nline"]
    asked = lambda accept: server.ask([[5, 3.5, 1, 0.2], [6, 3, 5, 2]], accept=accept)
    assert asked("application/json").json == want and asked("text/csv").text == '"a,b"\n"new\nline"\n'
    assert np.load(io.BytesIO(asked("application/x-npy").body), allow_pickle=False).tolist() == want


def test_a_script_without_functions_has_the_defaults(tmp_path, serve, own_python):  # noqa: F811
    write_script(tmp_path, "class Transformer:\n    pass\nclass Own(Transformer):\n    pass\n"
                           "def execution_parameters_fn():\n    pass\n")
    joblib.dump(LogisticRegression().fit(IRIS, KINDS), tmp_path / "model.joblib")
    server = serve(tmp_path, image=SKLEARN, env=own_python)
    assert server.ask("5,3.5,1,0.2", "text/csv").json == [0]
    assert "execution_parameters_fn is not asked" in server.output()


def test_sparse_matrices_are_read_and_written(tmp_path, serve, own_python):  # noqa: F811
    encoder = OneHotEncoder().fit(IRIS.round())
    joblib.dump(encoder, tmp_path / "model.joblib")
    write_script(tmp_path, "def predict_fn(data, model): return model.transform(data.toarray())\n")
    server = serve(tmp_path, image=SKLEARN, env=own_python)
    body, want = io.BytesIO(), encoder.transform(IRIS[:2].round()).toarray()
    scipy.sparse.save_npz(body, scipy.sparse.csr_matrix(IRIS[:2].round()))
    assert server.ask(body.getvalue(), "application/x-npz").json == want.tolist()
    answer = server.ask(body.getvalue(), "application/x-npz", "text/csv")
    np.testing.assert_array_equal(np.loadtxt(io.StringIO(answer.text), delimiter=","), want)
    answer = server.ask(body.getvalue(), "application/x-npz", "application/x-npy")
    np.testing.assert_array_equal(np.load(io.BytesIO(answer.body)), want)
    assert server.ask(body.getvalue()[:-30], "application/x-npz").status == 400


@pytest.mark.skipif(os.path.isdir("/opt/ml/model"), reason="this machine has an /opt/ml/model")
def test_where_there_is_no_opt_ml_model_the_error_says_what_to_use(tmp_path, serve, own_python):  # noqa: F811
    write_script(tmp_path, "def model_fn(d): return 1\n"
                           "def transform_fn(m, data, *rest): return open(data).read()\n")
    server = serve(tmp_path, env=own_python)
    assert "SM_MODEL_DIR" in server.ask("/opt/ml/model/x.txt", "text/csv").json["error"]
    assert "SM_MODEL_DIR" not in server.ask("/opt/other/x.txt", "text/csv").json["error"]
    write_script(tmp_path, "def model_fn(d): return open('/opt/ml/model/x.txt')\n")
    server = serve(tmp_path, ready=False, env=own_python)
    assert server.wait() is False and "SM_MODEL_DIR" in server.output().strip().splitlines()[-1]


PARAMETERS = [  # the functions of a script, and what it answers to [[1, 2]]
    ("def predict_fn(data, model, proba=False):\n    return ['proba' if proba else 'label']", ["label"]),
    ("def predict_fn(data, model, threshold=0.5):\n    return [threshold]", [0.5]),
    ("def predict_fn(data, model, k=3, context=None):\n    return [k, context]", [3, None]),
    ("def predict_fn(data, model, context=None):\n    return context.model_name", "model"),
    ("def predict_fn(data, model, ctx, k=3):\n    return [ctx.model_name, k]", ["model", 3]),
    ("def predict_fn(data, model, **options):\n    return options", {}),
    ("def predict_fn(data, model, *more):\n    return more", []),
    ("def predict_fn(data, model, *, k=3):\n    return k", 3),
    ("import functools\ndef asked(data, model, k):\n    return k\npredict_fn = functools.partial(asked, k=3)", 3),
    ("def told(function):\n    return lambda *given, **named: function(*given, **named)\n"
     "@told\ndef model_fn(folder):\n    return 'm'\n@told\ndef predict_fn(data, model):\n    return model", "m"),
    ("import asyncio\nasync def model_fn(folder):\n    return asyncio.Event()\nasync def predict_fn(data, model):\n"
     "    asyncio.get_running_loop().call_soon(model.set)\n    await model.wait()\n    return 'awaited'", "awaited"),
]


def test_the_context_goes_to_the_parameter_that_is_for_it(tmp_path, serve, own_python):  # noqa: F811
    """A parameter with a value of its own keeps it: any object in its place is taken for yes."""
    for number, (script, _) in enumerate(PARAMETERS):
        folder = tmp_path / f"m{number}"
        folder.mkdir()
        write_script(folder, script if "model_fn" in script else script + "\ndef model_fn(folder):\n    return 'm'\n")
    servers = [serve(tmp_path / f"m{number}", ready=False, env=own_python) for number in range(len(PARAMETERS))]
    for server, (script, said) in zip(servers, PARAMETERS):
        assert server.wait(), server.output()
        answer = server.ask([[1, 2]])
        assert answer.status == 200 and answer.json == said, (script, answer.text)


def test_a_number_that_float32_would_move_by_whole_units_stays_itself(tmp_path, serve, own_python):  # noqa: F811
    """Seconds since 1970 are 128 apart in float32, and an identifier becomes its neighbour."""
    seconds = np.array([[1.7e9, 0.1], [1700000060.5, 0.2], [1700000120, 0.3]])
    joblib.dump(LinearRegression().fit(seconds, [0, 1, 2]), tmp_path / "model.joblib")
    server = serve(tmp_path, image="sagemaker-scikit-learn", env=own_python)
    for body, kind in ((json.dumps(seconds.tolist()), "application/json"),
                       ("\n".join(f"{a!r},{b!r}" for a, b in seconds.tolist()), "text/csv")):
        np.testing.assert_allclose(server.ask(body, kind).json, [0, 1, 2], atol=1e-3)
    worker = own_module("slipway_python_worker")
    read = lambda body: worker.sklearn_input_fn(body, "application/json")
    assert read("[[16777217, 1]]").tolist() == [[16777217, 1]]
    assert read("[[9007199254740993]]").tolist() == [[9007199254740993]]
    assert read(f"[[{2**70 + 2**40}]]").tolist() == [[2.0**70 + 2**40]]
    for body in ("[[16777216, 0.1]]", "[[33554432, 1]]", "[[0.1, null]]", "[[Infinity, 1]]", f"[[{2**70}, 0.1]]", f"[[{2**70}]]"):
        assert read(body).dtype == "float32", body


TRAINING = """
import sys
import joblib
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
{handler}
X = np.arange(8.0).reshape(4, 2)
joblib.dump(make_pipeline(Handler(), LinearRegression()).fit(X, X[:, 0] * 2), sys.argv[1])
"""
HANDLER = """
from sklearn.base import BaseEstimator, TransformerMixin
class Handler(TransformerMixin, BaseEstimator):  # this server has a class of that name too
    def fit(self, X, y=None):
        return self
    def transform(self, X):
        return X * 2
"""


@functools.cache
def model_trained_elsewhere():
    """A model with a class of the program that trained it: its pickle says __main__."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "train.py").write_text(TRAINING.format(handler=HANDLER))
        subprocess.run([sys.executable, f"{folder}/train.py", f"{folder}/model.joblib"], check=True)
        return (Path(folder) / "model.joblib").read_bytes()


@pytest.mark.parametrize("code", [{"inference.py": HANDLER}, {"inference.py": "from parts import Handler\n", "parts.py": HANDLER},
                                  {"inference.py": "from parts import *\n", "lib/parts.py": HANDLER}])
def test_a_class_of_the_program_that_trained_a_model_is_found_in_the_script(tmp_path, serve, own_python, code):  # noqa: F811
    (tmp_path / "model.joblib").write_bytes(model_trained_elsewhere())
    for name, text in code.items():
        (tmp_path / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / name).write_text(text)
    server = serve(tmp_path, image=SKLEARN, env=own_python)
    np.testing.assert_allclose(server.ask([[1, 2], [3, 4]]).json, [2, 6])


def test_a_class_that_is_nowhere_is_named_with_the_mend(tmp_path, serve, own_python):  # noqa: F811
    (tmp_path / "model.joblib").write_bytes(model_trained_elsewhere())
    for script in (None, "import os\n"):
        if script:
            write_script(tmp_path, script)
        server = serve(tmp_path, ready=False, image=SKLEARN, env=own_python)
        assert server.wait() is False
        last = server.output().strip().splitlines()[-1]
        assert "'Handler'" in last and "define or import it in code/inference.py" in last, last


def test_a_script_is_given_text_of_the_types_that_awss_toolkit_decodes(tmp_path, serve, own_python):  # noqa: F811
    write_script(tmp_path, """
def model_fn(folder):
    return None
def input_fn(body, content_type):
    return [type(body).__name__, len(body)]
def predict_fn(data, model):
    return data
""")
    server = serve(tmp_path, env=own_python)
    told = lambda content_type: server.ask("\u00e9", content_type).json
    assert told("application/json") == told("text/csv; charset=utf-8") == ["str", 1]
    assert told("application/jsonlines") == told("text/plain") == told("image/png") == ["bytes", 2]
