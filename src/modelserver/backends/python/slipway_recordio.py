"""application/x-recordio-protobuf: RecordIO with SageMaker's records inside, read without protobuf.

The grammar is that of decode_recordio.cc (recordio.h has the fields); what the two take and refuse is
compared in test/modelserver/test_toolkit.py. Refusals are BadRequest, with the record's place.
"""

import struct

from slipway_formats import QUOTED_FIELD_MAX, BadRequest

MEDIA = "application/x-recordio-protobuf"
MAGIC = 0xCED7230A
HEADER_BYTES = 8
FEATURES, KEY, VALUE = 1, 1, 2
TENSORS = {2: ("<f", 5), 3: ("<d", 1), 7: (None, 0)}  # field: form of a number, its wire type
BYTES_VALUE = 9
VALUES, KEYS, SHAPE = 1, 2, 3
WIRE_VARINT, WIRE_BYTES, WIRE_SIZES = 0, 2, {1: 8, 5: 4}
FEATURE_NAME = b"values"


class NoRecord(ValueError):
    """Bytes that are no protobuf message."""


def frame_at(data, at):
    """(message, where the next frame begins)"""
    left = len(data) - at - HEADER_BYTES
    if left < 0:
        raise BadRequest("its frame is cut off")
    magic, length = struct.unpack_from("<II", data, at)
    if magic != MAGIC:
        raise BadRequest("it does not begin as a RecordIO frame")
    padded = (length + 3) // 4 * 4
    if padded > left:
        raise BadRequest(f"it has {length} bytes by its frame, and {left} are left")
    begin = at + HEADER_BYTES
    return data[begin:begin + length], begin + padded


def varint_at(data, at):
    value = 0
    for place in range(10):
        if at + place >= len(data):
            break
        byte = data[at + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value & (1 << 64) - 1, at + place + 1
    raise NoRecord


def fields_of(message):
    """Yields (field, wire type, value): numbers of varints, bytes of all others."""
    at = 0
    while at < len(message):
        tag, at = varint_at(message, at)
        field, wire = (tag & 0xFFFFFFFF) >> 3, tag & 7
        if field == 0 or 19000 <= field <= 19999:
            raise NoRecord
        if wire == WIRE_VARINT:
            value, at = varint_at(message, at)
        elif wire == WIRE_BYTES or wire in WIRE_SIZES:
            size, at = varint_at(message, at) if wire == WIRE_BYTES else (WIRE_SIZES[wire], at)
            if size > len(message) - at:
                raise NoRecord
            value, at = message[at:at + size], at + size
        else:
            raise NoRecord
        yield field, wire, value


def varints_of(data):
    at = 0
    while at < len(data):
        value, at = varint_at(data, at)
        yield value


def numbers_of(wire, value, form, single):
    """The numbers of one field, packed or one; of another wire type it is another field."""
    if wire not in (WIRE_BYTES, single):
        return []
    if form is None:
        return list(varints_of(value)) if wire == WIRE_BYTES else [value]
    if len(value) % struct.calcsize(form):
        raise NoRecord
    return [number for number, in struct.iter_unpack(form, value)]


def as_int32(value):
    low = value & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 else low


def tensor_of(message, form, single):
    """(values, keys, shape)"""
    values, keys, shape = [], [], []
    for field, wire, value in fields_of(message):
        if field == VALUES:
            numbers = numbers_of(wire, value, form, single)
            values += numbers if form else map(as_int32, numbers)
        elif field in (KEYS, SHAPE):
            (keys if field == KEYS else shape).extend(numbers_of(wire, value, None, WIRE_VARINT))
    return values, keys, shape


def tensor_in_value(message):
    found = None
    for field, wire, value in fields_of(message):
        if wire != WIRE_BYTES:
            continue
        if field == BYTES_VALUE:
            raise BadRequest("its features are bytes, and no numbers")
        if field in TENSORS:
            found = tensor_of(value, *TENSORS[field])
    return found


def features_of(message):
    """The tensor that a record has as features, the last one where it has several."""
    found = None
    for field, wire, entry in fields_of(message):
        if (field, wire) != (FEATURES, WIRE_BYTES):
            continue
        name, held = b"", b""
        for part, kind, value in fields_of(entry):
            if kind == WIRE_BYTES and part in (KEY, VALUE):
                name, held = (value, held) if part == KEY else (name, value)
        if name != FEATURE_NAME:
            shown = name[:QUOTED_FIELD_MAX].decode("utf-8", "replace")
            raise BadRequest(f"it has features '{shown}', and '{FEATURE_NAME.decode()}' are read")
        found = tensor_in_value(held) or found
    if found is None:
        raise BadRequest(f"it has no features '{FEATURE_NAME.decode()}'")
    return found


def columns_of(shape):
    """As many as a shape comes to, or more than any key where it comes to too many."""
    columns = 1
    for size in shape:
        columns = min(columns * size, 1 << 64)
    return columns


def row_of(values, keys, shape):
    """({column: value}, how many columns it speaks of), of a sparse record."""
    if len(keys) != len(values):
        raise BadRequest(f"it has {len(keys)} keys for {len(values)} values")
    columns = columns_of(shape) if shape else max(keys) + 1
    row = {}
    for key, value in zip(keys, values):
        if key >= columns:
            raise BadRequest(f"its key {key} is beyond the {columns} columns")
        if key in row:
            raise BadRequest(f"its key {key} comes twice")
        row[key] = value
    return row, columns


class Table:
    """Rows of {column: value}, and how many columns they come to; dense ones have all of them."""

    def __init__(self):
        self.rows, self.width, self.due = [], 0, None

    def add(self, values, keys, shape):
        if keys or (shape and not values):
            row, columns = row_of(values, keys, shape)
        else:
            row, columns = dict(enumerate(values)), len(values)
            self.due = columns if self.due is None else self.due
            if columns != self.due or columns == 0:
                raise BadRequest(f"it has {columns} values, and {self.due or 'some'} are due")
        self.width = max(self.width, columns)
        if self.due is not None and self.width > self.due:
            raise BadRequest(f"it has more than {self.due} columns, as others have")
        self.rows.append(row)


def read_message(message):
    try:
        return features_of(message)
    except NoRecord:
        raise BadRequest("it is no record of SageMaker's") from None


def read_rows(data):
    """([{column: value}], number of columns)"""
    table, at = Table(), 0
    while at < len(data):
        begin = at
        try:
            message, at = frame_at(data, at)
            table.add(*read_message(message))
        except BadRequest as error:
            raise BadRequest(f"record {len(table.rows) + 1} (byte {begin}): {error}") from None
    if not table.rows:
        raise BadRequest("the body has no record")
    return table.rows, table.width
