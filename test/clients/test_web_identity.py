"""AssumeRoleWithWebIdentity, with an issuer of tokens on this machine: a web server whose certificate
is signed by itself and registered by its thumbprint."""
import base64
import hashlib
import http.server
import json
import ssl
import subprocess
import threading
import time

import botocore
import botocore.config
import boto3
import pytest
from botocore.exceptions import ClientError

from policies import document

ACCOUNT = "000000000000"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenIssuer:
    """Publishes one RSA key and signs with it. OpenSSL does both."""

    def __init__(self, folder):
        self.folder = folder
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tls.key", "-out",
                     "tls.pem", "-days", "2", "-subj", "/CN=issuer", "-addext",
                     "subjectAltName=IP:127.0.0.1")
        self.openssl("genrsa", "-out", "key.pem", "2048")
        self.asked = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.name = f"127.0.0.1:{self.server.server_port}"
        self.url = f"https://{self.name}"

    def openssl(self, *arguments, data=None):
        return subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, input=data,
                              capture_output=True).stdout

    def handler(self):
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                body = json.dumps(issuer.documents()[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def documents(self):
        modulus = self.openssl("rsa", "-in", "key.pem", "-noout", "-modulus").split(b"=")[1].strip()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "e": "AQAB",
               "n": base64url(bytes.fromhex(modulus.decode()))}
        return {"/.well-known/openid-configuration": {"issuer": self.url,
                                                      "jwks_uri": self.url + "/keys"},
                "/keys": {"keys": [key]}}

    def thumbprint(self):
        der = ssl.PEM_cert_to_DER_cert((self.folder / "tls.pem").read_text())
        return hashlib.sha1(der).hexdigest()

    def token(self, **claims):
        now = int(time.time())
        claims = {"iss": self.url, "aud": "app", "sub": "repo:one", "iat": now, "exp": now + 600,
                  **claims}
        head = base64url(json.dumps({"alg": "RS256", "kid": "one"}).encode())
        text = f"{head}.{base64url(json.dumps(claims).encode())}"
        signature = self.openssl("dgst", "-sha256", "-sign", "key.pem", data=text.encode())
        return f"{text}.{base64url(signature)}"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    issuer = TokenIssuer(tmp_path_factory.mktemp("issuer"))
    yield issuer
    issuer.server.shutdown()


@pytest.fixture
def federated(aws, issuer, name):
    """A provider, and a role that takes tokens of it for one subject."""
    provider = aws.iam.create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=["app"],
        ThumbprintList=[issuer.thumbprint()])["OpenIDConnectProviderArn"]

    def trust(action="sts:AssumeRoleWithWebIdentity", **condition):
        return json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": action,
             "Condition": condition or {"StringEquals": {f"{issuer.name}:sub": "repo:one",
                                                         f"{issuer.name}:aud": "app"}}}]})

    role = aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())["Role"]
    yield {"role": role["Arn"], "provider": provider, "name": name, "trust": trust}
    for policy in aws.iam.list_role_policies(RoleName=name)["PolicyNames"]:
        aws.iam.delete_role_policy(RoleName=name, PolicyName=policy)
    aws.iam.delete_role(RoleName=name)
    aws.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)


@pytest.fixture
def name(request):
    return "federated-" + hashlib.sha1(request.node.name.encode()).hexdigest()[:8]


def stranger(aws):
    """Nobody signs."""
    return boto3.client("sts", endpoint_url=aws.environment["AWS_ENDPOINT_URL"],
                        region_name="us-east-1",
                        config=botocore.config.Config(signature_version=botocore.UNSIGNED,
                                                      retries={"max_attempts": 1}))


def assume(aws, federated, token, **more):
    return stranger(aws).assume_role_with_web_identity(
        RoleArn=federated["role"], RoleSessionName="me", WebIdentityToken=token, **more)


def refusal(aws, federated, token, **more):
    with pytest.raises(ClientError) as caught:
        assume(aws, federated, token, **more)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


NO_GOOD = ("InvalidIdentityToken", "The web identity token provided could not be validated. See the "
           "AssumeRoleWithWebIdentity documentation for requirements.")
NOT_AUTHORIZED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


def test_a_token_of_a_registered_issuer_lets_in(aws, issuer, federated):
    answer = assume(aws, federated, issuer.token())
    assert answer["SubjectFromWebIdentityToken"] == "repo:one"
    assert answer["Provider"] == federated["provider"]
    assert answer["Audience"] == "app"
    given = answer["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"],
                            "us-east-1")
    endpoint = aws.environment["AWS_ENDPOINT_URL"]
    who = session.client("sts", endpoint_url=endpoint).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{federated['name']}/me"

    # Policies ask the session for what its token said.
    aws.iam.put_role_policy(RoleName=federated["name"], PolicyName="own", PolicyDocument=document(
        {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*", "Condition": {
            "StringEquals": {f"{issuer.name}:sub": "repo:one",
                             "aws:FederatedProvider": federated["provider"]}}}))
    session.client("iam", endpoint_url=endpoint).list_roles(MaxItems=1)


def test_a_token_that_is_no_good_is_refused(aws, issuer, federated):
    head, claims, signature = issuer.token().split(".")
    other = base64url(json.dumps({"alg": "none"}).encode())
    confused = base64url(json.dumps({"alg": "HS256", "kid": "one"}).encode())
    assert refusal(aws, federated, f"{other}.{claims}.") == NO_GOOD
    assert refusal(aws, federated, f"{confused}.{claims}.{signature}") == NO_GOOD
    forged = base64url(json.dumps({**json.loads(base64.urlsafe_b64decode(claims + "==")),
                                   "jti": "1"}).encode())
    assert refusal(aws, federated, f"{head}.{forged}.{signature}") == NO_GOOD
    assert refusal(aws, federated, issuer.token(iss="no issuer")) == NO_GOOD
    assert refusal(aws, federated, issuer.token(iss="https://example.org")) == (
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://example.org")
    head, claims, signature = issuer.token(aud="other").split(".")
    assert refusal(aws, federated, f"{head}.{claims}.{signature}") == (
        "InvalidIdentityToken", "Incorrect token audience")
    assert refusal(aws, federated, f"{head}.{claims}.c2ln") == NO_GOOD
    assert refusal(aws, federated, "no-token-at-all")[1].startswith(
        "The ID Token provided is not a valid JWT.")
    code, message = refusal(aws, federated, issuer.token(exp=1_700_000_000))
    assert code == "ExpiredTokenException"
    assert message.endswith("must be before the expiration date/time 1700000000")


def test_a_token_that_holds_and_is_not_meant_is_not_authorized(aws, issuer, federated):
    assert refusal(aws, federated, issuer.token(sub="repo:two")) == NOT_AUTHORIZED
    aws.iam.update_assume_role_policy(
        RoleName=federated["name"], PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"}]}))
    assert refusal(aws, federated, issuer.token()) == NOT_AUTHORIZED
    assert refusal(aws, {"role": federated["role"] + "-none"}, issuer.token()) == NOT_AUTHORIZED


def test_tags_of_a_token_are_the_sessions_where_the_role_takes_them(aws, issuer, federated):
    token = issuer.token(**{"https://aws.amazon.com/tags": {"principal_tags": {"team": ["blue"]}}})
    assert refusal(aws, federated, token) == NOT_AUTHORIZED
    aws.iam.update_assume_role_policy(
        RoleName=federated["name"], PolicyDocument=federated["trust"](
            ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
            StringEquals={"aws:RequestTag/team": "blue"}))
    assert assume(aws, federated, token)["PackedPolicySize"] > 0


def test_keys_are_asked_for_once(aws, issuer, federated):
    assume(aws, federated, issuer.token())
    before = len(issuer.asked)
    for _ in range(3):
        assume(aws, federated, issuer.token())
    assert len(issuer.asked) == before


def test_an_issuer_that_cannot_be_asked_is_named_as_the_reason(aws, federated):
    url = "https://127.0.0.1:1"
    provider = aws.iam.create_open_id_connect_provider(
        Url=url, ClientIDList=["app"], ThumbprintList=["a" * 40])["OpenIDConnectProviderArn"]
    aws.iam.update_assume_role_policy(
        RoleName=federated["name"], PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"Federated": provider},
                 "Action": "sts:AssumeRoleWithWebIdentity"}]}))
    head = base64url(json.dumps({"alg": "RS256"}).encode())
    claims = base64url(json.dumps({"iss": url, "aud": "app", "sub": "s"}).encode())
    code, message = refusal(aws, federated, f"{head}.{claims}.c2ln")
    aws.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    assert code == "InvalidIdentityToken"
    assert message.startswith("Couldn't retrieve verification key from your identity provider,")
