"""Runs one model's Python code for slipway-modelserver, in a process of its own.

Started as `python3 slipway_python_worker.py FD`, with a connected unix socket as descriptor FD and
the settings in SLIPWAY_WORKER, a JSON object:

  model_dir    the unpacked model
  image        slipway-inference, sagemaker-xgboost, sagemaker-scikit-learn
  environment  the virtual environment that has the packages; empty: there is none yet, so
  venv_cache   folder of virtual environments, one for each content of requirements
  find_links   folders with wheels, tried before the package index

First it makes sure of the packages: what the image is known to have and what `requirements.txt`
beside the script asks for, installed once into an environment named by their content, and then goes
on inside that environment. Then it loads the model and says so; then it answers, one at a time.

Started as `... plan` (model_dir, image, file) it writes into the file what it would install, as a
JSON object, or nothing; started as `... install` (plan, folder, path) it installs what such a plan
says into the folder, which will lie at the path; and ends.

A message, either way: u32 length of the head, u32 length of the body (little endian), the head (a
JSON object), the body. Out: {"event": "ready"} or {"event": "failed", "message"}; then for each
{"content_type", "accept", "custom_attributes"} an answer {"status", "content_type", and if there are
any "custom_attributes"}. It ends when
the socket is closed. Needs nothing but the standard library until the model's own code asks for more.
"""

import ast
import asyncio
import bz2
import fcntl
import glob
import hashlib
import importlib
import importlib.util
import inspect
import json
import lzma
import os
import pickle
import platform
import re
import select
import shutil
import socket
import stat
import struct
import subprocess
import sys
import sysconfig
import traceback
import zlib

import slipway_formats as formats
import slipway_records as records
import slipway_toolkit as toolkit
from slipway_formats import BadRequest, Failure
from slipway_toolkit import importable

PIP_LINES_QUOTED = 4
ERROR_TEXT_MAX = 4096
STREAM_WORDS_MAX = 1000
CONTENT_TYPE_MAX = 256
CUSTOM_ATTRIBUTES_MAX = 1024  # as InvokeEndpoint has it
PASSED_HEADERS = ("content-type", "content-length", toolkit.CUSTOM_ATTRIBUTES.lower())
QUOTED_NAME_MAX = 64
DROPPED_NAMES_MAX = 32
MODEL_PREFIX = "/opt/ml/model"
SKLEARN_VERSION = re.compile(rb"_sklearn_version.{1,16}?([0-9]+\.[0-9]+(?:\.[0-9]+)*)", re.DOTALL)
# Steps of pipelines that are of other packages: the module that a pickle names, and what pip calls it.
GUESTS = {"xgboost": "xgboost-cpu", "lightgbm": "lightgbm", "imblearn": "imbalanced-learn"}
PICKLE_BYTES_MAX = 64 << 20  # of a model, unpacked, that are searched for that
SKLEARN_FOR_NUMPY_2 = (1, 4, 2)
CODE_FILES_MAX, CODE_BYTES_MAX = 500, 1 << 20  # of a model's own code that are looked into for imports
# What is compiled against other packages: where one of these is installed, it has to import.
CHECKED_MODULES = ("numpy", "scipy", "pandas", "sklearn", "xgboost", "joblib")
IMPORT_THEM = ("import importlib, importlib.util, sys; "
               "[importlib.import_module(name) for name in sys.argv[1:] if importlib.util.find_spec(name)]")
# Options of a requirements file that say where packages come from, or which ones.
OPTIONS_WITHOUT_FILES = ("-i", "--index-url", "--extra-index-url", "--no-index", "--pre",
                         "--prefer-binary", "--only-binary", "--no-binary", "--trusted-host",
                         "--require-hashes", "--use-feature")
# Variables that say how a model is served, or where; packages are installed without them.
OWN_VARIABLES = re.compile(r"(SAGEMAKER_|SLIPWAY_(?!PYTHON$|LIB$)|SM_).*|HOME|TMPDIR|USER|LOGNAME|PWD|OLDPWD")
MODEL_PATTERNS = ("model.joblib", "model.pkl", "*.joblib", "*.pkl", "*.pickle")


# ---------------------------------------------------------------- packages

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


def installed_version(package):
    try:
        from importlib.metadata import version
        return version(package)
    except Exception:  # pylint: disable=broad-except
        return None


def unpacked(data):
    """The beginning of what joblib compressed; other data as it is."""
    ways = {b"x": zlib.decompressobj, b"\x1f\x8b": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
            b"BZh": bz2.BZ2Decompressor, b"\xfd7zXZ": lzma.LZMADecompressor,
            b"]\0\0": lzma.LZMADecompressor}
    for magic, way in ways.items():
        if data.startswith(magic):
            try:
                return way().decompress(data, PICKLE_BYTES_MAX)
            except (zlib.error, lzma.LZMAError, OSError):
                return data  # whoever loads it says so
    return data


def pickle_begin(model_dir):
    """What the model's pickle begins with, unpacked; b"": there is none."""
    path = find_pickle(model_dir)
    if not path:
        return b""
    with open(path, "rb") as file:
        return unpacked(file.read(PICKLE_BYTES_MAX))


def saved_with(pickled):
    """The scikit-learn version that wrote the model, where its pickle says so."""
    found = SKLEARN_VERSION.search(pickled)
    return found.group(1).decode() if found else None


def guests_of(pickled):
    """What else the objects in a pickle are of, and this interpreter lacks: pip requirements."""
    return [package for module, package in GUESTS.items() if not importable(module) and
            re.search(rb"[\n(c\x00-\x1f]" + module.encode() + rb"\.[a-z_.]+[\n\x94q]", pickled)]


def sklearn_packages(wanted):
    """scikit-learn of that version and what its image has beside it; None: the newest."""
    if wanted is None:
        return ["scikit-learn", "joblib", "numpy", "pandas"]
    old = tuple(map(int, wanted.split("."))) < SKLEARN_FOR_NUMPY_2
    return [f"scikit-learn=={wanted}", "joblib", "numpy<2" if old else "numpy", "pandas"]


def imported_modules(code_dir):
    """The first part of every module that the code names in an import, its own ones left out; and of
    those that it can do without, since it tries them."""
    paths = glob.glob(os.path.join(code_dir, "**", "*.py"), recursive=True)[:CODE_FILES_MAX]
    needed, tried = set(), set()
    for path in paths:
        try:
            with open(path, "rb") as file:
                tree = ast.parse(file.read(CODE_BYTES_MAX))
        except (SyntaxError, ValueError, RecursionError, OSError):
            continue  # whoever runs it says so
        attempts = {part for node in ast.walk(tree) if isinstance(node, ast.Try) and node.handlers
                    for statement in node.body for part in ast.walk(statement)}
        for node in ast.walk(tree):
            names = tried if node in attempts else needed
            if isinstance(node, ast.Import):
                names.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module.split(".")[0])
    own = {os.path.splitext(name)[0] for name in os.listdir(code_dir)}
    return needed - own, tried - own


def further_packages(code_dir):
    """Of what AWS's images have beside their framework and is not here: what the code imports, and
    what it tries to."""
    if not code_dir:
        return [], []
    return tuple(sorted(toolkit.package_of(name) for name in toolkit.BROUGHT_MODULES & modules
                        if not importable(name)) for modules in imported_modules(code_dir))


def image_packages(image, model_dir, code_dir, has_own):
    """What the image of that name brings along, as pip requirements; none where this interpreter has
    all of it and the model asks for none of its own, for which an environment is made anyway."""
    needed, tried = further_packages(code_dir)
    is_wanted = has_own or bool(needed)
    if image == "sagemaker-scikit-learn":
        pickled = pickle_begin(model_dir)
        wanted, guests = saved_with(pickled), guests_of(pickled)
        have = installed_version("scikit-learn")
        is_ours = have and importable("sklearn") and (wanted is None or have == wanted)
        if is_ours and not guests and not is_wanted:
            return []
        packages = sklearn_packages(wanted) + guests
    elif image == "sagemaker-xgboost":
        if importable("xgboost") and not is_wanted:
            return []
        packages = ["xgboost-cpu", "numpy", "pandas", "scikit-learn"]
    else:
        return []
    return packages + sorted({*needed, *tried} - set(packages))


def content_key(packages, requirements, wheels):
    digest = hashlib.sha256()
    digest.update(f"{sys.version}|{platform.machine()}|{sorted(packages)}|".encode())
    for path in [requirements] + sorted(wheels):
        if path and os.path.isfile(path):
            digest.update(os.path.basename(path).encode() + b"\0")
            with open(path, "rb") as file:
                for chunk in iter(lambda: file.read(1 << 20), b""):
                    digest.update(chunk)
    return digest.hexdigest()[:32]


def run_quietly(command, environment=None):
    """Runs a command, copies what it prints to our log; (exit status, its last lines)."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                               stdin=subprocess.DEVNULL, text=True, errors="replace")
    lines = []
    for line in process.stdout:
        print(line.rstrip(), flush=True)
        if line.strip() and not line.startswith("[notice]"):
            lines = (lines + [line.strip()])[-PIP_LINES_QUOTED:]
    return process.wait(), lines


def bundled_wheel(package):
    """The wheel of pip or setuptools that this Python brings for new environments; None: it has none."""
    bundled = importlib.util.find_spec("ensurepip")
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR"),  # Debian's
               bundled and os.path.join(os.path.dirname(bundled.origin), "_bundled")]
    found = [file for folder in folders if folder
             for file in sorted(glob.glob(os.path.join(folder, f"{package}-*.whl")))]
    return found[0] if found else None


def run_pip(python, arguments):
    """pip runs from its wheel: an environment without one of its own is there seconds sooner."""
    wheel = bundled_wheel("pip")
    environment = {**os.environ, "PYTHONPATH": wheel} if wheel else None
    return run_quietly([python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
                        "--no-compile", "--progress-bar", "off", *arguments], environment)


def pip_install(python, packages, requirements, link_folders):
    base = []
    if packages:  # building those of an image from source takes longer than anyone waits
        base += ["--only-binary", "numpy,scipy,pandas,scikit-learn"]
    what = packages + (["-r", requirements] if requirements else [])
    links = [option for folder in link_folders for option in ("--find-links", folder)]
    if links and run_pip(python, base + ["--no-index"] + links + what)[0] == 0:
        return None
    status, lines = run_pip(python, base + links + what)
    return None if status == 0 else lines


def import_failure(python):
    """None where the packages of an environment import; else the last lines of why not."""
    status, lines = run_quietly([python, "-I", "-c", IMPORT_THEM, *CHECKED_MODULES])
    return None if status == 0 else lines or [f"the interpreter ended with status {status}"]


def make_venv(folder):
    shutil.rmtree(folder, ignore_errors=True)
    print("making a virtual environment", flush=True)
    without = ["--without-pip"] if bundled_wheel("pip") else []
    status, lines = run_quietly([sys.executable, "-m", "venv", *without, folder])
    python = os.path.join(folder, "bin", "python")
    # As venv itself has it where Python brings one: older packages use it without naming it.
    if status == 0 and without and (setuptools := bundled_wheel("setuptools")):
        status, lines = run_pip(python, ["--no-index", setuptools])
    if status != 0:
        raise Failure("A virtual environment for the model's packages cannot be made (on Debian: "
                      f"apt-get install python3-venv): {' / '.join(lines)}")
    return python


def compile_packages(python, folder):
    """Instances cannot write there, and would compile at each start. Nobody imports packages' tests:
    they are half of it, where pip compiles one file after the other."""
    run_quietly([python, "-m", "compileall", "-qq", "-j", "0", "-x", "/tests?/", os.path.join(folder, "lib")])


def install_packages(python, packages, requirements, link_folders):
    """None, or the last lines of why the packages cannot be installed or do not import."""
    failed = pip_install(python, packages, requirements, link_folders)
    if failed is not None and packages and packages[0].startswith("scikit-learn=="):
        print(f"{packages[0]} cannot be installed here; taking the newest one", flush=True)
        packages = sklearn_packages(None) + packages[len(sklearn_packages(None)):]
        failed = pip_install(python, packages, requirements, link_folders)
    if failed is not None:
        return ["could not be installed:", *failed]
    failed = import_failure(python)
    if failed is not None and "numpy" in " ".join(failed):  # compiled for its first version, mostly
        print("the installed packages do not import together; taking numpy 1", flush=True)
        older = pip_install(python, packages + ["numpy<2"], requirements, link_folders)
        failed = import_failure(python) if older is None else failed
    return failed and ["are installed, and do not import together:", *failed]


def make_environment(folder, packages, requirements, link_folders):
    """An environment is kept where all of it imports, and else not at all."""
    python = make_venv(folder)
    failed = install_packages(python, packages, requirements, link_folders)
    if failed:
        what = "requirements.txt" if requirements else "the image's packages"
        shutil.rmtree(folder, ignore_errors=True)
        raise Failure(f"The packages of {what} {failed[0]} {' / '.join(failed[1:])}")
    compile_packages(python, folder)


def environment_files(folder):
    """[size, time of change] of every file of an environment, by its path; not what Python compiled."""
    found = {}
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = os.path.join(root, name)
            if root == folder and name.startswith(".complete"):
                continue
            facts = os.lstat(path)
            if stat.S_ISREG(facts.st_mode):
                found[os.path.relpath(path, folder)] = [facts.st_size, facts.st_mtime_ns]
    return found


def sum_of_file(path):
    total = 0
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            total = zlib.crc32(chunk, total)
    return total


def this_boot():
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


def write_durably(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def seal_environment(folder, done):
    """Lists what was installed, with sums, once all of it is on the disk."""
    os.sync()
    files = {path: facts + [sum_of_file(os.path.join(folder, path))]
             for path, facts in environment_files(folder).items()}
    write_durably(done, json.dumps({"files": files}))
    write_durably(done + "-boot", this_boot())


def environment_damage(folder, done):
    """None where the environment is what was installed; else what differs. Sizes and times are
    compared at each use, sums at the first use after each start of the machine."""
    try:
        with open(done) as file:
            wanted = json.load(file)["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return "the list of its files is damaged"
    found = environment_files(folder)
    for path, (size, changed, total) in wanted.items():
        if found.get(path) != [size, changed]:
            return f"{path} is {'changed' if path in found else 'missing'}"
    try:
        with open(done + "-boot") as file:
            if file.read() == this_boot() != "":
                return None
    except OSError:
        pass
    for path, (size, changed, total) in wanted.items():
        if sum_of_file(os.path.join(folder, path)) != total:
            return f"{path} is damaged"
    write_durably(done + "-boot", this_boot())
    return None


def names_files(requirements):
    """Whether requirements name files, beside packages and addresses; true where it is not clear."""
    text = re.sub(r"\\\r?\n", " ", requirements)
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        if line.startswith("-") and re.split(r"[\s=]", line)[0] not in OPTIONS_WITHOUT_FILES:
            return True
        if line.startswith(".") or "file:" in line or "\\" in line:
            return True
        if any("/" in word and "://" not in word for word in re.split(r"[\s=]", line)):
            return True
    return False


def wheels_in(code_dir):
    """Of the model's code, relative to it."""
    if not code_dir:
        return []
    found = glob.glob(os.path.join(code_dir, "*.whl")) + glob.glob(
        os.path.join(code_dir, "wheels", "*.whl"))
    return sorted(os.path.relpath(path, code_dir) for path in found)


def this_interpreter():
    return f"{sys.version} {platform.machine()} {os.path.realpath(sys.executable)}"


def plan_environment(settings, code_dir):
    """What has to be installed for the model; None where nothing has. Files are relative to `folder`;
    `names_files` says that `requirements` or `variables` may name others. `variables` are those that
    packages may look at while they are installed."""
    requirements = os.path.join(code_dir, "requirements.txt") if code_dir else None
    if not requirements or not os.path.isfile(requirements):
        requirements = None
    packages = image_packages(settings["image"], settings["model_dir"], code_dir, bool(requirements))
    if not packages and not requirements:
        return None
    text = ""
    if requirements:
        with open(requirements, encoding="utf-8", errors="replace") as file:
            text = file.read()
    variables = {name: value for name, value in os.environ.items()
                 if not OWN_VARIABLES.fullmatch(name)}
    # A PIP_CONFIG_FILE of the model that cannot be seen is passed over, without a word.
    by_variables = any(folder in value for value in variables.values()
                       for folder in ("/opt/ml/", settings["model_dir"], code_dir) if folder)
    return {"python": this_interpreter(),
            "packages": packages,
            "folder": os.path.normpath(code_dir or settings["model_dir"]),
            "requirements": "requirements.txt" if requirements else "",
            "names_files": names_files(text) or by_variables,
            "wheels": wheels_in(code_dir),
            "variables": variables}


def write_plan(settings):
    try:
        code_dir, module_name = find_script(settings["model_dir"])
    except Failure:
        return 0  # the instance will say so
    if module_name is None:
        settings["image"] = "sagemaker-scikit-learn"
    plan = plan_environment(settings, code_dir)
    if plan:
        with open(settings["file"], "w", encoding="ascii") as file:
            json.dump(plan, file, sort_keys=True)
    return 0


def rename_inside(folder, path):
    """Scripts name the folder that they were installed into; they will lie at `path`."""
    scripts = os.path.join(folder, "bin")
    for file in [os.path.join(scripts, name) for name in os.listdir(scripts)]:
        if os.path.islink(file) or not os.path.isfile(file):
            continue
        with open(file, "rb") as script:
            text = script.read()
        if b"\0" not in text and os.fsencode(folder) in text:
            with open(file, "wb") as script:
                script.write(text.replace(os.fsencode(folder), os.fsencode(path)))


def install_environment(settings):
    """Sees nothing of the model but the files that the plan names: a folder of links stands for the
    folders that have the wheels."""
    plan = json.loads(settings["plan"])
    if plan["python"] != this_interpreter():  # whoever planned may have run what the model brings
        print("slipway-modelserver: The packages of this model are planned for another interpreter "
              f"than {this_interpreter()}.", file=sys.stderr, flush=True)
        return 1
    folder, links = os.path.abspath(settings["folder"]), os.path.abspath("links")
    os.mkdir(links)
    for name, wheel in {os.path.basename(wheel): wheel for wheel in plan["wheels"]}.items():
        os.symlink(os.path.join(plan["folder"], wheel), os.path.join(links, name))
    os.environ["PIP_NO_CACHE_DIR"] = "1"
    requirements = plan["requirements"] and os.path.join(plan["folder"], plan["requirements"])
    try:
        make_environment(folder, plan["packages"], requirements, [links] if plan["wheels"] else [])
    except Failure as failure:
        print(f"slipway-modelserver: {failure}", file=sys.stderr, flush=True)
        return 1
    rename_inside(folder, settings["path"])
    return 0


def go_on_in(environment):
    os.environ["SLIPWAY_WORKER_READY"] = "1"
    python = os.path.join(environment, "bin", "python")
    os.execv(python, [python] + sys.argv)


def enter_environment(settings, code_dir):
    """Goes on inside the environment that has the packages; returns where none is needed."""
    if os.environ.get("SLIPWAY_WORKER_READY"):
        return
    if settings["environment"]:
        go_on_in(settings["environment"])
    plan = plan_environment(settings, code_dir)
    if not plan:
        return
    packages = plan["packages"]
    requirements = plan["requirements"] and os.path.join(code_dir, plan["requirements"])
    own = [os.path.join(code_dir, wheel) for wheel in plan["wheels"]]
    folders = [folder for folder in settings.get("find_links", []) if folder]
    wheels = own + [path for folder in folders for path in glob.glob(os.path.join(folder, "*.whl"))]
    folders += sorted({os.path.dirname(wheel) for wheel in own})
    cache = settings["venv_cache"]
    os.makedirs(cache, exist_ok=True)
    folder = os.path.join(cache, content_key(packages, requirements, wheels))
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = os.path.join(folder, ".complete")
        damage = environment_damage(folder, done) if os.path.exists(done) else None
        if damage:
            print(f"the installed packages in {folder} are not what was installed: {damage}; "
                  "installing them anew", flush=True)
        if damage or not os.path.exists(done):
            make_environment(folder, packages, requirements, folders)
            seal_environment(folder, done)
    go_on_in(folder)


# ---------------------------------------------------------------- default handlers

def load_pickle(path):
    try:
        import joblib
        return joblib.load(path)
    except ImportError:
        with open(path, "rb") as file:
            return pickle.load(file)


def default_model_fn(model_dir):
    path = find_pickle(model_dir)
    if path is None:
        raise Failure("The script has no model_fn, and the model folder has no model.joblib or "
                      "model.pkl to load without one.")
    return load_pickle(path)


def wishes_of(model):
    """What a scikit-learn model says that it takes, as a sentence; empty where it does not say."""
    count = getattr(model, "n_features_in_", None)
    names = getattr(model, "feature_names_in_", None)
    if count is None:
        return ""
    listed = "" if names is None else f": {', '.join(map(str, names))}"
    return f" The model wants {count} values for each record{listed}."


def fitted_to(model, data):
    """One record, or a column, as the table that a model of so many features takes."""
    count = getattr(model, "n_features_in_", None)
    if count is None or getattr(data, "ndim", 2) > 1 or not hasattr(data, "reshape"):
        return data
    return data.reshape(-1, count) if count == 1 or data.size == count else data


def default_predict_fn(data, model):
    if hasattr(model, "predict"):
        return model.predict(fitted_to(model, data))
    if callable(model):
        return model(data)
    raise Failure(f"The model is a {type(model).__name__} without predict(): give a predict_fn.")


def xgboost_predict_fn(data, model):
    """As AWS's image, without asking for the names of columns: most formats have none."""
    import xgboost
    if isinstance(model, xgboost.Booster):
        return model.predict(data, validate_features=False)
    return default_predict_fn(data, model)


def own_accept():
    """The type of an answer to who does not say."""
    return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or default_types["accept"]


def default_output_fn(prediction, accept):
    if is_stream(prediction):
        return prediction, formats.accept_for_script(accept, own_accept())
    chosen = formats.choose_accept(accept, own_accept())
    if chosen is None:
        raise formats.not_acceptable(accept)
    return formats.encode(prediction, chosen), chosen


def default_input_fn(data, content_type):
    return formats.decode(data, content_type)


def sklearn_input_fn(data, content_type):
    """AWS's image makes float32 of numbers that came as text."""
    if formats.known_type(content_type) in formats.UTF8_TYPES:
        try:
            return formats.decode(data, content_type, "float32")
        except formats.NoNumbers:
            pass
    return formats.decode(data, content_type)


INPUT_FNS = {"sagemaker-scikit-learn": sklearn_input_fn, "sagemaker-xgboost": toolkit.decode_dmatrix}
PREDICT_FNS = {"sagemaker-xgboost": xgboost_predict_fn}
DEFAULT_INPUT_FNS = (default_input_fn, *INPUT_FNS.values())
DEFAULT_PREDICT_FNS = (default_predict_fn, *PREDICT_FNS.values())
default_types = {"accept": "application/json"}  # of the image that this worker stands for


# ---------------------------------------------------------------- answers in parts

def is_stream(value):
    """A generator or any other iterator, asynchronous ones too: an answer in parts."""
    return hasattr(value, "__next__") or hasattr(value, "__anext__")


def parts_of(value):
    """The parts of a stream, one after the other; closing it closes what the model's code gave."""
    if hasattr(value, "__next__"):
        try:
            yield from value
        finally:
            getattr(value, "close", lambda: None)()
        return
    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                yield loop.run_until_complete(value.__anext__())
            except StopAsyncIteration:
                return
    finally:
        if hasattr(value, "aclose"):
            loop.run_until_complete(value.aclose())
        loop.close()


def begun(parts):
    """The same parts with the first one made already: up to it an error is an ordinary one."""
    first = next(parts, b"")

    def rest():
        try:
            yield first
            yield from parts
        finally:
            parts.close()
    return rest()


def part_bytes(part):
    """Bytes and text as they are, any other value as a line of JSON."""
    if isinstance(part, bytes):
        return part
    if isinstance(part, str):
        return part.encode("utf-8")
    if isinstance(part, (bytearray, memoryview)):
        return bytes(part)
    return json_bytes(part) + b"\n"


# ---------------------------------------------------------------- the model

def load_script(code_dir, name):
    """The script as a module, found by its path: a module of the standard library that has its name
    stays what it is, and the script goes by another."""
    sys.path.insert(0, code_dir)
    known = "slipway_script_" + name
    if name in getattr(sys, "stdlib_module_names", ()):
        sys.path.remove(code_dir)
        importlib.import_module(name)
        sys.path.insert(0, code_dir)
    elif name not in sys.modules:
        known = name
    spec = importlib.util.spec_from_file_location(known, os.path.join(code_dir, name + ".py"))
    script = importlib.util.module_from_spec(spec)
    sys.modules[known] = script
    spec.loader.exec_module(script)
    return script


def status_of(value):
    """A status that a script gave: a number from 200 to 599."""
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise ValueError(f"{value!r} is no status of an answer")
    return int(value)


def header_text(value, length_max):
    """A header's value that a script gave: printable, and no longer than that."""
    text = str(value)
    if len(text) > length_max or not re.fullmatch(r"[ -~]*", text):
        raise ValueError(f"{text[:CONTENT_TYPE_MAX]!r} is no value of a header")
    return text


class Handler:
    """The model's functions, each its own or the default."""

    def __init__(self, settings, code_dir, module_name):
        self.model_dir = settings["model_dir"]
        self.context = toolkit.Context(self.model_dir)
        self.stage_status = 415  # of a format that is not known: 406 once an answer is written
        self.dropped = set()  # names of headers that were told of
        defaults = {"model_fn": default_model_fn,
                    "predict_fn": PREDICT_FNS.get(settings["image"], default_predict_fn),
                    "input_fn": INPUT_FNS.get(settings["image"], default_input_fn),
                    "output_fn": default_output_fn}
        if settings["image"] == "sagemaker-xgboost":
            default_types["accept"] = "text/csv"
        toolkit.dialect["libsvm_indices"] = settings["libsvm_indices"]
        script = None
        if module_name:
            toolkit.add_stand_ins(defaults)
            script = load_script(code_dir, module_name)
            foreign = toolkit.service_of_its_own(script)
            if foreign:
                raise Failure(f"The script has {foreign}, which is for a server of its own, and none of "
                              f"{', '.join(toolkit.SERVER_FUNCTIONS)}: these are what is called here.")
        get = lambda name: getattr(script, name, None)
        if get("execution_parameters_fn"):
            print("execution_parameters_fn is not asked: this server says itself how much a batch transform "
                  "may send at once", flush=True)
        self.transform_fn = get("transform_fn")
        own = [name for name in ("input_fn", "predict_fn", "output_fn") if get(name)]
        if self.transform_fn and own:
            raise Failure(f"The script has transform_fn and {' and '.join(own)}: it is one or the "
                          "others.")
        self.input_fn = get("input_fn") or defaults["input_fn"]
        self.predict_fn = get("predict_fn") or defaults["predict_fn"]
        self.output_fn = get("output_fn") or defaults["output_fn"]
        if get("pre_model_fn"):
            self.call(get("pre_model_fn"), self.model_dir)
        self.model = self.call(get("model_fn") or defaults["model_fn"], self.model_dir)
        by_default = self.input_fn in DEFAULT_INPUT_FNS and self.predict_fn in DEFAULT_PREDICT_FNS
        self.wishes = records.wishes_of(self.model) if by_default and not self.transform_fn else None
        if self.wishes and importable("pandas"):
            importlib.import_module("pandas")  # now, and not while the first request waits
        if get("model_warmup_fn"):
            self.call(get("model_warmup_fn"), self.model_dir, self.model)

    def call(self, function, *arguments):
        """With the context behind, where the function takes one more."""
        try:
            count = len(inspect.signature(function).parameters)
        except ValueError:  # one that is built in does not say
            count = len(arguments)
        if count == len(arguments) + 1:
            return function(*arguments, self.context)
        return function(*arguments)

    def transform(self, data, content_type, accept):
        """(result, the type that it has unless something else is said)"""
        self.stage_status = 415
        plain = formats.accept_for_script(accept, own_accept())
        if self.transform_fn:
            return self.call(self.transform_fn, self.model, data, content_type, plain), plain
        value = self.read(data, content_type)
        prediction = self.predict(value)
        self.stage_status = 406
        if self.output_fn is not default_output_fn:
            return self.call(self.output_fn, prediction, plain), plain
        return default_output_fn(prediction, accept), plain

    def read(self, data, content_type):
        """What the model is asked; where the default input_fn cannot read it, what the model wants."""
        try:
            table = records.read(data, content_type, self.wishes) if self.wishes else None
            if table is not None:
                return table
            return self.call(self.input_fn, data, content_type)
        except BadRequest as error:
            if self.input_fn not in DEFAULT_INPUT_FNS:
                raise
            raise BadRequest(f"{error}{wishes_of(self.model)}") from error

    def predict(self, value):
        """What a model cannot do with data that no code of the script saw is the client's mistake."""
        try:
            return self.call(self.predict_fn, value, self.model)
        except (ValueError, TypeError) as error:
            if self.input_fn not in DEFAULT_INPUT_FNS or self.predict_fn not in DEFAULT_PREDICT_FNS:
                raise
            raise BadRequest(f"The model does not take this request: {words_of(error)}."
                             f"{wishes_of(self.model)}") from error

    def begin(self, head):
        """The context of one request; its content type and what it accepts."""
        content_type = head.get("content_type") or "application/json"
        accept = head.get("accept") or own_accept()
        headers = {"Content-Type": content_type, "Accept": accept}
        if head.get("custom_attributes"):
            headers[toolkit.CUSTOM_ATTRIBUTES] = head["custom_attributes"]
        self.context.begin(headers)
        return content_type, accept

    def answer(self, head, body):
        """(head of the answer, bytes or an iterator of parts) for one request."""
        content_type, accept = self.begin(head)
        data = body
        if formats.media_type(content_type) in formats.UTF8_TYPES:
            data = formats.read_as(content_type, lambda: formats.as_text(body))
        result, kind = self.transform(data, content_type, accept)
        status, headers = self.context.get_response_status(0)[0], self.context.get_response_headers(0)
        kind = headers.get("content-type", kind)
        unpacked = toolkit.unpack(result)
        if isinstance(result, tuple):
            result, kind = result[0], result[1]
        elif unpacked:
            status, kind, result, more = unpacked
            headers = toolkit.Headers({**headers, **dict(more)})
        self.tell_dropped(headers)
        answer = {"status": status_of(status), "content_type": header_text(kind, CONTENT_TYPE_MAX),
                  "custom_attributes": header_text(headers.get(toolkit.CUSTOM_ATTRIBUTES, ""),
                                                   CUSTOM_ATTRIBUTES_MAX)}
        if is_stream(result):
            return answer, begun(parts_of(result))
        if not isinstance(result, (bytes, bytearray, memoryview, str)):
            result = formats.encode(result, kind)
        return answer, result.encode("utf-8") if isinstance(result, str) else bytes(result)

    def tell_dropped(self, headers):
        """Other headers of an answer go no further than this; each is said once."""
        for name in map(str, headers):
            is_new = name not in self.dropped and len(self.dropped) < DROPPED_NAMES_MAX
            if is_new and name.lower() not in PASSED_HEADERS:
                self.dropped.add(name)
                print(f"the header {name[:QUOTED_NAME_MAX]!r} of an answer is not passed on: an answer has a "
                      f"status, a content type, {toolkit.CUSTOM_ATTRIBUTES} and a body", flush=True)


# ---------------------------------------------------------------- the socket

def json_bytes(value):
    """JSON as UTF-8; what is no character (a lone surrogate in an exception's text) becomes '?'."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace")


def send(channel, head, body=b""):
    text = json_bytes(head)
    channel.sendall(struct.pack("<II", len(text), len(body)) + text)
    if body:
        channel.sendall(body)


def receive_exactly(channel, count):
    data = bytearray(count)
    view = memoryview(data)
    while view:
        read = channel.recv_into(view)
        if read == 0:
            return None
        view = view[read:]
    return data


def receive(channel):
    lengths = receive_exactly(channel, 8)
    if lengths is None:
        return None, None
    head_bytes, body_bytes = struct.unpack("<II", lengths)
    head = receive_exactly(channel, head_bytes)
    body = receive_exactly(channel, body_bytes)
    if head is None or body is None:
        return None, None
    return json.loads(bytes(head)), bytes(body)


def send_stream(channel, poller, answer, parts):
    """Part by part, until the end or until somebody on the other side says stop."""
    send(channel, {"event": "stream", **answer})
    end = {"event": "end"}
    try:
        for part in parts:
            data = part_bytes(part)
            if data:
                channel.sendall(struct.pack("<II", 0, len(data)) + data)
            if poller.poll(0):
                receive(channel)  # there is nothing else that it could be
                break
    except Exception as error:  # pylint: disable=broad-except
        print_trace()
        end = {"event": "failed",
               "message": f"{type(error).__name__}: {words_of(error)}"[:STREAM_WORDS_MAX]}
    try:
        parts.close()
    except Exception:  # pylint: disable=broad-except
        print_trace()
    send(channel, end)


def words_of(error):
    """An exception's text, whatever it does to be read."""
    try:
        return str(error)[:ERROR_TEXT_MAX]
    except BaseException:  # pylint: disable=broad-except
        return "its text cannot be read"


def hint_for(error):
    """A sentence that helps, where the kind of an exception says what is missing."""
    kind = type(error)
    try:
        if issubclass(kind, ModuleNotFoundError) and error.name:
            return toolkit.hint_for_module(error.name.split(".")[0])
        is_below = issubclass(kind, OSError) and str(error.filename).startswith(MODEL_PREFIX)
        if is_below and not os.path.isdir(MODEL_PREFIX):
            return (f". There is no {MODEL_PREFIX} here, where a model runs without a file tree of its own: "
                    "use the folder that model_fn is given, or the variable SM_MODEL_DIR")
    except BaseException:  # pylint: disable=broad-except
        pass
    return ""


def print_trace():
    """Into the log, where that can be written."""
    try:
        traceback.print_exc()
    except BaseException:  # pylint: disable=broad-except
        pass


def error_answer(error, stage_status):
    """(status, words) for whoever asked. An exception is never a success."""
    try:
        told = toolkit.status_and_words(error, stage_status)
        if told:
            return told[0], told[1][:ERROR_TEXT_MAX]
    except BaseException:  # pylint: disable=broad-except
        print_trace()
    words = words_of(error)
    words += hint_for(error)
    return 500, words if issubclass(type(error), Failure) else f"{type(error).__name__}: {words}"


def answer_one(handler, head, body):
    try:
        return handler.answer(head, body)
    except Exception as error:  # pylint: disable=broad-except
        print_trace()
        status, message = error_answer(error, handler.stage_status)
        return {"status": status, "content_type": "application/json"}, json_bytes({"error": message})


def load(settings):
    code_dir, module_name = find_script(settings["model_dir"])
    if module_name is None:  # a pickled model alone, whatever the image
        settings["image"] = "sagemaker-scikit-learn"
    enter_environment(settings, code_dir)
    return Handler(settings, code_dir, module_name)


def main():
    settings = json.loads(os.environ["SLIPWAY_WORKER"])
    if sys.argv[1] == "plan":
        return write_plan(settings)
    if sys.argv[1] == "install":
        return install_environment(settings)
    channel = socket.socket(fileno=int(sys.argv[1]))
    try:
        # The channel is for the environment's interpreter too, and for nothing the model starts.
        os.set_inheritable(channel.fileno(), True)
        handler = load(settings)
        os.set_inheritable(channel.fileno(), False)
    except Failure as failure:
        send(channel, {"event": "failed", "message": str(failure)})
        return 1
    except BaseException as error:  # pylint: disable=broad-except
        print_trace()
        send(channel, {"event": "failed",
                       "message": f"The model's code failed while loading: "
                                  f"{type(error).__name__}: {words_of(error)}{hint_for(error)}"})
        return 1
    poller = select.poll()
    poller.register(channel, select.POLLIN)
    send(channel, {"event": "ready"})
    while True:
        head, body = receive(channel)
        if head is None:
            return 0
        if head.get("event") == "stop":
            continue  # it came too late
        answer, data = answer_one(handler, head, body)
        if isinstance(data, bytes):
            send(channel, answer, data)
        else:
            send_stream(channel, poller, answer, data)


if __name__ == "__main__":
    sys.exit(main())
