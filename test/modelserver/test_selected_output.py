"""SAGEMAKER_INFERENCE_OUTPUT: what AWS's XGBoost image answers by it, from XGBoost's own predictions."""

import csv
import json
import math

import numpy as np
import pytest
import recordio_files
import xgboost
from sklearn.datasets import load_iris

IRIS, KINDS = load_iris(return_X_y=True)
ROWS = IRIS[40:60]
IMAGE = "sagemaker-xgboost"
VARIABLE = "SAGEMAKER_INFERENCE_OUTPUT"
KEYS = ["predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores", "predicted_score"]
CLASSES = {"binary:logistic": 2, "binary:logitraw": 2, "binary:hinge": 2, "multi:softmax": 3, "multi:softprob": 3}
SCORES = ["reg:squarederror", "reg:logistic", "reg:gamma", "reg:absoluteerror", "reg:tweedie"]


def trained(objective, rounds=4):
    number = KINDS / 2 if objective == "reg:logistic" else KINDS + 1.0
    target = KINDS if objective in CLASSES and CLASSES[objective] == 3 else (
        KINDS == 0).astype(int) if objective in CLASSES else number
    more = {"num_class": 3} if objective.startswith("multi:") else {}
    return xgboost.train({"objective": objective, **more}, xgboost.DMatrix(IRIS, target), rounds)


def save(booster, folder):
    (folder / "xgboost-model").write_bytes(booster.save_raw("ubj"))


def csv_of(rows):
    return "\n".join(",".join(map(repr, map(float, row))) for row in rows)


def wanted(objective, raw):
    """{key: value} of one prediction, for the keys that the objective has."""
    if objective not in CLASSES:
        return {"predicted_score": raw.item()}
    if objective == "multi:softprob":
        values = raw.tolist()
        return {"predicted_label": int(np.argmax(raw)), "labels": [0, 1, 2], "probability": max(values),
                "probabilities": values, "raw_score": max(values), "raw_scores": values}
    one = raw.item()
    label = {"binary:logistic": int(one > 0.5), "binary:logitraw": int(one > 0)}.get(objective, one)
    found = {"predicted_label": label, "labels": list(range(CLASSES[objective])), "raw_score": one,
             "raw_scores": [1.0 - one, one]}
    if objective == "binary:logistic":
        found.update(probability=one, probabilities=[1.0 - one, one])
    return found


def same(got, want):
    if isinstance(want, float) and math.isnan(want):
        return isinstance(got, float) and math.isnan(got)
    return got == want and type(got) is type(want)


@pytest.mark.parametrize("objective", [*CLASSES, *SCORES])
def test_every_key_of_every_objective_in_every_form(tmp_path, serve, objective):
    booster = trained(objective)
    save(booster, tmp_path)
    order = ["probabilities", "Raw_Score ", "nonsense", *KEYS]
    server = serve(tmp_path, image=IMAGE, env={VARIABLE: ",".join(order)})
    every = {key: math.nan for key in [*KEYS, "nonsense"]}
    want = [{**every, **wanted(objective, raw)} for raw in booster.predict(xgboost.DMatrix(ROWS))]
    body = csv_of(ROWS)
    as_json = server.ask(body, "text/csv", "application/json").json["predictions"]
    lines = server.ask(body, "text/csv", "application/jsonlines").text
    for got in (as_json, [json.loads(line) for line in lines.splitlines()]):
        assert len(got) == len(want)
        for one, other in zip(got, want):
            assert set(one) == set(other)
            assert all(same(one[key], other[key]) for key in other), (one, other)
    # Those that the objective has come first, in the image's own order.
    assert [key for key in as_json[0] if key in wanted(objective, booster.predict(xgboost.DMatrix(ROWS))[0])] == [
        key for key in KEYS if not same(want[0][key], math.nan)]
    columns = [key.strip().lower() for key in order]
    answer = server.ask(body, "text/csv")
    assert answer.content_type == "text/csv" and not answer.text.endswith("\n")
    for fields, record in zip(csv.reader(answer.text.splitlines()), want, strict=True):
        assert [same(json.loads(field.replace("nan", "NaN")), record[key])
                for key, field in zip(columns, fields, strict=True)] == [True] * len(columns)
    records = recordio_files.labels(server.ask(body, "text/csv", "application/x-recordio-protobuf").body)
    for got, record in zip(records, want, strict=True):
        floats = {key: value if isinstance(value, list) else [value] for key, value in record.items()}
        assert set(got) == set(floats)
        for key, value in floats.items():
            np.testing.assert_array_equal(got[key], np.float32(value))
    assert "the model's objective has nothing for" in server.output()


def test_requests_of_a_batch_and_a_large_table_are_each_answered_whole(tmp_path, serve):
    booster = trained("binary:logistic")
    save(booster, tmp_path)
    server = serve(tmp_path, image=IMAGE, env={VARIABLE: "predicted_label,probability", "SAGEMAKER_BATCH": "true"})
    text = server.ask(csv_of(ROWS), "text/csv").text
    assert text.endswith("\n") and len(text.splitlines()) == len(ROWS)
    many = csv_of(np.tile(ROWS, (2000, 1))) + "\n"
    assert len(many) > 1 << 19
    assert server.ask(many, "text/csv").text == text * 2000
    lines = server.ask(many, "text/csv", "application/jsonlines").text.splitlines()
    assert len(lines) == 40000 and lines[:20] == lines[-20:]
    assert server.ask(csv_of(ROWS), "text/csv", "application/x-npy").status == 406
    assert server.ask(csv_of(ROWS), "text/csv", "image/png, application/*").content_type == "application/json"


def test_the_default_type_may_be_one_that_only_selections_have(tmp_path, serve):
    save(trained("reg:squarederror"), tmp_path)
    accept = {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/x-recordio-protobuf"}
    server = serve(tmp_path, image=IMAGE, env={VARIABLE: "predicted_score", **accept})
    assert len(recordio_files.labels(server.ask(csv_of(ROWS), "text/csv").body)) == len(ROWS)
    plain = serve(tmp_path, image=IMAGE, ready=False, env=accept)
    assert plain.wait() is False and "is not written here" in plain.output()
    assert serve(tmp_path, image=IMAGE).ask(csv_of(ROWS), "text/csv", "application/x-recordio-protobuf").status == 406


@pytest.mark.parametrize("objective, words", [("rank:pairwise", "objective 'rank:pairwise'"),
                                              ("count:poisson", "objective 'count:poisson'"),
                                              ("two targets", "answers 2 values for a record")])
def test_a_model_that_nothing_can_be_selected_of_is_refused(tmp_path, serve, objective, words):
    data = xgboost.DMatrix(IRIS, np.stack([KINDS, KINDS], 1) if objective == "two targets" else KINDS)
    kind = "reg:squarederror" if objective == "two targets" else objective
    save(xgboost.train({"objective": kind}, data, 2), tmp_path)
    server = serve(tmp_path, image=IMAGE, ready=False, env={VARIABLE: "predicted_score"})
    assert server.wait() is False
    assert VARIABLE in server.output() and words in server.output()


@pytest.mark.parametrize("objective", ["multi:softmax", "binary:hinge"])
def test_boosters_that_answer_with_labels_vote(tmp_path, serve, objective):
    target = KINDS if objective == "multi:softmax" else (KINDS == 1).astype(int)
    more = {"num_class": 3} if objective == "multi:softmax" else {}
    folds = [xgboost.train({"objective": objective, "max_depth": 1, **more},
                           xgboost.DMatrix(IRIS[i::4], target[i::4]), 1 + i) for i in range(4)]
    for i, fold in enumerate(folds):
        (tmp_path / f"xgboost-model-{i}").write_bytes(fold.save_raw("ubj"))
    each = np.array([fold.predict(xgboost.DMatrix(IRIS)) for fold in folds])
    assert (each != each[0]).any()
    want = [max(sorted(set(column)), key=list(column).count) for column in each.T]
    server = serve(tmp_path, image=IMAGE)
    assert [float(x) for x in server.ask(csv_of(IRIS), "text/csv").text.split(",")] == want
