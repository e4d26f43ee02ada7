"""XGBoost models: JSON, UBJSON, pickled; CSV, libsvm, JSON; compared with XGBoost in Python."""

import json
import pickle

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer, load_iris

DATA, LABELS = load_breast_cancer(return_X_y=True)
IRIS, KINDS = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def booster():
    return xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(DATA, LABELS), 20)


def csv(records):
    return "\n".join(",".join(repr(float(value)) for value in record) for record in records)


@pytest.mark.parametrize("name, form", [("model.json", "json"), ("model.ubj", "ubj"),
                                        ("xgboost-model", "ubj"), ("xgboost-model", "pickle")])
def test_every_file_form_answers_like_python(tmp_path, serve, booster, name, form):
    if form == "pickle":
        (tmp_path / name).write_bytes(pickle.dumps(booster))
    else:
        (tmp_path / name).write_bytes(booster.save_raw(form))
    server = serve(tmp_path, image="sagemaker-xgboost")
    answer = server.ask(csv(DATA[:5]), "text/csv")
    assert answer.content_type == "text/csv"
    want = booster.predict(xgboost.DMatrix(DATA[:5]))
    np.testing.assert_allclose([float(x) for x in answer.text.split(",")], want, rtol=1e-6)


def test_libsvm_and_empty_fields_are_missing_values(tmp_path, serve, booster):
    booster.save_model(tmp_path / "model.json")
    server = serve(tmp_path, image="sagemaker-xgboost")
    sparse = np.full((2, DATA.shape[1]), np.nan)
    sparse[0, 3], sparse[0, 20], sparse[1, 0] = 500.5, 12.25, 17.0
    want = booster.predict(xgboost.DMatrix(sparse))
    answer = server.ask("1 3:500.5 20:12.25\n0:17.0\n", "text/libsvm")
    np.testing.assert_allclose([float(x) for x in answer.text.split(",")], want, rtol=1e-6)
    blanks = "\n".join(",".join("" if np.isnan(x) else str(x) for x in row) for row in sparse)
    assert server.ask(blanks, "text/csv").text == answer.text
    beyond = server.ask("1 30:1\n", "text/libsvm")
    assert beyond.status == 400 and "0 to 29" in beyond.json["error"]


def test_json_is_answered_with_scores(tmp_path, serve, booster):
    booster.save_model(tmp_path / "model.json")
    server = serve(tmp_path, image="123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1")
    answer = server.ask(csv(DATA[:2]), "text/csv", "application/json").json
    want = booster.predict(xgboost.DMatrix(DATA[:2]))
    np.testing.assert_allclose([each["score"] for each in answer["predictions"]], want, rtol=1e-6)
    assert server.ask("1,2", "text/csv").status == 400


def test_classes_come_as_rows(tmp_path, serve):
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3},
                            xgboost.DMatrix(IRIS, KINDS), 10)
    booster.save_model(tmp_path / "model.ubj")
    want = booster.predict(xgboost.DMatrix(IRIS[:3]))
    server = serve(tmp_path)
    answer = server.ask({"instances": IRIS[:3].tolist()}).json
    np.testing.assert_allclose(answer["predictions"], want, rtol=1e-6)
    server = serve(tmp_path, image="sagemaker-xgboost")
    text = server.ask(csv(IRIS[:3]), "text/csv").text
    np.testing.assert_allclose(json.loads(f"[{text}]"), want, rtol=1e-6)


def test_a_linear_booster_works_too(tmp_path, serve):
    booster = xgboost.train({"booster": "gblinear", "objective": "reg:squarederror"},
                            xgboost.DMatrix(DATA, LABELS), 5)
    booster.save_model(tmp_path / "model.json")
    answer = serve(tmp_path).ask(csv(DATA[:4]), "text/csv").json
    np.testing.assert_allclose(answer["predictions"], booster.predict(xgboost.DMatrix(DATA[:4])), rtol=1e-5)


def test_a_broken_file_is_named(tmp_path, serve):
    (tmp_path / "xgboost-model").write_text('{"learner": 12}')
    server = serve(tmp_path, ready=False)
    assert server.wait() is False and server.process.returncode == 1
    assert "XGBoost cannot load" in server.output() and "xgboost-model" in server.output()
