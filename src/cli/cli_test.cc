#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/encoding.h"
#include "cli/command.h"
#include "cli/endpoint_calls.h"
#include "cli/invoke.h"
#include "cli/model_file.h"
#include "cli/progress.h"
#include "cli/test_world.h"
#include "engine/identity/key_ring.h"

namespace slipway::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

net::Response json_answer(std::string body, int status = 200) {
  net::Response response{status};
  response.headers.add("Content-Type", "application/x-amz-json-1.1");
  response.body = net::Body(std::move(body));
  return response;
}

net::Response aws_error(int status, std::string_view code, std::string_view message) {
  return json_answer(fmt::format(R"({{"__type":"{}","message":"{}"}})", code, message), status);
}

net::Response no_endpoint() {
  return aws_error(400, "ValidationException",
                   R"(Could not find endpoint \"arn:aws:sagemaker:us-east-1:000000000000:endpoint/x\".)");
}

// ---- Usage -----------------------------------------------------------------------------------

TEST(Usage, AWrongOptionIsOneSentenceAndExitCode2) {
  TestWorld world;
  const Ran ran = world.run({"status", "--no-such-option"});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_THAT(ran.err, HasSubstr("--no-such-option"));
  EXPECT_THAT(ran.err, HasSubstr("slipway status --help"));
  EXPECT_EQ(ran.out, "");
}

TEST(Usage, NothingAndAnUnknownCommandAreExitCode2) {
  TestWorld world;
  EXPECT_EQ(world.run({}).exit, 2);
  EXPECT_EQ(world.run({"fly"}).exit, 2);
  EXPECT_EQ(world.run({"deploy"}).exit, 2);
  EXPECT_EQ(world.run({"status", "--output", "yaml"}).exit, 2);
}

TEST(Usage, ACommandThatIsNotThereIsAnsweredWithTheNearest) {
  TestWorld world;
  EXPECT_THAT(world.run({"deplyo"}).err, HasSubstr("no command 'deplyo'. Did you mean deploy?"));
  EXPECT_THAT(world.run({"frobnicate"}).err, Not(HasSubstr("Did you mean")));
}

TEST(Usage, EveryCommandHasHelpWithExamples) {
  TestWorld world;
  EXPECT_THAT(world.run({"--help"}).out, HasSubstr("Exit codes"));
  for (const char* command : {"env", "deploy", "invoke", "status", "logs", "rm", "ops", "doctor",
                              "completion"}) {
    const Ran ran = world.run({command, "--help"});
    EXPECT_EQ(ran.exit, 0) << command;
    EXPECT_THAT(ran.out, HasSubstr("Examples:")) << command;
  }
}

// ---- Settings --------------------------------------------------------------------------------

constexpr std::string_view server_json =
    R"({"endpoint":"http://127.0.0.1:5000","account":"000000000000","region":"eu-west-1","pid":1})";

TEST(SettingsTest, TheEnvironmentIsBelievedBeforeTheDefaultDirectory) {
  TestWorld world;
  world.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1";
  world.folder.put(".slipway/server.json", server_json);
  const Ran ran = world.run({"status"});
  EXPECT_EQ(ran.exit, 4);
  EXPECT_THAT(ran.err, HasSubstr("http://127.0.0.1:1 cannot be reached"));
  EXPECT_THAT(ran.err, HasSubstr("slipway serve"));
}

TEST(SettingsTest, WithoutKeysItSaysWhereTheyComeFrom) {
  TestWorld world;
  world.environment.erase("AWS_ACCESS_KEY_ID");
  const Ran ran = world.run({"status"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("AWS_ACCESS_KEY_ID"));
  EXPECT_THAT(ran.err, HasSubstr("--data"));
}

TEST(SettingsTest, AnAddressThatIsNoneIsWrongUsage) {
  TestWorld world;
  EXPECT_EQ(world.run({"status", "--endpoint", "nonsense://"}).exit, 2);
}

TEST(SettingsTest, ABrokenServerFileIsSaid) {
  Folder folder;
  folder.put("server.json", "{");
  EXPECT_EQ(read_server_file(folder.path()).error().code, ErrorCode::corrupted);
  EXPECT_EQ(read_server_file(folder.path() / "none").error().code, ErrorCode::not_found);
  folder.put("server.json", server_json);
  EXPECT_EQ(read_server_file(folder.path())->region, "eu-west-1");
}

// ---- Status ----------------------------------------------------------------------------------

TEST(Status, ListsAllPages) {
  CannedServer server([](const Seen& seen) {
    if (seen.body.contains("NextToken")) {
      return json_answer(R"({"Endpoints":[{"EndpointName":"b","EndpointStatus":"Failed",)"
                         R"("LastModifiedTime":1.7e9}]})");
    }
    return json_answer(R"({"NextToken":"t","Endpoints":[{"EndpointName":"a",)"
                       R"("EndpointStatus":"InService","LastModifiedTime":1700000000.5}]})");
  });
  TestWorld world;
  const Ran ran = world.run({"status", "--endpoint", server.url()});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "NAME  CHANGED               STATUS\n"
            "a     2023-11-14T22:13:20Z  InService\n"
            "b     2023-11-14T22:13:20Z  Failed\n");
  EXPECT_THAT(server.operations(), ElementsAre("ListEndpoints", "ListEndpoints"));
  EXPECT_THAT(server.seen()[0].headers["authorization"],
              HasSubstr("Credential=AKIATEST/"));
  EXPECT_THAT(server.seen()[0].headers["authorization"], HasSubstr("/us-east-1/sagemaker/aws4_request"));
}

TEST(Status, ColourIsForTerminalsWithoutNoColor) {
  CannedServer server([](const Seen&) {
    return json_answer(R"({"Endpoints":[{"EndpointName":"a","EndpointStatus":"InService"}]})");
  });
  TestWorld world;
  world.out_terminal = Terminal::yes;
  EXPECT_THAT(world.run({"status", "--endpoint", server.url()}).out, HasSubstr("\x1b[32mInService"));
  world.environment["NO_COLOR"] = "1";
  EXPECT_THAT(world.run({"status", "--endpoint", server.url()}).out, Not(HasSubstr("\x1b")));
}

TEST(Status, AnEndpointThatDoesNotExistIsExitCode3) {
  CannedServer server([](const Seen&) { return no_endpoint(); });
  TestWorld world;
  const Ran ran = world.run({"status", "x", "--endpoint", server.url()});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.err, "slipway: There is no endpoint 'x'.\n");
}

TEST(Status, JsonIsTheAnswerItself) {
  CannedServer server([](const Seen&) {
    return json_answer(R"({"EndpointName":"x","EndpointStatus":"Failed","FailureReason":"no \"x\""})");
  });
  TestWorld world;
  const Ran ran = world.run({"status", "x", "--output", "json", "--endpoint", server.url()});
  EXPECT_EQ(boost::json::parse(ran.out).at("FailureReason"), "no \"x\"");
  EXPECT_THAT(world.run({"status", "x", "--endpoint", server.url()}).out, HasSubstr("no \"x\""));
}

TEST(Status, WhatIsNoAnswerOfAServerIsOneSentence) {
  CannedServer server([](const Seen&) { return json_answer("<html>hello</html>"); });
  TestWorld world;
  const Ran ran = world.run({"status", "--endpoint", server.url()});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("Is " + server.url() + " a Slipway server?"));
}

// ---- Invoke ----------------------------------------------------------------------------------

TEST(Invoke, PrintsTheBodyAsItIs) {
  CannedServer server([](const Seen& seen) {
    return json_answer(std::string("\0\xff", 2) + seen.body);
  });
  TestWorld world;
  const Ran ran = world.run({"invoke", "iris", "1,2", "--variant", "blue", "--endpoint", server.url()});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, std::string("\0\xff", 2) + "1,2");
  const Seen seen = server.seen().at(0);
  EXPECT_EQ(seen.target, "/endpoints/iris/invocations");
  EXPECT_EQ(seen.headers.at("content-type"), "text/csv");
  EXPECT_EQ(seen.headers.at("x-amzn-sagemaker-target-variant"), "blue");
}

TEST(Invoke, TakesWhatIsPipedInAndWhatIsInAFile) {
  CannedServer server([](const Seen& seen) { return json_answer(seen.body); });
  TestWorld world;
  world.input = "[1]";
  EXPECT_EQ(world.run({"invoke", "a", "--endpoint", server.url()}).out, "[1]");
  const auto file = world.folder.put("rows.jsonl", "{}");
  EXPECT_EQ(world.run({"invoke", "a", "--input", file.string(), "--endpoint", server.url()}).out, "{}");
  EXPECT_EQ(server.seen()[0].headers.at("content-type"), "application/json");
  EXPECT_EQ(server.seen()[1].headers.at("content-type"), "application/jsonlines");
}

TEST(Invoke, WithNothingToSendOnATerminalItSaysSo) {
  TestWorld world;
  world.in_terminal = Terminal::yes;
  EXPECT_EQ(world.run({"invoke", "a"}).exit, 2);
  EXPECT_EQ(world.run({"invoke", "a", "1", "--input", "-"}).exit, 2);
  EXPECT_EQ(world.run({"invoke", "a", "--input", "/no/such/file"}).exit, 3);
}

TEST(Invoke, WhatAModelRefusesGoesToStandardError) {
  CannedServer server([](const Seen&) {
    net::Response answer = json_answer(
        R"j({"Message":"Received client error (400)","OriginalStatusCode":400,)j"
        R"j("OriginalMessage":"wants 4 numbers"})j",
        424);
    answer.headers.add("x-amzn-ErrorType", "ModelError");
    return answer;
  });
  TestWorld world;
  const Ran ran = world.run({"invoke", "iris", "1", "--endpoint", server.url()});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(ran.err, "slipway: The model answered 400: wants 4 numbers\n");
  EXPECT_EQ(ran.out, "");
}

TEST(Invoke, AnUnknownEndpointIsExitCode3) {
  CannedServer server([](const Seen&) {
    return aws_error(400, "ValidationError", "Endpoint x of account 000000000000 not found.");
  });
  TestWorld world;
  EXPECT_EQ(world.run({"invoke", "x", "1", "--endpoint", server.url()}).exit, 3);
}

TEST(Invoke, TellsContentTypesApart) {
  EXPECT_EQ(guess_content_type("", "1,2\n"), "text/csv");
  EXPECT_EQ(guess_content_type("", " {\"a\":1}"), "application/json");
  EXPECT_EQ(guess_content_type("", "\x93NUMPY\x01"), "application/x-npy");
  EXPECT_EQ(guess_content_type("", "\xff\xfe"), "application/octet-stream");
  EXPECT_EQ(guess_content_type("a.csv", "[1"), "text/csv");
}

// ---- Model files -----------------------------------------------------------------------------

// onnx.ModelProto with ir_version 8, a producer and a graph of two bytes.
const std::string onnx("\x08\x08\x12\x04test\x3a\x02hi", 12);

TEST(ModelFileTest, KindsAreToldByContent) {
  Folder folder;
  const auto kind = [&](const std::string& name, std::string_view content) {
    const auto model = examine_model(folder.put(name, content));
    return model ? std::string(name_of(model->kind)) : model.error().message;
  };
  EXPECT_EQ(kind("a.bin", onnx), "ONNX model");
  EXPECT_EQ(kind("b.json", R"({"learner":{}})"), "XGBoost model");
  EXPECT_EQ(kind("c.ubj", std::string("{L\0\0\0\0\0\0\0\7learner", 17)), "XGBoost model");
  EXPECT_EQ(kind("d.tar.gz", "\x1f\x8b\x08"), "model archive");
  EXPECT_EQ(kind("e.joblib", "\x80\x04"), "scikit-learn model");
  EXPECT_THAT(kind("f.onnx", onnx.substr(0, 11)), HasSubstr("nothing that Slipway can deploy"));
  EXPECT_THAT(kind("g.txt", "hello"), HasSubstr("nothing that Slipway can deploy"));
  EXPECT_THAT(kind("h", ""), HasSubstr("nothing that Slipway can deploy"));
  EXPECT_EQ(examine_model(folder.path() / "none").error().code, ErrorCode::not_found);
}

TEST(ModelFileTest, ExternalDataTravelsWithAnOnnxModel) {
  Folder folder;
  const auto file = folder.put("big.onnx", onnx);
  folder.put("big.onnx.data", "weights");
  const auto model = examine_model(file).value();
  ASSERT_EQ(model.parts.size(), 2U);
  EXPECT_EQ(model.parts[1].name, "big.onnx.data");
}

TEST(ModelFileTest, AFolderIsTakenWithoutWhatIsHidden) {
  Folder folder;
  folder.put("m/code/inference.py", "def model_fn(): pass");
  folder.put("m/code/__pycache__/x.pyc", "x");
  folder.put("m/.git/config", "x");
  folder.put("m/weights.bin", "x");
  const auto model = examine_model(folder.path() / "m").value();
  ASSERT_EQ(model.parts.size(), 2U);
  EXPECT_EQ(model.parts[0].name, "code/inference.py");
  EXPECT_EQ(image_for(model), "slipway-inference");
  std::filesystem::create_directory(folder.path() / "empty");
  EXPECT_FALSE(examine_model(folder.path() / "empty"));
}

TEST(ModelFileTest, TheSameContentHasTheSameDigest) {
  Folder folder;
  const auto digest = [&](const std::string& name, std::string_view content) {
    return examine_model(folder.put(name, content))->digest;
  };
  EXPECT_EQ(digest("x/model.onnx", onnx), digest("y/model.onnx", onnx));
  EXPECT_NE(digest("x/model.onnx", onnx), digest("z/model.onnx", onnx + std::string("\x08\x09", 2)));
}

TEST(ModelFileTest, NamesBecomeEndpointNames) {
  EXPECT_EQ(endpoint_name_from("a/my model.v2.onnx", 63), "my-model-v2");
  EXPECT_EQ(endpoint_name_from("__x__.tar.gz", 63), "x");
  EXPECT_EQ(endpoint_name_from("a/folder/", 63), "folder");
  EXPECT_EQ(endpoint_name_from("\xc3\xa4.onnx", 63), "model");
  EXPECT_EQ(endpoint_name_from("abc-def.onnx", 4), "abc");
}

// ---- Deploy ----------------------------------------------------------------------------------

// Enough of a server for one deployment.
class DeployServer {
 public:
  DeployServer() : server([this](const Seen& seen) { return answer(seen); }) {}

  net::Response answer(const Seen& seen) {
    const std::string& op = seen.operation;
    if (op == "GetCallerIdentity") return xml("<Account>000000000000</Account>");
    if (op == "GetRole") return xml("<Error><Code>NoSuchEntity</Code><Message>no</Message></Error>", 404);
    if (op == "CreateRole") return xml("<Arn>arn:aws:iam::000000000000:role/slipway</Arn>");
    if (op == "DescribeEndpoint") return describe();
    if (op == "CreateEndpoint" || op == "UpdateEndpoint") {
      config = boost::json::parse(seen.body).at("EndpointConfigName").as_string();
      deploying = true;
      return json_answer(R"({"EndpointArn":"arn:aws:sagemaker:us-east-1:000000000000:endpoint/iris"})");
    }
    if (op == "DeleteEndpoint") config.clear();
    if (op == "DescribeEndpointConfig") {
      return json_answer(R"({"ProductionVariants":[{"ModelName":"iris-0123456789ab"},{"ModelName":"mine"}]})");
    }
    if (seen.method == "HEAD") return xml("", stored ? 200 : 404);
    if (seen.method == "PUT" && seen.target == "/slipway-000000000000-us-east-1") bucket = true;
    if (seen.method == "PUT" && !bucket) return xml("<Error><Code>NoSuchBucket</Code></Error>", 404);
    return json_answer("{}");
  }
  net::Response describe() {
    if (config.empty()) return no_endpoint();
    const bool was_deploying = std::exchange(deploying, false);
    return json_answer(fmt::format(
        R"({{"EndpointArn":"arn:x/iris","EndpointStatus":"{}","EndpointConfigName":"{}","FailureReason":"{}"}})",
        was_deploying ? "Creating" : status, was_deploying ? "" : config, reason));
  }
  static net::Response xml(std::string body, int status = 200) {
    net::Response response{status};
    response.body = net::Body(std::move(body));
    return response;
  }

  std::string config;  // of the endpoint; empty: there is none
  std::string status = "InService";
  std::string reason;
  bool deploying = false;
  bool bucket = false;
  bool stored = false;
  CannedServer server;
};

class DeployTest : public testing::Test {
 protected:
  Ran deploy(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"deploy", model.string(), "--endpoint", backend.server.url()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return world.run(arguments);
  }
  bool asked(std::string_view operation) {
    const auto operations = backend.server.operations();
    return std::ranges::count(operations, operation) > 0;
  }
  boost::json::value input_of(std::string_view operation) {
    for (const Seen& seen : backend.server.seen()) {
      if (seen.operation == operation) return boost::json::parse(seen.body);
    }
    return nullptr;
  }

  DeployServer backend;
  TestWorld world;
  std::filesystem::path model = world.folder.put("iris.onnx", onnx);
};

TEST_F(DeployTest, UploadsCreatesWaitsAndSaysHowToCallIt) {
  const Ran ran = deploy({"--env", "A=1", "--env", "B=x=y", "--instances", "2"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("slipway invoke iris"));
  EXPECT_THAT(ran.err, HasSubstr("in service iris, 2 instances"));
  const auto container = input_of("CreateModel").at("PrimaryContainer");
  const std::string uri(container.at("ModelDataSource").at("S3DataSource").at("S3Uri").as_string());
  EXPECT_THAT(uri, HasSubstr("s3://slipway-000000000000-us-east-1/models/"));
  EXPECT_TRUE(uri.ends_with("/iris.onnx"));
  EXPECT_EQ(container.at("Image"), "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest");
  EXPECT_EQ(container.at("Environment"), (boost::json::value{{"A", "1"}, {"B", "x=y"}}));
  EXPECT_EQ(input_of("CreateEndpointConfig").at("ProductionVariants").at(0).at("InitialInstanceCount"), 2);
  const std::string object = uri.substr(4);
  EXPECT_TRUE(asked("PUT " + object)) << testing::PrintToString(backend.server.operations());
}

TEST_F(DeployTest, TheUploadCarriesItsChecksumAndIsSignedUnread) {
  deploy();
  for (const Seen& seen : backend.server.seen()) {
    if (seen.method != "PUT" || seen.body.empty()) continue;
    EXPECT_EQ(seen.body, onnx);
    EXPECT_EQ(seen.headers.at("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
    const std::string hash = from_hex(sha256_hex(onnx)).value();
    EXPECT_EQ(seen.headers.at("x-amz-checksum-sha256"), to_base64(hash));
  }
}

TEST_F(DeployTest, WaitsAsAWaiterDoes) {
  deploy();
  bool waited = false;
  for (const Seen& seen : backend.server.seen()) {
    waited = waited || (seen.operation == "DescribeEndpoint" &&
                        seen.headers.at("user-agent").contains("m/B"));
  }
  EXPECT_TRUE(waited);
}

TEST_F(DeployTest, JsonNamesWhatWasMade) {
  const Ran ran = deploy({"--output", "json", "--name", "other"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  const auto made = boost::json::parse(ran.out);
  EXPECT_EQ(made.at("EndpointName"), "other");
  EXPECT_TRUE(is_own_name(made.at("ModelName").as_string(), "other"));
}

TEST_F(DeployTest, AnEndpointThatServesSomethingElseIsNotTouchedWithoutReplace) {
  backend.config = "iris-0123456789ab";
  const Ran ran = deploy();
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("--replace"));
  EXPECT_FALSE(asked("UpdateEndpoint"));
}

TEST_F(DeployTest, ReplaceUpdatesAndClearsAwayWhatItMadeBefore) {
  backend.config = "iris-0123456789ab";
  const Ran ran = deploy({"--replace"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(asked("UpdateEndpoint"));
  EXPECT_EQ(input_of("DeleteEndpointConfig").at("EndpointConfigName"), "iris-0123456789ab");
  EXPECT_EQ(input_of("DeleteModel").at("ModelName"), "iris-0123456789ab");
}

TEST_F(DeployTest, AFailureNamesItsReason) {
  backend.status = "Failed";
  backend.reason = "The model has no graph.";
  const Ran ran = deploy();
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("The model has no graph."));
  EXPECT_THAT(ran.err, HasSubstr("slipway logs iris"));
}

TEST_F(DeployTest, WhatIsWrongIsSaidBeforeTheServerIsAsked) {
  EXPECT_EQ(deploy({"--name", "-bad-"}).exit, 2);
  EXPECT_EQ(deploy({"--env", "novalue"}).exit, 2);
  EXPECT_EQ(deploy({"--instances", "0"}).exit, 2);
  model = "/no/such/model.onnx";
  EXPECT_EQ(deploy().exit, 3);
  EXPECT_TRUE(backend.server.seen().empty());
}

TEST_F(DeployTest, RemovingTakesWhatDeployMadeAndNothingElse) {
  backend.config = "iris-0123456789ab";
  const Ran ran = world.run({"rm", "iris", "--endpoint", backend.server.url()});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(asked("DeleteEndpoint"));
  EXPECT_TRUE(asked("DeleteEndpointConfig"));
  EXPECT_EQ(input_of("DeleteModel").at("ModelName"), "iris-0123456789ab");
  EXPECT_EQ(world.run({"rm", "iris", "--endpoint", backend.server.url()}).exit, 3);
}

// ---- Logs ------------------------------------------------------------------------------------

TEST(Logs, StreamsAreMergedByTimeAndCutToTheNewest) {
  CannedServer server([](const Seen& seen) {
    if (seen.operation == "DescribeLogStreams") {
      return json_answer(R"({"logStreams":[{"logStreamName":"v/i-1"},{"logStreamName":"v/i-2"}]})");
    }
    if (seen.body.contains("v/i-1")) {
      return json_answer(R"({"events":[{"timestamp":1000,"message":"a"},{"timestamp":3000,"message":"c"}],)"
                         R"("nextForwardToken":"f/1"})");
    }
    return json_answer(R"({"events":[{"timestamp":2000,"message":"b"}],"nextForwardToken":"f/1"})");
  });
  TestWorld world;
  const Ran ran = world.run({"logs", "iris", "--lines", "2", "--endpoint", server.url()});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "1970-01-01T00:00:02.000Z v/i-2 b\n"
            "1970-01-01T00:00:03.000Z v/i-1 c\n");
  EXPECT_EQ(server.seen()[0].headers["x-amz-target"], "Logs_20140328.DescribeLogStreams");
}

TEST(Logs, FollowingReadsOnFromTheTokenUntilTheServerIsGone) {
  int calls = 0;
  CannedServer server([&](const Seen& seen) {
    if (seen.operation == "DescribeLogStreams") {
      return json_answer(R"({"logStreams":[{"logStreamName":"v/i-1"}]})");
    }
    if (seen.body.contains("f/2")) return aws_error(500, "InternalFailure", "enough");
    if (seen.body.contains("f/1")) {
      return json_answer(R"({"events":[{"timestamp":2000,"message":"b"}],"nextForwardToken":"f/2"})");
    }
    ++calls;
    return json_answer(R"({"events":[{"timestamp":1000,"message":"a"}],"nextForwardToken":"f/1"})");
  });
  TestWorld world;
  const Ran ran = world.run({"logs", "iris", "-f", "--output", "json", "--endpoint", server.url()});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(ran.out, HasSubstr("\"message\":\"a\"}\n{"));
  EXPECT_THAT(ran.out, HasSubstr("\"message\":\"b\"}\n"));
}

TEST(Logs, AnEndpointThatPrintedNothingIsNoErrorAndOneThatIsNotThereIs) {
  bool there = true;
  CannedServer server([&](const Seen& seen) {
    if (seen.operation == "DescribeEndpoint") return there ? json_answer("{}") : no_endpoint();
    return aws_error(400, "ResourceNotFoundException", "The specified log group does not exist.");
  });
  TestWorld world;
  EXPECT_EQ(world.run({"logs", "x", "--endpoint", server.url()}).exit, 0);
  there = false;
  EXPECT_EQ(world.run({"logs", "x", "--endpoint", server.url()}).exit, 3);
}

// ---- Env, ops, completion, doctor ------------------------------------------------------------

TEST(Env, PrintsExportsThatEachShellCanRead) {
  TestWorld world;
  const auto data = world.folder.path() / "d";
  world.folder.put("d/server.json", server_json);
  // Made as the server makes it.
  SystemRandom random;
  ASSERT_TRUE(identity::KeyRing::open(data, {.account = "000000000000"}, random));
  const std::string key = identity::read_credentials(data)->access_key_id;
  const Ran sh = world.run({"env", "--data", data.string()});
  ASSERT_EQ(sh.exit, 0) << sh.err;
  EXPECT_THAT(sh.out, HasSubstr("export AWS_ENDPOINT_URL='http://127.0.0.1:5000'\n"));
  EXPECT_THAT(sh.out, HasSubstr("export AWS_ACCESS_KEY_ID='" + key + "'\n"));
  EXPECT_THAT(sh.out, HasSubstr("export AWS_DEFAULT_REGION='eu-west-1'\n"));
  EXPECT_THAT(world.run({"env", "--data", data.string(), "--shell", "fish"}).out,
              HasSubstr("set -gx AWS_REGION 'eu-west-1';\n"));
  EXPECT_THAT(world.run({"env", "--data", data.string(), "--shell", "powershell"}).out,
              HasSubstr("$env:AWS_REGION = 'eu-west-1'\n"));
  EXPECT_THAT(world.run({"env", "--data", data.string(), "--endpoint", "http://a'b"}).out,
              HasSubstr("'http://a'\\''b'"));
  EXPECT_EQ(world.run({"env", "--data", "/no/such"}).exit, 3);
}

TEST(Ops, ListsWhatIsThereAndWhatIsNot) {
  const wire::Operation operations[] = {
      {.name = "CreateModel", .flags = static_cast<std::uint16_t>(wire::OperationFlag::built)},
      {.name = "CreateTrainingJob"}};
  wire::Schema schema{};
  schema.service.name = "sagemaker";
  schema.operations = operations;
  const wire::Schema* const schemas[] = {&schema};
  TestWorld world;
  world.schemas = schemas;
  EXPECT_EQ(world.run({"ops"}).out, "sagemaker: 1 of 2 operations\n  CreateModel\n");
  EXPECT_EQ(world.run({"ops", "--missing", "--service", "sagemaker"}).out,
            "sagemaker: 1 of 2 operations, without\n  CreateTrainingJob\n");
  EXPECT_EQ(boost::json::parse(world.run({"ops", "--output", "json"}).out).at(0).at("built"), 1);
  EXPECT_EQ(world.run({"ops", "--service", "ec2"}).exit, 3);
}

TEST(Completion, KnowsEveryCommandAndItsOptions) {
  TestWorld world;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Ran ran = world.run({"completion", shell});
    EXPECT_EQ(ran.exit, 0);
    for (const char* word : {"deploy", "doctor", "instances", "text json"}) {
      EXPECT_THAT(ran.out, HasSubstr(word)) << shell;
    }
  }
  EXPECT_EQ(world.run({"completion", "tcsh"}).exit, 2);
}

TEST(Doctor, SaysOneLineForEachThing) {
  TestWorld world;
  const Ran ran = world.run({"doctor", "--endpoint", "http://127.0.0.1:1", "--output", "json"});
  const auto findings = boost::json::parse(ran.out).as_array();
  EXPECT_EQ(findings.size(), 10U);
  bool missing = false;
  for (const auto& finding : findings) {
    EXPECT_FALSE(finding.at("detail").as_string().empty()) << finding.at("what");
    missing = missing || finding.at("state") == "missing";
  }
  EXPECT_EQ(ran.exit, missing ? 1 : 0);
}

TEST(Doctor, KnowsAServerFromSomethingElse) {
  const auto server_line = [](std::string_view path_answered) {
    CannedServer server([&](const Seen& seen) {
      return json_answer("{}", seen.target == path_answered ? 200 : 404);
    });
    TestWorld world;
    const Ran ran = world.run({"doctor", "--endpoint", server.url()});
    const std::size_t at = ran.out.find("  server ");
    return ran.out.substr(ran.out.rfind('\n', at) + 1, 7);
  };
  EXPECT_EQ(server_line("/_slipway/health"), "ok     ");
  EXPECT_EQ(server_line("/other"), "missing");
}

// ---- Small things ----------------------------------------------------------------------------

TEST(Text, SizesAndTimesAreForPeople) {
  EXPECT_EQ(size_text(870), "870 bytes");
  EXPECT_EQ(size_text(3'163'737), "3.2 MB");
  EXPECT_EQ(size_text(28'500'000), "28 MB");
  EXPECT_EQ(size_text(999'999), "1.0 MB");
  EXPECT_EQ(duration_text(std::chrono::milliseconds(12)), "12 ms");
  EXPECT_EQ(duration_text(std::chrono::milliseconds(3400)), "3.4 s");
  EXPECT_EQ(duration_text(std::chrono::seconds(125)), "2 min 5 s");
}

TEST(Text, XmlIsReadAsFarAsItIsNeeded) {
  EXPECT_EQ(xml_text("<A><Code>No &lt;b&gt; &amp;amp;</Code></A>", "Code"), "No <b> &amp;");
  EXPECT_EQ(xml_text("<A>", "Code"), std::nullopt);
  EXPECT_EQ(xml_text("<Code>x", "Code"), std::nullopt);
}

TEST(Text, PrettyJsonCanBeReadBack) {
  const boost::json::value value{{"a", {1, 2.5, nullptr}}, {"b", boost::json::object()}, {"c", "\"\n"}};
  EXPECT_EQ(boost::json::parse(pretty(value)), value);
}

}  // namespace
}  // namespace slipway::cli
