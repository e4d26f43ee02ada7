"""Where a model's folder has what is served: its script, and its pickle."""

import glob
import os

from slipway_formats import Failure

MODEL_PREFIX = "/opt/ml/model"
LIBRARY = "lib"  # beside the script: where the SageMaker SDK puts `dependencies` of a model
MODEL_PATTERNS = ("model.joblib", "model.pkl", "*.joblib", "*.pkl", "*.pickle")


def in_model(path, model_dir):
    """A path inside AWS's fixed model folder is one inside ours."""
    if path == MODEL_PREFIX or path.startswith(MODEL_PREFIX + "/"):
        return model_dir + path[len(MODEL_PREFIX):]
    return path


def find_script(model_dir):
    """(folder, module name) of the model's own code, or (None, None)."""
    name = os.environ.get("SAGEMAKER_PROGRAM") or "inference.py"
    folders = [in_model(os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", ""), model_dir),
               os.path.join(model_dir, "code"), model_dir]
    for folder in filter(None, folders):
        for path in (os.path.join(folder, name), os.path.join(folder, name + ".py")):
            if path.endswith(".py") and os.path.isfile(path):
                return os.path.dirname(path), os.path.splitext(os.path.basename(path))[0]
    if os.environ.get("SAGEMAKER_PROGRAM"):
        raise Failure(f"The script {name} (SAGEMAKER_PROGRAM) is not in "
                      f"{' or '.join(folder for folder in folders if folder)}.")
    return None, None


def find_pickle(model_dir):
    for pattern in MODEL_PATTERNS:
        # A star stands for no dot: what archivers put beside a file (._model.pkl) is none.
        found = sorted(filter(os.path.isfile, glob.glob(os.path.join(model_dir, pattern))))
        if found:
            return found[0]
    return None
