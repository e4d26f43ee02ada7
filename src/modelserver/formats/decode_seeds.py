#!/usr/bin/env python3
"""Writes what decode_fuzz starts from into FOLDER: a body of each format, for a model of three floats.

  decode_seeds.py FOLDER
"""
import pathlib
import struct
import sys

TYPES = ("csv", "json", "json_lines", "npy", "libsvm", "recordio")  # as ContentType has them


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def record(tensor_field, tensor):
    message = field(1, field(1, b"values") + field(2, field(tensor_field, tensor)))
    return struct.pack("<II", 0xCED7230A, len(message)) + message + b"\0" * (-len(message) % 4)


def npy(values):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(values) // 3}, 3), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(
        f"<{len(values)}f", *values)


def seeds():
    yield "csv", b'1,2.5,-3e1\n"4",,nan\n'
    yield "json", b'{"instances": [[1, 2.5, null], [4, 5, 6]]}'
    yield "json_lines", b'[1, 2, 3]\n{"features": [4, 5, 6]}\n'
    yield "npy", npy([1.0, 2.5, -3.0])
    yield "libsvm", b"1 0:1.5 2:-2 # x\n0 qid:3 1:8\n"
    dense = field(1, struct.pack("<3f", 1, 2.5, -3))
    sparse = field(1, struct.pack("<2d", 1, 2)) + field(2, b"\x00\x02") + field(3, b"\x03")
    whole = field(1, b"\x01\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
    yield "recordio", record(2, dense) + record(3, sparse) + record(7, whole)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in seeds():
        (folder / name).write_bytes(bytes([TYPES.index(name)]) + body)


if __name__ == "__main__":
    main()
