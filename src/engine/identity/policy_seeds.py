#!/usr/bin/env python3
"""Writes what policy_fuzz starts from into FOLDER: policies with each element and operator.

  policy_seeds.py FOLDER
"""
import json
import pathlib
import sys

CONTEXT = {"aws:username": ["johndoe"], "aws:SourceIp": ["203.0.113.7"], "aws:SecureTransport": ["true"],
           "aws:CurrentTime": ["2026-05-01T12:00:00Z"], "aws:EpochTime": ["1777636800"],
           "s3:prefix": ["home/johndoe/"], "s3:max-keys": ["10"], "aws:TagKeys": ["team", "cost"],
           "aws:PrincipalArn": ["arn:aws:iam::000000000000:user/johndoe"], "blob": ["aGVsbG8="]}
TESTS = {"StringEquals": {"aws:username": "johndoe"}, "StringNotEquals": {"aws:username": ["a", "b"]},
         "StringEqualsIgnoreCase": {"aws:username": "JohnDoe"}, "StringLike": {"s3:prefix": "home/${aws:username}/*"},
         "StringNotLike": {"s3:prefix": ["secret/*", "?"]}, "NumericLessThanEquals": {"s3:max-keys": "10"},
         "NumericGreaterThan": {"s3:max-keys": 9}, "DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"},
         "DateGreaterThanEquals": {"aws:EpochTime": "1577836800"}, "Bool": {"aws:SecureTransport": True},
         "IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:DB8::/32"]}, "NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"},
         "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/john*"}, "ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::1:root"},
         "Null": {"aws:TokenIssueTime": "true"}, "BinaryEquals": {"blob": "aGVsbG8="},
         "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost", "x"]},
         "ForAnyValue:StringLike": {"aws:TagKeys": "te*"}, "StringEqualsIfExists": {"aws:absent": "x"}}
BUCKET = "arn:aws:s3:::bucket"


def statement(effect="Allow", action="s3:GetObject", resource=f"{BUCKET}/*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements, version="2012-10-17"):
    return json.dumps({"Version": version, "Statement": list(statements)})


def case(first, second="", action="s3:GetObject", resource=f"{BUCKET}/key"):
    context = "\n".join(f"{key}={value}" for key, values in CONTEXT.items() for value in values)
    return "\0".join([first, second or policy(statement()), action, resource, context]).encode()


def seeds():
    for number, (test, body) in enumerate(TESTS.items()):
        for effect in ("Allow", "Deny"):
            yield f"test-{number}-{effect}", case(policy(statement(effect, Condition={test: body})))
    yield "all-tests", case(policy(statement(Condition=TESTS)))
    yield "everything", case(policy(statement(action="*", resource="*")), policy(statement("Deny", "s3:*", "*")))
    yield "not", case(policy({"Effect": "Deny", "NotAction": ["s3:Get*"], "NotResource": [BUCKET, f"{BUCKET}/*"]}))
    yield "lists", case(policy(statement(action=["s3:Get*", "sqs:?endMessage"], resource=[f"{BUCKET}/a*b?c", "*"])))
    yield "variables", case(policy(statement(resource=BUCKET + "/home/${aws:username}/${*}${?}${$}${aws:x, 'd'}")))
    yield "one", case(json.dumps({"Statement": statement(Sid="One")}))
    yield "old", case(policy(statement(), version="2008-10-17"))
    yield "id", case(json.dumps({"Id": "x", "Version": "2012-10-17", "Statement": []}))
    yield "trust", case(policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {
        "AWS": ["000000000000", "arn:aws:iam::000000000000:root"], "Service": "sagemaker.amazonaws.com",
        "Federated": "x"}, "Condition": {"StringEquals": {"sts:ExternalId": "e"}}}))
    yield "anybody", case(policy({"Effect": "Allow", "Action": "sqs:*", "Principal": "*", "Resource": "*"}))
    yield "not-principal", case(policy({"Effect": "Deny", "Action": "s3:*", "NotPrincipal": {"AWS": "1"}, "Resource": "*"}))
    for effect in ("Allow", "Deny"):
        for number, whom in enumerate(("*", {"AWS": "arn:aws:iam::000000000000:user/johndoe"},
                                       {"AWS": "000000000000"}, {"AWS": "AIDAEXAMPLE"}, {"Service": "sns.amazonaws.com"})):
            at_resource = policy({**statement(effect), "Principal": whom}, statement("Deny", "s3:Put*", Principal="*"))
            yield f"resource-{effect}-{number}", case(policy(statement()), at_resource)
            yield f"resource-alone-{effect}-{number}", case(policy(statement(action="sqs:*")), at_resource)
    yield "wildcards", case(policy(statement()), action="a*b?*c", resource="aXXbYZc")
    yield "no-policy", case('{"Statement": [{"Effect": "Maybe"}]}')
    yield "no-json", case('{"Version": "2012-10-17", "Statement": [')


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
