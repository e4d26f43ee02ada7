"""Runs one batch transform job with the SageMaker SDK: MODEL INPUT OUTPUT."""
import json
import sys

import sagemaker
from sagemaker.transformer import Transformer

model, source, target = sys.argv[1:]
transformer = Transformer(
    model_name=model, instance_count=1, instance_type="ml.m5.large", strategy="MultiRecord",
    assemble_with="Line", accept="text/csv", output_path=target,
    sagemaker_session=sagemaker.Session())
transformer.transform(source, content_type="text/csv", split_type="Line", join_source="Input",
                      wait=True, logs=True)
print(json.dumps({"job": transformer.latest_transform_job.name}))
