"""Container images: pushed and pulled by the distribution API and by skopeo, seen through ECR."""
import base64
import gzip
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import pytest
from conftest import Clients
from server import Server

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"

needs_skopeo = pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    def code(self):
        return self.status, self.json()["errors"][0]["code"]


class Registry:
    """The distribution API of one server, by hand."""

    def __init__(self, aws):
        self.host = urllib.parse.urlsplit(aws.environment["AWS_ENDPOINT_URL"]).netloc
        token = aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self.user, self.password = base64.b64decode(token).decode().split(":", 1)
        self.authorization = "Basic " + token

    def ask(self, method, path, body=None, authorization=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if authorization != "":
            headers["Authorization"] = authorization or self.authorization
        try:
            connection.request(method, path, body=body, headers=headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def push_blob(self, name, data, algorithm="sha256"):
        begun = self.ask("POST", f"/v2/{name}/blobs/uploads/")
        assert begun.status == 202, begun.body
        ended = self.ask("PUT", f"{begun.headers['Location']}?digest={digest_of(data, algorithm)}", data)
        assert ended.status == 201, ended.body
        return digest_of(data, algorithm)

    def push_image(self, name, tag, layer=b"layer", **more):
        config = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": self.push_blob(name, config), "size": len(config)},
            "layers": [{"mediaType": OCI_LAYER, "digest": self.push_blob(name, layer), "size": len(layer)}],
            **more}).encode()
        put = self.ask("PUT", f"/v2/{name}/manifests/{tag}", manifest, Content_Type=OCI_MANIFEST)
        assert put.status == 201, put.body
        return digest_of(manifest), manifest


@pytest.fixture(scope="module")
def registry(aws):
    return Registry(aws)


@pytest.fixture
def repository(aws, name):
    aws.client("ecr").create_repository(repositoryName=name)
    return name


def test_a_client_without_a_password_is_asked_for_one(registry):
    refused = registry.ask("GET", "/v2/", authorization="")
    assert refused.code() == (401, "UNAUTHORIZED")
    assert refused.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert registry.ask("GET", "/v2/").status == 200
    wrong = "Basic " + base64.b64encode(b"AWS:wrong").decode()
    assert registry.ask("GET", "/v2/", authorization=wrong).status == 401


def test_a_session_token_alone_is_no_password(aws, registry):
    session = aws.sts.get_session_token()["Credentials"]
    for mac in ("", "0" * 64):
        text = f"AWS:{session['AccessKeyId']}.{mac}.{session['SessionToken']}"
        guess = "Basic " + base64.b64encode(text.encode()).decode()
        assert registry.ask("GET", "/v2/", authorization=guess).status == 401


def test_a_push_to_a_repository_that_is_not_there_is_refused(registry, name):
    refused = registry.ask("POST", f"/v2/{name}/blobs/uploads/")
    assert refused.code() == (404, "NAME_UNKNOWN")
    assert refused.json()["errors"][0]["message"] == (
        f"The repository with name '{name}' does not exist in the registry with id '000000000000'")


def test_an_image_is_pushed_and_pulled_byte_for_byte(registry, repository):
    digest, manifest = registry.push_image(repository, "one", layer=b"x" * 100_000)
    for reference in ("one", digest):
        pulled = registry.ask("GET", f"/v2/{repository}/manifests/{reference}")
        assert (pulled.body, pulled.headers["Content-Type"]) == (manifest, OCI_MANIFEST)
        assert pulled.headers["Docker-Content-Digest"] == digest
        looked = registry.ask("HEAD", f"/v2/{repository}/manifests/{reference}")
        assert looked.headers["Content-Length"] == str(len(manifest)) and looked.body == b""
    layer = digest_of(b"x" * 100_000)
    path = f"/v2/{repository}/blobs/{layer}"
    assert registry.ask("GET", path).body == b"x" * 100_000
    part = registry.ask("GET", path, Range="bytes=99990-")
    assert (part.status, part.body) == (206, b"x" * 10)
    assert part.headers["Content-Range"] == "bytes 99990-99999/100000"
    assert registry.ask("GET", path, Range="bytes=100000-").status == 416


def test_a_blob_comes_in_parts_that_must_follow_each_other(registry, repository):
    data = os.urandom(3 << 20)
    place = registry.ask("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    for begin in range(0, len(data), 1 << 20):
        part = data[begin:begin + (1 << 20)]
        sent = registry.ask("PATCH", place, part, Content_Range=f"{begin}-{begin + len(part) - 1}")
        assert (sent.status, sent.headers["Range"]) == (202, f"0-{begin + len(part) - 1}")
        again = registry.ask("PATCH", place, part, Content_Range=f"{begin}-{begin + len(part) - 1}")
        assert again.code() == (416, "BLOB_UPLOAD_INVALID")
    assert registry.ask("GET", place).headers["Range"] == f"0-{len(data) - 1}"
    ended = registry.ask("PUT", f"{place}?digest={digest_of(data)}", b"")
    assert ended.status == 201, ended.body
    assert registry.ask("GET", ended.headers["Location"]).body == data
    assert registry.ask("GET", place).code() == (404, "BLOB_UPLOAD_UNKNOWN")


def test_bytes_with_another_digest_are_refused(registry, repository):
    place = registry.ask("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    refused = registry.ask("PUT", f"{place}?digest={digest_of(b'other')}", b"this")
    assert refused.code() == (400, "DIGEST_INVALID")
    assert registry.ask("HEAD", f"/v2/{repository}/blobs/{digest_of(b'this')}").status == 404


def test_digests_are_sha512_too_also_of_an_upload_that_began_as_another(registry, repository):
    assert registry.push_blob(repository, b"short", "sha512").startswith("sha512:")
    place = registry.ask("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
    assert registry.ask("PATCH", place, b"first, ").status == 202
    ended = registry.ask("PUT", f"{place}?digest={digest_of(b'first, second', 'sha512')}", b"second")
    assert ended.status == 201, ended.body
    assert registry.ask("GET", ended.headers["Location"]).body == b"first, second"


def test_a_blob_is_mounted_from_another_repository(aws, registry, repository):
    other = f"{repository}/other"
    aws.client("ecr").create_repository(repositoryName=other)
    digest = registry.push_blob(repository, b"shared")
    mounted = registry.ask("POST", f"/v2/{other}/blobs/uploads/?mount={digest}&from={repository}")
    assert (mounted.status, mounted.headers["Location"]) == (201, f"/v2/{other}/blobs/{digest}")
    anywhere = registry.push_blob(repository, b"anywhere")
    assert registry.ask("POST", f"/v2/{other}/blobs/uploads/?mount={anywhere}").status == 201
    absent = registry.ask("POST", f"/v2/{other}/blobs/uploads/?mount={digest_of(b'no')}&from={repository}")
    assert absent.status == 202
    assert registry.ask("DELETE", f"/v2/{repository}/blobs/{digest}").status == 202
    assert registry.ask("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404
    assert registry.ask("GET", f"/v2/{other}/blobs/{digest}").body == b"shared"


def test_a_manifest_needs_what_it_names(registry, repository):
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [],
        "config": {"mediaType": OCI_CONFIG, "digest": digest_of(b"absent"), "size": 6}}).encode()
    put = registry.ask("PUT", f"/v2/{repository}/manifests/x", manifest, Content_Type=OCI_MANIFEST)
    assert put.code() == (400, "MANIFEST_BLOB_UNKNOWN")
    assert registry.ask("GET", f"/v2/{repository}/manifests/x").code() == (404, "MANIFEST_UNKNOWN")


def test_referrers_are_told_with_their_annotations(registry, repository):
    digest, manifest = registry.push_image(repository, "subject")
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(manifest)}
    referrer, _ = registry.push_image(
        repository, "signature", subject=subject, artifactType="application/x.signature",
        annotations={"who": "me"})
    found = registry.ask("GET", f"/v2/{repository}/referrers/{digest}").json()
    assert [(each["digest"], each["artifactType"], each["annotations"]) for each in found["manifests"]] == [
        (referrer, "application/x.signature", {"who": "me"})]
    none = registry.ask("GET", f"/v2/{repository}/referrers/{digest}?artifactType=other")
    assert none.json()["manifests"] == [] and none.headers["OCI-Filters-Applied"] == "artifactType"


def test_tags_are_listed_in_pages(registry, repository):
    for tag in ("c", "a", "b"):
        registry.push_image(repository, tag)
    first = registry.ask("GET", f"/v2/{repository}/tags/list?n=2")
    assert first.json() == {"name": repository, "tags": ["a", "b"]}
    assert first.headers["Link"] == f'</v2/{repository}/tags/list?n=2&last=b>; rel="next"'
    assert registry.ask("GET", f"/v2/{repository}/tags/list?n=2&last=b").json()["tags"] == ["c"]


def test_a_tag_goes_alone_and_a_digest_with_its_tags(registry, repository):
    digest, _ = registry.push_image(repository, "one")
    registry.push_image(repository, "two")
    assert registry.ask("DELETE", f"/v2/{repository}/manifests/one").status == 202
    assert registry.ask("HEAD", f"/v2/{repository}/manifests/{digest}").status == 200
    assert registry.ask("DELETE", f"/v2/{repository}/manifests/{digest}").status == 202
    assert registry.ask("HEAD", f"/v2/{repository}/manifests/two").status == 404
    assert registry.ask("GET", f"/v2/{repository}/tags/list").json()["tags"] == []


def test_a_tag_that_may_not_move_stays(aws, registry, repository):
    ecr = aws.client("ecr")
    ecr.put_image_tag_mutability(
        repositoryName=repository, imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev*"}])
    _, manifest = registry.push_image(repository, "v1")
    registry.push_image(repository, "dev-1")
    path = f"/v2/{repository}/manifests"
    assert registry.ask("PUT", f"{path}/v1", manifest, Content_Type=OCI_MANIFEST).status == 201
    other = manifest.replace(b"{", b"{ ", 1)
    assert registry.ask("PUT", f"{path}/v1", other, Content_Type=OCI_MANIFEST).code() == (400, "TAG_INVALID")
    assert registry.ask("PUT", f"{path}/dev-1", other, Content_Type=OCI_MANIFEST).status == 201


def test_ecr_tells_of_what_was_pushed(aws, registry, repository):
    ecr = aws.client("ecr")
    digest, manifest = registry.push_image(repository, "one", layer=b"x" * 5_000)
    described = ecr.describe_images(repositoryName=repository)["imageDetails"][0]
    assert (described["imageDigest"], described["imageTags"]) == (digest, ["one"])
    assert described["imageSizeInBytes"] > 5_000
    assert ecr.list_images(repositoryName=repository)["imageIds"] == [
        {"imageDigest": digest, "imageTag": "one"}]
    got = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "one"}, {"imageTag": "no"}])
    assert got["images"][0]["imageManifest"].encode() == manifest
    assert got["failures"][0]["failureCode"] == "ImageNotFound"
    ecr.put_image(repositoryName=repository, imageManifest=manifest.decode(), imageTag="two")
    assert registry.ask("HEAD", f"/v2/{repository}/manifests/two").headers["Docker-Content-Digest"] == digest
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(repositoryName=repository, imageManifest=manifest.decode(), imageTag="two")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName=repository)
    gone = ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    assert {each["imageTag"] for each in gone["imageIds"]} == {"one", "two"}
    ecr.delete_repository(repositoryName=repository)
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=[repository])


def test_who_has_no_policy_may_not_push(aws, registry, repository, name):
    user = f"user-{name}"[:60]
    aws.iam.create_user(UserName=user)
    key = aws.iam.create_access_key(UserName=user)["AccessKey"]
    aws.iam.put_user_policy(UserName=user, PolicyName="login", PolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
                      {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:ListImages"],
                       "Resource": f"arn:aws:ecr:us-east-1:000000000000:repository/{repository}"}]}))
    theirs = Registry(Clients.of({**aws.environment, "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                                  "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}))
    registry.push_image(repository, "one")
    assert theirs.ask("GET", f"/v2/{repository}/manifests/one").status == 200
    assert theirs.ask("POST", f"/v2/{repository}/blobs/uploads/").code() == (403, "DENIED")
    aws.iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])


def test_what_was_pushed_outlives_a_crash(own_server, name):
    aws = Clients(own_server)
    aws.client("ecr").create_repository(repositoryName=name)
    registry = Registry(aws)
    digest, manifest = registry.push_image(name, "one", layer=b"y" * 200_000)
    place = registry.ask("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
    assert registry.ask("PATCH", place, b"first, ").status == 202
    own_server.kill()
    own_server.start()
    registry = Registry(Clients(own_server))
    assert registry.ask("GET", f"/v2/{name}/manifests/one").body == manifest
    assert registry.ask("GET", f"/v2/{name}/blobs/{digest_of(b'y' * 200_000)}").body == b"y" * 200_000
    ended = registry.ask("PUT", f"{place}?digest={digest_of(b'first, second')}", b"second")
    assert ended.status == 201, ended.body


@needs_skopeo
def test_skopeo_copies_an_image_there_and_back(registry, repository, tmp_path):
    source = tmp_path / "source"
    layout = source / "blobs/sha256"
    layout.mkdir(parents=True)

    def blob(data):
        (layout / digest_of(data)[7:]).write_bytes(data)
        return {"digest": digest_of(data), "size": len(data)}

    layer = gzip.compress(os.urandom(100_000))
    config = json.dumps({"architecture": "amd64", "os": "linux",
                         "rootfs": {"type": "layers", "diff_ids": [digest_of(gzip.decompress(layer))]}}).encode()
    manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
                           "config": {"mediaType": OCI_CONFIG, **blob(config)},
                           "layers": [{"mediaType": OCI_LAYER + "+gzip", **blob(layer)}]}).encode()
    (source / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (source / "index.json").write_text(json.dumps(
        {"schemaVersion": 2, "manifests": [{"mediaType": OCI_MANIFEST, **blob(manifest)}]}))
    there = f"docker://{registry.host}/{repository}:one"
    credentials = f"{registry.user}:{registry.password}"
    base = ["skopeo", "--insecure-policy", "copy", "--retry-times", "0"]
    subprocess.run([*base, "--dest-tls-verify=false", "--dest-creds", credentials, f"oci:{source}", there],
                   check=True, capture_output=True, timeout=120)
    back = tmp_path / "back"
    subprocess.run([*base, "--src-tls-verify=false", "--src-creds", credentials, there, f"oci:{back}"],
                   check=True, capture_output=True, timeout=120)
    assert (back / "blobs/sha256" / digest_of(layer)[7:]).read_bytes() == layer


@pytest.fixture(scope="module")
def conformance(tmp_path_factory):
    """The OCI's own program, as oci_conformance/go.mod pins it."""
    if not shutil.which("go"):
        pytest.skip("go is not on the PATH; the conformance program wants 1.24 or newer")
    version = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < (1, 24):
        pytest.skip(f"{version.strip()} is too old; the conformance program wants 1.24 or newer")
    program = tmp_path_factory.mktemp("conformance") / "conformance"
    subprocess.run(["go", "build", "-mod=readonly", "-o", program,
                    "github.com/opencontainers/distribution-spec/conformance"],
                   cwd=pathlib.Path(__file__).parent / "oci_conformance", check=True)
    return program


@pytest.mark.clients_all
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_the_conformance_program_passes_whole(conformance, tmp_path, version):
    server = Server(tmp_path / "server", "--registry-auth", "anonymous", "--create-on-push", "on")
    server.start()
    try:
        run = subprocess.run(
            [conformance], cwd=tmp_path, capture_output=True, text=True, timeout=300,
            env={**os.environ, "OCI_REGISTRY": urllib.parse.urlsplit(server.url).netloc,
                 "OCI_TLS": "disabled", "OCI_REPO1": "conformance/one", "OCI_REPO2": "conformance/two",
                 "OCI_VERSION": version, "OCI_RESULTS_DIR": str(tmp_path)})
    finally:
        server.stop()
    counts = {name: int(number) for name, number in
              re.findall(r"^  (Pass|Skip|FAIL|Error)\.+: +(\d+)$", run.stdout, re.MULTILINE)}
    assert run.returncode == 0, run.stdout[-4000:]
    assert counts.pop("Pass") > 800
    assert counts == {"Skip": 0, "FAIL": 0, "Error": 0}, run.stdout[-4000:]
