#!/bin/sh
# Deploys a model and asks it, with the AWS CLI (version 1 or 2).
#
# usage: deploy.sh [model.tar.gz record.csv]
set -eu
MODEL=${1:-model.tar.gz} RECORD=${2:-record.csv}
NAME=cli-example-$$
IMAGE=000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest
ROLE=arn:aws:iam::000000000000:role/example

# 1. The model goes into a bucket.
aws s3 mb "s3://$NAME" >&2
aws s3 cp --no-progress "$MODEL" "s3://$NAME/model.tar.gz" >&2

# 2. What to run, on how much of what, and under which name.
aws sagemaker create-model --model-name "$NAME" --execution-role-arn "$ROLE" \
  --primary-container "Image=$IMAGE,ModelDataUrl=s3://$NAME/model.tar.gz" >&2
aws sagemaker create-endpoint-config --endpoint-config-name "$NAME" --production-variants \
  "VariantName=all,ModelName=$NAME,InstanceType=ml.m5.large,InitialInstanceCount=1" >&2
aws sagemaker create-endpoint --endpoint-name "$NAME" --endpoint-config-name "$NAME" >&2

# 3. Until it serves. The server answers as soon as it does.
aws sagemaker wait endpoint-in-service --endpoint-name "$NAME"

# 4. Ask.
ANSWER=$(mktemp)
aws sagemaker-runtime invoke-endpoint --endpoint-name "$NAME" --content-type text/csv \
  --accept application/json --body "fileb://$RECORD" "$ANSWER" >&2
cat "$ANSWER"
rm -f "$ANSWER"

# 5. Leave nothing behind.
aws sagemaker delete-endpoint --endpoint-name "$NAME"
aws sagemaker wait endpoint-deleted --endpoint-name "$NAME"
aws sagemaker delete-endpoint-config --endpoint-config-name "$NAME"
aws sagemaker delete-model --model-name "$NAME"
aws s3 rb --force "s3://$NAME" >&2
