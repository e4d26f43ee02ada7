"""RecordIO of SageMaker's records, written and taken apart for tests, by the published schema."""

import struct

MAGIC = 0xCED7230A
TENSORS = {"float32": (2, "f"), "float64": (3, "d"), "int32": (7, None)}


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def packed(values, letter):
    return struct.pack(f"<{len(values)}{letter}", *values) if letter else b"".join(map(varint, values))


def tensor(values, kind="float32", keys=None, shape=None):
    number, letter = TENSORS[kind]
    inside = field(1, packed(values, letter))
    inside += field(2, packed(keys, None)) if keys is not None else b""
    inside += field(3, packed(shape, None)) if shape is not None else b""
    return field(number, inside)


def record(value, label=None, name="values"):
    """A Record of one feature, an encoded Value, and where wanted a label of one number."""
    entry = field(1, field(1, name.encode()) + field(2, value))
    return entry if label is None else entry + field(2, field(1, b"values") + field(2, tensor([label])))


def frame(message):
    return struct.pack("<II", MAGIC, len(message)) + message + b"\0" * (-len(message) % 4)


def dense(rows, **how):
    return b"".join(frame(record(tensor(list(row), **how))) for row in rows)


def fields(message):
    """[(number, bytes of what is length-delimited)]"""
    found, at = [], 0
    while at < len(message):
        assert message[at] & 7 == 2 and message[at + 1] < 128, "only short parts are taken apart here"
        size = message[at + 1]
        found.append((message[at] >> 3, message[at + 2:at + 2 + size]))
        at += 2 + size
    return found


def labels(body):
    """Of each record its labels as {name: floats}."""
    records = []
    while body:
        magic, size = struct.unpack("<II", body[:8])
        assert magic == MAGIC
        entries = [dict(fields(entry)) for number, entry in fields(body[8:8 + size]) if number == 2]
        values = {entry[1].decode(): dict(fields(dict(fields(entry[2]))[2]))[1] for entry in entries}
        records.append({name: list(struct.unpack(f"<{len(data) // 4}f", data)) for name, data in values.items()})
        body = body[8 + size + -size % 4:]
    return records
