"""What SageMaker does for somebody it does with his rights, or his execution role's: it reads no
model and no input, stores no result and publishes nothing that he may not."""

import json

import pytest
from botocore.exceptions import ClientError
from conftest import REGISTRY, ROLE
from models import tar_gz
from policies import ACCOUNT, REGION, People, allow, deny, document, eventually

IMAGE = f"{REGISTRY}/slipway-inference:latest"
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole",
         "Principal": {"Service": "sagemaker.amazonaws.com"}}
ECHO = tar_gz({"code/inference.py": b"def model_fn(folder):\n    return None\n"
                                    b"def transform_fn(model, body, given, wanted):\n"
                                    b"    return body, 'text/csv'\n"})


@pytest.fixture(scope="module")
def people(aws, server):
    return People(aws, server, "deputy")


class House:
    """A bucket that is his, one that is closed to him, a topic that is, and he who wants both."""

    def __init__(self, aws, people, name):
        self.aws, self.people, self.name = aws, people, name
        self.mine, self.secret = f"{name}-mine", f"{name}-secret"
        for bucket in (self.mine, self.secret):
            aws.s3.create_bucket(Bucket=bucket)
            aws.s3.put_object(Bucket=bucket, Key="m.tar.gz", Body=ECHO)
            aws.s3.put_object(Bucket=bucket, Key="in/x", Body=b"1,2\n")
        self.topic = aws.sns.create_topic(Name=name)["TopicArn"]
        self.user = people.user(
            allow("sagemaker:*"), allow("iam:PassRole"), allow("sns:*"),
            allow("s3:*", [f"arn:aws:s3:::{self.mine}", f"arn:aws:s3:::{self.mine}/*"]))
        aws.sns.set_topic_attributes(
            TopicArn=self.topic, AttributeName="Policy", AttributeValue=document(
                {"Effect": "Deny", "Principal": {"AWS": self.user.arn}, "Action": "sns:Publish",
                 "Resource": self.topic}))

    def model(self, who, url, suffix="", role=None, **container):
        data = {} if url is None else {"ModelDataUrl": url}
        return who.sagemaker.create_model(
            ModelName=self.name + suffix, **({"ExecutionRoleArn": role} if role else {}),
            PrimaryContainer={"Image": IMAGE, **data, **container})

    def config(self, who, suffix="", model="", **more):
        return who.sagemaker.create_endpoint_config(
            EndpointConfigName=self.name + suffix, ProductionVariants=[
                {"VariantName": "all", "ModelName": self.name + model,
                 "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}], **more)

    def job(self, who, source, target, kind="S3Prefix", suffix="", model=""):
        return who.sagemaker.create_transform_job(
            TransformJobName=self.name + suffix, ModelName=self.name + model,
            TransformInput={"DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": source}},
                            "ContentType": "text/csv"},
            TransformOutput={"S3OutputPath": target},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1})

    def wait(self, suffix=""):
        eventually(lambda: self.aws.sagemaker.describe_endpoint(
            EndpointName=self.name + suffix)["EndpointStatus"] == "InService", 60)


@pytest.fixture
def house(aws, people, name):
    return House(aws, people, name)


def asynchronous(path, **notify):
    return {"AsyncInferenceConfig": {"OutputConfig": {
        "S3OutputPath": path, **({"NotificationConfig": notify} if notify else {})}}}


def capture(path):
    return {"DataCaptureConfig": {
        "EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": path,
        "CaptureOptions": [{"CaptureMode": "Input"}]}}


def refused(call, code, part):
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert part in error["Message"], error
    return error["Message"]


def no(action, arn):
    return f'is not authorized to perform: {action} on resource: "{arn}"'


def test_a_model_is_of_data_that_its_maker_may_read(house):
    user, secret, mine = house.user, house.secret, house.mine
    arn = f"arn:aws:s3:::{secret}"
    for role in (None, ROLE):  # a role that nobody made counts for nothing
        for key in ("m.tar.gz", "none.tar.gz"):  # what is not there is not told apart
            refused(lambda: house.model(user, f"s3://{secret}/{key}", role=role),
                    "AccessDeniedException",
                    f"User: {user.arn} {no('s3:GetObject', f'{arn}/{key}')} because no "
                    "identity-based policy allows the s3:GetObject action")
    refused(lambda: house.model(user, f"s3://{secret}/in/", Mode="MultiModel"),
            "AccessDeniedException", no("s3:ListBucket", arn))
    refused(lambda: house.model(user, None, ModelDataSource={"S3DataSource": {
        "S3Uri": f"s3://{secret}/in/", "S3DataType": "S3Prefix", "CompressionType": "None"}}),
        "AccessDeniedException", no("s3:ListBucket", arn))
    house.model(user, f"s3://{mine}/m.tar.gz", "-1")
    house.model(user, f"s3://{mine}/in/", "-2", Mode="MultiModel")
    house.model(house.aws, f"s3://{secret}/m.tar.gz", "-3")


def test_a_prefix_is_closed_where_a_part_of_it_is(house):
    user, mine = house.user, house.mine
    house.aws.s3.put_bucket_policy(Bucket=mine, Policy=document(
        deny("s3:GetObject", f"arn:aws:s3:::{mine}/in/secret/*", Principal={"AWS": user.arn})))
    refused(lambda: house.model(user, f"s3://{mine}/in/", Mode="MultiModel"),
            "AccessDeniedException", no("s3:GetObject", f"arn:aws:s3:::{mine}/in/*"))
    house.model(user, f"s3://{mine}/out/", Mode="MultiModel")


def test_a_role_that_is_there_reads_and_not_its_passer(house):
    role = house.people.role(allow("s3:GetObject", f"arn:aws:s3:::{house.secret}/*"), trust=TRUST)
    weak = house.people.role(trust=TRUST)["Arn"]
    other = house.people.role(allow("s3:*"))["Arn"]  # does not trust SageMaker
    house.model(house.user, f"s3://{house.secret}/m.tar.gz", role=role["Arn"])
    for who in (house.user, house.aws):
        for arn in (weak, other):
            url = f"s3://{house.mine}/m.tar.gz"
            assert refused(lambda: house.model(who, url, "-2", arn), "ValidationException", "") == (
                f"Could not access model data at {url}. Please ensure that the role \"{arn}\" exists "
                "and that its trust relationship policy allows the action \"sts:AssumeRole\" for "
                "the service principal \"sagemaker.amazonaws.com\". Also ensure that the role has "
                f"\"s3:GetObject\" permissions and that the object is located in {REGION}.")


def test_results_and_captured_requests_go_where_their_maker_may_write(house):
    user, secret, mine = house.user, house.secret, house.mine
    house.model(user, f"s3://{mine}/m.tar.gz")
    closed = no("s3:PutObject", f"arn:aws:s3:::{secret}/out/*")
    for more in (asynchronous(f"s3://{secret}/out"), capture(f"s3://{secret}/out/")):
        refused(lambda: house.config(user, **more), "AccessDeniedException", closed)
    failures = asynchronous(f"s3://{mine}/out")
    failures["AsyncInferenceConfig"]["OutputConfig"]["S3FailurePath"] = f"s3://{secret}/out"
    refused(lambda: house.config(user, **failures), "AccessDeniedException", closed)
    for member in ("SuccessTopic", "ErrorTopic"):
        refused(lambda: house.config(user, **asynchronous(f"s3://{mine}/out",
                                                          **{member: house.topic})),
                "AccessDeniedException", "with an explicit deny in a resource-based policy")
    house.config(user, "-1", **asynchronous(f"s3://{mine}/out"))
    house.config(user, "-2", **capture(f"s3://{mine}/out"))
    house.config(house.aws, "-3", **asynchronous(f"s3://{secret}/out", SuccessTopic=house.topic))


def test_a_role_writes_results_only_where_it_may(house):
    writer = house.people.role(allow(["s3:GetObject", "s3:PutObject"],
                                     f"arn:aws:s3:::{house.mine}/*"), trust=TRUST)
    house.model(house.user, f"s3://{house.mine}/m.tar.gz", role=writer["Arn"])
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{writer['RoleName']}/SageMaker"
    for who in (house.user, house.aws):
        refused(lambda: house.config(who, **asynchronous(f"s3://{house.secret}/out")),
                "AccessDeniedException", f"User: {session} " + no(
                    "s3:PutObject", f"arn:aws:s3:::{house.secret}/out/*"))
    house.config(house.user, **asynchronous(f"s3://{house.mine}/out"))


def test_an_asynchronous_input_is_one_that_the_asker_may_read(house):
    user = house.user
    house.model(user, f"s3://{house.mine}/m.tar.gz")
    house.config(user, **asynchronous(f"s3://{house.mine}/out"))
    user.sagemaker.create_endpoint(EndpointName=house.name, EndpointConfigName=house.name)
    house.wait()

    def ask(who, bucket):
        return who.runtime.invoke_endpoint_async(
            EndpointName=house.name, InputLocation=f"s3://{bucket}/in/x", ContentType="text/csv")

    refused(lambda: ask(user, house.secret), "AccessDeniedException",
            no("s3:GetObject", f"arn:aws:s3:::{house.secret}/in/x"))
    for who, bucket in ((user, house.mine), (house.aws, house.secret)):
        key = ask(who, bucket)["OutputLocation"].split("/", 3)[3]
        read = lambda: [house.aws.s3.get_object(Bucket=house.mine, Key=key)["Body"].read()
                        for each in house.aws.s3.list_objects_v2(
                            Bucket=house.mine, Prefix=key).get("Contents", [])]
        assert eventually(read) == [b"1,2\n"]
    house.aws.sagemaker.delete_endpoint(EndpointName=house.name)


def test_an_asynchronous_result_is_the_roles_to_store_at_each_request(house):
    role = house.people.role(allow(["s3:GetObject", "s3:PutObject"],
                                   f"arn:aws:s3:::{house.mine}/*"), trust=TRUST)
    house.model(house.user, f"s3://{house.mine}/m.tar.gz", role=role["Arn"])
    house.config(house.user, **asynchronous(f"s3://{house.mine}/out"))
    house.user.sagemaker.create_endpoint(EndpointName=house.name, EndpointConfigName=house.name)
    house.wait()
    caller = house.people.user(allow("sagemaker:InvokeEndpointAsync"))  # the role reads, not he

    def ask(bucket):
        return caller.runtime.invoke_endpoint_async(
            EndpointName=house.name, InputLocation=f"s3://{bucket}/in/x", ContentType="text/csv")

    ask(house.mine)
    refused(lambda: ask(house.secret), "AccessDeniedException",
            no("s3:GetObject", f"arn:aws:s3:::{house.secret}/in/x"))
    house.aws.iam.put_role_policy(RoleName=role["RoleName"], PolicyName="p", PolicyDocument=document(
        allow("s3:GetObject", f"arn:aws:s3:::{house.mine}/*")))
    refused(lambda: ask(house.mine), "AccessDeniedException",
            f"s3:PutObject on resource: \"arn:aws:s3:::{house.mine}/out/")
    house.aws.sagemaker.delete_endpoint(EndpointName=house.name)


def test_a_transform_job_reads_and_writes_what_its_maker_may(house):
    user, secret, mine = house.user, house.secret, house.mine
    house.model(user, f"s3://{mine}/m.tar.gz")
    refused(lambda: house.job(user, f"s3://{secret}/in/", f"s3://{mine}/out"),
            "AccessDeniedException", no("s3:ListBucket", f"arn:aws:s3:::{secret}"))
    refused(lambda: house.job(user, f"s3://{secret}/list", f"s3://{mine}/out", "ManifestFile"),
            "AccessDeniedException", no("s3:GetObject", f"arn:aws:s3:::{secret}/list"))
    refused(lambda: house.job(user, f"s3://{mine}/in/", f"s3://{secret}/out"),
            "AccessDeniedException", no("s3:PutObject", f"arn:aws:s3:::{secret}/out/*"))
    house.job(user, f"s3://{mine}/in/", f"s3://{mine}/out", suffix="-1")
    house.job(house.aws, f"s3://{secret}/in/", f"s3://{secret}/out", suffix="-2")
    for suffix in ("-1", "-2"):
        eventually(lambda: house.aws.sagemaker.describe_transform_job(
            TransformJobName=house.name + suffix)["TransformJobStatus"] == "Completed", 60)


def test_a_manifest_names_only_what_its_maker_may_read(house):
    user, aws, mine, secret = house.user, house.aws, house.mine, house.secret
    house.model(user, f"s3://{mine}/m.tar.gz")
    for key, bucket in (("open", mine), ("closed", secret)):
        aws.s3.put_object(Bucket=mine, Key=key, Body=json.dumps(
            [{"prefix": f"s3://{bucket}/"}, "in/x"]).encode())

    def ended(suffix):
        job = aws.sagemaker.describe_transform_job(TransformJobName=house.name + suffix)
        return job if job["TransformJobStatus"] in ("Completed", "Failed") else None

    house.job(user, f"s3://{mine}/open", f"s3://{mine}/out", "ManifestFile", "-1")
    house.job(user, f"s3://{mine}/closed", f"s3://{mine}/out2", "ManifestFile", "-2")
    house.job(aws, f"s3://{mine}/closed", f"s3://{mine}/out3", "ManifestFile", "-3")
    jobs = [eventually(lambda: ended(suffix), 60) for suffix in ("-1", "-2", "-3")]
    assert [job["TransformJobStatus"] for job in jobs] == ["Completed", "Failed", "Completed"]
    assert no("s3:GetObject", f"arn:aws:s3:::{secret}/in/x") in jobs[1]["FailureReason"]
    assert not aws.s3.list_objects_v2(Bucket=mine, Prefix="out2").get("Contents")


def test_an_inference_component_is_of_data_that_its_maker_may_read(house):
    user = house.user
    user.sagemaker.create_endpoint_config(
        EndpointConfigName=house.name, ExecutionRoleArn=ROLE, ProductionVariants=[
            {"VariantName": "all", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    user.sagemaker.create_endpoint(EndpointName=house.name, EndpointConfigName=house.name)
    house.wait()

    def component(bucket):
        return user.sagemaker.create_inference_component(
            InferenceComponentName=house.name, EndpointName=house.name, VariantName="all",
            Specification={"Container": {"Image": IMAGE, "ArtifactUrl": f"s3://{bucket}/m.tar.gz"},
                           "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128,
                                                           "NumberOfCpuCoresRequired": 1}},
            RuntimeConfig={"CopyCount": 1})

    refused(lambda: component(house.secret), "AccessDeniedException",
            no("s3:GetObject", f"arn:aws:s3:::{house.secret}/m.tar.gz"))
    component(house.mine)
    eventually(lambda: house.aws.sagemaker.describe_inference_component(
        InferenceComponentName=house.name)["InferenceComponentStatus"] == "InService", 60)
    house.aws.sagemaker.delete_inference_component(InferenceComponentName=house.name)
    eventually(lambda: not house.aws.sagemaker.list_inference_components(
        EndpointNameEquals=house.name)["InferenceComponents"], 30)
    house.aws.sagemaker.delete_endpoint(EndpointName=house.name)


# ---- What is done later is asked for again, of whoever it is done for. ----

class Worker:
    """An endpoint whose model has a role, and what may be taken from that role."""

    SLOW = tar_gz({"code/inference.py": b"import time\n\n\ndef model_fn(folder):\n    return None\n\n\n"
                                        b"def transform_fn(model, body, given, wanted):\n"
                                        b"    time.sleep(float(body))\n"
                                        b"    return body, 'text/csv'\n"})

    def __init__(self, house, **container):
        self.house, self.aws, self.name, self.bucket = (house, house.aws, house.name, house.mine)
        self.role = house.people.role(self.may("s3:*"), trust=TRUST)
        self.session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role['RoleName']}/SageMaker"
        self.url = f"s3://{self.bucket}/slow.tar.gz"
        self.aws.s3.put_object(Bucket=self.bucket, Key="slow.tar.gz", Body=self.SLOW)
        house.model(house.user, container.pop("url", self.url), role=self.role["Arn"], **container)

    def may(self, *actions, below=""):
        return allow(list(actions), [f"arn:aws:s3:::{self.bucket}",
                                     f"arn:aws:s3:::{self.bucket}/{below}*"])

    def set_rights(self, *statements):
        self.aws.iam.put_role_policy(RoleName=self.role["RoleName"], PolicyName="p",
                                     PolicyDocument=document(*statements))

    def deploy(self, **more):
        self.house.config(self.house.user, **more)
        self.house.user.sagemaker.create_endpoint(EndpointName=self.name,
                                                  EndpointConfigName=self.name)

    def seen(self):
        return self.aws.sagemaker.describe_endpoint(EndpointName=self.name)

    def invoke(self, seconds=0):
        return self.aws.runtime.invoke_endpoint(
            EndpointName=self.name, ContentType="text/csv", Body=f"{seconds}")["Body"].read()

    def keys(self, prefix):
        return [each["Key"] for each in self.aws.s3.list_objects_v2(
            Bucket=self.bucket, Prefix=prefix).get("Contents", [])]

    def log(self):
        return self.house.people.server.log.read_text(errors="replace")

    def closed(self):
        """What an endpoint says that may not read its model."""
        return (f"Failed to download model data from URL: \"{self.url}\". Please ensure that there "
                "is an object located at the URL and that the role passed to CreateModel has "
                f"permissions to download the object. User: {self.session} "
                + no("s3:GetObject", f"arn:aws:s3:::{self.bucket}/slow.tar.gz")
                + " because no identity-based policy allows the s3:GetObject action")


@pytest.fixture
def endpoints(aws, name):
    yield
    aws.sagemaker.delete_endpoint(EndpointName=name)


def test_an_endpoint_fetches_its_model_only_while_its_role_may(house, endpoints):
    worker = Worker(house)
    worker.set_rights(worker.may("s3:PutObject"))
    worker.deploy()
    eventually(lambda: worker.seen()["EndpointStatus"] == "Failed", 30)
    assert worker.seen()["FailureReason"] == worker.closed()


def test_an_endpoint_of_a_role_that_is_gone_fetches_nothing(house, endpoints):
    worker = Worker(house)
    worker.deploy()
    house.wait()
    role = worker.role["RoleName"]
    worker.aws.iam.delete_role_policy(RoleName=role, PolicyName="p")
    worker.aws.iam.delete_role(RoleName=role)
    worker.aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=house.name, DesiredWeightsAndCapacities=[
            {"VariantName": "all", "DesiredInstanceCount": 2}])
    eventually(lambda: worker.seen()["EndpointStatus"] == "InService", 30)
    assert f"{worker.role['Arn']}, for whom this is done, does not exist any more." in (
        worker.seen()["FailureReason"])


def test_a_right_that_is_taken_away_stops_the_instances_that_would_come(house, endpoints):
    worker = Worker(house)
    worker.deploy()
    house.wait()
    worker.set_rights(worker.may("s3:PutObject"))
    worker.aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=house.name, DesiredWeightsAndCapacities=[
            {"VariantName": "all", "DesiredInstanceCount": 2}])
    eventually(lambda: worker.seen()["EndpointStatus"] == "InService", 30)
    assert worker.seen()["FailureReason"] == worker.closed()
    assert worker.seen()["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert worker.invoke() == b"0"  # what runs serves on


def test_one_of_many_models_is_fetched_only_while_the_role_may(house, endpoints):
    worker = Worker(house, url=f"s3://{house.mine}/", Mode="MultiModel")
    worker.deploy()
    house.wait()
    worker.set_rights(worker.may("s3:GetObject", below="in/"))
    refused(lambda: worker.aws.runtime.invoke_endpoint(
        EndpointName=house.name, TargetModel="m.tar.gz", ContentType="text/csv", Body=b"0"),
        "ValidationError", f"Failed to download model data(bucket: {house.mine}, key: m.tar.gz). "
        "Please ensure that there is an object located at the URL and that the role passed to "
        "CreateModel has permissions to download the model.")


def test_captured_requests_are_stored_only_while_the_role_may(house, endpoints):
    worker = Worker(house)
    worker.deploy(**capture(f"s3://{house.mine}/captured"))
    house.wait()
    worker.invoke()
    eventually(lambda: worker.keys("captured/"), 30)
    worker.set_rights(worker.may("s3:GetObject"))
    worker.invoke()
    eventually(lambda: "captured requests cannot be kept and are dropped" in worker.log(), 30)
    assert len(worker.keys("captured/")) == 1


def test_an_asynchronous_result_is_stored_only_while_the_role_may(house, endpoints):
    worker = Worker(house)
    results = asynchronous(f"s3://{house.mine}/out/")
    results["AsyncInferenceConfig"]["OutputConfig"]["S3FailurePath"] = f"s3://{house.mine}/bad/"
    worker.deploy(**results)
    house.wait()
    worker.aws.s3.put_object(Bucket=house.mine, Key="in/slow", Body=b"3")
    asked = house.user.runtime.invoke_endpoint_async(
        EndpointName=house.name, InputLocation=f"s3://{house.mine}/in/slow",
        ContentType="text/csv")
    worker.set_rights(worker.may("s3:GetObject"), worker.may("s3:PutObject", below="bad/"))
    key = asked["FailureLocation"].split("/", 3)[3]
    eventually(lambda: worker.keys(key), 30)
    said = worker.aws.s3.get_object(Bucket=house.mine, Key=key)["Body"].read().decode()
    assert (f"User: {worker.session} is not authorized to perform: s3:PutObject on resource: "
            f"\"arn:aws:s3:::{house.mine}/out/") in said
    assert not worker.keys("out/")


def test_a_jobs_output_is_stored_only_while_the_role_may(house):
    worker = Worker(house)
    worker.aws.s3.put_object(Bucket=house.mine, Key="in/x", Body=b"3\n")
    house.job(house.user, f"s3://{house.mine}/in/", f"s3://{house.mine}/out")
    worker.set_rights(worker.may("s3:GetObject", "s3:ListBucket"))

    def ended():
        job = house.aws.sagemaker.describe_transform_job(TransformJobName=house.name)
        return job if job["TransformJobStatus"] in ("Completed", "Failed") else None

    job = eventually(ended, 60)
    assert job["TransformJobStatus"] == "Failed"
    assert f"User: {worker.session} " + no(
        "s3:PutObject", f"arn:aws:s3:::{house.mine}/out/x.out") in job["FailureReason"]
    assert not worker.keys("out/")
