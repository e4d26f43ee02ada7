"""Request bodies to numpy arrays and predictions to answers, for models in Python.

The grammar is that of decode.h and encode.h, written once more because what Python handlers are
given depends on what the body holds, not on a signature: whole numbers stay whole, text stays text.
What the two readers take and refuse is compared in test/modelserver/test_formats.py.

`decode` raises UnsupportedFormat (415) or BadRequest (400), `encode` NotAcceptable (406). Needs
numpy for all but the media types.
"""

import csv
import decimal
import io
import json
import math
import re
import zipfile
import zlib

UTF8_TYPES = ("application/json", "text/csv", "application/jsonlines")
JSON_DEPTH_MAX = 32
QUOTED_FIELD_MAX = 40  # of a field that a message names
SNIFFED_MAX = 512  # of the first line, for the delimiter
ELEMENTS_MAX = 64 << 20  # of a request that is small, and says that it is large (decode.h)
# A part of a text matches in one way alone, here and below: else a long field that is none takes
# the square of its length.
NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan)",
                    re.IGNORECASE)
WHOLE = re.compile(r"[+-]?[0-9]{1,400}")  # longer ones are read as doubles, which are infinite then
SAME_TYPES = {"application/x-jsonlines": "application/jsonlines",
              "application/x-ndjson": "application/jsonlines",
              "application/npy": "application/x-npy",
              "text/json": "application/json",
              "text/x-libsvm": "text/libsvm"}


class Failure(Exception):
    """What a person has to know about why the model cannot be served."""


class ClientMistake(Exception):
    """A request that cannot be answered as it is; `http_status` says why."""
    http_status = 400


class BadRequest(ClientMistake):
    pass


class NoNumbers(BadRequest):
    """Of values that are none, where numbers of one type are wanted."""


class UnsupportedFormat(ClientMistake):
    """Scripts know it as UnsupportedFormatError, which is made of the type alone."""
    http_status = 415

    def __init__(self, content_type, message=None):
        self.content_type = content_type
        super().__init__(message or f"Content type {content_type} is not supported by this framework.")


class NotAcceptable(UnsupportedFormat):
    http_status = 406


def need_numpy():
    try:
        import numpy
        return numpy
    except ImportError:
        raise Failure("numpy is not installed, and the default handlers need it: put it into "
                      "code/requirements.txt.") from None


# ---------------------------------------------------------------- media types

def media_type(header):
    """The type without parameters: "text/csv" of "Text/CSV; charset=utf-8"."""
    return (header or "").split(";")[0].strip().lower()


def known_type(header):
    """The same, by the name that the tables below have it under."""
    media = media_type(header)
    return SAME_TYPES.get(media, media)


def accept_ranges(header):
    """[(range, weight, range with its other parameters)] in the order of the header."""
    found = []
    for item in (header or "").split(","):
        media, *parameters = [part.strip() for part in item.split(";")]
        weight, rest = 1.0, [media]
        for parameter in parameters:
            if parameter[:2].lower() != "q=":
                rest.append(parameter)
                continue
            plain = NUMBER.fullmatch(parameter[2:])
            weight = float(parameter[2:]) if plain else 0.0
            weight = weight if 0 <= weight <= 1 else 0.0
        if media:
            found.append((media.lower(), weight, ";".join(rest)))
    return found


def standing_of(ranges, media):
    """(weight, place) of a type by the range that names it most closely."""
    closest, weight, place = 0, 0.0, 0
    for at, (name, given, _) in enumerate(ranges):
        close = 3 if name == media else 2 if name == media.split("/")[0] + "/*" else 1 if name == "*/*" else 0
        if close > closest:
            closest, weight, place = close, given, at
    return closest, weight, place


def choose_accept(header, own):
    """What the default output_fn writes: the plain type that an Accept header weighs most; of equal
    ones the first, and where the header leaves it open, `own`. None: it can write none of them."""
    if not (header or "").strip():
        return own
    ranges = accept_ranges(header)
    best, chosen = (0.0, 0), None
    aliases = [name for name, real in SAME_TYPES.items() if real in ENCODERS]
    for media in [own] + [media for media in (*ENCODERS, *aliases) if media != own]:
        closest, weight, place = standing_of(ranges, media)
        if closest < 3 and media in SAME_TYPES:  # other names of a type count where they are said
            continue
        if weight > best[0] or (weight == best[0] and weight > 0 and place < best[1]):
            best, chosen = (weight, place), media
    return SAME_TYPES.get(chosen, chosen)


def accept_for_script(header, own):
    """What a script's own function is told: a single type as it was sent, to the blank, since
    scripts compare it; of several the one that weighs most, `own` where only a wildcard is left."""
    ranges = accept_ranges(header)
    if len(ranges) == 1 and "*" not in ranges[0][0] and ranges[0][1] == 1:
        weighed = re.search(r";\s*q=", header, re.IGNORECASE)
        return ranges[0][2] if weighed else header.strip(", ")
    named = [each for each in ranges if each[1] > 0 and "*" not in each[0]]
    return max(named, key=lambda each: each[1])[2] if named else own


# ---------------------------------------------------------------- text/csv

def sniffed_delimiter(text):
    """A comma, or where the first line has none, whichever other mark it has most of, as AWS's
    XGBoost image takes it."""
    line = text.split("\n", 1)[0][:SNIFFED_MAX]
    if "," in line:
        return ","
    best = max(";\t| ", key=line.count)
    return best if best in line else ","


def quoted_table(text, delimiter, blanks):
    """Lines of fields where some may be quoted; a field that is None does not end as one."""
    mark, blank = re.escape(delimiter), f"[{blanks}]*"
    field = re.compile(rf'{blank}(?:"([^"]*(?:""[^"]*)*)"{blank}|(?!")([^{mark}\r\n]*))({mark}|\r\n|\r|\n|\Z)')
    line, at = [], 0
    while at < len(text) or line:
        found = field.match(text, at)
        if not found:
            yield line + [None]
            return
        quoted, bare, end = found.groups()
        line.append(quoted.replace('""', '"') if quoted is not None else bare.rstrip(blanks))
        at = found.end()
        if end != delimiter:
            yield line if line != [""] or quoted is not None else []
            line = []


def fields_of(text, delimiter):
    """Yields the fields of each line; none for an empty line."""
    blanks = " \t".replace(delimiter, "")
    if '"' in text:
        yield from quoted_table(text, delimiter, blanks)
        return
    for line in re.split(r"\r\n|\r|\n", text):
        yield [field.strip(blanks) for field in line.split(delimiter)] if line.strip(blanks) else []


def refuse_field(field, line, column):
    if field is None:
        raise BadRequest(f"line {line}, column {column}: a quoted field does not end as one")
    hint = ""
    if line == 1 and field.startswith("\ufeff"):
        hint = " (send no byte order mark)"
    elif line == 1 and field[:1].isalpha():
        hint = " (send no header line)"
    raise BadRequest(f"line {line}, column {column}: '{field[:QUOTED_FIELD_MAX]}' is no number{hint}")


def number_of(field, line, column, convert=float):
    if field == "":
        return float("nan")
    if field is None or not NUMBER.fullmatch(field):
        refuse_field(field, line, column)
    return convert(field)


def decode_csv(text, dtype=None, delimiter=","):
    """[records, columns]; whole numbers where all are, else doubles; an empty field is NaN."""
    return once_rounded(dtype, lambda convert: csv_array(text, dtype, delimiter, convert))


def csv_array(text, dtype, delimiter, convert):
    numpy = need_numpy()
    rows = []
    for line, fields in enumerate(fields_of(text, delimiter), 1):
        if not fields:
            continue
        if fields[-1] is None:
            refuse_field(None, line, len(fields))
        if rows and len(fields) != len(rows[0]):
            raise BadRequest(f"line {line} has {len(fields)} columns, and {len(rows[0])} are due")
        rows.append(fields)
        if dtype is not None or not all(map(WHOLE.fullmatch, fields)):
            read = exact_double if dtype is None else convert
            rows[-1] = [number_of(field, line, at, read) for at, field in enumerate(fields, 1)]
    if not rows:
        raise BadRequest("the body has no record")
    whole = dtype is None and all(isinstance(row[0], str) for row in rows)
    number = int if whole else exact_double
    table = [list(map(number, row)) if isinstance(row[0], str) else row for row in rows]
    if whole:
        refuse_beyond_64_bits(value for row in table for value in row)
    return numpy.array(table, dtype="int64" if whole else "float64")


def exact(number):
    """A whole number as a double, which is the same number."""
    value = double_of(number)
    if math.isfinite(value) and int(value) != number:
        raise BadRequest(f"{str(number)[:QUOTED_FIELD_MAX]} is a whole number that a double, as the others are, "
                         "does not hold")
    return value


def exact_double(field):
    """A field of a table that has others than whole numbers."""
    return exact(int(field)) if len(field) > 15 and WHOLE.fullmatch(field) else float(field)


def refuse_beyond_64_bits(values):
    """Of whole numbers alone: a double would be another number."""
    for value in values:
        if not -2**63 <= value < 2**63:
            raise BadRequest(f"{str(value)[:QUOTED_FIELD_MAX]} is a whole number that 64 bits do not hold")


# ---------------------------------------------------------------- numbers of a narrower type

def is_halfway(array, dtype):
    """Where a double lies exactly between two numbers of the type: only there does it matter whether
    it is the number that was sent, or already a rounded one."""
    numpy = need_numpy()
    if array.dtype.kind != "f" or array.dtype.itemsize <= numpy.dtype(dtype).itemsize:
        return numpy.zeros(array.shape, dtype=bool)
    with numpy.errstate(all="ignore"):
        near, largest = array.astype(dtype), numpy.finfo(dtype).max
        beyond = 2 * float(largest) - float(numpy.nextafter(largest, -largest))  # the first that is infinite
        wide = numpy.where(numpy.isinf(near), numpy.copysign(beyond, array), near.astype("float64"))
        other = numpy.nextafter(near, numpy.where(array > wide, numpy.inf, -numpy.inf).astype(dtype))
        return numpy.isfinite(array) & (wide != array) & (wide - array == array - other.astype("float64"))


FLOAT_HALF, BELOW_IT = 0x10000000, 0x1FFFFFFF  # of a double, what a float has no room for
SIGN_OFF, NORMAL_FLOAT = 0x7FFFFFFFFFFFFFFF, 897 << 52  # the double that is the smallest float of full precision


def any_halfway(array, dtype):
    """A quick look before that one: nearly no request has such a number."""
    if dtype == "float32" and array.dtype == "float64":
        bits = need_numpy().ascontiguousarray(array).view("uint64")
        may_be = (bits & BELOW_IT) == FLOAT_HALF
        if not may_be.any() and not ((bits & SIGN_OFF) - 1 < NORMAL_FLOAT - 1).any():
            return False
    return is_halfway(array, dtype).any()


def not_halfway(dtype):
    """A reader of numbers: a double, and where that lies halfway between two numbers of the type but the
    text does not, the next double on the text's side. Rounded on it is the right one."""
    facts = need_numpy().finfo(dtype)

    def convert(text):
        value = float(text)
        if not math.isfinite(value) or value == 0:
            return value
        mantissa, exponent = math.frexp(abs(value))
        if exponent > facts.minexp + 1 and math.ldexp(mantissa, facts.nmant + 2) % 2 != 1:
            return value  # quickly, as nearly all are
        if is_halfway(need_numpy().array([value]), dtype)[0]:
            exact, own = decimal.Decimal(text), decimal.Decimal(value)
            return value if exact == own else math.nextafter(value, math.inf if exact > own else -math.inf)
        return value
    return convert


def once_rounded(dtype, read):
    """What read(convert) gives as the type: doubles are read first, and where one lies halfway the text
    is read again."""
    array = read(float)
    if dtype is None:
        return array
    if any_halfway(array, dtype):
        array = read(not_halfway(dtype))
    return narrowed(array, dtype)


def narrowed(array, dtype):
    with need_numpy().errstate(over="ignore"):  # what is too large is infinite, as for the other backends
        return array.astype(dtype)


# ---------------------------------------------------------------- JSON

def refuse_twice(names):
    """A name that comes twice says two things."""
    seen = set()
    for name in names:
        if name in seen:
            raise BadRequest(f'"{name}" came twice')
        seen.add(name)


def refuse_twins(pairs):
    """An object's members."""
    members = dict(pairs)
    if len(members) != len(pairs):
        refuse_twice(name for name, _ in pairs)
    return members


def parse_json(text, convert=float):
    readers = {} if convert is float else {
        "parse_float": convert, "parse_int": lambda word: int(word) if len(word) < 16 else convert(word)}
    try:
        return json.loads(text, object_pairs_hook=refuse_twins, **readers)
    except RecursionError:
        raise BadRequest(f"at most {JSON_DEPTH_MAX} arrays within each other are read") from None


def shape_of(value, depth=0):
    """The sizes of nested lists, all alike; raises where they are not."""
    if not isinstance(value, list):
        return ()
    if depth == JSON_DEPTH_MAX:
        raise BadRequest(f"at most {JSON_DEPTH_MAX} arrays within each other are read")
    shapes = {shape_of(each, depth + 1) for each in value}
    if len(shapes) > 1:
        raise BadRequest("the elements of an array are all of one shape")
    return (len(value), *(shapes.pop() if shapes else ()))


def leaves_of(value):
    if not isinstance(value, list):
        yield value
        return
    for each in value:
        yield from leaves_of(each)


def double_of(number):
    try:
        return float("nan") if number is None else float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def plain_array(numpy, data, dtype):
    """Numbers as numbers, null beside them as NaN, text as text; what is mixed as it came."""
    if isinstance(data, list):
        try:
            array = numpy.array(data)
            is_plain = array.dtype.kind in "biuf" and array.ndim <= JSON_DEPTH_MAX and array.size
            may_be_rounded = dtype is None and array.dtype.kind == "f" and (abs(array) > 2**53 - 1).any()
            if is_plain and not may_be_rounded:
                return array
        except (ValueError, OverflowError):
            pass  # named below
    shape, leaves = shape_of(data), list(leaves_of(data))
    if not leaves:
        raise BadRequest("the body has no record")
    if all(each is None or isinstance(each, (int, float)) for each in leaves):
        if dtype is None and all(isinstance(each, int) for each in leaves):
            refuse_beyond_64_bits(leaves)
        elif dtype is None:
            leaves = [exact(each) if isinstance(each, int) else each for each in leaves]
        numbers = list(map(double_of, leaves))
        return numpy.array(numbers).reshape(shape) if None in leaves or shape else numpy.array(data)
    if all(isinstance(each, str) for each in leaves):
        return numpy.array(leaves).reshape(shape)
    array = numpy.empty(len(leaves), dtype=object)
    array[:] = leaves
    return array.reshape(shape)


def instance_value(value):
    """{"features": [...]}, as AWS's own algorithms take it, is the value."""
    return value["features"] if isinstance(value, dict) and list(value) == ["features"] else value


def json_array(numpy, data, dtype):
    if isinstance(data, list):
        data = [instance_value(each) for each in data]
    array = plain_array(numpy, data, dtype)
    if dtype is not None and array.dtype.kind not in "biuf":
        raise NoNumbers("there are values that are no numbers")
    return array


def decode_json(text, dtype=None):
    """Arrays, {"instances": ...} or {"inputs": ...}; another object as it is, as AWS's does."""
    numpy = need_numpy()
    return once_rounded(dtype, lambda convert: json_array(numpy, framed(parse_json(text, convert)), dtype))


def framed(data):
    if isinstance(data, dict):
        frames = [name for name in ("instances", "inputs") if name in data]
        if len(frames) > 1:
            raise BadRequest('it wants "instances" or "inputs", not both')
        return data[frames[0]] if frames else instance_value(data)
    return data


def parse_json_lines(text, convert=float):
    lines = [parse_json(line, convert) for line in text.split("\n") if line.strip()]
    if not lines:
        raise BadRequest("the body has no record")
    return lines


def decode_json_lines(text, dtype=None):
    numpy = need_numpy()
    return once_rounded(dtype, lambda convert: json_array(numpy, parse_json_lines(text, convert), dtype))


# ---------------------------------------------------------------- .npy, text/libsvm

def decode_npy(data, dtype=None):
    numpy = need_numpy()
    stream = io.BytesIO(data)
    array = numpy.load(stream, allow_pickle=False)
    if stream.read(1):
        raise BadRequest("there is more behind the array")
    return array if dtype is None else narrowed(array, dtype)


def decode_npz(data, dtype=None):
    """A sparse matrix as scipy.sparse.save_npz writes it, and as AWS's toolkit reads it."""
    try:
        import scipy.sparse
    except ImportError:
        raise UnsupportedFormat("application/x-npz", "application/x-npz is a sparse matrix of scipy, "
                                "and scipy is not installed.") from None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > 8 * ELEMENTS_MAX:
            raise BadRequest(f"it unpacks to {unpacked} bytes, at most {8 * ELEMENTS_MAX} are read")
        matrix = scipy.sparse.load_npz(io.BytesIO(data))
        if hasattr(matrix, "check_format"):  # of what is compressed by rows or columns nobody looks later
            matrix.check_format(full_check=True)
    except (zipfile.BadZipFile, KeyError, OSError, AttributeError, zlib.error) as error:
        raise BadRequest(f"it is no sparse matrix of scipy ({error})") from error
    return matrix if dtype is None else narrowed(matrix, dtype)


def libsvm_rows(text, indices="from zero", convert=float):
    """[{index: value}] of each record; labels, qid and comments are looked over. `sniffed`: indices
    count from 1 where none is 0, as AWS's XGBoost images from 3.0 on take them."""
    rows = list(numbered_rows(text, convert))
    from_one = indices == "sniffed" and not any(0 in row for row in rows)
    return [{index - from_one: value for index, value in row.items()} for row in rows]


def numbered_rows(text, convert):
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        row = {}
        for at, item in enumerate(line.split()):
            if item.startswith("#"):
                break
            index, colon, value = item.partition(":")
            if index == "qid" or (at == 0 and not colon):
                continue
            if not (WHOLE.fullmatch(index) and index[0] not in "+-" and NUMBER.fullmatch(value)):
                raise BadRequest(f"line {number}: '{item[:QUOTED_FIELD_MAX]}' is no index:value")
            if not math.isnan(row.get(int(index), math.nan)):
                raise BadRequest(f"line {number}: the index {int(index)} came twice")
            row[int(index)] = convert(value)
        yield row


# ---------------------------------------------------------------- by type

DECODERS = {"text/csv": decode_csv, "application/json": decode_json,
            "application/jsonlines": decode_json_lines, "application/x-npy": decode_npy,
            "application/x-npz": decode_npz}


def as_text(data):
    return data if isinstance(data, str) else str(data, "utf-8")


def read_as(content_type, read):
    """What read() gives; what it cannot read is the client's mistake."""
    try:
        return read()
    except BadRequest as error:
        raise type(error)(f"The body cannot be read as {content_type}: {error}.") from error
    except (ValueError, TypeError, OverflowError, EOFError) as error:
        raise BadRequest(f"The body cannot be read as {content_type}: {error}") from error
    except MemoryError as error:
        raise BadRequest(f"The body cannot be read as {content_type}: it says that it is larger than there is "
                         "memory for.") from error


def decode(data, content_type, dtype=None):
    media = known_type(content_type)
    decoder = DECODERS.get(media)
    if decoder is None:
        raise UnsupportedFormat(content_type, f"The content type '{content_type}' is not read by the "
                                f"default input_fn; these are: {', '.join(DECODERS)}.")
    is_text = media in UTF8_TYPES
    return read_as(content_type, lambda: decoder(as_text(data) if is_text else data, dtype))


def dense(value):
    """The array of what scipy keeps sparse and of a table of pandas; other values as they are."""
    for way in ("toarray", "to_numpy"):
        if hasattr(value, way):
            return getattr(value, way)()
    return value


def to_plain(value):
    value = dense(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def encode_json(value):
    return json.dumps(value, default=to_plain)


def encode_json_lines(value):
    """A line for each record; what is no series of records, as an object or a text, is one."""
    value = dense(value)
    value = value.tolist() if hasattr(value, "tolist") else value
    is_one = isinstance(value, (dict, str, bytes)) or not hasattr(value, "__iter__")
    return "".join(json.dumps(item, default=to_plain) + "\n" for item in ([value] if is_one else value))


def encode_csv(value):
    """A line for each record, quoted where a field needs it."""
    numpy = need_numpy()
    array = numpy.asarray(dense(value))
    is_object = array.ndim == 0 and array.dtype == object
    array = numpy.atleast_1d(array)
    if array.ndim > 2 or is_object:
        raise NotAcceptable("text/csv", "The answer cannot be written as text/csv: its records are "
                            "no plain lists. Ask for application/json.")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(array.reshape(len(array), -1))
    return text.getvalue()


def plain_objects(numpy, array):
    """An array of Python's objects as one of numbers or texts; None: they are neither."""
    leaves = list(leaves_of(array.tolist()))
    if all(isinstance(each, str) for each in leaves):
        return array.astype(str)
    if not all(isinstance(each, (bool, int, float)) for each in leaves):
        return None
    plain = numpy.array(array.tolist())
    return None if plain.dtype.hasobject else plain


def encode_npy(value):
    """Objects would be pickled in it, which whoever asks would have to run to read it."""
    numpy = need_numpy()
    try:
        array = numpy.asarray(dense(value))
    except ValueError:  # lists of different lengths
        array = None
    if array is not None and array.dtype.hasobject:
        array = plain_objects(numpy, array) if array.dtype == object else None
    if array is None:
        raise NotAcceptable("application/x-npy", "The answer cannot be written as application/x-npy: it is no "
                            "array of numbers or texts. Ask for application/json.")
    data = io.BytesIO()
    numpy.save(data, array)
    return data.getvalue()


ENCODERS = {"application/json": encode_json, "text/csv": encode_csv,
            "application/jsonlines": encode_json_lines, "application/x-npy": encode_npy}


def not_acceptable(accept):
    return NotAcceptable(accept, f"'{accept}' is not written by the default output_fn; these are: "
                         f"{', '.join(ENCODERS)}.")


def encode(value, accept):
    encoder = ENCODERS.get(known_type(accept))
    if encoder is None:
        raise not_acceptable(accept)
    return encoder(value)
