"""XGBoost models: JSON, UBJSON, pickled; CSV, libsvm, JSON; compared with XGBoost in Python."""

import json
import pickle

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
    twice = server.ask("1 3:500.5 20:12.25 3:1\n", "text/libsvm")
    assert twice.status == 400 and "'3:1' is no index:value with an index of its own" in twice.json["error"]


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


def scores(answer):
    assert answer.status == 200, answer.text
    return [float(each) for each in answer.text.replace("\n", ",").strip(",").split(",")]


@pytest.mark.parametrize("protocol, compress", [(2, 0), (3, 0), (4, 3), (4, ("gzip", 3)), (2, 3)])
def test_pickles_of_every_protocol_and_joblibs_compressed_ones_are_read(tmp_path, serve, booster, protocol, compress):
    joblib = pytest.importorskip("joblib")
    joblib.dump(booster, tmp_path / "xgboost-model", compress=compress, protocol=protocol)
    server = serve(tmp_path, image="sagemaker-xgboost")
    np.testing.assert_allclose(scores(server.ask(csv(DATA[:5]), "text/csv")),
                               booster.predict(xgboost.DMatrix(DATA[:5])), rtol=1e-6)


def test_a_damaged_compressed_model_is_named(tmp_path, serve, booster):
    joblib = pytest.importorskip("joblib")
    joblib.dump(booster, tmp_path / "whole", compress=3)
    (tmp_path / "xgboost-model").write_bytes((tmp_path / "whole").read_bytes()[:2000])
    server = serve(tmp_path, ready=False, image="sagemaker-xgboost")
    assert server.wait() is False
    assert "compressed, and damaged" in server.output()


def test_trees_beyond_the_early_stop_are_not_asked_where_the_model_says_so(tmp_path, serve, booster):
    copy = booster.copy()
    copy.set_attr(best_ntree_limit="7", best_iteration="6")
    copy.save_model(tmp_path / "model.json")
    server = serve(tmp_path, image="sagemaker-xgboost")
    want = booster.predict(xgboost.DMatrix(DATA[:5]), iteration_range=(0, 7))
    np.testing.assert_allclose(scores(server.ask(csv(DATA[:5]), "text/csv")), want, rtol=1e-6)


def test_a_best_iteration_alone_changes_nothing_and_is_told(tmp_path, serve, booster):
    copy = booster.copy()
    copy.set_attr(best_iteration="6")
    copy.save_model(tmp_path / "model.json")
    server = serve(tmp_path, image="sagemaker-xgboost")
    np.testing.assert_allclose(scores(server.ask(csv(DATA[:5]), "text/csv")),
                               booster.predict(xgboost.DMatrix(DATA[:5])), rtol=1e-6)
    assert "all its trees are asked" in server.output()


def test_the_best_trees_of_a_forest_count_by_rounds(tmp_path, serve):
    forest = xgboost.train({"objective": "reg:squarederror", "num_parallel_tree": 3, "subsample": 0.5},
                           xgboost.DMatrix(DATA, LABELS), 5)
    forest.set_attr(best_ntree_limit="6")
    forest.save_model(tmp_path / "model.json")
    server = serve(tmp_path, image="sagemaker-xgboost")
    want = forest.predict(xgboost.DMatrix(DATA[:5]), iteration_range=(0, 2))
    np.testing.assert_allclose(scores(server.ask(csv(DATA[:5]), "text/csv")), want, rtol=1e-6)


@pytest.mark.parametrize("ensemble", ["true", "false"])
def test_boosters_of_a_cross_validation_answer_with_their_mean(tmp_path, serve, ensemble):
    folds = [xgboost.train({"objective": "binary:logistic", "seed": i}, xgboost.DMatrix(DATA[i::2], LABELS[i::2]), 5)
             for i in range(2)]
    for i, fold in enumerate(folds):
        (tmp_path / f"xgboost-model-{i}").write_bytes(pickle.dumps(fold))
    server = serve(tmp_path, image="sagemaker-xgboost", env={"SAGEMAKER_INFERENCE_ENSEMBLE": ensemble})
    each = [fold.predict(xgboost.DMatrix(DATA[:5])) for fold in folds]
    want = np.mean(each, axis=0) if ensemble == "true" else each[0]
    np.testing.assert_allclose(scores(server.ask(csv(DATA[:5]), "text/csv")), want, rtol=1e-6)


def test_a_transform_job_gets_a_line_for_each_record(tmp_path, serve, booster):
    booster.save_model(tmp_path / "model.json")
    server = serve(tmp_path, image="sagemaker-xgboost", env={"SAGEMAKER_BATCH": "true"})
    answer = server.ask(csv(DATA[:3]), "text/csv")
    assert answer.text.endswith("\n") and len(answer.text.splitlines()) == 3
    kinds = xgboost.train({"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(IRIS, KINDS), 3)
    folder = tmp_path / "kinds"
    folder.mkdir()
    kinds.save_model(folder / "model.json")
    lines = serve(folder, image="sagemaker-xgboost", env={"SAGEMAKER_BATCH": "true"}).ask(
        csv(IRIS[:2]), "text/csv").text.splitlines()
    np.testing.assert_allclose([json.loads(line) for line in lines], kinds.predict(xgboost.DMatrix(IRIS[:2])), rtol=1e-6)


@pytest.mark.parametrize("tag, by_line", [("", False), (":latest", False), (":0.90-2-cpu-py3", False),
                                          (":1.2-1", False), (":1.2-2", True), (":1.7-1", True),
                                          (":3.0-5-cpu-py3", True)])
def test_csv_has_the_lines_that_the_version_of_the_image_writes(tmp_path, serve, tag, by_line):
    kinds = xgboost.train({"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(IRIS, KINDS), 3)
    kinds.save_model(tmp_path / "model.ubj")
    want = kinds.predict(xgboost.DMatrix(IRIS[:3]))
    text = serve(tmp_path, image="sagemaker-xgboost" + tag).ask(csv(IRIS[:3]), "text/csv").text
    assert text.endswith("\n") is by_line and ("[" in text) is not by_line
    got = [line.split(",") for line in text.splitlines()] if by_line else json.loads(f"[{text}]")
    np.testing.assert_allclose(np.array(got, float), want, rtol=1e-6)


def test_with_many_models_csv_keeps_the_one_line(tmp_path, serve, booster):
    booster.save_model(tmp_path / "model.json")
    server = serve(tmp_path, image="sagemaker-xgboost:1.7-1", env={"SAGEMAKER_MULTI_MODEL": "true"})
    server.request("POST", "/models", json.dumps({"model_name": "m", "url": str(tmp_path)}))
    answer = server.request("POST", "/models/m/invoke", csv(DATA[:2]), {"Content-Type": "text/csv"})
    assert len(answer.text.splitlines()) == 1 and len(scores(answer)) == 2


def test_the_type_that_is_answered_unasked_may_be_chosen(tmp_path, serve, booster):
    booster.save_model(tmp_path / "model.json")
    server = serve(tmp_path, image="sagemaker-xgboost",
                   env={"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/json"})
    assert server.ask(csv(DATA[:1]), "text/csv").content_type == "application/json"
    assert server.ask(csv(DATA[:1]), "text/csv", "*/*").content_type == "application/json"
    assert server.ask(csv(DATA[:1]), "text/csv", "text/csv").content_type == "text/csv"


def test_a_default_type_that_is_not_written_is_refused_by_name(tmp_path, serve, booster):
    booster.save_model(tmp_path / "model.json")
    server = serve(tmp_path, ready=False, image="sagemaker-xgboost",
                   env={"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "image/png"})
    assert server.wait() is False
    assert "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT" in server.output()


@pytest.mark.parametrize("mark", [";", "\t", "|", " "])
def test_fields_may_be_parted_as_awss_image_takes_them(tmp_path, serve, booster, mark):
    booster.save_model(tmp_path / "model.json")
    server = serve(tmp_path, image="sagemaker-xgboost")
    want = server.ask(csv(DATA[:2]), "text/csv").text
    assert server.ask(csv(DATA[:2]).replace(",", mark), "text/csv").text == want


def test_what_archivers_put_beside_a_model_is_looked_over(tmp_path, serve, booster):
    booster.save_model(tmp_path / "model.json")
    (tmp_path / "._model.json").write_bytes(b"\0\5\26\7")
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "__MACOSX").mkdir()
    assert serve(tmp_path, image="sagemaker-xgboost").ask(csv(DATA[:1]), "text/csv").status == 200


def test_a_pickle_that_holds_a_booster_among_other_things_is_refused(tmp_path, serve):
    """A pipeline's steps, or the other boosters, would be left out without a word."""
    scaled = make_pipeline(StandardScaler(), xgboost.XGBRegressor(n_estimators=3)).fit(IRIS, KINDS)
    several = MultiOutputRegressor(xgboost.XGBRegressor(n_estimators=3)).fit(IRIS, IRIS[:, :2])
    for number, (model, named) in enumerate([(scaled, "sklearn.pipeline.Pipeline"), (several, "MultiOutputRegressor"),
                                             ({"model": scaled[-1]}, "none of a class")]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "xgboost-model").write_bytes(pickle.dumps(model, protocol=2 + number))
        server = serve(folder, ready=False, image="sagemaker-xgboost")
        assert server.wait() is False
        assert named in server.output() and "code/inference.py" in server.output()


@pytest.mark.parametrize("missing, protocol", [(-999, 4), (-999.0, 5), (0, 2), (300, 3), (float("nan"), 4), (None, 4)])
def test_a_pickled_estimators_own_missing_value_is_missing(tmp_path, serve, missing, protocol):
    mark = 0 if missing in (None, 0) else -999 if np.isnan(missing) else missing
    column = np.where(np.arange(150) % 3 == 0, mark, IRIS[:, 2])
    model = xgboost.XGBRegressor(n_estimators=3, missing=float("nan") if missing is None else missing)
    model.fit(column[:, None], np.where(column == mark, 10, column))
    model.missing = missing
    (tmp_path / "xgboost-model").write_bytes(pickle.dumps(model, protocol=protocol))
    model.missing = float("nan") if missing is None else missing
    rows = np.array([[mark], [2.0], [np.nan], [5.5]])
    server = serve(tmp_path, image="sagemaker-xgboost")
    got = scores(server.ask(f"{mark}\n2\nnan\n5.5", "text/csv"))
    np.testing.assert_allclose(got, model.predict(rows), rtol=1e-6)


def test_a_missing_value_that_is_no_plain_number_is_refused(tmp_path, serve):
    model = xgboost.XGBRegressor(n_estimators=3).fit(IRIS, KINDS)
    model.missing = np.float32(-999)
    (tmp_path / "xgboost-model").write_bytes(pickle.dumps(model))
    server = serve(tmp_path, ready=False, image="sagemaker-xgboost")
    assert server.wait() is False and "no plain number" in server.output()


def test_a_pickled_estimator_ends_at_its_best_iteration_as_it_does_itself(tmp_path, serve):
    noise = np.random.default_rng(1).normal(0, 1, 75)
    model = xgboost.XGBRegressor(n_estimators=40, early_stopping_rounds=2)
    model.fit(IRIS[::2], KINDS[::2] + noise, eval_set=[(IRIS[1::2], KINDS[1::2])], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    (tmp_path / "xgboost-model").write_bytes(pickle.dumps(model))
    server = serve(tmp_path, image="sagemaker-xgboost")
    np.testing.assert_allclose(scores(server.ask(csv(IRIS[:5]), "text/csv")), model.predict(IRIS[:5]), rtol=1e-6)


@pytest.mark.parametrize("body, content_type", [
    ("1,inf,3,4", "text/csv"), ("1,2,1e39,4", "text/csv"), ("0:1 2:-inf", "text/libsvm"), ("[[1, 2, 3, 1e400]]", "application/json")])
def test_an_infinite_value_is_refused_as_by_the_library(tmp_path, serve, body, content_type):
    booster = xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(IRIS, KINDS), 3)
    with pytest.raises(xgboost.core.XGBoostError, match="inf"):
        booster.predict(xgboost.DMatrix(np.array([[1, np.inf, 3, 4]])))
    booster.save_model(tmp_path / "model.json")
    answer = serve(tmp_path, image="sagemaker-xgboost").ask(body, content_type)
    assert answer.status == 400 and "infinite" in answer.json["error"]
