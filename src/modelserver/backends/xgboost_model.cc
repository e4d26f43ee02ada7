#include "modelserver/backends/xgboost_model.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <span>

#include "base/log.h"
#include "modelserver/backends/shared_library.h"
#include "modelserver/backends/xgboost_binary.h"
#include "modelserver/backends/xgboost_pickle.h"
#include "modelserver/formats/json_cursor.h"
#include "modelserver/formats/numbers.h"

namespace slipway::modelserver {
namespace {

// Of what is decompressed at a time, and of a compressed model.
constexpr std::size_t inflated_piece_bytes = std::size_t{1} << 20;
constexpr std::size_t deflated_bytes_max = std::size_t{4'000'000'000};

// A prediction is asked with this.
struct Asking {
  std::uint64_t rounds = 0;  // of boosting; 0: all
  float missing = std::numeric_limits<float>::quiet_NaN();

  std::string predict_config() const {
    return fmt::format(
        R"({{"type": 0, "training": false, "iteration_begin": 0, "iteration_end": {}, )"
        R"("strict_shape": false, "missing": {}, "cache_id": 0}})",
        rounds, missing_text());
  }
  std::string matrix_config() const {
    return fmt::format(R"({{"missing": {}, "nthread": 1}})", missing_text());
  }

 private:
  std::string missing_text() const {
    std::string text;
    append_float(text, missing);
    return text;
  }
};

constexpr std::size_t sniffed_bytes = 4096;

// The library's C interface, as its c_api.h declares it; the wheels bring no header.
using Handle = void*;
using Size = std::uint64_t;
struct XgboostApi {
  const char* (*last_error)() = nullptr;
  int (*create)(const Handle*, Size, Handle*) = nullptr;
  int (*free)(Handle) = nullptr;
  int (*load)(Handle, const void*, Size) = nullptr;
  int (*unserialize)(Handle, const void*, Size) = nullptr;
  int (*set_parameter)(Handle, const char*, const char*) = nullptr;
  int (*feature_count)(Handle, Size*) = nullptr;
  int (*attribute)(Handle, const char*, const char**, int*) = nullptr;
  int (*config)(Handle, Size*, const char**) = nullptr;
  int (*predict_dense)(Handle, const char*, const char*, Handle, const Size**, Size*,
                       const float**) = nullptr;
  int (*predict_matrix)(Handle, Handle, const char*, const Size**, Size*, const float**) = nullptr;
  int (*matrix_create)(const char*, const char*, Handle*) = nullptr;
  int (*matrix_free)(Handle) = nullptr;
};

template <typename Function>
Result<> find_function(void* library, const char* name, Function& function) {
  TRY(void* const symbol, find_symbol(library, name));
  function = reinterpret_cast<Function>(symbol);
  return {};
}

Result<XgboostApi> open_xgboost() {
  TRY(void* const library, open_library({"libxgboost.so"}));
  XgboostApi api;
  TRY_DO(find_function(library, "XGBGetLastError", api.last_error));
  TRY_DO(find_function(library, "XGBoosterCreate", api.create));
  TRY_DO(find_function(library, "XGBoosterFree", api.free));
  TRY_DO(find_function(library, "XGBoosterLoadModelFromBuffer", api.load));
  TRY_DO(find_function(library, "XGBoosterUnserializeFromBuffer", api.unserialize));
  TRY_DO(find_function(library, "XGBoosterSetParam", api.set_parameter));
  TRY_DO(find_function(library, "XGBoosterGetNumFeature", api.feature_count));
  TRY_DO(find_function(library, "XGBoosterGetAttr", api.attribute));
  TRY_DO(find_function(library, "XGBoosterSaveJsonConfig", api.config));
  TRY_DO(find_function(library, "XGBoosterPredictFromDense", api.predict_dense));
  TRY_DO(find_function(library, "XGBoosterPredictFromDMatrix", api.predict_matrix));
  TRY_DO(find_function(library, "XGDMatrixCreateFromDense", api.matrix_create));
  TRY_DO(find_function(library, "XGDMatrixFree", api.matrix_free));
  return api;
}

// The first line of the library's message, without its "[10:15:01] /source/file.cc:123: ".
std::string plain_message(const char* message) {
  std::string_view text(message);
  text = text.substr(0, text.find("\nStack trace"));
  if (const auto source = text.find(".cc:"); source != text.npos) {
    const auto colon = text.find(": ", source + 4);
    if (colon != text.npos) text.remove_prefix(colon + 2);
  }
  std::string plain(text);
  std::ranges::replace(plain, '\n', ' ');
  while (plain.ends_with(' ')) plain.pop_back();
  return plain;
}

bool begins_as_deflated(std::string_view bytes) {
  if (bytes.starts_with("\x1f\x8b")) return true;
  if (bytes.size() < 2 || bytes[0] != '\x78') return false;
  return (0x78 * 256 + static_cast<unsigned char>(bytes[1])) % 31 == 0;
}

// Unpacks what joblib compressed, by zlib or gzip.
Result<std::string> inflate(std::string_view bytes) {
  constexpr int any_header = 32 + 15;
  z_stream stream = {};
  if (::inflateInit2(&stream, any_header) != Z_OK)
    return fail(ErrorCode::internal, "there is no memory to decompress it");
  std::string out;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(std::min(bytes.size(), deflated_bytes_max));
  int state = Z_OK;
  while (state == Z_OK && out.size() <= xgboost_file_bytes_max) {
    const std::size_t had = out.size();
    out.resize(had + inflated_piece_bytes);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = static_cast<uInt>(inflated_piece_bytes);
    state = ::inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  ::inflateEnd(&stream);
  if (out.size() > xgboost_file_bytes_max)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("it comes to more than {} bytes", xgboost_file_bytes_max));
  if (state != Z_STREAM_END)
    return fail(ErrorCode::invalid_argument, "it is compressed, and damaged");
  return out;
}

Result<std::string> read_file(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) {
    return fail(ErrorCode::not_found,
                fmt::format("The model {} cannot be read: {}.", path, error.message()));
  }
  if (size > xgboost_file_bytes_max) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("The model {} has more than {} bytes.", path, xgboost_file_bytes_max));
  }
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size)))
    return fail(ErrorCode::not_found, fmt::format("The model {} cannot be read.", path));
  return bytes;
}

// Reads the text at a path of members into `found`, which is let be where there is none.
Result<> find_text(JsonCursor& cursor, std::span<const std::string_view> path, std::string& found) {
  if (path.empty()) {
    TRY(found, cursor.read_string());
    return {};
  }
  return read_object(cursor, [&](const std::string& key) -> Result<> {
    if (key != path.front()) return cursor.skip_value();
    return find_text(cursor, path.subspan(1), found);
  });
}

// Of a booster's configuration (XGBoosterSaveJsonConfig).
Result<Objective> objective_in(std::string_view config) {
  constexpr std::string_view name_path[] = {"learner", "objective", "name"};
  constexpr std::string_view classes_path[] = {"learner", "learner_model_param", "num_class"};
  Objective objective;
  std::string classes;
  JsonCursor for_name(config);
  TRY_DO(find_text(for_name, name_path, objective.name));
  JsonCursor for_classes(config);
  TRY_DO(find_text(for_classes, classes_path, classes));
  std::from_chars(classes.data(), classes.data() + classes.size(), objective.classes);
  return objective;
}

std::string array_interface(const Tensor& tensor) {
  return fmt::format(R"({{"data": [{}, true], "shape": [{}, {}], "typestr": "<f4", "version": 3}})",
                     reinterpret_cast<std::uintptr_t>(tensor.bytes.data()), tensor.shape[0],
                     tensor.shape[1]);
}

class XgboostPredictor final : public Predictor {
 public:
  XgboostPredictor(const XgboostApi& api, Handle booster) : api_(api), booster_(booster) {}
  ~XgboostPredictor() override { api_.free(booster_); }

  const ModelSignature& signature() const override { return signature_; }
  Joining joining() const override { return Joining::by_records; }
  const Objective& objective() const { return objective_; }

  // Reads `file`'s bytes; to be called once, before anything else.
  Result<> load(std::string_view bytes) {
    std::string inflated;
    if (begins_as_deflated(bytes)) {
      TRY(inflated, inflate(bytes));
      bytes = inflated;
    }
    Interface interface = Interface::booster;
    if (begins_as_pickle(bytes)) {
      TRY(const PickledBooster pickled, read_pickled_booster(bytes));
      interface = pickled.interface;
      asking_.missing = static_cast<float>(pickled.missing);
      TRY_DO(
          check(api_.unserialize(booster_, pickled.serialized.data(), pickled.serialized.size())));
    } else if (begins_as_binary(bytes)) {
      TRY(const std::string json, json_of_binary(bytes));
      TRY_DO(check(api_.load(booster_, json.data(), json.size())));
    } else {
      TRY_DO(check(api_.load(booster_, bytes.data(), bytes.size())));
    }
    TRY_DO(check(api_.set_parameter(booster_, "nthread", "1")));
    TRY_DO(honour_early_stopping(interface));
    TRY(const std::string_view config, this->config());
    TRY(objective_, objective_in(config));
    return learn();
  }

  Result<> run(std::span<Tensor> inputs, std::span<Override> /*it has no defaults*/,
               std::vector<Tensor>& outputs) override {
    outputs.resize(1);
    if (inputs[0].shape[0] == 0) {
      outputs[0].clear(ElementType::float32);
      outputs[0].shape = signature_.outputs[0].shape;
      outputs[0].shape[0] = 0;
      return {};
    }
    TRY_DO(refuse_infinite(inputs[0]));
    const Size* shape = nullptr;
    Size rank = 0;
    const float* values = nullptr;  // the library's, of this thread, until its next call
    Matrix matrix{api_};
    TRY_DO(predict(inputs[0], matrix, shape, rank, values));
    Tensor& out = outputs[0];
    out.clear(ElementType::float32);
    out.shape.assign(shape, shape + rank);
    if (rank == 2 && shape[1] == 1) out.shape.pop_back();
    out.bytes.resize(static_cast<std::size_t>(element_count(out.shape)) * sizeof(float));
    std::memcpy(out.bytes.data(), values, out.bytes.size());
    return {};
  }

 private:
  // A matrix for the boosters that cannot predict in place (gblinear).
  struct Matrix {
    const XgboostApi& api;
    Handle handle = nullptr;
    ~Matrix() {
      if (handle != nullptr) api.matrix_free(handle);
    }
  };

  Result<> check(int status) const {
    if (status == 0) return {};
    return fail(ErrorCode::internal, plain_message(api_.last_error()));
  }

  // As the library does for all but the numbers that it predicts in place.
  Result<> refuse_infinite(const Tensor& input) const {
    const std::span values(input.data<float>(), input.size());
    const bool is_missing = std::isinf(asking_.missing);
    if (is_missing || std::ranges::none_of(values, [](float x) { return std::isinf(x); }))
      return {};
    return fail(ErrorCode::invalid_argument,
                "A value is infinite, or larger than float32 holds, which XGBoost does not take.");
  }

  Result<> predict(const Tensor& input, Matrix& matrix, const Size*& shape, Size& rank,
                   const float*& values) const {
    const std::string array = array_interface(input);
    if (in_place_) {
      return check(api_.predict_dense(booster_, array.c_str(), predict_config_.c_str(), nullptr,
                                      &shape, &rank, &values));
    }
    TRY_DO(
        check(api_.matrix_create(array.c_str(), asking_.matrix_config().c_str(), &matrix.handle)));
    return check(api_.predict_matrix(booster_, matrix.handle, predict_config_.c_str(), &shape,
                                     &rank, &values));
  }

  Result<std::optional<std::uint64_t>> attribute(const char* name) const {
    const char* text = nullptr;
    int is_there = 0;
    TRY_DO(check(api_.attribute(booster_, name, &text, &is_there)));
    std::uint64_t value = 0;
    if (is_there == 0 || std::from_chars(text, text + std::strlen(text), value).ec != std::errc())
      return std::nullopt;
    return value;
  }

  // The model's own settings, as JSON that stays until the library's next call on this thread.
  Result<std::string_view> config() const {
    Size bytes = 0;
    const char* text = nullptr;
    TRY_DO(check(api_.config(booster_, &bytes, &text)));
    return std::string_view(text, bytes);
  }

  // 1 where the settings do not say.
  Result<std::uint64_t> trees_of_a_round() const {
    constexpr std::string_view mark = "\"num_parallel_tree\":\"";
    TRY(const std::string_view config, this->config());
    const auto at = config.find(mark);
    if (at == config.npos) return 1;
    std::uint64_t trees = 1;
    std::from_chars(config.data() + at + mark.size(), config.data() + config.size(), trees);
    return std::max<std::uint64_t>(trees, 1);
  }

  // A wrapper's own prediction ends at the best iteration; a Booster's where the attribute
  // best_ntree_limit says so.
  Result<> honour_early_stopping(Interface interface) {
    TRY(const auto trees, attribute("best_ntree_limit"));
    TRY(const auto best, attribute("best_iteration"));
    if (best && interface == Interface::scikit_learn) {
      asking_.rounds = *best + 1;
    } else if (trees && *trees > 0) {
      TRY(const std::uint64_t each, trees_of_a_round());
      asking_.rounds = std::max<std::uint64_t>(*trees / each, 1);
    } else if (best) {
      log_info("modelserver", "the model has a best iteration, and all its trees are asked",
               {{"best_iteration", std::to_string(*best)},
                {"to_change_that", "set its attribute best_ntree_limit before it is saved"}});
    }
    predict_config_ = asking_.predict_config();
    return {};
  }

  // The signature, from the model and from what it answers to a record without a value.
  Result<> learn() {
    Size features = 0;
    TRY_DO(check(api_.feature_count(booster_, &features)));
    signature_.inputs = {
        {"features", ElementType::float32, {any_size, static_cast<std::int64_t>(features)}}};
    signature_.outputs = {{"predictions", ElementType::float32, {any_size}}};
    std::vector<Tensor> record(1);
    record[0].shape = {1, static_cast<std::int64_t>(features)};
    for (Size i = 0; i < features; ++i)
      if (!record[0].push_number(std::numeric_limits<double>::quiet_NaN())) break;
    std::vector<Tensor> answer;
    if (!run(record, {}, answer)) {
      in_place_ = false;
      TRY_DO(run(record, {}, answer));
    }
    signature_.outputs[0].shape = answer[0].shape;
    signature_.outputs[0].shape[0] = any_size;
    return {};
  }

  XgboostApi api_;
  Handle booster_;
  ModelSignature signature_;
  Objective objective_;
  bool in_place_ = true;
  Asking asking_;
  std::string predict_config_;
};

// How several answers become one: multi:softmax and binary:hinge answer with labels, whose mean
// says nothing.
enum class Combining : std::uint8_t { mean, vote };

Combining combining_of(const Objective& objective) {
  const bool has_labels = objective.name == "multi:softmax" || objective.name == "binary:hinge";
  return has_labels ? Combining::vote : Combining::mean;
}

// Answers what several boosters answer together.
class Ensemble final : public Predictor {
 public:
  Ensemble(std::vector<std::unique_ptr<Predictor>> members, Combining combining)
      : members_(std::move(members)), combining_(combining) {}

  const ModelSignature& signature() const override { return members_.front()->signature(); }
  Joining joining() const override { return Joining::by_records; }

  Result<> run(std::span<Tensor> inputs, std::span<Override> overrides,
               std::vector<Tensor>& outputs) override {
    TRY_DO(members_.front()->run(inputs, overrides, outputs));
    std::vector<std::vector<Tensor>> others(members_.size() - 1);
    for (std::size_t i = 0; i < others.size(); ++i)
      TRY_DO(members_[i + 1]->run(inputs, overrides, others[i]));
    float* const values = outputs.front().data<float>();
    std::vector<float> said(members_.size());
    for (std::size_t at = 0; at < outputs.front().size(); ++at) {
      said[0] = values[at];
      for (std::size_t i = 0; i < others.size(); ++i)
        said[i + 1] = others[i].front().data<float>()[at];
      values[at] = combining_ == Combining::vote ? most_said(said) : mean_of(said);
    }
    return {};
  }

 private:
  static float mean_of(std::span<const float> values) {
    float sum = 0;
    for (const float value : values) sum += value;
    return sum / static_cast<float>(values.size());
  }

  // Of equally many the smallest, as scipy.stats.mode in AWS's image.
  static float most_said(std::span<const float> values) {
    std::map<float, std::size_t> counts;
    for (const float value : values) ++counts[value];
    return std::ranges::max_element(counts, {}, [](const auto& each) { return each.second; })
        ->first;
  }

  std::vector<std::unique_ptr<Predictor>> members_;
  Combining combining_;
};

Result<std::unique_ptr<XgboostPredictor>> load_one(const XgboostApi& api, const std::string& path) {
  TRY(const std::string bytes, read_file(path));
  Handle booster = nullptr;
  if (api.create(nullptr, 0, &booster) != 0)
    return fail(ErrorCode::internal, plain_message(api.last_error()));
  auto predictor = std::make_unique<XgboostPredictor>(api, booster);
  if (auto loaded = predictor->load(bytes); !loaded) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("XGBoost cannot load {}: {}", path, loaded.error().message));
  }
  return predictor;
}

bool are_alike(const ModelSignature& a, const ModelSignature& b) {
  return a.inputs[0].shape == b.inputs[0].shape && a.outputs[0].shape == b.outputs[0].shape;
}

}  // namespace

Result<XgboostModel> load_xgboost_models(const std::vector<std::string>& paths) {
  TRY(const XgboostApi api, open_xgboost());
  std::vector<std::unique_ptr<Predictor>> members;
  Objective objective;  // the first one's, as in AWS's image
  for (const std::string& path : paths) {
    TRY(auto member, load_one(api, path));
    if (!members.empty() && !are_alike(members[0]->signature(), member->signature()))
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} and {} cannot be averaged: {} {}", paths[0], path,
                              describe(members[0]->signature()), describe(member->signature())));
    if (members.empty()) objective = member->objective();
    members.push_back(std::move(member));
  }
  if (members.size() == 1) return XgboostModel{std::move(members.front()), objective};
  return XgboostModel{std::make_unique<Ensemble>(std::move(members), combining_of(objective)),
                      objective};
}

bool looks_like_xgboost(const std::string& path) {
  std::string bytes(sniffed_bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (begins_as_binary(bytes)) return true;
  return begins_as_object(bytes) && bytes.find("learner") != bytes.npos;
}

}  // namespace slipway::modelserver
