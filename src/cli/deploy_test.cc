#include "cli/deploy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/encoding.h"
#include "cli/endpoint_calls.h"
#include "cli/model_file.h"
#include "cli/test_world.h"

namespace slipway::cli {
namespace {

using testing::HasSubstr;

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
  EXPECT_THAT(kind("d.tar.gz", "\x1f\x8b\x08"), HasSubstr("tar czf"));
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

// ---- Inputs ----------------------------------------------------------------------------------

// A field of protobuf with bytes in it.
std::string field(int number, const std::string& bytes) {
  return static_cast<char>(number << 3 | 2) + std::string(1, static_cast<char>(bytes.size())) +
         bytes;
}

std::string tensor_input(const std::string& name, std::initializer_list<int> dims, char type = 1) {
  std::string shape;
  for (const int dim : dims)
    shape += field(1, dim == 0 ? field(2, "N") : std::string("\x08") + static_cast<char>(dim));
  const std::string tensor = std::string("\x08") + type + field(2, shape);
  return field(11, field(1, name) + field(2, field(1, tensor)));
}

std::vector<std::uint64_t> axes(const std::optional<RecordShape>& record) {
  return record ? record->axes : std::vector<std::uint64_t>();
}

TEST(ModelInputTest, AnOnnxModelSaysWhatARecordIs) {
  using Axes = std::vector<std::uint64_t>;
  const auto of = [](const std::string& graph) { return axes(onnx_record(field(7, graph))); };
  EXPECT_EQ(of(tensor_input("x", {0, 30})), Axes{30});
  EXPECT_EQ(of(tensor_input("x", {0, 3, 8, 8})), (Axes{3, 8, 8}));
  EXPECT_EQ(of(field(5, field(8, "w")) + tensor_input("x", {1, 4}) + tensor_input("w", {4, 4})),
            Axes{4});
  EXPECT_EQ(of(tensor_input("x", {0, 4}) + tensor_input("y", {0, 4})), Axes{});
  EXPECT_EQ(of(tensor_input("text", {0, 1}, 8)), Axes{});
  EXPECT_EQ(of(tensor_input("any", {0, 0})), Axes{});
  EXPECT_EQ(axes(onnx_record("\x3a\x7f")), Axes{});
}

TEST(ModelInputTest, XgboostAndPickledModelsSayIt) {
  using Axes = std::vector<std::uint64_t>;
  EXPECT_EQ(axes(xgboost_record(R"({"num_feature":"30","x":1})")), Axes{30});
  EXPECT_EQ(axes(xgboost_record(std::string("num_featureSL\0\0\0\0\0\0\0\x02"
                                            "12SL",
                                            25))),
            Axes{12});
  EXPECT_EQ(axes(xgboost_record("num_feature")), Axes{});
  const std::string end(16, '.');
  EXPECT_EQ(axes(sklearn_record("\x80\x04\x8c\x0en_features_in_\x94K\x04" + end)), Axes{4});
  EXPECT_EQ(axes(sklearn_record("\x80\x02X\x0en_features_in_q\x05M\x10\x01" + end)), Axes{272});
  EXPECT_EQ(axes(sklearn_record("\x80\x04n_features_in_")), Axes{});
}

TEST(ModelInputTest, APickledModelOfTextsOrOfNamedColumnsSaysSo) {
  using Names = std::vector<std::string>;
  const std::string counted = "\x8c\x0en_features_in_\x94K\x04" + std::string(16, '.');
  const auto texts = sklearn_record(
      "\x80\x04\x8c\x1fsklearn.feature_extraction.text\x94\x8c\x0fTfidfVectorizer" + counted);
  ASSERT_TRUE(texts);
  EXPECT_EQ(texts->of, RecordShape::Of::text);
  const auto names = [&](const std::string& list) {
    const auto record = sklearn_record("\x80\x04sklearn.compose._column_transformer" + counted +
                                       "\x8c\x11"
                                       "feature_names_in_\x94numpy(K\x01K\x02\x85\x94\x89]" +
                                       list + "et.");
    return record && record->of == RecordShape::Of::columns ? record->names : Names{"none"};
  };
  EXPECT_EQ(names("\x94(\x8c\x03"
                  "age\x94\x8c\x04"
                  "city\x94"),
            (Names{"age", "city"}));
  EXPECT_EQ(names(std::string("qC(X\3\0\0\0ageqDX\4\0\0\0cityqE", 24)), (Names{"age", "city"}));
  EXPECT_EQ(names("\x94(\x8c\x03"
                  "age\x94h\x05"),
            Names{});
  EXPECT_EQ(names("\x94(\x8c\xff"
                  "age"),
            Names{});
  const auto plain = sklearn_record("\x80\x04" + counted +
                                    "\x8c\x11"
                                    "feature_names_in_");
  ASSERT_TRUE(plain);
  EXPECT_EQ(axes(plain), (std::vector<std::uint64_t>{4}));
}

TEST(ModelFileTest, TheImageIsChosenByWhatIsInside) {
  Folder folder;
  const auto image = [&](const std::string& name) {
    return std::string(image_for(examine_model(folder.path() / name).value()));
  };
  folder.put("code/code/inference.py", "");
  folder.put("code/words.pkl", "\x80\x04");
  EXPECT_EQ(image("code"), "slipway-inference");
  folder.put("code/words.pkl", "\x80\x04\x8c\x1fsklearn.linear_model");
  EXPECT_EQ(image("code"), "sagemaker-scikit-learn");
  EXPECT_FALSE(examine_model(folder.path() / "code").value().record);
  folder.put("code/net.pt", "PK\3\4");
  EXPECT_EQ(image("code"), "slipway-inference");
  folder.put("boosted/inference.py", "");
  folder.put("boosted/model.json", R"({"learner":{}})");
  EXPECT_EQ(image("boosted"), "sagemaker-xgboost");
  folder.put("pickled/model.joblib", "\x78\x9c");
  folder.put("pickled/data/notes.txt", "hello");
  EXPECT_EQ(image("pickled"), "sagemaker-scikit-learn");
  folder.put("booster/model.json", R"({"learner":{}})");
  folder.put("booster/preprocess.pkl", "\x80\x04");
  EXPECT_EQ(image("booster"), "sagemaker-xgboost");
  folder.put("graph/net.onnx", onnx);
  folder.put("graph/model.pkl", "\x80\x04");
  EXPECT_EQ(image("graph"), "slipway-inference");
  folder.put("bst.pkl",
             "\x80\x04\x95\x01\x02\x03\x04\x05\x06\x07\x08\x8c\x0cxgboost.core\x94\x8c\x07"
             "Booster");
  EXPECT_EQ(image("bst.pkl"), "sagemaker-xgboost");
  EXPECT_EQ(examine_model(folder.path() / "bst.pkl")->parts[0].name, "xgboost-model");
  folder.put("classifier.joblib",
             "\x80\x04\x95\x01\x02\x03\x04\x05\x06\x07\x08\x8c\x0fxgboost.sklearn\x94\x8c\x0dXGB");
  EXPECT_EQ(image("classifier.joblib"), "sagemaker-xgboost");
  folder.put("old.pkl",
             "\x80\x02"
             "cxgboost.sklearn\nXGBRegressor\nq\x01)");
  EXPECT_EQ(image("old.pkl"), "sagemaker-xgboost");
  folder.put("pipeline.pkl",
             "\x80\x04\x8c\x10sklearn.pipeline\x94\x8c\x08Pipeline\x94\x8c\x0fxgboost.sklearn");
  EXPECT_EQ(image("pipeline.pkl"), "sagemaker-scikit-learn");
  for (const char* each : {"code", "pickled", "booster", "graph"}) {
    const std::string archive = std::string(each) + ".tar.gz";
    const std::string pack =
        fmt::format("tar czf {0}/{1} -C {0}/{2} .", folder.path().string(), archive, each);
    ASSERT_EQ(std::system(pack.c_str()), 0);
    EXPECT_EQ(image(archive), image(each)) << archive;
  }
}

TEST(ModelFileTest, APyTorchModelWithoutCodeIsRefusedWithTheLinesThatExportIt) {
  Folder folder;
  const auto said = [&](const std::string& name) {
    const auto model = examine_model(folder.path() / name);
    return model ? std::string("taken") : model.error().message;
  };
  folder.put("net.pt", "PK\x03\x04net/data.pkl");
  EXPECT_THAT(said("net.pt"), HasSubstr("torch.onnx.export"));
  folder.put("old.pth", "\x80\x02\x8a\x0a");
  EXPECT_THAT(said("old.pth"), HasSubstr("torch.onnx.export"));
  folder.put("bare/net.pt", "PK\x03\x04net/data.pkl");
  EXPECT_THAT(said("bare"), HasSubstr("code/inference.py"));
  folder.put("own/net.pt", "PK\x03\x04net/data.pkl");
  folder.put("own/code/inference.py", "");
  EXPECT_EQ(said("own"), "taken");
}

TEST(ModelFileTest, TheSameContentHasTheSameDigest) {
  Folder folder;
  const auto digest = [&](const std::string& name, std::string_view content) {
    return examine_model(folder.put(name, content))->digest;
  };
  EXPECT_EQ(digest("x/model.onnx", onnx), digest("y/model.onnx", onnx));
  EXPECT_NE(digest("x/model.onnx", onnx),
            digest("z/model.onnx", onnx + std::string("\x08\x09", 2)));
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
    if (op == "GetRole")
      return xml("<Error><Code>NoSuchEntity</Code><Message>no</Message></Error>", 404);
    if (op == "CreateRole") return xml("<Arn>arn:aws:iam::000000000000:role/slipway</Arn>");
    if (op == "DescribeEndpoint") return describe();
    if (op == "CreateEndpoint" || op == "UpdateEndpoint") {
      if (!keeps_old) config = boost::json::parse(seen.body).at("EndpointConfigName").as_string();
      deploying = true;
      return json_answer(
          R"({"EndpointArn":"arn:aws:sagemaker:us-east-1:000000000000:endpoint/iris"})");
    }
    if (op == "DeleteEndpoint") config.clear();
    if (op == "DescribeEndpointConfig") {
      return json_answer(
          R"({"ProductionVariants":[{"ModelName":"iris-0123456789ab"},{"ModelName":"mine"}]})");
    }
    if (seen.method == "HEAD") return xml("", closed.empty() ? stored ? 200 : 404 : 403);
    if (seen.method == "PUT" && !closed.empty())
      return xml("<Error><Code>AccessDenied</Code><Message>" + closed + "</Message></Error>", 403);
    if (seen.method == "PUT" && seen.target == "/slipway-000000000000-us-east-1") bucket = true;
    if (seen.method == "PUT" && !bucket)
      return xml("<Error><Code>NoSuchBucket</Code></Error>", 404);
    return json_answer("{}");
  }
  net::Response describe() {
    if (config.empty()) return no_endpoint();
    const bool was_deploying = std::exchange(deploying, false);
    return json_answer(fmt::format(R"({{"EndpointArn":"arn:x/iris","EndpointStatus":"{}",)"
                                   R"("EndpointConfigName":"{}","FailureReason":"{}"}})",
                                   was_deploying ? "Creating" : status, was_deploying ? "" : config,
                                   reason));
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
  bool keeps_old = false;  // an update does not come up
  bool bucket = false;
  bool stored = false;
  std::string closed;  // why nothing may be read or stored
  CannedServer server;
};

class DeployTest : public testing::Test {
 protected:
  Ran deploy(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"deploy", model.string(), "--endpoint",
                                       backend.server.url()};
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
  EXPECT_EQ(container.at("Image"),
            "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest");
  EXPECT_EQ(container.at("Environment"), (boost::json::value{{"A", "1"}, {"B", "x=y"}}));
  EXPECT_EQ(
      input_of("CreateEndpointConfig").at("ProductionVariants").at(0).at("InitialInstanceCount"),
      2);
  const std::string object = uri.substr(4);
  EXPECT_TRUE(asked("PUT " + object)) << testing::PrintToString(backend.server.operations());
}

TEST_F(DeployTest, AMissingRightIsSaidInTheServersWords) {
  backend.closed =
      "User: arn:aws:iam::000000000000:user/ann is not authorized to perform: s3:PutObject";
  const Ran ran = deploy();
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr(backend.closed));
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
  EXPECT_FALSE(asked("CreateModel"));
}

TEST_F(DeployTest, ReplaceUpdatesAndClearsAwayWhatItMadeBefore) {
  backend.config = "iris-0123456789ab";
  const Ran ran = deploy({"--replace"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  EXPECT_TRUE(asked("UpdateEndpoint"));
  EXPECT_EQ(input_of("DeleteEndpointConfig").at("EndpointConfigName"), "iris-0123456789ab");
  EXPECT_EQ(input_of("DeleteModel").at("ModelName"), "iris-0123456789ab");
}

TEST_F(DeployTest, AnUpdateThatFailsLeavesNothingBehind) {
  backend.config = "iris-0123456789ab";
  backend.keeps_old = true;
  backend.reason = "The model has no graph.";
  const Ran ran = deploy({"--replace"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("the one before serves on: The model has no graph."));
  EXPECT_EQ(input_of("DeleteEndpointConfig").at("EndpointConfigName"),
            input_of("CreateEndpointConfig").at("EndpointConfigName"));
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

}  // namespace
}  // namespace slipway::cli
