// Asks an endpoint for an answer in parts, with the AWS SDK for JavaScript v3.
//
// usage: node stream.mjs ENDPOINT BODY      (after `npm ci` in this folder)
import {
  InvokeEndpointWithResponseStreamCommand, SageMakerRuntimeClient,
} from "@aws-sdk/client-sagemaker-runtime";

const [endpoint, body] = process.argv.slice(2);
const answer = await new SageMakerRuntimeClient({}).send(
  new InvokeEndpointWithResponseStreamCommand({
    EndpointName: endpoint, ContentType: "application/json", Body: body,
  }),
);
console.log(JSON.stringify({ type: answer.ContentType, variant: answer.InvokedProductionVariant }));
try {
  for await (const event of answer.Body) {
    if (event.PayloadPart)
      console.log(JSON.stringify({ part: new TextDecoder().decode(event.PayloadPart.Bytes) }));
  }
} catch (error) {
  // What goes wrong in the middle of an answer: ModelStreamError, InternalStreamFailure.
  console.log(JSON.stringify({ error: error.name, code: error.ErrorCode }));
}
