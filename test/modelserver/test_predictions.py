"""A table of formats and models: each answer is the prediction of the model's own library."""

import csv
import io
import json
import sys

import joblib
import numpy as np
import onnx_models
import onnxruntime
import pytest
import xgboost
from conftest import Server
from onnx import TensorProto, helper
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

IRIS, KINDS = load_iris(return_X_y=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
ROWS = [0, 40, 70, 100, 149]

SCRIPT = """
import joblib, os
def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))
def predict_fn(data, model):
    return model.predict_proba(data)
"""


def onnx_mlp(folder):
    onnx_models.mlp(folder / "model.onnx", (4, 16, 3))
    return session_of(folder)


def onnx_double(folder):
    random = np.random.default_rng(2)
    onnx_models.save(folder / "model.onnx",
                     [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Add", ["z", "b"], ["y"])],
                     [("x", TensorProto.DOUBLE, ["N", 4])], [("y", TensorProto.DOUBLE, ["N", 2])],
                     [("w", random.standard_normal((4, 2))), ("b", random.standard_normal(2))])
    return session_of(folder)


def onnx_label(folder):
    """As converters of classifiers write it: a label and its probabilities; asked for the label."""
    random = np.random.default_rng(3)
    onnx_models.save(folder / "model.onnx",
                     [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Softmax", ["z"], ["p"]),
                      helper.make_node("ArgMax", ["p"], ["label"], axis=1, keepdims=0)],
                     [("x", TensorProto.FLOAT, ["N", 4])], [("label", TensorProto.INT64, ["N"])],
                     [("w", random.standard_normal((4, 3)).astype(np.float32))])
    return session_of(folder)


def session_of(folder):
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    kind = np.float64 if "double" in session.get_inputs()[0].type else np.float32
    return lambda records: session.run(None, {"x": records.astype(kind)})[0]


def trained(parameters, labels):
    def make(folder):
        booster = xgboost.train({"max_depth": 3, **parameters}, xgboost.DMatrix(IRIS, labels), 8)
        booster.save_model(folder / "model.ubj")
        return lambda records: booster.predict(xgboost.DMatrix(records.astype(np.float32)))
    return make


def fitted(model, data, labels):
    def make(folder):
        joblib.dump(model.fit(data, labels), folder / "model.joblib")
        return model.predict
    return make


def scripted(folder):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(IRIS, KINDS)
    joblib.dump(model, folder / "model.joblib")
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text(SCRIPT)
    return model.predict_proba


# The image, what makes the model and says its predictions, and the records.
MODELS = {
    "onnx-mlp": ("slipway-inference", onnx_mlp, IRIS),
    "onnx-double": ("slipway-inference", onnx_double, IRIS),
    "onnx-label": ("slipway-inference", onnx_label, IRIS),
    "xgboost-regression": ("sagemaker-xgboost", trained({"objective": "reg:squarederror"}, IRIS[:, 0]), IRIS),
    "xgboost-binary": ("sagemaker-xgboost", trained({"objective": "binary:logistic"}, KINDS == 1), IRIS),
    "xgboost-classes": ("sagemaker-xgboost",
                        trained({"objective": "multi:softprob", "num_class": 3}, KINDS), IRIS),
    "sklearn-classifier": ("sagemaker-scikit-learn",
                           fitted(RandomForestClassifier(10, random_state=1), IRIS, KINDS), IRIS),
    "sklearn-regressor": ("sagemaker-scikit-learn",
                          fitted(RandomForestRegressor(10, random_state=1), DIABETES, PROGRESS), DIABETES),
    "script": ("sagemaker-scikit-learn", scripted, IRIS),
}


def lines_of(records, quoting=csv.QUOTE_MINIMAL):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=quoting).writerows(records.tolist())
    return out.getvalue()


def npy_of(records):
    out = io.BytesIO()
    np.save(out, records)
    return out.getvalue()


# Name, content type, and how records are written in it.
WRITTEN = {
    "csv": ("text/csv", lines_of),
    "csv-quoted": ("text/csv; charset=utf-8", lambda records: lines_of(records, csv.QUOTE_ALL)),
    "csv-crlf": ("text/csv", lambda records: lines_of(records).replace("\n", "\r\n")),
    "json": ("application/json", lambda records: json.dumps(records.tolist())),
    "json-instances": ("application/json", lambda records: json.dumps({"instances": records.tolist()})),
    "json-inputs": ("application/json", lambda records: json.dumps({"inputs": records.tolist()}, indent=1)),
    "jsonlines": ("application/jsonlines", lambda records: "".join(f"{json.dumps(r)}\n" for r in records.tolist())),
    "npy": ("application/x-npy", npy_of),
    "npy-columns": ("application/x-npy", lambda records: npy_of(np.asfortranarray(records))),
}
ANSWERED = ["application/json", "text/csv", "application/jsonlines", "application/x-npy"]


def scores_of(values):
    """Of the answers of the XGBoost image each record has a name."""
    return [each["score"] if isinstance(each, dict) else each for each in values]


def read(answer):
    """The predictions of an answer, by its content type alone."""
    if answer.content_type == "application/x-npy":
        return np.load(io.BytesIO(answer.body))
    if answer.content_type == "text/csv":
        plain = answer.text.replace("[", "").replace("]", "")  # the XGBoost image's rows of classes
        return np.array([[float(x) for x in line] for line in csv.reader(io.StringIO(plain))])
    if answer.content_type == "application/jsonlines":
        return np.array(scores_of([json.loads(line) for line in answer.text.splitlines()]))
    assert answer.content_type == "application/json"
    said = answer.json
    if isinstance(said, dict):
        (said,) = said.values()  # "predictions"; to "inputs" it is "outputs", by name
        said = next(iter(said.values())) if isinstance(said, dict) else said
    return np.array(scores_of(said))


@pytest.fixture(scope="module", params=MODELS)
def served(request, tmp_path_factory):
    """A model server, the predictions that the library makes, and the records."""
    image, make, data = MODELS[request.param]
    folder, work = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("run")
    predict = make(folder)
    server = Server(folder, work, image=image, env={
        "SLIPWAY_PYTHON": sys.executable, "SAGEMAKER_MODEL_SERVER_WORKERS": "1"})
    assert server.wait(), server.output()
    yield server, data[ROWS], predict(data[ROWS])
    server.stop()


def check(answer, expected):
    assert answer.status == 200, answer.text
    np.testing.assert_allclose(read(answer).reshape(expected.shape), expected, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("written", WRITTEN)
def test_records_in_any_format_get_the_librarys_predictions(served, written):
    server, records, expected = served
    content_type, write = WRITTEN[written]
    check(server.ask(write(records), content_type, "application/json"), expected)


@pytest.mark.parametrize("accept", ANSWERED)
def test_predictions_in_any_format_are_the_librarys(served, accept):
    server, records, expected = served
    answer = server.ask(lines_of(records), "text/csv", accept)
    check(answer, expected)
    assert answer.content_type == accept
