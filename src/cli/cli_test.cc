#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/encoding.h"
#include "base/version.h"
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

TEST(Usage, TheVersionIsThatOfTheProject) {
  TestWorld world;
  const Ran ran = world.run({"--version"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out, fmt::format("slipway {}\n", version()));
}

TEST(Usage, ACommandThatIsNotThereIsAnsweredWithTheNearest) {
  TestWorld world;
  EXPECT_THAT(world.run({"deplyo"}).err, HasSubstr("no command 'deplyo'. Did you mean deploy?"));
  EXPECT_THAT(world.run({"frobnicate"}).err, Not(HasSubstr("Did you mean")));
}

TEST(Usage, EveryCommandHasHelpWithExamples) {
  TestWorld world;
  EXPECT_THAT(world.run({"--help"}).out, HasSubstr("Exit codes"));
  for (const char* command : {"env", "deploy", "invoke", "status", "logs", "rm", "advise", "ops",
                              "doctor", "completion"}) {
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
  EXPECT_THAT(server.operations(),
              ElementsAre("ListEndpoints", "ListEndpoints", "ListTransformJobs"));
  EXPECT_THAT(server.seen()[0].headers["authorization"], HasSubstr("Credential=AKIATEST/"));
  EXPECT_THAT(server.seen()[0].headers["authorization"],
              HasSubstr("/us-east-1/sagemaker/aws4_request"));
}

TEST(Status, ShowsTransformJobsAndHowFarTheirLogsSayTheyAre) {
  CannedServer server([](const Seen& seen) {
    if (seen.body.contains("logStreamName"))
      return json_answer(R"({"events":[{"timestamp":1,"message":"x: progress: files 1 of 3"},)"
                         R"({"timestamp":2,"message":"x: progress: files 2 of 3"}]})");
    if (seen.body.contains("SortBy")) return json_answer(R"({"Endpoints":[]})");
    return json_answer(R"({"TransformJobSummaries":[{"TransformJobName":"j",)"
                       R"("TransformJobStatus":"InProgress","LastModifiedTime":1.7e9}]})");
  });
  TestWorld world;
  const Ran ran = world.run({"status", "--endpoint", server.url()});
  EXPECT_EQ(ran.out,
            "TRANSFORM JOB  CHANGED               STATUS      PROGRESS\n"
            "j              2023-11-14T22:13:20Z  InProgress  files 2 of 3\n");
}

TEST(Status, ColourIsForTerminalsWithoutNoColor) {
  CannedServer server([](const Seen&) {
    return json_answer(R"({"Endpoints":[{"EndpointName":"a","EndpointStatus":"InService"}]})");
  });
  TestWorld world;
  world.out_terminal = Terminal::yes;
  EXPECT_THAT(world.run({"status", "--endpoint", server.url()}).out,
              HasSubstr("\x1b[32mInService"));
  world.environment["NO_COLOR"] = "1";
  EXPECT_THAT(world.run({"status", "--endpoint", server.url()}).out, Not(HasSubstr("\x1b")));
}

TEST(Status, ReasonsAndRefusalsSteerNoTerminal) {
  CannedServer server([](const Seen& seen) {
    if (seen.body.contains("\"gone\""))
      return aws_error(400, "ValidationException", R"(no \u009b5n\u001b[6n)");
    return json_answer(
        R"({"EndpointName":"iris","EndpointStatus":"Failed","FailureReason":"It said \u009b2J"})");
  });
  TestWorld world;
  EXPECT_THAT(world.run({"status", "iris", "--endpoint", server.url()}).out,
              HasSubstr("It said  2J\n"));
  EXPECT_THAT(world.run({"status", "iris", "--output", "json", "--endpoint", server.url()}).out,
              HasSubstr("It said \\u009b2J"));
  EXPECT_THAT(world.run({"status", "gone", "--endpoint", server.url()}).err,
              HasSubstr("no  5n [6n\n"));
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
    return json_answer(
        R"({"EndpointName":"x","EndpointStatus":"Failed","FailureReason":"no \"x\""})");
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
  CannedServer server(
      [](const Seen& seen) { return json_answer(std::string("\0\xff", 2) + seen.body); });
  TestWorld world;
  const Ran ran =
      world.run({"invoke", "iris", "1,2", "--variant", "blue", "--endpoint", server.url()});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, std::string("\0\xff", 2) + "1,2");
  const Seen seen = server.seen().at(0);
  EXPECT_EQ(seen.target, "/endpoints/iris/invocations");
  EXPECT_EQ(seen.headers.at("content-type"), "text/csv");
  EXPECT_EQ(seen.headers.at("x-amzn-sagemaker-target-variant"), "blue");
}

TEST(Invoke, OnATerminalAnAnswerIsText) {
  CannedServer server([](const Seen&) { return json_answer("\u009b31mred\x1b]0;title\x07"); });
  TestWorld world;
  world.out_terminal = Terminal::yes;
  const Ran ran = world.run({"invoke", "iris", "1,2", "--endpoint", server.url()});
  EXPECT_EQ(ran.out, " 31mred ]0;title \n");
}

TEST(Invoke, TakesWhatIsPipedInAndWhatIsInAFile) {
  CannedServer server([](const Seen& seen) { return json_answer(seen.body); });
  TestWorld world;
  world.input = "[1]";
  EXPECT_EQ(world.run({"invoke", "a", "--endpoint", server.url()}).out, "[1]");
  const auto file = world.folder.put("rows.jsonl", "{}");
  EXPECT_EQ(world.run({"invoke", "a", "--input", file.string(), "--endpoint", server.url()}).out,
            "{}");
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
    net::Response answer =
        json_answer(R"j({"Message":"Received client error (400)","OriginalStatusCode":400,)j"
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

// ---- Logs ------------------------------------------------------------------------------------

TEST(Logs, StreamsAreMergedByTimeAndCutToTheNewest) {
  CannedServer server([](const Seen& seen) {
    if (seen.operation == "DescribeLogStreams") {
      return json_answer(R"({"logStreams":[{"logStreamName":"v/i-1"},{"logStreamName":"v/i-2"}]})");
    }
    if (seen.body.contains("v/i-1")) {
      return json_answer(
          R"({"events":[{"timestamp":1000,"message":"a"},{"timestamp":3000,"message":"c"}],)"
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

TEST(Logs, WhatAModelPrintsSteersNoTerminal) {
  CannedServer server([](const Seen& seen) {
    if (seen.operation == "DescribeLogStreams")
      return json_answer(R"({"logStreams":[{"logStreamName":"v/\u009b1A"}]})");
    EXPECT_TRUE(seen.body.contains("v/\u009b1A")) << "the stream is asked for by its own name";
    return json_answer(R"({"nextForwardToken":"f",)"
                       R"("events":[{"timestamp":0,"message":"a\u001b[2J\u009b31m\u0007é"}]})");
  });
  TestWorld world;
  const Ran text = world.run({"logs", "iris", "--endpoint", server.url()});
  EXPECT_EQ(text.out, "1970-01-01T00:00:00.000Z v/ 1A a [2J 31m é\n") << text.err;
  const Ran json = world.run({"logs", "iris", "--output", "json", "--endpoint", server.url()});
  EXPECT_EQ(json.out,
            R"({"timestamp":0,"logStreamName":"v/\u009b1A","message":"a\u001b[2J\u009b31m\u0007é"})"
            "\n");
}

TEST(Logs, FollowingReadsOnFromTheTokenUntilTheServerIsGone) {
  int calls = 0;
  CannedServer server([&](const Seen& seen) {
    if (seen.operation == "DescribeLogStreams") {
      return json_answer(R"({"logStreams":[{"logStreamName":"v/i-1"}]})");
    }
    if (seen.body.contains("f/2")) return aws_error(500, "InternalFailure", "enough");
    if (seen.body.contains("f/1")) {
      return json_answer(
          R"({"events":[{"timestamp":2000,"message":"b"}],"nextForwardToken":"f/2"})");
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
  EXPECT_THAT(sh.out, HasSubstr("export AWS_DISABLE_HOST_PREFIX_INJECTION='true'\n"));
  EXPECT_THAT(sh.out,
              HasSubstr("export AWS_DEFAULT_REGION='eu-west-1'\n# Version 1 of the AWS CLI"));
  EXPECT_THAT(world.run({"env", "--data", data.string(), "--shell", "fish"}).out,
              HasSubstr("set -gx AWS_REGION 'eu-west-1';\n"));
  EXPECT_THAT(world.run({"env", "--data", data.string(), "--shell", "powershell"}).out,
              HasSubstr("$env:AWS_REGION = 'eu-west-1'\n"));
  EXPECT_THAT(world.run({"env", "--data", data.string(), "--endpoint", "http://a'b"}).out,
              HasSubstr("'http://a'\\''b'"));
  EXPECT_EQ(world.run({"env", "--data", "/no/such"}).exit, 3);
}

TEST(Env, WaitsForAServerThatStartsAtThisMoment) {
  TestWorld world;
  Folder data;
  std::jthread server([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    SystemRandom random;
    ASSERT_TRUE(identity::KeyRing::open(data.path(), {.account = "000000000000"}, random));
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    data.put("server.json", server_json);
  });
  const Ran ran = world.run({"env", "--data", data.path().string()});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("AWS_ACCESS_KEY_ID='"));
  EXPECT_THAT(ran.out, HasSubstr("http://127.0.0.1:5000"));
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
  EXPECT_GE(findings.size(), 11U);
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
  const boost::json::value value{
      {"a", {1, 2.5, nullptr}}, {"b", boost::json::object()}, {"c", "\"\n"}};
  EXPECT_EQ(boost::json::parse(pretty(value)), value);
}

}  // namespace
}  // namespace slipway::cli
