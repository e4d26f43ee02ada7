"""What a newcomer waits for: the demo, and a scikit-learn model that is deployed as on AWS."""
import os
import pathlib
import statistics
import subprocess
import sys
import time

import measures
import peers

CACHE = pathlib.Path(os.environ.get("SLIPWAY_CACHE") or pathlib.Path.home() / ".cache/slipway")
# AWS's commonest image; its numpy is of the first version.
IMAGE, PACKAGES = "sagemaker-scikit-learn", ("scikit-learn==1.2.2", "numpy<2")
RECORD, RIGHT = b"5.1,3.5,1.4,0.2\n", b"[0]"
DUMP = """
import sys, joblib
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
x, y = load_iris(return_X_y=True)
joblib.dump(RandomForestClassifier(int(sys.argv[2]), random_state=0).fit(x, y), sys.argv[1])
"""


def seconds_of(command):
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=peers.ROOT)
    return time.perf_counter() - begin


def demo():
    seconds_of(["./dev", "demo"])
    took = statistics.median(seconds_of(["./dev", "demo"]) for _ in range(5))
    return measures.Row("./dev demo, everything there", f"{took:.2f} s", "", "", "<= 2 s", took <= 2)


def sklearn_python():
    """Of an environment that makes models as that image does; it takes no part in what is measured."""
    folder = CACHE / "venvs/bench-sklearn-1.2.2"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "-q", *PACKAGES], check=True)
        (folder / "complete").touch()
    return folder / "bin/python"


def archive_of(trees, folder):
    """A model.tar.gz with a forest of that many trees: another number is another model."""
    file = pathlib.Path(folder) / "model.joblib"
    subprocess.run([sklearn_python(), "-c", DUMP, file, str(trees)], check=True)
    return measures.tar_gz({"model.joblib": file.read_bytes()})


def first_right_answer(server, name, archive):
    begin = time.perf_counter()
    measures.deploy(server, name, archive, image=IMAGE)
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Accept="application/json", Body=RECORD)
    if RIGHT not in (body := answer["Body"].read()):
        raise RuntimeError(f"the model answered {body}")
    return time.perf_counter() - begin


def first_hour():
    rows = [demo()]
    known, unknown = [], []
    for _ in range(2):
        with peers.slipway() as server:
            folder = server.data
            unknown.append(first_right_answer(server, "first", archive_of(10, folder)))
            for i in range(2):
                known.append(first_right_answer(server, f"next-{i}", archive_of(11 + i, folder)))
    for what, took, most in (("none of its packages there", statistics.median(unknown), 15),
                             ("its packages there", statistics.median(known), 5)):
        rows.append(measures.Row(f"scikit-learn 1.2.2 as on AWS to its first answer, {what}",
                                 f"{took:.2f} s", "", "", f"<= {most} s", took <= most))
    return rows


ALL = {"first_hour": first_hour}
