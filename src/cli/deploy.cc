#include "cli/deploy.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <condition_variable>
#include <mutex>
#include <ostream>
#include <ranges>
#include <thread>

#include "base/encoding.h"
#include "cli/aws_client.h"
#include "cli/endpoint_calls.h"
#include "cli/model_file.h"
#include "cli/progress.h"
#include "cli/upload.h"

namespace slipway::cli {

namespace json = boost::json;

namespace {

constexpr std::string_view role_name = "slipway";
constexpr std::string_view trust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
    R"("Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
constexpr std::string_view instance_type = "ml.m5.large";
constexpr std::string_view variant_name = "AllTraffic";
constexpr std::chrono::milliseconds watch_period{500};

// A name as AWS wants it: letters and digits, hyphens between them.
bool is_endpoint_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= endpoint_name_bytes_max && plain(name.front()) &&
         plain(name.back()) &&
         std::ranges::all_of(name, [&](char c) { return plain(c) || c == '-'; });
}

// Holds what was made.
struct Outcome {
  std::string endpoint;
  std::string endpoint_arn;
  std::string model;
  std::string configuration;
  std::string image;
  std::string model_uri;
};

class Deployment {
 public:
  Deployment(World& world, const DeployOptions& options, AwsClient& client)
      : world_(world), options_(options), client_(client) {}

  Result<Outcome> run();
  const ModelFile& model() const { return model_; }

 private:
  Result<> check();
  Result<> find_account();
  Result<> upload();
  Result<std::string> role();
  Result<> let_role_read();
  Result<json::object> environment() const;
  json::object container() const;
  Result<json::object> model_input();
  json::object configuration_input();
  Result<> look_for_existing();
  Result<> create_named(std::string_view operation, const json::object& input);
  Result<> create_endpoint();
  Result<> bring_up();
  Result<> start();
  Result<> clear_failed();
  std::jthread watch(ProgressStep& step);
  Result<> wait(ProgressStep& step);
  std::string own_name(const json::object& says) const;

  World& world_;
  const DeployOptions& options_;
  AwsClient& client_;
  std::string name_;
  std::string account_;
  json::object environment_;
  ModelFile model_;
  Outcome outcome_;
  // The endpoint of that name, as it was found.
  enum class Former : std::uint8_t { none, same, serves, failed };
  Former former_ = Former::none;
  std::string former_configuration_;
};

Result<Outcome> Deployment::run() {
  TRY_DO(check());
  TRY_DO(find_account());
  TRY_DO(upload());
  TRY(const json::object model, model_input());
  const json::object configuration = configuration_input();
  TRY_DO(look_for_existing());
  TRY_DO(create_named("CreateModel", model));
  TRY_DO(create_named("CreateEndpointConfig", configuration));
  TRY_DO(bring_up());
  return outcome_;
}

// All that can be wrong without asking the server.
Result<> Deployment::check() {
  name_ = options_.name.empty() ? endpoint_name_from(options_.file, endpoint_name_bytes_max)
                                : options_.name;
  if (!is_endpoint_name(name_)) {
    return misuse(
        fmt::format("'{}' cannot be an endpoint's name: letters, digits and hyphens between "
                    "them, at most {}.",
                    name_, endpoint_name_bytes_max));
  }
  outcome_.endpoint = name_;
  TRY(environment_, environment());
  ProgressStep step(world_, "reading", options_.file.string());
  TRY(model_, examine_model(options_.file));
  step.finish("read", fmt::format("{}, {}, {}", options_.file.filename().string(),
                                  name_of(model_.kind), size_text(model_.bytes())));
  return {};
}

Result<> Deployment::find_account() {
  TRY(const std::string answer, client_.query("sts", "GetCallerIdentity", {}));
  account_ = xml_text(answer, "Account").value_or("");
  if (!account_.empty()) return {};
  return fail(
      ErrorCode::corrupted,
      fmt::format("The answer to GetCallerIdentity names no account. Is {} a Slipway server?",
                  client_.settings().endpoint));
}

Result<> Deployment::upload() {
  const std::string bucket = options_.bucket.empty()
                                 ? fmt::format("slipway-{}-{}", account_, client_.settings().region)
                                 : options_.bucket;
  ProgressStep step(world_, "uploading", size_text(model_.bytes()));
  TRY(const Uploaded uploaded, upload_model(client_, bucket, model_));
  outcome_.model_uri = uploaded.uri;
  step.finish(uploaded.bytes_sent == 0 ? "found" : "uploaded", uploaded.uri);
  return {};
}

Result<std::string> Deployment::role() {
  auto answer = client_.query("iam", "GetRole", {{"RoleName", std::string(role_name)}});
  if (!answer && answer.error().kind == "NoSuchEntity") {
    answer = client_.query(
        "iam", "CreateRole",
        {{"RoleName", std::string(role_name)}, {"AssumeRolePolicyDocument", std::string(trust)}});
  }
  if (!answer) return std::unexpected(answer.error());
  TRY_DO(let_role_read());
  return xml_text(*answer, "Arn")
      .value_or(fmt::format("arn:aws:iam::{}:role/{}", account_, role_name));
}

// The role reads the model when it is served. Who may not write policies has somebody who did.
Result<> Deployment::let_role_read() {
  std::string_view bucket = outcome_.model_uri;
  bucket.remove_prefix(std::string_view("s3://").size());
  bucket = bucket.substr(0, bucket.find('/'));
  const json::object statement{
      {"Effect", "Allow"},
      {"Action", {"s3:GetObject", "s3:ListBucket"}},
      {"Resource",
       {fmt::format("arn:aws:s3:::{}", bucket), fmt::format("arn:aws:s3:::{}/*", bucket)}}};
  const json::object document{{"Version", "2012-10-17"}, {"Statement", {statement}}};
  const auto put = client_.query("iam", "PutRolePolicy",
                                 {{"RoleName", std::string(role_name)},
                                  {"PolicyName", fmt::format("read-{}", bucket)},
                                  {"PolicyDocument", json::serialize(document)}});
  if (!put && put.error().kind != "AccessDenied") return std::unexpected(put.error());
  return {};
}

Result<json::object> Deployment::environment() const {
  json::object map;
  for (const std::string& entry : options_.environment) {
    const std::size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return misuse(fmt::format("--env wants NAME=VALUE, not '{}'.", entry));
    }
    map[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return map;
}

json::object Deployment::container() const {
  json::object container{{"Image", outcome_.image}};
  if (model_.kind == ModelKind::archive) {
    container["ModelDataUrl"] = outcome_.model_uri;
  } else {
    const bool folder = outcome_.model_uri.ends_with('/');
    container["ModelDataSource"] = {{"S3DataSource",
                                     {{"S3Uri", outcome_.model_uri},
                                      {"S3DataType", folder ? "S3Prefix" : "S3Object"},
                                      {"CompressionType", "None"}}}};
  }
  if (!environment_.empty()) container["Environment"] = environment_;
  return container;
}

std::string Deployment::own_name(const json::object& says) const {
  return fmt::format("{}-{}", std::string_view(name_).substr(0, own_stem_bytes_max),
                     sha256_hex(json::serialize(says)).substr(0, own_digest_bytes));
}

// The name says what it is, so that what exists already is the same thing.
Result<> Deployment::create_named(std::string_view operation, const json::object& input) {
  const auto made = client_.call("sagemaker", operation, input);
  if (made || made.error().message.contains("already existing")) return {};
  return std::unexpected(made.error());
}

Result<json::object> Deployment::model_input() {
  outcome_.image = options_.image.empty()
                       ? fmt::format("{}.dkr.ecr.{}.amazonaws.com/{}:latest", account_,
                                     client_.settings().region, image_for(model_))
                       : options_.image;
  TRY(const std::string role_arn, role());
  json::object input{{"ExecutionRoleArn", role_arn}, {"PrimaryContainer", container()}};
  outcome_.model = own_name(input);
  input["ModelName"] = outcome_.model;
  return input;
}

json::object Deployment::configuration_input() {
  json::object input{{"ProductionVariants",
                      {{{"VariantName", variant_name},
                        {"ModelName", outcome_.model},
                        {"InitialInstanceCount", options_.instances},
                        {"InstanceType", instance_type},
                        {"InitialVariantWeight", 1}}}}};
  outcome_.configuration = own_name(input);
  input["EndpointConfigName"] = outcome_.configuration;
  return input;
}

Result<> Deployment::create_endpoint() {
  TRY(const json::object answer,
      client_.call("sagemaker", "CreateEndpoint",
                   {{"EndpointName", name_}, {"EndpointConfigName", outcome_.configuration}}));
  outcome_.endpoint_arn = text_of(answer, "EndpointArn");
  return {};
}

// An endpoint that never served is no loss.
Result<> Deployment::clear_failed() {
  TRY_DO(client_.call("sagemaker", "DeleteEndpoint", {{"EndpointName", name_}}));
  const auto left = wait_until_settled(client_, world_.clock, name_, options_.wait);
  if (!left && left.error().code != ErrorCode::not_found) return std::unexpected(left.error());
  return {};
}

// Refuses before anything was made.
Result<> Deployment::look_for_existing() {
  const auto existing = describe_endpoint(client_, name_);
  if (!existing && existing.error().code == ErrorCode::not_found) return {};
  if (!existing) return std::unexpected(existing.error());
  outcome_.endpoint_arn = text_of(*existing, "EndpointArn");
  former_configuration_ = text_of(*existing, "EndpointConfigName");
  former_ = text_of(*existing, "EndpointStatus") == "Failed"  ? Former::failed
            : former_configuration_ == outcome_.configuration ? Former::same
                                                              : Former::serves;
  if (former_ != Former::serves || options_.existing == Existing::replace) return {};
  return fail(
      ErrorCode::already_exists,
      fmt::format("There is an endpoint '{}' already. Add --replace to put this model in its "
                  "place while it serves on, or choose another --name.",
                  name_));
}

Result<> Deployment::start() {
  if (former_ == Former::same) return {};
  if (former_ == Former::none) return create_endpoint();
  if (former_ == Former::failed) {
    TRY_DO(clear_failed());
    return create_endpoint();
  }
  TRY_DO(client_.call("sagemaker", "UpdateEndpoint",
                      {{"EndpointName", name_}, {"EndpointConfigName", outcome_.configuration}}));
  return {};
}

// The call that waits is held by the server; so another client looks meanwhile what it waits for.
std::jthread Deployment::watch(ProgressStep& step) {
  return std::jthread([this, &step](const std::stop_token& stop) {
    auto client = connect(world_, options_.client);
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (client && !stopped.wait_for(lock, stop, watch_period, [] { return false; }) &&
           !stop.stop_requested()) {
      const auto endpoint = describe_endpoint(*client, name_);
      const std::string waits = endpoint ? waits_for(*endpoint) : std::string();
      if (!waits.empty()) step.say(waits);
    }
  });
}

Result<> Deployment::wait(ProgressStep& step) {
  const std::jthread watching = watch(step);
  TRY(const json::object endpoint, wait_until_settled(client_, world_.clock, name_, options_.wait));
  const bool serves = text_of(endpoint, "EndpointStatus") == "InService" &&
                      text_of(endpoint, "EndpointConfigName") == outcome_.configuration;
  if (serves) return {};
  const std::string reason = text_of(endpoint, "FailureReason");
  const bool old_serves = text_of(endpoint, "EndpointStatus") == "InService";
  if (old_serves) TRY_DO(remove_configuration(client_, name_, outcome_.configuration));
  return fail(
      ErrorCode::internal,
      fmt::format("Endpoint '{}' did not come up{}: {}\n`slipway logs {}` shows all that it "
                  "printed.",
                  name_, old_serves ? " with this model; the one before serves on" : "",
                  reason.empty() ? "the server gives no reason." : reason, name_));
}

Result<> Deployment::bring_up() {
  const std::string what = fmt::format("{}, {} instance{}", name_, options_.instances,
                                       options_.instances == 1 ? "" : "s");
  ProgressStep step(world_, "starting", what);
  TRY_DO(start());
  if (options_.wait.count() == 0) {
    step.finish("asked for", what);
    return {};
  }
  TRY_DO(wait(step));
  step.finish("in service", what);
  if (former_configuration_.empty() || former_configuration_ == outcome_.configuration) return {};
  return remove_configuration(client_, name_, former_configuration_);
}

// Holds what fits the model, where its own file says what a record is: text for the command line,
// and the same as an expression of Python.
struct Sample {
  std::string_view content_type;
  std::string shell;
  std::string python;
};

Sample row_sample(std::uint64_t features) {
  constexpr std::uint64_t written_out_max = 16;
  constexpr std::string_view type = "text/csv";
  if (features > written_out_max)
    return {type, fmt::format("\"$(seq -s, {})\"", features),
            fmt::format("\",\".join(map(str, range(1, {})))", features + 1)};
  std::string row = "1.0";
  for (std::uint64_t i = 1; i < features; ++i) row += ",1.0";
  return {type, fmt::format("'{}'", row), fmt::format("\"{}\"", row)};
}

Sample text_sample() {
  const std::string body = R"('{"instances": ["a text"]}')";
  return {"application/json", body, body};
}

std::string ask_with(const std::string& name, const Sample& sample) {
  return fmt::format(
      "  slipway invoke {0} {1}\n\n"
      "  aws sagemaker-runtime invoke-endpoint --endpoint-name {0} --content-type {3} \\\n"
      "    --body fileb://<(echo {1}) /dev/stdout\n\n"
      "  import boto3\n"
      "  runtime = boto3.client(\"sagemaker-runtime\")\n"
      "  answer = runtime.invoke_endpoint(EndpointName=\"{0}\", ContentType=\"{3}\", "
      "Body={2})\n"
      "  print(answer[\"Body\"].read())\n",
      name, sample.shell, sample.python, sample.content_type);
}

// The file says the names at most, and not what fits below them; where they are many, none is
// shown: the answer to a record that lacks one names them all.
std::string ask_by_columns(const std::string& name, const std::vector<std::string>& names) {
  constexpr std::size_t shown_max = 40;
  std::string record;
  if (names.size() <= shown_max)
    for (const std::string& each : names)
      record += fmt::format("{}{}: ...", record.empty() ? "" : ", ", json::serialize(each));
  return fmt::format(
      "  slipway invoke {} --input FILE\n\n"
      "FILE is a record by the names of the model's columns: .csv with a header of them, or "
      ".json:\n"
      "{{\"instances\": [{{{}}}]}}\n",
      name, record.empty() ? "\"NAME\": ..., and so on for each" : record);
}

std::string ask_with_array(const std::string& name, const RecordShape& record) {
  return fmt::format(
      "  python3 -c 'import numpy; numpy.save(\"record.npy\", numpy.zeros((1, {1}), \"f4\"))'\n"
      "  slipway invoke {0} --input record.npy\n",
      name, fmt::join(record.axes, ", "));
}

std::string how_to_call(const std::string& name, const ModelFile& model) {
  std::string text = "\nAsk it, with a shell prepared by: eval \"$(slipway env)\"\n\n";
  const auto& record = model.record;
  if (record && record->of == RecordShape::Of::text) return text + ask_with(name, text_sample());
  if (record && record->of == RecordShape::Of::columns)
    return text + ask_by_columns(name, record->names);
  if (record && record->is_row()) return text + ask_with(name, row_sample(record->axes[0]));
  if (record) return text + ask_with_array(name, *record);
  return text +
         fmt::format(
             "  slipway invoke {} --input FILE\n\n"
             "FILE is a record as the model takes it: .csv, .json, .jsonl, .npy, or any other "
             "with --content-type.\n",
             name);
}

json::object to_json(const Outcome& outcome) {
  return {{"EndpointName", outcome.endpoint},
          {"EndpointArn", outcome.endpoint_arn},
          {"EndpointConfigName", outcome.configuration},
          {"ModelName", outcome.model},
          {"Image", outcome.image},
          {"ModelUri", outcome.model_uri}};
}

Result<> deploy(World& world, const DeployOptions& options) {
  TRY(AwsClient client, connect(world, options.client));
  Deployment deployment(world, options, client);
  TRY(const Outcome outcome, deployment.run());
  if (options.client.format == Format::json) {
    world.out << pretty(to_json(outcome));
  } else {
    world.out << how_to_call(outcome.endpoint, deployment.model());
  }
  return {};
}

}  // namespace

void add_deploy(CLI::App& app, World& world) {
  auto options = std::make_shared<DeployOptions>();
  CLI::App* command =
      app.add_subcommand("deploy", "Upload a model and bring an endpoint up for it");
  command
      ->add_option("FILE", options->file,
                   "An .onnx, XGBoost or scikit-learn model, a model.tar.gz, or a model folder")
      ->required()
      ->type_name("");
  command->add_option("--name", options->name, "The endpoint's name (else made from the file's)")
      ->type_name("NAME");
  command->add_option("--image", options->image, "Container image (else a built-in one that fits)")
      ->type_name("URI");
  command->add_option("--env", options->environment, "Set in the container; may be repeated")
      ->type_name("K=V")
      ->allow_extra_args(false);
  command->add_option("--instances", options->instances, "How many instances (1)")
      ->type_name("N")
      ->check(CLI::Range(1U, 1000U).description(""));
  command->add_option("--bucket", options->bucket, "Where to upload (slipway-<account>-<region>)")
      ->type_name("NAME");
  command->add_flag_callback(
      "--replace", [options] { options->existing = Existing::replace; },
      "Put the model in the place of what the endpoint serves, without a gap");
  command
      ->add_option_function<unsigned>(
          "--wait", [options](unsigned seconds) { options->wait = std::chrono::seconds(seconds); },
          "How long to wait until it is in service (900); 0: do not")
      ->type_name("SECONDS");
  add_client_options(*command, options->client);
  command->footer(
      "Examples:\n"
      "  slipway deploy iris.onnx\n"
      "  slipway deploy model.tar.gz --name fraud --instances 2 --env LOG_LEVEL=debug\n"
      "  slipway deploy better.ubj --name fraud --replace");
  set_action(*command, world, std::move(options), deploy);
}

}  // namespace slipway::cli
