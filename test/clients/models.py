"""Models made at test time, and the numbers that their own libraries give in Python."""
import functools
import io

import joblib
import numpy as np
import onnxruntime
import xgboost
from make_model import mlp, tar_gz
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import RandomForestClassifier

HANDLER = b'''
import json, os
import numpy as np

def model_fn(model_dir):
    with open(os.path.join(model_dir, "scale.json")) as file:
        return json.load(file)["scale"]

def input_fn(body, content_type):
    if content_type != "application/json":
        raise ValueError("this handler takes JSON, not " + content_type)
    return np.array(json.loads(body), dtype="float64")

def predict_fn(data, model):
    return data * model

def output_fn(prediction, accept):
    return json.dumps({"scaled": prediction.tolist()}), "application/json"
'''


def csv(rows):
    return "\n".join(",".join(repr(float(x)) for x in row) for row in np.atleast_2d(rows)) + "\n"


class Models:
    """Each property is made once. `*_archive` is a model.tar.gz; `*_answer` what is right."""

    def __init__(self, folder):
        self.folder = folder
        self.records = np.random.default_rng(3).normal(size=(5, 128)).astype(np.float32)

    @functools.cached_property
    def mlp_archive(self):
        return tar_gz({"model.onnx": mlp()})

    @functools.cached_property
    def other_mlp_archive(self):
        return tar_gz({"model.onnx": mlp(seed=8)})

    @staticmethod
    @functools.cache
    def _session(seed):
        return onnxruntime.InferenceSession(mlp(seed), providers=["CPUExecutionProvider"])

    def mlp_answer(self, records, seed=7):
        return self._session(seed).run(None, {"input": np.atleast_2d(records)})[0]

    @functools.cached_property
    def booster(self):
        data = load_breast_cancer()
        train = xgboost.DMatrix(data.data, data.target)
        return xgboost.train({"objective": "binary:logistic", "max_depth": 4, "seed": 1}, train, 30)

    def xgboost_archive(self, form):
        """`form`: json, ubj, or xgboost-model as the SDK's own container writes it."""
        name = "xgboost-model" if form == "xgboost-model" else f"model.{form}"
        raw = self.booster.save_raw("json" if form == "json" else "ubj")
        return tar_gz({name: bytes(raw)})

    @functools.cached_property
    def cancer_rows(self):
        return load_breast_cancer().data[::97]

    def xgboost_answer(self):
        return self.booster.predict(xgboost.DMatrix(self.cancer_rows))

    @functools.cached_property
    def forest(self):
        data = load_iris()
        return RandomForestClassifier(20, random_state=1).fit(data.data, data.target)

    @functools.cached_property
    def iris_rows(self):
        return load_iris().data[::31]

    @functools.cached_property
    def sklearn_archive(self):
        buffer = io.BytesIO()
        joblib.dump(self.forest, buffer)
        return tar_gz({"model.joblib": buffer.getvalue()})

    @functools.cached_property
    def handler_archive(self):
        return tar_gz({"scale.json": b'{"scale": 2.5}', "code/inference.py": HANDLER})
