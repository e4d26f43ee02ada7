"""Packages of models: which ones are taken, and that they import before they are kept."""

import shutil
import sys

import joblib
import pytest
from conftest import own_module
from sklearn import __version__ as sklearn_version
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_python import write_script
from wheels import write_wheel

# A package that is compiled for numpy 1, as far as an import shows.
NEEDS_NUMPY_1 = ("import numpy\n"
                 "if numpy.__version__[0] != '1': raise ValueError('numpy.dtype size changed')\n")


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_the_version_that_saved_a_model_is_found_in_it(tmp_path, protocol, compress):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(*load_iris(return_X_y=True))
    joblib.dump(model, tmp_path / "model.joblib", compress=compress, protocol=protocol)
    module = own_module("slipway_packages")
    pickled = module.pickle_begin(str(tmp_path))
    assert module.saved_with(pickled) == sklearn_version
    assert module.guests_of(pickled) == []


def test_a_damaged_model_says_no_version(tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"\x1f\x8bno such thing")
    module = own_module("slipway_packages")
    assert module.saved_with(module.pickle_begin(str(tmp_path))) is None


@pytest.mark.parametrize("compress", [0, 3])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pipeline_with_a_step_of_another_package_gets_that_too(tmp_path, monkeypatch, protocol, compress):
    xgboost = pytest.importorskip("xgboost")
    x, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=2)).fit(x, y)
    joblib.dump(model, tmp_path / "model.joblib", compress=compress, protocol=protocol)
    module = own_module("slipway_packages")
    assert module.image_packages("sagemaker-scikit-learn", str(tmp_path), None, False) == []
    monkeypatch.setattr(module, "importable", lambda name: name != "xgboost")
    packages = module.image_packages("sagemaker-scikit-learn", str(tmp_path), None, False)
    assert packages[0] == f"scikit-learn=={sklearn_version}" and packages[-1] == "xgboost-cpu"


def test_a_script_gets_an_xgboost_that_reads_the_old_binary_form(tmp_path, monkeypatch):
    worker = own_module("slipway_packages")
    (tmp_path / "xgboost-model").write_bytes(b"binf\0\0\0\x3f")
    asked = lambda: worker.image_packages("sagemaker-xgboost", str(tmp_path), None, False)
    have = {}
    monkeypatch.setattr(worker, "installed_version", have.get)
    have["xgboost-cpu"] = "3.2.0"
    assert asked()[0] == "xgboost-cpu<3.1"
    have["xgboost-cpu"] = "3.0.5"
    assert asked() == []
    have.clear()
    have["xgboost"] = "1.7.6"
    assert asked() == []
    monkeypatch.setattr(worker, "importable", lambda module: True)
    (tmp_path / "xgboost-model").write_bytes(b"{L\0\0")
    have["xgboost"] = "3.2.0"
    assert asked() == []


NO_METADATA = {"setup.py": "raise RuntimeError('libfoo is not here')\n"}
NO_WHEEL = {"pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n",
            "backend.py": "import os\n"
                          "def prepare_metadata_for_build_wheel(folder, settings=None):\n"
                          "    name = 'no_wheel-1.0.dist-info'\n"
                          "    os.mkdir(os.path.join(folder, name))\n"
                          "    with open(os.path.join(folder, name, 'METADATA'), 'w') as file:\n"
                          "        file.write('Metadata-Version: 2.1\\nName: no_wheel\\nVersion: 1.0\\n')\n"
                          "    return name\n"
                          "def build_wheel(*args, **more):\n"
                          "    raise SystemExit('no compiler: ' + 300 * 'x')\n"}


@pytest.mark.parametrize("source, whose, last", [
    (NO_METADATA, "no_metadata: RuntimeError: libfoo is not here", "error: metadata-generation-failed"),
    (NO_WHEEL, "no_wheel: no compiler: xxx", "ERROR: Could not build wheels for no_wheel")])
def test_a_package_that_cannot_be_built_is_named_with_the_end_of_its_build(tmp_path, source, whose, last):
    folder = tmp_path / whose.split(":")[0]
    folder.mkdir()
    for name, text in source.items():
        (folder / name).write_text(text)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{folder}\n")
    said = own_module("slipway_packages").pip_install(sys.executable, [], str(requirements), [])
    assert said[0].startswith(whose) and said[-1].startswith(last), said
    assert len(said) == 2 and all(len(line) <= 203 for line in said), said


def test_what_cannot_be_installed_is_told_in_the_installers_own_last_words(tmp_path):
    module = own_module("slipway_packages")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("--no-index\nslipway-no-such-package==9.9\n")
    said = module.pip_install(sys.executable, [], str(requirements), [])
    assert said[-1] == "ERROR: No matching distribution found for slipway-no-such-package==9.9", said
    assert module.why_pip_failed(-9, []) == ["it ended with status -9"]


def test_a_scikit_learn_of_numpys_first_version_gets_that():
    packages = own_module("slipway_packages").sklearn_packages
    assert packages("1.2.2") == ["scikit-learn==1.2.2", "joblib", "numpy<2", "pandas"]
    assert packages("1.0") == ["scikit-learn==1.0", "joblib", "numpy<2", "pandas"]
    assert packages("1.4.2") == ["scikit-learn==1.4.2", "joblib", "numpy", "pandas"]
    assert packages(None) == ["scikit-learn", "joblib", "numpy", "pandas"]


@pytest.fixture
def model(tmp_path):
    """A model whose requirements are a package for numpy 1, with wheels of both numpys beside it."""
    folder = tmp_path / "model"
    folder.mkdir()
    write_script(folder, "import numpy, sklearn\n"
                         "def model_fn(d): return numpy.__version__\n"
                         "def transform_fn(m, *rest): return m, 'text/plain'\n")
    (folder / "code" / "requirements.txt").write_text("scikit-learn\nnumpy\n")
    write_wheel(folder / "code", "scikit_learn", "1.2.2", NEEDS_NUMPY_1, "sklearn")
    write_wheel(folder / "code", "numpy", "2.0.0", "__version__ = '2.0.0'\n")
    return folder


def options(tmp_path):
    return {"args": ["--venv-cache", str(tmp_path / "venvs")],
            "env": {"PIP_NO_INDEX": "1", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}}


def test_packages_that_do_not_import_together_are_taken_so_that_they_do(tmp_path, serve, model):
    write_wheel(model / "code", "numpy", "1.26.0", "__version__ = '1.26.0'\n")
    assert serve(model, **options(tmp_path)).ask("{}").text == "1.26.0"


def test_packages_that_do_not_import_are_never_kept(tmp_path, serve, model):
    for _ in range(2):
        server = serve(model, ready=False, **options(tmp_path))
        assert server.wait() is False
        last = server.output().strip().splitlines()[-1]
        assert "do not import together" in last and "numpy.dtype size changed" in last, server.output()
        assert not [path for path in (tmp_path / "venvs").iterdir() if path.is_dir()]


def test_what_the_code_imports_of_awss_images_is_brought(tmp_path):
    (tmp_path / "inference.py").write_text("import boto3, PIL.Image, no_such, retrying\n"
                                           "def late():\n    from pyarrow.parquet import x\n")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "more.py").write_text("import matplotlib.pyplot as plt\nfrom . import psutil\n")
    (tmp_path / "part" / "tries.py").write_text("try:\n    import yaml, jinja2\nexcept ImportError:\n    pass\n")
    (tmp_path / "part" / "old.py").write_text("print 'six'\nimport six\n")
    (tmp_path / "retrying.py").write_text("")
    module = own_module("slipway_packages")
    assert module.further_packages(str(tmp_path)) == (["Pillow", "matplotlib", "pyarrow"], ["jinja2"])
    assert module.further_packages(None) == ([], [])
    folder, packages = str(tmp_path), module.image_packages
    assert packages("sagemaker-scikit-learn", folder, folder, False) == [
        "scikit-learn", "joblib", "numpy", "pandas", "Pillow", "jinja2", "matplotlib", "pyarrow"]
    assert packages("sagemaker-xgboost", folder, folder, False)[0] == "xgboost-cpu"
    assert packages("slipway-inference", folder, folder, False) == []
    (tmp_path / "no_more").mkdir()
    shutil.copy(tmp_path / "part" / "tries.py", tmp_path / "no_more")
    assert packages("sagemaker-scikit-learn", folder, str(tmp_path / "no_more"), False) == []
    assert packages("sagemaker-scikit-learn", folder, None, False) == packages("sagemaker-xgboost", folder, None, False) == []


def test_a_model_with_requirements_keeps_what_its_image_brings(tmp_path):
    """Its environment sees nothing of the interpreter's own packages."""
    packages = own_module("slipway_packages").image_packages
    assert packages("sagemaker-scikit-learn", str(tmp_path), None, True) == ["scikit-learn", "joblib", "numpy", "pandas"]
    assert packages("sagemaker-xgboost", str(tmp_path), None, True)[0] == "xgboost-cpu"
    assert packages("slipway-inference", str(tmp_path), None, True) == []


def test_a_script_gets_what_awss_image_would_have(tmp_path, serve, model):
    for name, module in (("scikit_learn", "sklearn"), ("joblib", "joblib"), ("pandas", "pandas")):
        write_wheel(model / "code", name, "9.0.0", "", module)
    write_wheel(model / "code", "numpy", "2.0.0", "__version__ = '2.0.0'\n")
    write_wheel(model / "code", "retrying", "1.3.3", "WORD = 'retried'\n")
    (model / "code" / "requirements.txt").unlink()
    write_script(model, "import retrying\ndef model_fn(d): return retrying.WORD\n"
                        "def transform_fn(m, *rest): return m, 'text/plain'\n")
    server = serve(model, image="sagemaker-scikit-learn", **options(tmp_path))
    assert server.ask("{}").text == "retried"
