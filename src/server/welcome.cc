#include "server/welcome.h"

#include <fmt/format.h>

#include "base/version.h"

namespace slipway::server {
namespace {

constexpr std::string_view page = R"html(<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Slipway</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 42em; margin: 3em auto; padding: 0 1em }}
pre {{ background: #8882; padding: .7em; overflow-x: auto }}
</style>
<h1>Slipway {version}</h1>
<p>This server deploys machine-learning models and answers Amazon's wire APIs (SageMaker and its
runtime, S3, STS, IAM, SNS, SQS, CloudWatch Logs). It is for programs: the AWS CLI, the AWS SDKs and
the SageMaker Python SDK. There is nothing to click here.</p>
<p>Its endpoint is</p>
<pre>{endpoint}</pre>
<p>On the machine and as the user that runs it, this gives a shell the endpoint and the keys:</p>
<pre>eval "$(slipway env)"</pre>
<p>Then deploy a model, and ask it as the command says:</p>
<pre>slipway deploy model.onnx --name my-model</pre>
<p>Anybody else gets keys from whoever runs the server, as on AWS: <code>aws iam create-user</code>
and <code>aws iam create-access-key</code>.</p>
<p>More is in the repository of Slipway: <code>README.md</code>, <code>docs/</code> and
<code>examples/</code>. <a href="/_slipway/health">/_slipway/health</a> says whether the server
lives.</p>
</html>
)html";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string welcome_page(std::string_view endpoint) {
  return fmt::format(page, fmt::arg("version", version()), fmt::arg("endpoint", escaped(endpoint)));
}

}  // namespace slipway::server
