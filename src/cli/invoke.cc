// slipway invoke: one request to an endpoint, its answer as it is.
#include "cli/invoke.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/encoding.h"
#include "base/printable.h"
#include "cli/command.h"

namespace slipway::cli {

namespace {

struct InvokeOptions {
  ClientOptions client;
  std::string name;
  std::optional<std::string> data;
  std::string input;
  std::string content_type;
  std::string accept;
  std::string variant;
};

struct Input {
  std::string bytes;
  std::string file_name;  // empty: it was typed or piped
};

Result<std::string> read_all(std::istream& in, std::string_view from) {
  std::string bytes(invoke_body_bytes_max + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.size() <= invoke_body_bytes_max) return bytes;
  return fail(ErrorCode::limit_exceeded,
              fmt::format("{} is larger than what an endpoint takes, {} MiB.", from,
                          invoke_body_bytes_max >> 20));
}

Result<Input> read_input(World& world, const InvokeOptions& options) {
  if (options.data && !options.input.empty()) {
    return misuse("Give the data as an argument or with --input, not both.");
  }
  if (options.data) return Input{*options.data, ""};
  if (options.input.empty() && world.in_terminal == Terminal::yes) {
    return misuse("There is nothing to send: give DATA, --input FILE, or pipe it in.");
  }
  if (options.input.empty() || options.input == "-") {
    TRY(std::string bytes, read_all(world.in, "Standard input"));
    return Input{std::move(bytes), ""};
  }
  std::ifstream file(options.input, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::not_found, fmt::format("The file {} cannot be read.", options.input));
  }
  TRY(std::string bytes, read_all(file, options.input));
  return Input{std::move(bytes), options.input};
}

AwsRequest request_of(const InvokeOptions& options, Input input) {
  AwsRequest request{
      .service = "sagemaker",
      .path = fmt::format("/endpoints/{}/invocations", percent_encode(options.name))};
  const std::string type = options.content_type.empty()
                               ? std::string(guess_content_type(input.file_name, input.bytes))
                               : options.content_type;
  request.headers.emplace_back("Content-Type", type);
  if (!options.accept.empty()) request.headers.emplace_back("Accept", options.accept);
  if (!options.variant.empty()) {
    request.headers.emplace_back("X-Amzn-SageMaker-Target-Variant", options.variant);
  }
  request.body = std::move(input.bytes);
  return request;
}

std::string detail(const Error& error, std::string_view name) {
  for (const auto& [key, value] : error.details) {
    if (key == name) return value;
  }
  return {};
}

// The model's own words, where it was the model that failed.
Error explain(const Error& error, const std::string& name) {
  Error explained = error;
  if (error.kind == "ModelError") {
    const std::string original = detail(error, "OriginalMessage");
    explained.message =
        fmt::format("The model answered {}: {}", detail(error, "OriginalStatusCode"),
                    original.empty() ? error.message : original);
  } else if (error.message.contains("not found")) {
    explained.code = ErrorCode::not_found;
    explained.message = fmt::format("There is no endpoint '{}': {}", name, error.message);
  }
  return explained;
}

void print_answer(World& world, Format format, const net::BlockingResponse& answer) {
  const auto header = [&](std::string_view name) {
    return std::string(answer.headers.find(name).value_or(""));
  };
  if (format == Format::json) {
    const bool text = is_utf8(answer.body);
    world.out << pretty(
        {{"ContentType", header("Content-Type")},
         {"InvokedProductionVariant", header("x-amzn-Invoked-Production-Variant")},
         {text ? "Body" : "BodyBase64", text ? answer.body : to_base64(answer.body)}});
    return;
  }
  if (world.out_terminal == Terminal::no) {
    world.out << answer.body;  // as it is
    return;
  }
  world.out << printable(answer.body);
  if (!answer.body.empty() && !answer.body.ends_with('\n')) world.out << '\n';
}

Result<> invoke(World& world, const InvokeOptions& options) {
  TRY(Input input, read_input(world, options));
  TRY(AwsClient client, connect(world, options.client));
  const auto answer = client.send(request_of(options, std::move(input)));
  if (!answer) return std::unexpected(explain(answer.error(), options.name));
  print_answer(world, options.client.format, *answer);
  return {};
}

}  // namespace

std::string_view guess_content_type(std::string_view file_name, std::string_view bytes) {
  constexpr std::pair<std::string_view, std::string_view> types[] = {
      {".csv", "text/csv"},          {".json", "application/json"},
      {".npy", "application/x-npy"}, {".jsonl", "application/jsonlines"},
      {".libsvm", "text/libsvm"},    {".svm", "text/libsvm"},
      {".txt", "text/plain"},        {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},       {".png", "image/png"}};
  for (const auto& [ending, type] : types) {
    if (file_name.ends_with(ending)) return type;
  }
  if (bytes.starts_with("\x93NUMPY")) return "application/x-npy";
  const std::size_t start = bytes.find_first_not_of(" \t\r\n");
  const bool json = start != std::string_view::npos && (bytes[start] == '{' || bytes[start] == '[');
  if (json) return "application/json";
  return is_utf8(bytes) ? "text/csv" : "application/octet-stream";
}

void add_invoke(CLI::App& app, World& world) {
  auto options = std::make_shared<InvokeOptions>();
  CLI::App* command = app.add_subcommand("invoke", "Send data to an endpoint and print its answer");
  command->add_option("NAME", options->name, "The endpoint")->required()->type_name("");
  command->add_option("DATA", options->data, "What to send (else --input, else standard input)")
      ->type_name("");
  command->add_option("--input", options->input, "Send this file; - is standard input")
      ->type_name("FILE|-");
  command
      ->add_option("--content-type", options->content_type,
                   "What the data is (else told from its name and content)")
      ->type_name("TYPE");
  command->add_option("--accept", options->accept, "What the answer should be")->type_name("TYPE");
  command->add_option("--variant", options->variant, "Ask this variant")->type_name("NAME");
  add_client_options(*command, options->client);
  command->footer(
      "The answer's body goes to standard output as it is. What a model refuses goes to standard\n"
      "error, with exit code 1.\n"
      "Examples:\n"
      "  slipway invoke iris '5.1,3.5,1.4,0.2'\n"
      "  slipway invoke iris '{\"instances\": [[5.1, 3.5, 1.4, 0.2]]}'\n"
      "  slipway invoke ocr --input page.npy --accept application/json\n"
      "  cat rows.csv | slipway invoke fraud --variant blue");
  set_action(*command, world, std::move(options), invoke);
}

}  // namespace slipway::cli
