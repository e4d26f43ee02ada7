#!/usr/bin/env python3
"""What form_fuzz starts from: `form_seeds.py FOLDER`."""
import pathlib
import sys


def part(head, value):
    return f"--b\r\nContent-Disposition: {head}\r\n\r\n{value}\r\n"


FIELDS = part('form-data; name="key"', "${filename}") + part("form-data; name=policy", "eyJ9")
FORMS = {
    "plain": FIELDS + part('form-data; name="file"; filename="a.txt"', "file\r\n--") + "--b--\r\n",
    "names": FIELDS + part("form-data; name=file; filename*=utf-8''n%C3%A4; filename=\"\\\"\"", "") + "--b--",
    "preamble": "hello\r\n" + FIELDS + part('form-data; name="file"', "x") + part('form-data; name="b"', "") + "--b--",
    "none": FIELDS + "--b--\r\n",
}

if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, form in FORMS.items():
        (folder / name).write_bytes(form.encode())
