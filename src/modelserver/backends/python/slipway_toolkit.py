"""What scripts written for AWS's inference images import and are given.

`Context` is the model server's, as handlers with one more parameter get it. add_stand_ins() puts
the modules of AWS's toolkits where they are not installed: sagemaker_inference,
sagemaker_containers, sagemaker_xgboost_container, sagemaker_sklearn_container, of flask what an
answer is made of, and what scripts that also train look for at the top. What they would start or
install is here already, or is refused by name.
"""

import importlib
import importlib.util
import json
import logging
import os
import pickle
import re
import sys
import types
import uuid

import slipway_formats as formats
import slipway_recordio as recordio


# What a script is given as text; other types, JSON lines too, as bytes.
TEXT_TYPES = ("application/json", "text/csv")
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
dialect = {"libsvm_indices": "from zero"}  # of the image that this worker stands for


def importable(module):
    return importlib.util.find_spec(module) is not None


# ---------------------------------------------------------------- the model server's context

class Headers(dict):
    """Header names in whatever case."""

    def __init__(self, members=()):
        super().__init__()
        for name, value in dict(members).items():
            self[name] = value

    def _own(self, name):
        return next((key for key in self if key.lower() == str(name).lower()), name)

    def __getitem__(self, name):
        return super().__getitem__(self._own(name))

    def __setitem__(self, name, value):
        super().__setitem__(self._own(name), value)

    def __contains__(self, name):
        return super().__contains__(self._own(name))

    def get(self, name, default=None):
        return super().get(self._own(name), default)


class RequestProcessor:
    """One request's headers, and what a handler says of its answer."""

    def __init__(self, headers):
        self._request = Headers(headers)
        self._response = Headers()
        self._status, self._phrase = 200, None

    def get_request_property(self, key):
        return self._request.get(key)

    def get_request_properties(self):
        return self._request

    def report_status(self, code, reason_phrase=None):
        self._status, self._phrase = code, reason_phrase

    def get_response_status_code(self):
        return self._status

    def get_response_status_phrase(self):
        return self._phrase

    def add_response_property(self, key, value):
        self._response[key] = value

    def get_response_headers(self):
        return self._response

    get_response_header = get_response_headers


class Metrics:
    """A handler's own figures: a line in the log for each, as the model server writes them."""

    def __init__(self, context):
        self._context = context

    def _write(self, name, value, unit, idx=None):
        del idx
        print(f"[METRICS]{name}.{unit}:{value}|#Level:Model,ModelName:{self._context.model_name}"
              f"|#RequestId:{self._context.get_request_id()}", flush=True)

    @staticmethod
    def _check(unit, units):
        if unit not in units:
            raise ValueError(f"the unit '{unit}' is none of {', '.join(units)}")

    def add_counter(self, name, value, idx=None, **_):
        self._write(name, value, "Count", idx)

    def add_time(self, name, value, idx=None, unit="ms", **_):
        self._check(unit, ("ms", "s"))
        self._write(name, value, {"ms": "Milliseconds", "s": "Seconds"}[unit], idx)

    def add_size(self, name, value, idx=None, unit="MB", **_):
        self._check(unit, ("MB", "kB", "GB", "B"))
        self._write(name, value, unit, idx)

    def add_percent(self, name, value, idx=None, **_):
        self._write(name, value, "Percent", idx)

    def add_error(self, name, value, **_):
        self._write(name, value, "Error")

    def add_metric(self, name, value, idx=None, unit=None, **_):
        self._write(name, value, unit or "unit", idx)


class Context:
    """What handlers with one more parameter are given. Requests are run one by one: index 0."""

    def __init__(self, model_dir):
        self.model_name = "model"
        self.manifest = {"specificationVersion": "1.0", "runtime": "python",
                         "model": {"modelName": self.model_name}}
        self.system_properties = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1,
                                  "server_name": "MMS", "server_version": "1.1"}
        self.metrics = Metrics(self)
        self.begin({})

    def begin(self, headers):
        """A request is about to be run."""
        self.request_ids = {0: str(uuid.uuid4())}
        self.request_processor = [RequestProcessor(headers)]

    def get_request_id(self, idx=0):
        return self.request_ids.get(idx)

    def get_request_properties(self):
        return self.request_processor[0].get_request_properties()

    def get_request_header(self, idx, key):
        return self.request_processor[idx].get_request_property(key)

    def get_all_request_header(self, idx=0):
        return self.request_processor[idx].get_request_properties()

    def set_response_content_type(self, idx, value):
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx):
        return self.get_response_headers(idx).get("content-type")

    def set_response_header(self, idx, key, value):
        self.request_processor[idx].add_response_property(key, value)

    def get_response_headers(self, idx):
        return self.request_processor[idx].get_response_headers()

    def set_response_status(self, code=200, phrase="", idx=0):
        self.request_processor[idx].report_status(code, reason_phrase=phrase)

    def get_response_status(self, idx):
        processor = self.request_processor[idx]
        return processor.get_response_status_code(), processor.get_response_status_phrase()

    set_http_response_status = set_response_status
    get_http_response_status = get_response_status


# ---------------------------------------------------------------- packages by what they are imported as

PACKAGES = {"PIL": "Pillow", "yaml": "PyYAML", "dateutil": "python-dateutil", "cv2": "opencv-python-headless",
            "bs4": "beautifulsoup4", "sklearn": "scikit-learn", "xgboost": "xgboost-cpu",
            "sagemaker_sklearn_extension": "sagemaker-scikit-learn-extension"}
# What AWS's scikit-learn and XGBoost images have beside their framework, and scripts import.
BROUGHT_MODULES = {"PIL", "boto3", "botocore", "dateutil", "jinja2", "joblib", "matplotlib", "numpy",
                   "pandas", "psutil", "pyarrow", "requests", "retrying", "scipy", "six", "sklearn",
                   "urllib3", "yaml"}
UNKNOWN_HERE = {"mlio": "AWS's reader mlio is not there: read a body with numpy or pandas."}


def package_of(module):
    return PACKAGES.get(module, module)


def hint_for_module(name):
    """How a script gets a module that is not there."""
    if name in UNKNOWN_HERE:
        return f". {UNKNOWN_HERE[name]}"
    return (f". Put {package_of(name)} into code/requirements.txt, or {name}.py beside code/inference.py where "
            "it is a module of your own.")


def hint_for_pickle(error):
    """What a pickle lacks that cannot be loaded."""
    words = str(error)
    if isinstance(error, AttributeError) and (words.startswith("Can't get attribute") or "'__main__'" in words):
        return (". The model was pickled by a program that defines this itself: define or import it in "
                "code/inference.py.")
    if isinstance(error, (EOFError, pickle.UnpicklingError)):
        return ". The file is cut off, or no pickle."
    return ""


# ---------------------------------------------------------------- errors

class BaseInferenceToolkitError(Exception):
    """What a script raises to answer with a status and words of its own."""

    def __init__(self, status_code, message, phrase):
        self.status_code, self.message, self.phrase = status_code, message, phrase
        super().__init__(status_code, message, phrase)


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    def __init__(self, status_code, message=None, phrase=None):
        message = message or "Invalid Request"
        super().__init__(status_code, message, phrase or message)


class ClientError(Exception):
    pass


class ImportModuleError(ClientError):
    pass


class ChannelDoesNotExistException(Exception):
    def __init__(self, channel_name):
        super().__init__(f"Channel {channel_name} is not a valid channel")


def installed_errors(name):
    """The classes of that name in the toolkits that a script imported, ours or installed ones."""
    modules = ("sagemaker_inference.errors", "sagemaker_containers._errors")
    found = [getattr(sys.modules.get(module), name, None) for module in modules]
    return tuple(each for each in found if isinstance(each, type))


def status_and_words(error, stage_status):
    """(status, words) of an exception that a client may be told of; None: it is the model's own.
    Nothing that an exception says of itself counts, but for the toolkit's own classes."""
    kind = type(error)  # an instance can say that it is of any class
    if issubclass(kind, installed_errors("BaseInferenceToolkitError")):
        code = error.status_code
        fits = isinstance(code, int) and 400 <= code <= 599  # http.HTTPStatus is one too
        return int(code) if fits else 500, str(error.message)
    if issubclass(kind, formats.ClientMistake):
        plain = kind is formats.UnsupportedFormat  # raised by a script: which side, we know
        return stage_status if plain else kind.http_status, str(error)
    if issubclass(kind, installed_errors("UnsupportedFormatError")):
        return stage_status, str(error)
    return None


# ---------------------------------------------------------------- answers that are objects

def status_number(status):
    """Of 404, http.HTTPStatus.NOT_FOUND or "404 NOT FOUND"."""
    return int(status) if isinstance(status, int) else int(str(status).split()[0])


class Response:
    """flask.Response as far as an answer goes: body, status, type, headers."""
    default_mimetype = "text/html"

    def __init__(self, response=None, status=200, headers=None, mimetype=None, content_type=None,
                 direct_passthrough=False):
        del direct_passthrough
        self.response = b"" if response is None else response
        self.status_code = status_number(200 if status is None else status)
        self.headers = Headers(headers or ())
        self.content_type = (content_type or mimetype or self.headers.get("content-type")
                             or self.default_mimetype)

    @property
    def status(self):
        return str(self.status_code)

    @property
    def mimetype(self):
        return formats.media_type(self.content_type)

    @property
    def data(self):
        return self.get_data()

    def get_data(self, as_text=False):
        parts = self.response if isinstance(self.response, (list, tuple)) else [self.response]
        whole = b"".join(part.encode("utf-8") if isinstance(part, str) else bytes(part) for part in parts)
        return whole.decode("utf-8") if as_text else whole

    @property
    def is_streamed(self):
        return hasattr(self.response, "__next__")


class WorkerResponse(Response):
    """sagemaker_containers' Response: JSON unless it says otherwise, and an `accept` of old."""
    default_mimetype = "application/json"

    def __init__(self, response=None, accept=None, status=200, headers=None, mimetype=None,
                 direct_passthrough=False):
        super().__init__(response, status, headers, mimetype or accept, None, direct_passthrough)


def make_response(body="", status=200, headers=None):
    if isinstance(body, (dict, list)):
        body, headers = json.dumps(body), dict(headers or {}, **{"content-type": "application/json"})
    return body if hasattr(body, "status_code") else Response(body, status, headers)


def jsonify(*arguments, **members):
    value = members or (arguments[0] if len(arguments) == 1 else list(arguments))
    return Response(json.dumps(value), mimetype="application/json")


def unpack(answer):
    """(status, content type, body, headers) of a Response, flask's own too; None of anything else."""
    if not (hasattr(answer, "mimetype") and hasattr(answer, "response")):
        return None
    code = getattr(answer, "status_code", None)
    if code is None:
        code = status_number(answer.status)
    if getattr(answer, "is_streamed", False):
        body = iter(answer.response)
    else:
        body = answer.get_data() if hasattr(answer, "get_data") else answer.response
    return code, getattr(answer, "content_type", None) or answer.mimetype, body, getattr(answer, "headers", {})


# ---------------------------------------------------------------- AWS's modules

CONTENT_TYPES = {"JSON": "application/json", "CSV": "text/csv", "NPY": "application/x-npy",
                 "NPZ": "application/x-npz", "OCTET_STREAM": "application/octet-stream", "ANY": "*/*",
                 "UTF8_TYPES": list(TEXT_TYPES)}
PARAMETERS = {"BASE_PATH_ENV": "SAGEMAKER_BASE_DIR", "USER_PROGRAM_ENV": "SAGEMAKER_PROGRAM",
              "LOG_LEVEL_ENV": "SAGEMAKER_CONTAINER_LOG_LEVEL",
              "DEFAULT_INVOCATIONS_ACCEPT_ENV": "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
              "MODEL_SERVER_WORKERS_ENV": "SAGEMAKER_MODEL_SERVER_WORKERS",
              "MODEL_SERVER_TIMEOUT_ENV": "SAGEMAKER_MODEL_SERVER_TIMEOUT",
              "BIND_TO_PORT_ENV": "SAGEMAKER_BIND_TO_PORT",
              "SAFE_PORT_RANGE_ENV": "SAGEMAKER_SAFE_PORT_RANGE"}


class Environment:
    """The serving environment, as the variables say it."""

    def __init__(self):
        said = os.environ.get
        name = said("SAGEMAKER_PROGRAM") or "inference.py"
        self.module_name = name[:-3] if name.endswith(".py") else name
        self.module_dir = said("SAGEMAKER_SUBMIT_DIRECTORY") or code_dir()
        self.model_dir = model_dir()
        self.model_server_timeout = int(said("SAGEMAKER_MODEL_SERVER_TIMEOUT") or 60)
        self.model_server_workers = said("SAGEMAKER_MODEL_SERVER_WORKERS")
        self.default_accept = said("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or "application/json"
        self.http_port = said("SAGEMAKER_BIND_TO_PORT") or "8080"
        self.safe_port_range = said("SAGEMAKER_SAFE_PORT_RANGE")
        self.log_level = int(said("SAGEMAKER_CONTAINER_LOG_LEVEL") or logging.INFO)


def model_dir():
    return os.environ.get("SM_MODEL_DIR") or "/opt/ml/model"


def code_dir():
    return os.path.join(model_dir(), "code")


def get_logger(name="sagemaker-inference"):
    return logging.getLogger(name)


def configure_logger(level=logging.INFO, *_, **__):
    logging.basicConfig(level=level)


def read_file(path, mode="r"):
    with open(path, mode) as file:  # pylint: disable=unspecified-encoding
        return file.read()


def write_file(path, data, mode="w"):
    with open(path, mode) as file:  # pylint: disable=unspecified-encoding
        file.write(data)


def retrieve_content_type_header(properties):
    return next((value for name, value in properties.items()
                 if re.match("content-?type", name, re.IGNORECASE)), None)


def parse_accept(accept):
    """The types of an Accept header, parameters left out."""
    return [part.split(";")[0].strip() for part in (accept or "").replace(" ", "").split(",")]


def remove_crlf(text):
    return re.sub(r"[\r\n]+", " ", text)


def start_model_server(*_, **__):
    get_logger().info("the model server runs already; nothing is started")


class Transformer:
    """To derive from and to name; this server calls the script's functions itself."""

    def __init__(self, default_inference_handler=None, **_):
        self._default_inference_handler = default_inference_handler

    def transform(self, *_):
        raise NotImplementedError("a Transformer of one's own is not run by this server: put "
                                  "transform_fn, or input_fn, predict_fn and output_fn, into the script")


class DefaultHandlerService:
    """As Transformer."""

    def __init__(self, transformer=None):
        self._service = transformer or Transformer()

    def handle(self, data, context):
        return self._service.transform(data, context)

    def initialize(self, context):
        del context


def import_module(uri, name="inference"):
    """A module of the folder `uri`; what is elsewhere is not fetched."""
    if not os.path.isdir(uri):
        raise ImportModuleError(f"{uri} is no folder, and nothing is fetched by this server")
    if uri not in sys.path:
        sys.path.insert(0, uri)
    return importlib.import_module(name)


SERVER_FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
FOREIGN_FUNCTIONS = ("handle", "handler", "input_handler", "output_handler")
FOREIGN_PACKAGES = {"sagemaker_inference", "sagemaker_containers", "mms", "ts", __name__}


def service_of_its_own(script):
    """The name of what a script has for another server; None where this one knows how to call it."""
    members = vars(script)
    if any(name in members for name in SERVER_FUNCTIONS):
        return None
    for name, value in members.items():
        is_own = isinstance(value, type) and value.__module__ == script.__name__
        if is_own and any(base.__module__.split(".")[0] in FOREIGN_PACKAGES
                          and not issubclass(base, Exception) for base in value.__mro__[1:]):
            return name
    return next((name for name in FOREIGN_FUNCTIONS if callable(members.get(name))), None)


def refused(name, why):
    """Stands where a script looks for `name`, until it is called."""
    def refuse(*_, **__):
        raise NotImplementedError(f"{name} {why}")
    return refuse


def only_for_training(name):
    """Scripts that train and serve import it, and call it when they train."""
    return refused(name, "is for training, and not there while a model is served")


# ---------------------------------------------------------------- AWS's XGBoost image

COLUMNS_MAX = (1 << 31) - 1  # that a matrix of XGBoost has numbers for

# The name of what a matrix made here says of its records: "whole", where each has all the columns that
# were sent, or "sparse", where those behind the last are missing. One of a script's own says nothing.
COLUMNS = "slipway_columns"


def whole_dmatrix(table):
    """Of a table, or of one record without a table around it."""
    import xgboost
    made = xgboost.DMatrix(table if table.ndim > 1 else table.reshape(1, -1))
    setattr(made, COLUMNS, "whole")
    return made


def refuse_columns(matrix, booster):
    """XGBoost itself takes columns that are not there at the end for missing values, and answers."""
    given = getattr(matrix, COLUMNS, None)
    due, came = booster.num_features(), matrix.num_col() if given else 0
    if came > due or (given == "whole" and came < due):
        raise formats.BadRequest(f"The request does not fit the model: it has {came} columns, and the model "
                                 f"wants {due} values for each record.")


def csv_to_dmatrix(data, dtype=None):
    text = formats.as_text(data)
    table = formats.read_as("text/csv", lambda: formats.decode_csv(
        text, dtype or "float32", formats.sniffed_delimiter(text)))
    return whole_dmatrix(table)


def sparse_dmatrix(rows, width):
    """Of [{column: value}]; what is absent is missing."""
    import scipy.sparse
    import xgboost
    if width > COLUMNS_MAX:
        raise formats.BadRequest(f"The body has a column {width - 1}, and at most {COLUMNS_MAX} are read.")
    columns = [index for row in rows for index in row]
    ends = [0]
    for row in rows:
        ends.append(ends[-1] + len(row))
    values = [value for row in rows for value in row.values()]
    table = (formats.need_numpy().array(values, "float64"), columns, ends)
    made = xgboost.DMatrix(scipy.sparse.csr_matrix(table, shape=(len(rows), width)))
    setattr(made, COLUMNS, "sparse")
    return made


def libsvm_to_dmatrix(data):
    """From 3.0 on the encoder of AWS's image makes a full table, where what is absent is 0; before,
    and without a script in every version, it is missing."""
    import xgboost
    numpy, indices, rows = formats.need_numpy(), dialect["libsvm_indices"], []

    def read(convert):
        rows[:] = formats.libsvm_rows(formats.as_text(data), indices, convert)
        return numpy.array([value for row in rows for value in row.values()])
    formats.read_as("text/libsvm", lambda: formats.once_rounded("float32", read))
    if not rows:
        raise formats.BadRequest("The body cannot be read as text/libsvm: the body has no record.")
    width = max((index for row in rows for index in row), default=-1) + 1
    if indices == "from zero":
        return sparse_dmatrix(rows, width)
    if len(rows) * width > formats.ELEMENTS_MAX:
        raise formats.BadRequest(f"The body comes to {len(rows)} records of {width} columns, and at most "
                                 f"{formats.ELEMENTS_MAX} values are read.")
    table = numpy.zeros((len(rows), width))
    for at, row in enumerate(rows):
        table[at, list(row)] = list(row.values())
    made = xgboost.DMatrix(table)
    setattr(made, COLUMNS, "sparse")
    return made


def recordio_protobuf_to_dmatrix(data):
    rows, width = formats.read_as(recordio.MEDIA, lambda: recordio.read_rows(bytes(data)))
    return sparse_dmatrix(rows, width)


DMATRIX_DECODERS = {"text/csv": csv_to_dmatrix, "text/libsvm": libsvm_to_dmatrix,
                    recordio.MEDIA: recordio_protobuf_to_dmatrix}


def decode_dmatrix(data, content_type):
    """A DMatrix of a body; of JSON and .npy too, beside what AWS's image reads."""
    decoder = DMATRIX_DECODERS.get(formats.known_type(content_type))
    if decoder:
        return decoder(data)
    return whole_dmatrix(formats.decode(data, content_type, "float32"))


def json_to_jsonlines(json_data):
    members = json_data if isinstance(json_data, dict) else json.loads(json_data)
    if len(members) != 1:
        raise ValueError("JSON response is not compatible for conversion to jsonlines.")
    return "".join(json.dumps(entry) + "\n" for entry in next(iter(members.values()))).encode("utf-8")


# ---------------------------------------------------------------- putting them there

def module(name, **members):
    made = types.ModuleType(name)
    made.__path__ = []
    made.__spec__ = importlib.util.spec_from_loader(name, None, is_package=True)
    vars(made).update(members)
    sys.modules[name] = made
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, made)
    return made


def lazy_module(name, find):
    """Its members are what find(name) gives, when they are first looked for."""
    def member(word):
        if word.startswith("__"):  # what Python asks of every module
            raise AttributeError(word)
        return find(word)
    made = types.ModuleType(name)
    made.__path__ = []
    made.__spec__ = importlib.util.spec_from_loader(name, None, is_package=True)
    made.__getattr__ = member
    sys.modules[name] = made
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, made)


def handler_class(defaults):
    """DefaultInferenceHandler, whose methods are the default functions."""
    members = {f"default_{name}": staticmethod(function) for name, function in defaults.items()}
    return type("DefaultInferenceHandler", (), members)


def add_sagemaker_inference(defaults):
    errors = {"ClientError": ClientError, "UnsupportedFormatError": formats.UnsupportedFormat,
              "BaseInferenceToolkitError": BaseInferenceToolkitError,
              "GenericInferenceToolkitError": GenericInferenceToolkitError}
    own = "sagemaker_inference"
    module(own)
    module(f"{own}.content_types", **CONTENT_TYPES)
    module(f"{own}.decoder", decode=formats.decode)
    module(f"{own}.encoder", encode=formats.encode, SUPPORTED_CONTENT_TYPES=set(formats.ENCODERS))
    module(f"{own}.errors", **errors)
    module(f"{own}.parameters", **PARAMETERS)
    module(f"{own}.environment", Environment=Environment, model_dir=model_dir(), code_dir=code_dir(),
           base_dir=os.path.dirname(model_dir()), DEFAULT_MODULE_NAME="inference.py")
    module(f"{own}.utils", read_file=read_file, write_file=write_file, parse_accept=parse_accept,
           retrieve_content_type_header=retrieve_content_type_header, remove_crlf=remove_crlf)
    module(f"{own}.logging", get_logger=get_logger, configure_logger=configure_logger)
    module(f"{own}.default_inference_handler", DefaultInferenceHandler=handler_class(defaults))
    module(f"{own}.transformer", Transformer=Transformer)
    module(f"{own}.default_handler_service", DefaultHandlerService=DefaultHandlerService)
    module(f"{own}.model_server", start_model_server=start_model_server)


NOT_WRITTEN = "is not there: application/x-recordio-protobuf is not written by this server"


def add_sagemaker_containers(defaults):
    given = {f"default_{name}": function for name, function in defaults.items()}
    parts = {
        "content_types": CONTENT_TYPES,
        "encoders": {"decode": formats.decode, "encode": formats.encode,
                     "csv_to_numpy": formats.decode_csv, "json_to_numpy": formats.decode_json,
                     "npy_to_numpy": formats.decode_npy, "array_to_csv": formats.encode_csv,
                     "array_to_json": formats.encode_json, "array_to_npy": formats.encode_npy,
                     "array_to_recordio_protobuf": refused("array_to_recordio_protobuf", NOT_WRITTEN)},
        "env": {"ServingEnv": Environment, "model_dir": model_dir(), "code_dir": code_dir()},
        "errors": {"ClientError": ClientError, "UnsupportedFormatError": formats.UnsupportedFormat,
                   "ImportModuleError": ImportModuleError,
                   "ChannelDoesNotExistException": ChannelDoesNotExistException},
        "files": {"read_file": read_file, "write_file": write_file},
        "logging": {"get_logger": get_logger, "configure_logger": configure_logger},
        "modules": {"import_module": import_module},
        "transformer": {"Transformer": Transformer, **given},
        "worker": {"Response": WorkerResponse},
    }
    module("sagemaker_containers")
    module("sagemaker_containers.beta")
    framework = module("sagemaker_containers.beta.framework")
    for name, members in parts.items():
        made = module(f"sagemaker_containers._{name}", **members)
        setattr(framework, name, made)
        sys.modules[f"sagemaker_containers.beta.framework.{name}"] = made
    framework._errors = framework.errors
    framework.server = module("sagemaker_containers._server", start=start_model_server)
    sys.modules["sagemaker_containers.beta.framework.server"] = framework.server
    module("sagemaker_containers.entry_point", run=only_for_training("sagemaker_containers.entry_point.run"))


TRAINING_PARTS = {"data_utils": ("get_dmatrix", "get_size", "get_content_type", "validate_data_file_path"),
                  "distributed": ("rabit_run", "wait_hostname_resolution", "Rabit"),
                  "checkpointing": ("load_checkpoint", "save_checkpoint", "train", "SaveCheckpoint")}


def add_xgboost_container():
    types_of = {"LIBSVM": "text/libsvm", "X_LIBSVM": "text/x-libsvm",
                "X_RECORDIO_PROTOBUF": recordio.MEDIA}
    module("sagemaker_xgboost_container")
    module("sagemaker_xgboost_container.constants")
    module("sagemaker_xgboost_container.constants.xgb_content_types", **types_of)
    module("sagemaker_xgboost_container.encoder", decode=decode_dmatrix, csv_to_dmatrix=csv_to_dmatrix,
           libsvm_to_dmatrix=libsvm_to_dmatrix, json_to_jsonlines=json_to_jsonlines,
           recordio_protobuf_to_dmatrix=recordio_protobuf_to_dmatrix)
    for part, names in TRAINING_PARTS.items():
        whole = f"sagemaker_xgboost_container.{part}"
        module(whole, **{name: only_for_training(f"{whole}.{name}") for name in names})


def add_sklearn_container(defaults):
    module("sagemaker_sklearn_container")
    module("sagemaker_sklearn_container.serving",
           **{f"default_{name}": function for name, function in defaults.items()})


def add_flask(_):
    """Of flask what an answer is made of: an application of its own is not served here."""
    module("flask", Response=Response, make_response=make_response, jsonify=jsonify, json=json)


def add_training_only(name):
    """A package of AWS's training images: it can be imported, and calls into it are refused."""
    for part in (name, *(f"{name}.{part}" for part in TRAINING_PACKAGES[name])):
        lazy_module(part, lambda word, part=part: only_for_training(f"{part}.{word}"))


TRAINING_PACKAGES = {"smdebug": ("xgboost", "pytorch", "tensorflow", "core", "profiler"),
                     "sagemaker_training": ("environment", "entry_point", "params", "files")}


def add_old_joblib():
    """`from sklearn.externals import joblib`, as it was before joblib was a package of its own."""
    lazy_module("sklearn.externals.joblib", lambda word: getattr(importlib.import_module("joblib"), word))


def add_stand_ins(defaults):
    """`defaults` are the image's own functions: {"model_fn": ..., "input_fn": ..., ...}."""
    ways = {"sagemaker_inference": add_sagemaker_inference,
            "sagemaker_containers": add_sagemaker_containers,
            "sagemaker_xgboost_container": lambda _: add_xgboost_container(),
            "sagemaker_sklearn_container": add_sklearn_container, "flask": add_flask,
            **{name: lambda _, name=name: add_training_only(name) for name in TRAINING_PACKAGES}}
    for name, add in ways.items():
        if not importable(name):
            add(defaults)
    add_old_joblib()
