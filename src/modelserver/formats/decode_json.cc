// application/json and application/jsonlines to tensors.
#include <fmt/format.h>

#include <algorithm>

#include "modelserver/formats/decode.h"
#include "modelserver/formats/json_cursor.h"

namespace slipway::modelserver {
namespace {

// Reads the parts of a request in whatever order they come.
class JsonDecoder {
 public:
  JsonDecoder(const ModelSignature& signature, DecodedRequest& out)
      : signature_(signature), out_(out), shapes_(out.inputs.size()), seen_(out.inputs.size()) {}

  // The whole body of application/json.
  Result<> read_body(JsonCursor& cursor) {
    if (cursor.peek() == '{') {
      TRY_DO(read_top_object(cursor));
    } else if (cursor.peek() == '[') {
      TRY_DO(read_plain_array(cursor));
    } else {
      TRY_DO(read_only_input(cursor));
    }
    return cursor.expect_end();
  }

  // One instance: {name: value}, or the value of the only input.
  Result<> read_instance(JsonCursor& cursor) {
    seen_.assign(seen_.size(), false);
    if (cursor.peek() == '{') {
      TRY_DO(read_object(cursor, [&](const std::string& key) -> Result<> {
        TRY(const std::size_t input, find_input(key));
        return read_part(cursor, input);
      }));
    } else {
      TRY_DO(require_one_input());
      TRY_DO(read_part(cursor, 0));
    }
    TRY_DO(require_all());
    ++records_;
    return {};
  }

  // After the last instance: the inputs get a leading size.
  Result<> end_instances() {
    if (records_ == 0) return std::unexpected(misfit(signature_, "the body has no record"));
    for (std::size_t i = 0; i < out_.inputs.size(); ++i) {
      out_.inputs[i].shape = shapes_[i];
      out_.inputs[i].shape.insert(out_.inputs[i].shape.begin(), records_);
      TRY_DO(fit(i, Records::flattened));
    }
    return {};
  }

 private:
  Result<> fit(std::size_t input, Records records) {
    auto& tensor = out_.inputs[input];
    const auto& info = signature_.inputs[input];
    if (auto fitted = fit_shape(info, records, tensor); !fitted)
      return std::unexpected(misfit(signature_, fitted.error().message));
    return {};
  }

  Result<std::size_t> find_input(const std::string& name) const {
    const auto& inputs = signature_.inputs;
    const auto found = std::ranges::find(inputs, name, &TensorInfo::name);
    if (found != inputs.end()) return static_cast<std::size_t>(found - inputs.begin());
    // The name that AWS's own algorithms give to what they take.
    if (inputs.size() == 1 && name == "features") return 0;
    if (find_default(name))
      return std::unexpected(
          misfit(signature_, fmt::format("'{}' has one value for all records: give it once, in "
                                         "{{\"inputs\": {{name: value}}}}",
                                         name)));
    return std::unexpected(misfit(signature_, fmt::format("it has no input '{}'", name)));
  }

  Result<> require_one_input() const {
    if (signature_.inputs.size() == 1) return {};
    return std::unexpected(misfit(signature_,
                                  "with several inputs, each value needs its name: "
                                  "{\"inputs\": {name: value}}"));
  }

  Result<> require_all() const {
    const auto missing = std::ranges::find(seen_, false);
    if (missing == seen_.end()) return {};
    const auto& info = signature_.inputs[static_cast<std::size_t>(missing - seen_.begin())];
    return std::unexpected(misfit(signature_, fmt::format("the input '{}' is missing", info.name)));
  }

  Result<> take_turn(std::size_t input) {
    if (seen_[input]) {
      return std::unexpected(misfit(
          signature_, fmt::format("the input '{}' came twice", signature_.inputs[input].name)));
    }
    seen_[input] = true;
    return {};
  }

  // One input of one instance.
  Result<> read_part(JsonCursor& cursor, std::size_t input) {
    TRY_DO(take_turn(input));
    TensorShape shape;
    TRY_DO(read_elements(cursor, input, shape));
    if (records_ > 0 && shape != shapes_[input]) {
      return std::unexpected(
          misfit(signature_,
                 fmt::format("record {} has another shape than those before it", records_ + 1)));
    }
    shapes_[input] = std::move(shape);
    return {};
  }

  Result<> read_only_input(JsonCursor& cursor) {
    TRY_DO(require_one_input());
    return read_named(cursor, 0);
  }

  Result<> read_named(JsonCursor& cursor, std::size_t input) {
    TRY_DO(take_turn(input));
    TRY_DO(read_elements(cursor, input, out_.inputs[input].shape));
    return fit(input, Records::as_they_are);
  }

  Result<> read_elements(JsonCursor& cursor, std::size_t input, TensorShape& shape) {
    return read_value(cursor, out_.inputs[input], shape);
  }

  Result<> read_value(JsonCursor& cursor, Tensor& value, TensorShape& shape) {
    if (auto read = cursor.read_elements(value, shape); !read) {
      Error error = std::move(read).error();
      error.message += ' ' + describe(signature_);
      return std::unexpected(std::move(error));
    }
    return {};
  }

  // [[...], ...], [1, 2], or [{name: value}, ...].
  Result<> read_plain_array(JsonCursor& cursor) {
    JsonCursor ahead = cursor;
    ahead.take('[');
    if (ahead.peek() == '{') return read_instances(cursor);
    return read_only_input(cursor);
  }

  Result<> read_instances(JsonCursor& cursor) {
    TRY_DO(read_array(cursor, [&] { return read_instance(cursor); }));
    return end_instances();
  }

  Result<> read_inputs(JsonCursor& cursor) {
    out_.style = AnswerStyle::outputs;
    if (cursor.peek() != '{') return read_only_input(cursor);
    TRY_DO(read_object(cursor, [&](const std::string& key) -> Result<> {
      if (const auto which = find_default(key)) return read_override(cursor, *which);
      TRY(const std::size_t input, find_input(key));
      return read_named(cursor, input);
    }));
    return require_all();
  }

  std::optional<std::size_t> find_default(const std::string& name) const {
    const auto found = std::ranges::find(signature_.defaults, name, &TensorInfo::name);
    if (found == signature_.defaults.end()) return std::nullopt;
    return static_cast<std::size_t>(found - signature_.defaults.begin());
  }

  Result<> read_override(JsonCursor& cursor, std::size_t which) {
    const TensorInfo& info = signature_.defaults[which];
    if (std::ranges::find(out_.overrides, which, &Override::which) != out_.overrides.end())
      return std::unexpected(
          misfit(signature_, fmt::format("the input '{}' came twice", info.name)));
    Tensor& value = out_.overrides.emplace_back(Override{which, {}}).value;
    value.clear(info.type);
    TRY_DO(read_value(cursor, value, value.shape));
    if (auto fitted = fit_shape(info, Records::as_they_are, value); !fitted)
      return std::unexpected(misfit(signature_, fitted.error().message));
    return {};
  }

  // {"instances": ...}, {"inputs": ...}, or {name: value}; other members beside the first two are
  // let be ("signature_name", "parameters").
  Result<> read_top_object(JsonCursor& cursor) {
    TRY(const bool is_named, has_frame(cursor));
    if (!is_named) return read_inputs(cursor);
    std::string taken;
    return read_object(cursor, [&](const std::string& key) -> Result<> {
      if (key != "instances" && key != "inputs") return cursor.skip_value();
      if (key == taken)
        return std::unexpected(misfit(signature_, fmt::format("\"{}\" came twice", key)));
      if (!taken.empty())
        return std::unexpected(
            misfit(signature_, "it wants \"instances\" or \"inputs\", not both"));
      taken = key;
      return key == "instances" ? read_instances(cursor) : read_inputs(cursor);
    });
  }

  // Whether one of the members is "instances" or "inputs". Mostly the first one is, and then
  // nothing is read twice.
  Result<bool> has_frame(JsonCursor ahead) const {
    const auto is_frame = [](std::string_view key) {
      return key == "instances" || key == "inputs";
    };
    JsonCursor first = ahead;
    if (first.take('{') && first.peek() == '"') {
      TRY(const std::string key, first.read_string());
      if (is_frame(key)) return true;
    }
    bool found = false;
    TRY_DO(read_object(ahead, [&](const std::string& key) {
      found = found || is_frame(key);
      return ahead.skip_value();
    }));
    return found;
  }

  const ModelSignature& signature_;
  DecodedRequest& out_;
  std::vector<TensorShape> shapes_;  // of one instance's part, for each input
  std::vector<bool> seen_;
  std::int64_t records_ = 0;
};

}  // namespace

Result<> decode_json(const ModelSignature& signature, std::string_view body, DecodedRequest& out) {
  if (signature.inputs.empty()) return std::unexpected(misfit(signature, "it takes no input"));
  JsonCursor cursor(body);
  return JsonDecoder(signature, out).read_body(cursor);
}

Result<> decode_json_lines(const ModelSignature& signature, std::string_view body,
                           DecodedRequest& out) {
  if (signature.inputs.empty()) return std::unexpected(misfit(signature, "it takes no input"));
  JsonDecoder decoder(signature, out);
  while (!body.empty()) {
    const auto line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    JsonCursor cursor(line);
    if (cursor.at_end()) continue;
    TRY_DO(decoder.read_instance(cursor));
    TRY_DO(cursor.expect_end());
  }
  return decoder.end_instances();
}

}  // namespace slipway::modelserver
