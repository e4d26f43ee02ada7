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
on inside that environment (slipway_packages.py). Then it loads the model and says so; then it answers,
one at a time.

A message, either way: u32 length of the head, u32 length of the body (little endian), the head (a
JSON object), the body. Out: {"event": "ready"} or {"event": "failed", "message"}; then for each
{"content_type", "accept", "custom_attributes"} an answer {"status", "content_type", and if there are
any "custom_attributes"}. It ends when
the socket is closed. Needs nothing but the standard library until the model's own code asks for more.
"""

import asyncio
import importlib
import importlib.util
import inspect
import json
import os
import pickle
import re
import select
import socket
import struct
import sys
import traceback
import types

import slipway_formats as formats
import slipway_records as records
import slipway_toolkit as toolkit
from slipway_formats import BadRequest, Failure
from slipway_model_folder import LIBRARY, MODEL_PREFIX, find_pickle, find_script
from slipway_packages import enter_environment
from slipway_toolkit import importable

ERROR_TEXT_MAX = 4096
STREAM_WORDS_MAX = 1000
CONTENT_TYPE_MAX = 256
CUSTOM_ATTRIBUTES_MAX = 1024  # as InvokeEndpoint has it
PASSED_HEADERS = ("content-type", "content-length", toolkit.CUSTOM_ATTRIBUTES.lower())
QUOTED_NAME_MAX = 64
DROPPED_NAMES_MAX = 32
FLOAT32_WHOLE_MAX = 2**24  # up to which it holds every whole number


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


def is_of_sklearn(kind):
    return str(kind.__module__).split(".", maxsplit=1)[0] == "sklearn"


def refuse_what_cannot_answer(model):
    """Says now, and not in each answer, that the default predict_fn has no way to ask this model. What
    is of a script's own is only asked for predict: its other members may mean anything."""
    kind = type(model).__name__
    if isinstance(model, type) and is_of_sklearn(model):
        raise Failure(f"The model is the class {model.__name__}, and no object of it that was fitted.")
    if not hasattr(model, "predict") and not callable(model):
        raise Failure(f"The model is a {kind} without predict(): save the model itself, or put a "
                      "code/inference.py beside it with a predict_fn that asks it.")
    while is_of_sklearn(type(model)) and hasattr(model, "steps"):  # a pipeline is as fitted as its last step
        model = model.steps[-1][1]
    if is_of_sklearn(type(model)):
        from sklearn import exceptions
        from sklearn.utils import validation
        try:
            validation.check_is_fitted(model)
        except exceptions.NotFittedError:
            raise Failure(f"The {type(model).__name__} is not fitted: call fit() before it is saved.") from None


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


def predicted(model, data):
    """Some models (KMeans) take only the type of number that they were fitted with, which is mostly
    float64, where AWS's image gives them float32 of what came as text."""
    try:
        return model.predict(data)
    except ValueError as error:
        is_narrow = getattr(data, "dtype", None) == "float32"
        if not is_narrow or not str(error).startswith("Buffer dtype mismatch"):
            raise
        return model.predict(data.astype("float64"))


def default_predict_fn(data, model):
    if hasattr(model, "predict"):
        return predicted(model, fitted_to(model, data))
    if callable(model):
        return model(data)
    raise Failure(f"The model is a {type(model).__name__} without predict(): give a predict_fn.")


def xgboost_predict_fn(data, model):
    """As AWS's image, without asking for the names of columns: most formats have none."""
    import xgboost
    if isinstance(model, xgboost.Booster):
        toolkit.refuse_columns(data, model)
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


def moves_whole_units(narrow, wide):
    """Whether numbers that float32 does not hold to the unit are others in `wide`, where they are."""
    large = abs(narrow) >= FLOAT32_WHOLE_MAX
    with formats.need_numpy().errstate(invalid="ignore"):
        return (narrow[large].astype("float64").astype(wide.dtype) != wide[large]).any()


def sklearn_input_fn(data, content_type):
    """AWS's image makes float32 of numbers that came as text. Here a table stays as it came where that
    would move a number by whole units: a time or an identifier would be another one."""
    if formats.known_type(content_type) in formats.UTF8_TYPES:
        try:
            narrow = formats.decode(data, content_type, "float32")
        except formats.NoNumbers:
            return formats.decode(data, content_type)
        if not (abs(narrow) >= FLOAT32_WHOLE_MAX).any():
            return narrow
        try:
            wide = formats.decode(data, content_type)
        except formats.BadRequest:  # whole numbers that 64 bits do not hold
            wide = formats.decode(data, content_type, "float64")
        return wide if moves_whole_units(narrow, wide) else narrow
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
    stays what it is, and the script goes by another. What was pickled as of __main__, the program that
    trained the model, is looked for in it."""
    sys.path.insert(0, code_dir)
    if os.path.isdir(os.path.join(code_dir, LIBRARY)):
        sys.path.append(os.path.join(code_dir, LIBRARY))
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
    sys.modules["__main__"] = script
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


def takes_context(function, count):
    """Whether a function has one more parameter than it is given arguments, which is for the context:
    by place, and without a value of its own. None is none, as in `context=None`; with any other,
    as in `threshold=0.5`, the images of AWS that know no context call it without."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):  # one that is built in does not say
        return False
    by_place = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    if len(by_place) <= count:
        return False
    further = by_place[count]
    return further.default is further.empty or further.default is None


class Handler:
    """The model's functions, each its own or the default."""

    def __init__(self, settings, code_dir, module_name):
        self.model_dir = settings["model_dir"]
        self.context = toolkit.Context(self.model_dir)
        self.loop = asyncio.new_event_loop()  # of functions that are coroutines
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
        sys.modules["__main__"] = types.ModuleType("__main__")  # what is pickled as of it is not this program's
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
        if self.predict_fn in DEFAULT_PREDICT_FNS and not self.transform_fn:
            refuse_what_cannot_answer(self.model)
        by_default = self.input_fn in DEFAULT_INPUT_FNS and self.predict_fn in DEFAULT_PREDICT_FNS
        self.wishes = records.wishes_of(self.model) if by_default and not self.transform_fn else None
        if self.wishes and importable("pandas"):
            importlib.import_module("pandas")  # now, and not while the first request waits
        if get("model_warmup_fn"):
            self.call(get("model_warmup_fn"), self.model_dir, self.model)

    def call(self, function, *arguments):
        """With the context behind, where the function takes it; what it awaits is waited for."""
        if takes_context(function, len(arguments)):
            arguments += (self.context,)
        result = function(*arguments)
        return self.loop.run_until_complete(result) if inspect.iscoroutine(result) else result

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
        except (BadRequest, ValueError, TypeError) as error:
            if self.input_fn not in DEFAULT_INPUT_FNS:
                raise
            where = "" if isinstance(error, BadRequest) else f"The body cannot be read as {content_type}: "
            raise BadRequest(f"{where}{sentence(words_of(error))}{wishes_of(self.model)}") from error

    def predict(self, value):
        """What a model cannot do with data that no code of the script saw is the client's mistake."""
        try:
            return self.call(self.predict_fn, value, self.model)
        except (ValueError, TypeError) as error:
            if self.input_fn not in DEFAULT_INPUT_FNS or self.predict_fn not in DEFAULT_PREDICT_FNS:
                raise
            raise BadRequest("The model does not take this request: "
                             f"{sentence(words_of(error))}{wishes_of(self.model)}") from error

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
        if formats.media_type(content_type) in toolkit.TEXT_TYPES:
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
    """An exception's text, whatever it does to be read; of XGBoost's without the addresses of its calls."""
    try:
        return str(error).split("\nStack trace:\n")[0][:ERROR_TEXT_MAX]
    except BaseException:  # pylint: disable=broad-except
        return "its text cannot be read"


def sentence(words):
    return words if words.endswith((".", "!", "?")) else words + "."


def hint_for(error):
    """A sentence that helps, where the kind of an exception says what is missing."""
    kind = type(error)
    try:
        if issubclass(kind, ModuleNotFoundError) and error.name:
            return toolkit.hint_for_module(error.name.split(".")[0])
        lacking = toolkit.hint_for_pickle(error)
        if lacking:
            return lacking
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
        what = "The model's code" if find_script(settings["model_dir"])[1] else "The pickled model"
        words = words_of(error) or "it says no more"
        send(channel, {"event": "failed", "message": f"{what} failed while loading: "
                                                     f"{type(error).__name__}: {words}{hint_for(error)}"})
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
