"""What every client of S3 must get right, whoever wrote it: each byte is compared.

A client is a module beside this one, named as the client is, with a class `Client(environment, bucket)`
that has those of these methods for which its users have a call:

  put(key, data)             whole; large data as the client does it, in parts
  get(key)                   whole
  range(key, first, size)    a part
  keys()                     the name of every object in the bucket, however many pages that takes
  copy(source, target)       on the server
  delete(keys)               all of them
  url_to_get(key), url_to_put(key)    presigned

As a program, for clients that live in an environment of their own:
  jobs.py CLIENT BUCKET BUCKET_WITH_A_THOUSAND     prints the names of the jobs that were done, as JSON
"""
import http.client
import importlib
import json
import os
import pathlib
import sys
import urllib.parse

MIB = 1024 * 1024
PART = 5 * MIB
NAMES = ["plain.txt", "folder/in folder/two  blanks.txt", "zeichen/äöü-日本.txt", "signs/a+b&c=d,e;f@g!(h)'i~.txt",
         "percent/100%25 and %.txt"]


def some_bytes(size):
    """No byte stands where another part of it has the same: a swapped part or page shows."""
    return b"".join(number.to_bytes(8, "big") for number in range((size + 7) // 8))[:size]


A_THOUSAND = [f"key-{number:04}" for number in range(1005)]
LARGE = some_bytes(2 * PART + 12345)


def fetch(url, data=None):
    """By a client that adds no header of its own: signatures of version 2 speak of Content-Type too."""
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.netloc, timeout=30)
    connection.request("GET" if data is None else "PUT", f"{where.path}?{where.query}", data)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return body


def writes_and_reads(client):
    for key in NAMES:
        client.put(key, key.encode())
    assert [client.get(key) for key in NAMES] == [key.encode() for key in NAMES]


def writes_nothing_then_something(client):
    for number in range(3):  # an empty body must not spoil what comes next on its connection
        client.put(f"empty-{number}", b"")
        client.put(f"after-{number}", b"after")
    assert [client.get(f"{what}-1") for what in ("empty", "after")] == [b"", b"after"]


def writes_in_parts(client):
    client.put("large", LARGE)
    assert client.get("large") == LARGE


def reads_ranges(client):
    for first, size in ((0, 10), (PART - 5, 10), (len(LARGE) - 7, 7)):
        assert client.range("large", first, size) == LARGE[first:first + size], (first, size)


def copies(client):
    client.copy("large", "copies/large copy")
    client.copy(NAMES[3], "copies/small")
    assert client.get("copies/large copy") == LARGE and client.get("copies/small") == NAMES[3].encode()


def deletes(client):
    gone = [*NAMES, *(f"gone-{number}" for number in range(20))]
    for key in gone:
        client.put(key, b"x")
    assert not set(gone) - set(client.keys())
    client.delete(gone)
    assert not set(gone) & set(client.keys())


def reads_by_url(client):
    assert fetch(client.url_to_get("after-0")) == b"after"


def writes_by_url(client):
    fetch(client.url_to_put("by url"), b"by url")
    assert client.get("by url") == b"by url"


NEEDS = {writes_and_reads: ["put", "get"], writes_nothing_then_something: ["put", "get"],
         writes_in_parts: ["put", "get"], reads_ranges: ["put", "range"],
         copies: ["copy", "get"], deletes: ["delete", "keys"], reads_by_url: ["url_to_get"],
         writes_by_url: ["url_to_put", "get"]}


def made(name, environment, bucket):
    return importlib.import_module(f"s3_clients.with_{name}").Client(environment, bucket)


def do_all(client):
    """Does each job that the client has calls for; their names."""
    done = [job for job, needs in NEEDS.items() if all(hasattr(client, need) for need in needs)]
    for job in done:
        job(client)
    return [job.__name__ for job in done]


def lists_a_thousand(client):
    """In a bucket that has more than a page of a list holds."""
    assert sorted(client.keys()) == A_THOUSAND


if __name__ == "__main__":
    sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])
    from s3_clients import jobs
    name, bucket, full = sys.argv[1:]
    did = jobs.do_all(jobs.made(name, dict(os.environ), bucket))
    if hasattr(listing := jobs.made(name, dict(os.environ), full), "keys"):
        jobs.lists_a_thousand(listing)
        did.append("lists_a_thousand")
    print(json.dumps(did))
