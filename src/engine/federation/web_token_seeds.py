#!/usr/bin/env python3
"""Writes what web_token_fuzz starts from into FOLDER: tokens and key sets, good and odd.

  web_token_seeds.py FOLDER
"""
import base64
import json
import pathlib
import sys


def part(value):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def token(claims, signature=b"s" * 256, **header):
    return ".".join([part({"alg": "RS256", **header}), part(claims), part(signature)])


def seeds():
    rsa = {"kty": "RSA", "kid": "one", "e": "AQAB", "n": part(b"\xc3" * 256)}
    point = {"kty": "EC", "kid": "two", "crv": "P-256", "x": part(b"\x01" * 32), "y": part(b"\x02" * 32)}
    claims = {"iss": "https://example.org", "aud": ["a", "b"], "azp": "a", "sub": "s", "exp": 1.5,
              "amr": ["x", 1, True], "nested": {"a": []}}
    yield token(claims, kid="one"), {"keys": [rsa, point]}
    yield token({}, b"r" * 64, alg="ES256", kid="two"), {"keys": [point]}
    yield token({}, b"", alg="none"), {"keys": [rsa]}
    yield token({}, alg="HS256"), {"keys": [{"kty": "oct", "k": "AA"}]}
    yield token({}, crit=["exp"]), {"keys": []}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, (text, keys) in enumerate(seeds()):
        (folder / f"{number}").write_text(f"{text}\n{json.dumps(keys)}")


if __name__ == "__main__":
    main()
