"""Requests to models that know their columns by name, and to models of texts.

AWS's default functions give a model a plain array of numbers: one that was fitted on a table of
pandas with columns of several kinds, or on texts, cannot be asked without a script there. Here it
can, by this server's own choice, where the default input_fn and predict_fn are used:

  names   records by name ({"age": 30, "city": "Bern"}, alone, in a list or as JSON lines), columns by
          name ({"age": [30, 41], ...}), pandas' split form ({"columns": [...], "data": [...]}), each also
          below "instances", "inputs", "dataframe_records" or "dataframe_split"; CSV with a header
  texts   a JSON string or list of strings, CSV of one column, text/plain (the whole body is one text)

The order of names is free; one that is missing, unknown or there twice is refused. Records without
names are the columns in the model's order.
"""

import slipway_formats as formats
from slipway_formats import BadRequest

MEMBERS_MAX = 16  # of an ensemble that are looked into
KIND_WORDS = {str: "text", float: "a number", bool: "true or false"}
TRUTHS = {"true": True, "false": False}
WRAPPERS = ("instances", "inputs", "dataframe_records", "dataframe_split")


# ---------------------------------------------------------------- what a model wants

def fitted_within(model):
    """The fitted models that one hands its data to: what it searched for or corrects, and the members
    of an ensemble; of many only some, which are alike then."""
    for name in ("best_estimator_", "estimator_", "regressor_"):
        if hasattr(model, name):
            return [getattr(model, name)]
    calibrated = [getattr(each, "estimator", None) for each in getattr(model, "calibrated_classifiers_", ())]
    members = getattr(model, "estimators_", None)
    members = list(members)[:MEMBERS_MAX] if isinstance(members, (list, tuple)) else []
    return calibrated[:MEMBERS_MAX] + [each[1] if isinstance(each, tuple) else each for each in members]


def parts_of(model):
    """A model and what it is made of, in the order in which data goes through."""
    yield model
    steps = getattr(model, "steps", None) or getattr(model, "transformer_list", None) or ()
    for part in [step[1] for step in steps] + fitted_within(model):
        yield from parts_of(part)


def is_of_texts(part):
    """Whether it takes texts: a vectorizer of scikit-learn's, or one that does as they do."""
    return callable(getattr(part, "build_analyzer", None))


def kind_of_categories(categories):
    """str, bool or float where all of the categories are such; None: either."""
    known = [each for each in categories.tolist() if each is not None and each == each]
    for kind in (str, bool):
        if all(isinstance(each, kind) for each in known):
            return kind
    return float if all(isinstance(each, (int, float)) for each in known) else None


def kinds_by(transformer, names):
    """Of the columns that go into one part of a ColumnTransformer, what is known of their values."""
    for part in parts_of(transformer):
        if is_of_texts(part):
            return {name: str for name in names}
        categories = getattr(part, "categories_", None)
        if categories is not None and len(categories) == len(names):
            return {name: kind_of_categories(each) for name, each in zip(names, categories)}
    return {}


class Wishes:
    """What a model says of the data that it takes."""

    def __init__(self, model):
        parts = list(parts_of(model))
        names = getattr(model, "feature_names_in_", None)
        self.names = [] if names is None else [str(name) for name in names]
        self.texts = not self.names and any(map(is_of_texts, parts))
        self.kinds = {}
        choosers = [part.transformers_ for part in parts if hasattr(part, "transformers_")]
        for _, transformer, columns in (each for chooser in choosers for each in chooser):
            columns = [columns] if isinstance(columns, (str, int)) else columns
            if hasattr(columns, "__iter__"):
                chosen = [self.names[each] if isinstance(each, int) and each < len(self.names) else each
                          for each in columns]
                self.kinds.update(kinds_by(transformer, chosen))
        self.wants_table = bool(choosers)  # it looks for columns by name

    def __bool__(self):
        return self.texts or bool(self.names)


def wishes_of(model):
    """None of a model that says nothing of names or texts, and of what is no such model."""
    try:
        return Wishes(model) or None
    except Exception:  # pylint: disable=broad-except
        return None  # a model of a script's own, whose members are something else


# ---------------------------------------------------------------- columns

def column_of(values, kind, name):
    """One column of a table, of JSON's values; null is missing."""
    numpy = formats.need_numpy()
    known = [each for each in values if each is not None]
    if any(isinstance(each, (list, dict)) for each in known):
        raise BadRequest(f'"{name}" has a value that is none of a table')
    is_text, is_number = (all(isinstance(each, kinds) for each in known) for kinds in (str, (int, float)))
    if (kind is str and not is_text) or (kind in (float, bool) and not is_number):
        raise BadRequest(f'"{name}" is {KIND_WORDS[kind]} for this model')
    if is_number and known:
        if any(isinstance(each, int) and not -2**63 <= each < 2**63 for each in known):
            raise BadRequest(f'"{name}" has a number that is out of range')
        if not all(isinstance(each, int) for each in values):
            values = [formats.exact(each) if isinstance(each, int) else each for each in values]
        return numpy.array([float("nan") if each is None else each for each in values])
    column = numpy.empty(len(values), dtype=object)
    column[:] = [float("nan") if each is None else each for each in values]
    return column


def column_of_fields(fields, kind, at, lines):
    """The same of the fields of CSV; an empty one is missing, and booleans are written as pandas does."""
    if kind is not str and any(fields) and all(field == "" or field.lower() in TRUTHS for field in fields):
        return column_of([TRUTHS.get(field.lower()) for field in fields], None, "")
    plain = all(field == "" or formats.NUMBER.fullmatch(field) for field in fields)
    if kind in (float, bool) or (kind is None and plain):
        numbers = [formats.number_of(field, line, at) for field, line in zip(fields, lines)]
        whole = all(map(formats.WHOLE.fullmatch, fields))
        return column_of([int(field) for field in fields] if whole else numbers, None, "")
    return column_of([field or None for field in fields], None, "")


def in_order(given, names):
    """The places of the model's columns among the given names."""
    formats.refuse_twice(given)
    places = {name: at for at, name in enumerate(given)}
    known = set(names)
    missing = [name for name in names if name not in places]
    unknown = [name for name in given if name not in known]
    if missing or unknown:
        raise BadRequest(" and ".join(
            [f"it lacks {', '.join(missing)}"] * bool(missing)
            + [f"the model has no column {', '.join(map(str, unknown))[:formats.QUOTED_FIELD_MAX]}"]
            * bool(unknown)))
    return [places[name] for name in names]


def table_of(columns, wishes):
    """The columns, in the model's order, as a table of pandas; without it as an array."""
    try:
        import pandas
    except ImportError:
        if wishes.wants_table:
            raise formats.Failure("pandas is not installed, and this model looks for columns by name: put it "
                                  "into code/requirements.txt.") from None
        return formats.need_numpy().column_stack(columns)
    return pandas.DataFrame(dict(zip(wishes.names, columns)), columns=wishes.names)


# ---------------------------------------------------------------- text/csv

def has_header(first, names):
    """Whether the first line has names; where all of them are numbers, it may be a record as well."""
    numbers = [field for field in first if formats.NUMBER.fullmatch(field)]
    if sorted(first) == sorted(names):
        if len(numbers) == len(first):
            raise BadRequest("the first line may be the columns' names or a record: send records by name as JSON")
        return True
    return any(field in names for field in first) and not numbers


def csv_lines(text):
    """[(number of the line, its fields)]"""
    if text.startswith("\ufeff"):
        raise BadRequest("send no byte order mark")
    found = [(line, fields) for line, fields in enumerate(formats.fields_of(text, ","), 1) if fields]
    for line, fields in found:
        if fields[-1] is None:
            formats.refuse_field(None, line, len(fields))
        if len(fields) != len(found[0][1]):
            raise BadRequest(f"line {line} has {len(fields)} columns, and {len(found[0][1])} are due")
    if not found:
        raise BadRequest("the body has no record")
    return found


def read_csv(text, wishes):
    first = next((fields for fields in formats.fields_of(text, ",") if fields), [""])
    named = first[-1] is not None and has_header(first, wishes.names)
    if not named and not wishes.wants_table:
        return None
    found = csv_lines(text)
    places = in_order(first, wishes.names) if named else range(len(wishes.names))
    rows = found[1:] if named else found
    if not rows:
        raise BadRequest("the body has no record")
    if len(first) != len(wishes.names):
        raise BadRequest(f"it has {len(first)} columns")
    lines, fields = [line for line, _ in rows], [fields for _, fields in rows]
    return table_of([column_of_fields([row[at] for row in fields], wishes.kinds.get(name), at + 1, lines)
                     for name, at in zip(wishes.names, places)], wishes)


# ---------------------------------------------------------------- JSON

def columns_by_name(value, names):
    """{name: values} of records or columns by name; None where the value has no names."""
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        if all(list(each) == ["features"] for each in value) and "features" not in names:
            return None
        wanted = set(names)
        for each in value:
            if each.keys() != wanted:
                in_order(list(each), names)  # says how
        return {name: [each[name] for each in value] for name in names}
    if not isinstance(value, dict) or (list(value) == ["features"] and "features" not in names):
        return None
    if set(value) >= {"columns", "data"} and set(value) <= {"columns", "data", "index"}:
        return split_columns(value["columns"], value["data"], names)
    in_order(list(value), names)
    lists = [each for each in value.values() if isinstance(each, list)]
    if not lists:
        return {name: [each] for name, each in value.items()}
    if len(lists) < len(value) or len({len(each) for each in lists}) > 1:
        raise BadRequest("its columns are no lists of one length")
    return value


def split_columns(given, rows, names):
    if not isinstance(given, list) or not isinstance(rows, list):
        raise BadRequest('"columns" and "data" are lists')
    places = in_order(given, names)
    if any(not isinstance(row, list) or len(row) != len(given) for row in rows):
        raise BadRequest('each record of "data" has a value for each of "columns"')
    return {name: [row[at] for row in rows] for name, at in zip(names, places)}


def columns_by_place(value, names):
    """The same of records without names."""
    rows = value if isinstance(value, list) else [value]
    if not rows:
        raise BadRequest("the body has no record")
    rows = [formats.instance_value(row) for row in rows]
    if not any(isinstance(row, list) for row in rows):
        rows = [rows]
    if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
        raise BadRequest("a record has too few or too many values")
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}


def unwrapped(value, names):
    """What stands below the name that frames a request."""
    if not isinstance(value, dict) or set(value) & set(names):
        return value
    frames = [name for name in WRAPPERS if name in value]
    if len(frames) > 1:
        raise BadRequest(f'it wants one of {", ".join(frames)}')
    return value[frames[0]] if frames else value


def read_json(value, wishes):
    value = unwrapped(value, wishes.names)
    columns = columns_by_name(value, wishes.names)
    if columns is None:
        if not wishes.wants_table:
            return None
        columns = columns_by_place(value, wishes.names)
    if not columns[wishes.names[0]]:
        raise BadRequest("the body has no record")
    return table_of([column_of(columns[name], wishes.kinds.get(name), name) for name in wishes.names], wishes)


# ---------------------------------------------------------------- texts

def texts_of(value):
    """The texts of a JSON value: one, a list, or records of one member each."""
    value = unwrapped(value, ())
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    found = []
    for each in value if isinstance(value, list) else [value]:
        while isinstance(each, (list, dict)) and len(each) == 1:
            each = next(iter(each.values())) if isinstance(each, dict) else each[0]
        if not isinstance(each, str):
            raise BadRequest("a record is no text")
        found.append(each)
    if not found:
        raise BadRequest("the body has no record")
    return found


def texts_of_csv(text):
    lines = csv_lines(text)
    if len(lines[0][1]) > 1:
        raise BadRequest("a text with a comma in it stands in quotes")
    return [fields[0] for _, fields in lines]


# ---------------------------------------------------------------- by type

def read(data, content_type, wishes):
    """What the model wants of a body; None: it is read as for any other model."""
    media = formats.known_type(content_type)
    ways = {"text/csv": texts_of_csv, "text/plain": lambda text: [text.rstrip("\r\n")],
            "application/json": lambda text: texts_of(formats.parse_json(text)),
            "application/jsonlines": lambda text: texts_of(formats.parse_json_lines(text))}
    if not wishes.texts:
        ways = {"text/csv": lambda text: read_csv(text, wishes),
                "application/json": lambda text: read_json(formats.parse_json(text), wishes),
                "application/jsonlines": lambda text: read_json(formats.parse_json_lines(text), wishes)}
    if media not in ways:
        return None
    return formats.read_as(content_type, lambda: ways[media](formats.as_text(data)))
