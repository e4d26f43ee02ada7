"""Decides which packages a model needs, and installs them into a virtual environment.

An instance that is alone calls enter_environment() before it loads its model. Whoever installs for
many instances starts this as a program (README.md, "Environments"), with the settings in
SLIPWAY_WORKER, a JSON object:

  plan      writes what would be installed for a model (model_dir, image) into a file (file), as a
            JSON object, or nothing; it reads the model's code and runs none of it
  install   installs what such a plan (plan) says into a folder (folder), which will lie elsewhere
            (path)

Needs nothing but the standard library.
"""

import ast
import bz2
import fcntl
import glob
import hashlib
import importlib.util
import json
import lzma
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import zlib

import slipway_toolkit as toolkit
from slipway_formats import Failure
from slipway_model_folder import LIBRARY, find_pickle, find_script
from slipway_toolkit import importable

LINES_QUOTED, CHARS_QUOTED = 4, 200  # of what a program printed last, and of each of these lines
LINES_KEPT = 500
# In which line pip says whose turn it is, which ones say nothing by themselves, and what ends the
# output of a package's own build, which pip quotes.
PIP_TURN = re.compile(r"(?:Collecting|Processing|Building wheel for|Running setup\.py install for) (\S+)")
PIP_HINTS = ("[notice]", "note:", "hint:", "×", "╰─>")
PIP_QUOTE_END = "[end of output]"
SKLEARN_VERSION = re.compile(rb"_sklearn_version.{1,16}?([0-9]+\.[0-9]+(?:\.[0-9]+)*)", re.DOTALL)
# Steps of pipelines that are of other packages: the module that a pickle names, and what pip calls it.
GUESTS = {"xgboost": "xgboost-cpu", "lightgbm": "lightgbm", "imblearn": "imbalanced-learn"}
OLD_BOOSTER = b"binf"
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
            re.search(rb"[\n(c\x00-\x1f]" + module.encode() + rb"\.[a-z_.]{1,200}[\n\x94q]", pickled)]


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
    library = os.path.join(code_dir, LIBRARY)
    names = os.listdir(code_dir) + (os.listdir(library) if os.path.isdir(library) else [])
    own = {os.path.splitext(name)[0] for name in names}
    return needed - own, tried - own


def further_packages(code_dir):
    """Of what AWS's images have beside their framework and is not here: what the code imports, and
    what it tries to."""
    if not code_dir:
        return [], []
    return tuple(sorted(toolkit.package_of(name) for name in toolkit.BROUGHT_MODULES & modules
                        if not importable(name)) for modules in imported_modules(code_dir))


def holds_old_booster(model_dir):
    """Whether a file is a model in XGBoost's old binary form, as AWS's images up to 1.7 save them."""
    for path in filter(os.path.isfile, glob.glob(os.path.join(model_dir, "*"))):
        with open(path, "rb") as file:
            if file.read(len(OLD_BOOSTER)) == OLD_BOOSTER:
                return True
    return False


def xgboost_package(model_dir):
    """(the package that reads the model's boosters, whether this interpreter has it)"""
    if not holds_old_booster(model_dir):
        return "xgboost-cpu", importable("xgboost")
    have = installed_version("xgboost-cpu") or installed_version("xgboost")
    parts = re.match(r"(\d+)\.(\d+)", have or "")
    return "xgboost-cpu<3.1", bool(parts and (int(parts[1]), int(parts[2])) < (3, 1))


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
        xgboost, is_here = xgboost_package(model_dir)
        if is_here and not is_wanted:
            return []
        packages = [xgboost, "numpy", "pandas", "scikit-learn"]
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
    """Runs a command, copies what it prints to our log; (exit status, its last LINES_KEPT lines)."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                               stdin=subprocess.DEVNULL, text=True, errors="replace")
    lines = []
    for line in process.stdout:
        print(line.rstrip(), flush=True)
        if line.strip():
            lines = (lines + [line.strip()])[-LINES_KEPT:]
    return process.wait(), lines


def last_lines(status, lines):
    """The end of what a program printed that failed, for a sentence."""
    lines = lines[-LINES_QUOTED:] or [f"it ended with status {status}"]
    return [line if len(line) <= CHARS_QUOTED else line[:CHARS_QUOTED] + "..." for line in lines]


def why_pip_failed(status, lines):
    """pip's last lines; where a package could not be built, that package and the end of its build first,
    which pip leaves above."""
    said = [line for line in lines if not line.startswith(PIP_HINTS)]
    if PIP_QUOTE_END not in said:
        return last_lines(status, said)
    end = len(said) - 1 - said[::-1].index(PIP_QUOTE_END)
    turns = [turn[1] for turn in map(PIP_TURN.match, said[:end]) if turn]
    whose = f"{os.path.basename(turns[-1])}: " if turns else ""
    return last_lines(status, [whose + (said[end - 1] if end else "")] + said[end + 1:][-1:])


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
    return None if status == 0 else why_pip_failed(status, lines)


def import_failure(python):
    """None where the packages of an environment import; else the last lines of why not."""
    status, lines = run_quietly([python, "-I", "-c", IMPORT_THEM, *CHECKED_MODULES])
    return None if status == 0 else last_lines(status, lines)


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
                      f"apt-get install python3-venv): {' / '.join(last_lines(status, lines))}")
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


def main():
    settings = json.loads(os.environ["SLIPWAY_WORKER"])
    return {"plan": write_plan, "install": install_environment}[sys.argv[1]](settings)


if __name__ == "__main__":
    sys.exit(main())
