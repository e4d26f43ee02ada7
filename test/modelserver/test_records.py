"""Models that know their columns by name, and models of texts, asked without a script."""

import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, Server
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

sys.path.insert(0, str(ROOT / "src" / "modelserver" / "backends" / "python"))
import slipway_records as records  # noqa: E402  pylint: disable=wrong-import-position

PEOPLE = pd.DataFrame({"age": [20, 30, 40, 50], "city": ["Bern", "Oslo", "Bern", "Oslo"],
                       "zip": ["0150", "3011", "3012", "0151"], "income": [1.5, np.nan, 3.25, 4]})
SPENT = [10.0, 20.5, 30.25, 47.0]


def started(tmp_path_factory, model):
    folder = tmp_path_factory.mktemp("model")
    joblib.dump(model, folder / "model.joblib")
    server = Server(folder, tmp_path_factory.mktemp("work"), image="sagemaker-scikit-learn",
                    env={"SLIPWAY_PYTHON": sys.executable, "SAGEMAKER_MODEL_SERVER_WORKERS": "1"})
    assert server.wait(), server.output()
    return server


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """(a server of a pipeline that chooses its columns by name, the pipeline)"""
    columns = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["income", "age"]),
        ("words", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
         ["city", "zip"])])
    model = make_pipeline(columns, LinearRegression()).fit(PEOPLE, SPENT)
    server = started(tmp_path_factory, model)
    yield server, model
    server.stop()


RECORD = {"age": 33, "city": "Oslo", "zip": "0150", "income": 2.5}
TURNED = {"income": 2.5, "zip": "0150", "city": "Oslo", "age": 33}
SPLIT = {"columns": ["zip", "age", "city", "income"], "data": [["0150", 33, "Oslo", 2.5]]}


@pytest.mark.parametrize("body, content_type", [
    ({"instances": [RECORD]}, "application/json"), ([TURNED], "application/json"), (RECORD, "application/json"),
    ({"inputs": {name: [value] for name, value in TURNED.items()}}, "application/json"),
    ({"dataframe_records": [RECORD]}, "application/json"), ({"dataframe_split": SPLIT}, "application/json"),
    (SPLIT, "application/json"), (dict(SPLIT, index=[7]), "application/json"),
    ({"signature_name": "x", "instances": [RECORD]}, "application/json"),
    ([[33, "Oslo", "0150", 2.5]], "application/json"), ({"instances": [{"features": [33, "Oslo", "0150", 2.5]}]}, "application/json"),
    ('{"income":2.5,"zip":"0150","city":"Oslo","age":33}\n', "application/jsonlines"),
    ("age,city,zip,income\n33,Oslo,0150,2.5\n", "text/csv"), ('"income",zip,city,age\r\n2.5,0150,"Oslo",33', "text/csv"),
    ("33,Oslo,0150,2.5", "text/csv"), ("33.0,Oslo,0150,25e-1\n", "text/csv"),
])
def test_a_record_is_the_same_however_its_names_come(people, body, content_type):
    server, model = people
    answer = server.ask(body, content_type)
    assert answer.status == 200, answer.text
    assert answer.json == model.predict(pd.DataFrame([RECORD])).tolist()


def test_many_records_and_missing_values(people):
    server, model = people
    rows = [dict(RECORD, age=age, income=None if age % 2 else 1.5) for age in range(20, 40)]
    want = model.predict(pd.DataFrame(rows)).tolist()
    assert server.ask(rows).json == want
    text = "city,zip,income,age\n" + "".join(f"{r['city']},{r['zip']},{r['income'] or ''},{r['age']}\n" for r in rows)
    assert server.ask(text, "text/csv").json == want
    lost = [dict(RECORD, city=None)]
    want = model.predict(pd.DataFrame([dict(RECORD, city=np.nan)])).tolist()
    assert server.ask(lost).json == server.ask("33,,0150,2.5", "text/csv").json == want


@pytest.mark.parametrize("body, content_type, words", [
    ([{"age": 33, "city": "Oslo"}], "application/json", "lacks zip, income"),
    ([dict(RECORD, street="x")], "application/json", "no column street"),
    ([RECORD, dict(RECORD, Age=1)], "application/json", "no column Age"),
    ([dict(RECORD, zip=150)], "application/json", '"zip" is text'),
    ([dict(RECORD, age="old")], "application/json", "does not take"),
    ([dict(RECORD, age=[1])], "application/json", "none of a table"),
    ([dict(RECORD, age=2**70)], "application/json", "out of range"),
    ({"age": [1, 2], "city": ["a"], "zip": ["b"], "income": [1]}, "application/json", "one length"),
    ({"instances": [RECORD], "inputs": [RECORD]}, "application/json", "wants one of"),
    ({"columns": ["age", "age", "city", "zip"], "data": []}, "application/json", "came twice"),
    (dict(SPLIT, data=[[1, 2]]), "application/json", "each of"), ([[33, "Oslo"]], "application/json", "too few"),
    ([], "application/json", "no record"), ({"instances": []}, "application/json", "no record"), (dict(SPLIT, data=[]), "application/json", "no record"),
    ("age,city,zip\n33,Oslo,0150", "text/csv", "lacks income"), ("age,city,zip,income", "text/csv", "no record"),
    ("age,city,zip,pay\n1,a,b,2", "text/csv", "no column pay"), ("33,Oslo,0150", "text/csv", "3 columns"),
    ("33,Oslo,0150,2.5\n1,2", "text/csv", "line 2 has 2"), ("\ufeffage,city,zip,income\n1,a,b,2", "text/csv", "byte order"),
    ("age,city,zip,income\n1,a,b,c", "text/csv", "does not take"),
])
def test_a_column_that_is_missing_or_unknown_is_told_with_the_models(people, body, content_type, words):
    server, _ = people
    answer = server.ask(body, content_type)
    assert answer.status == 400 and words in answer.json["error"], answer.text
    assert "wants 4 values for each record: age, city, zip, income" in answer.json["error"]


def test_a_plain_model_with_names_takes_both(tmp_path_factory):
    model = LogisticRegression().fit(PEOPLE[["age", "income"]].fillna(0), [0, 0, 1, 1])
    server = started(tmp_path_factory, model)
    for body, kind in (([{"income": 3.25, "age": 40}], "application/json"), ("income,age\n3.25,40", "text/csv"),
                       ([[40, 3.25]], "application/json"), ("40,3.25", "text/csv"), ({"features": [40, 3.25]}, "application/json")):
        assert server.ask(body, kind).json == [1], body
    assert "'a' is no number" in server.ask("a,b\n1,2", "text/csv").json["error"]
    server.stop()


def test_booleans_come_in_csv_as_pandas_writes_them(tmp_path_factory):
    table = pd.DataFrame({"city": ["Bern", "Oslo", "Bern", "Oslo"], "owner": [True, False, False, True],
                          "said": ["true", "false", "true", "true"]})
    columns = ColumnTransformer([("words", OneHotEncoder(), ["city", "said"])], remainder="passthrough")
    model = make_pipeline(columns, LinearRegression()).fit(table, SPENT)
    server, want = started(tmp_path_factory, model), pytest.approx(model.predict(table).tolist())
    for text in (table.to_csv(index=False), table.to_csv(index=False, header=False).replace("True", "true")):
        answer = server.ask(text, "text/csv")
        assert answer.status == 200 and answer.json == want, answer.text
    assert server.ask("Bern,yes,true", "text/csv").status == 400
    server.stop()


def test_a_model_of_texts_is_asked_with_texts(tmp_path_factory):
    texts = ["free money, now", "see you at home", "money for free", "home at last"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, ["spam", "ham", "spam", "ham"])
    server = started(tmp_path_factory, model)
    one = [("free, free money\n", "text/plain"), ('"free, free money"', "text/csv"), ("free money\n", "text/csv"),
           ('"free money"', "application/json"), (["free money"], "application/json"), ([["free money"]], "application/json"),
           ({"instances": ["free money"]}, "application/json"), ({"inputs": "free money"}, "application/json"),
           ([{"text": "free money"}], "application/json"), ('"free money"\n', "application/jsonlines")]
    for body, kind in one:
        answer = server.ask(body, kind)
        assert (answer.status, answer.json) == (200, ["spam"]), (body, answer.text)
    assert server.ask("free money\nat home\n7", "text/csv").json == model.predict(["free money", "at home", "7"]).tolist()
    assert server.ask({"text": ["at home", "free money"]}).json == ["ham", "spam"]
    for body, kind, words in (([1], "application/json", "no text"), ("a,b", "text/csv", "quotes"), ([], "application/json", "no record")):
        answer = server.ask(body, kind)
        assert answer.status == 400 and words in answer.json["error"], answer.text
    server.stop()


def wrapped_models():
    columns = ColumnTransformer([("number", StandardScaler(), ["age"]),
                                 ("words", OneHotEncoder(handle_unknown="ignore"), ["zip", "member"])])
    table = pd.DataFrame({"age": [20, 30, 40, 50] * 4, "zip": ["0150", "3011", "3012", "0151"] * 4,
                          "member": [True, False, False, True] * 4})
    spent, kinds = [10.0, 20.5, 30.25, 47.0] * 4, ["a", "b", "b", "a"] * 4
    plain = make_pipeline(columns, LinearRegression())
    sorts = make_pipeline(columns, LogisticRegression())
    return table, {
        "target": TransformedTargetRegressor(plain, func=np.log1p, inverse_func=np.expm1).fit(table, spent),
        "calibrated": CalibratedClassifierCV(sorts, cv=2).fit(table, kinds),
        "voting": VotingRegressor([("a", plain), ("b", plain)]).fit(table, spent),
        "stacking": StackingRegressor([("a", plain)], cv=2).fit(table, spent),
        "several": MultiOutputRegressor(plain).fit(table, np.column_stack([spent, spent])),
        "searched": GridSearchCV(plain, {"linearregression__fit_intercept": [True]}, cv=2).fit(table, spent),
        "threshold": FixedThresholdClassifier(sorts, threshold=0.4, pos_label="a").fit(table, kinds)}


def test_a_model_within_another_gets_its_columns_as_it_was_fitted_with_them():
    """A zip code that became a number is no category that the model knows, and counts for nothing."""
    table, models = wrapped_models()
    rows = table[:4]
    bodies = [(rows.to_csv(index=False), "text/csv"), (rows.to_csv(index=False, header=False), "text/csv"),
              (rows.to_csv(index=False).replace("True", "true").replace("False", "FALSE"), "text/csv"),
              (rows.to_csv(index=False).replace("True", "1").replace("False", "0"), "text/csv"),
              (rows.to_json(orient="records"), "application/json"), (rows.to_json(orient="values"), "application/json")]
    for name, model in models.items():
        wishes = records.wishes_of(model)
        for body, content_type in bodies:
            read = records.read(body, content_type, wishes)
            assert read["zip"].tolist() == rows["zip"].tolist(), (name, body)
            np.testing.assert_array_equal(model.predict(read), model.predict(rows), err_msg=f"{name}: {body}")
    with pytest.raises(records.BadRequest, match="'yes' is no number"):
        records.read("20,0150,yes", "text/csv", wishes)
    with pytest.raises(records.BadRequest, match='"member" is true or false'):
        records.read('[{"age": 20, "zip": "0150", "member": "yes"}]', "application/json", wishes)


def test_a_header_of_numbers_is_no_record():
    """It would be answered as one, and its order would not be the columns'."""
    def asked(names, body):
        wishes = records.wishes_of(LinearRegression().fit(pd.DataFrame(np.eye(2), columns=names), [1, 2]))
        table = records.read(body, "text/csv", wishes)
        return table if table is None else table[names].to_numpy().tolist()
    assert asked(["1", "2020"], "1,7\n2,8\n") is None  # records, which any model takes
    assert asked(["age", "2020"], "2020,age\n7,8\n") == [[8, 7]]
    with pytest.raises(records.BadRequest, match="names or a record"):
        asked(["1", "2020"], "2020,1\n7,8\n")
