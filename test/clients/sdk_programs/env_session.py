"""Uses what `slipway env --python` printed, as a module beside: a bucket, an upload, a model's role."""
import json
import sys

sys.path.insert(0, sys.argv[1])
from slipway_env import role, session  # noqa: E402

bucket = session.default_bucket()
uri = session.upload_string_as_file_body("hello", bucket, "greeting")
said = session.boto_session.client("s3").get_object(Bucket=bucket, Key="greeting")["Body"].read().decode()
print(json.dumps({"bucket": bucket, "uri": uri, "said": said, "role": role}))
