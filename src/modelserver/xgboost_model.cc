#include "modelserver/xgboost_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

#include "modelserver/shared_library.h"

namespace slipway::modelserver {
namespace {

constexpr std::string_view predict_config =
    R"({"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, )"
    R"("strict_shape": false, "missing": NaN, "cache_id": 0})";
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

// Whether `bytes` begin as a model that the library wrote, JSON or UBJSON.
bool begins_as_object(std::string_view bytes) {
  if (bytes.size() < 2 || bytes[0] != '{') return false;
  const char next = bytes[1];
  return next == '"' || next == ' ' || next == '\n' || next == '\r' || next == '\t' ||
         next == 'L' || next == 'l' || next == 'i' || next == 'I' || next == 'U' || next == '$' ||
         next == '#';
}

bool begins_as_pickle(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
}

// A pickled Booster keeps what XGBoosterSerializeToBuffer gave it as one bytes object: the longest
// of pickle's byte strings (opcodes B, \x8e, \x96: a length, then the bytes) that begins as one.
// Nothing of the pickle is executed.
std::optional<std::string_view> find_serialized(std::string_view pickle) {
  std::string_view best;
  for (std::size_t at = 0; at + 9 < pickle.size(); ++at) {
    const char opcode = pickle[at];
    const std::size_t width = opcode == 'B' ? 4 : (opcode == '\x8e' || opcode == '\x96') ? 8 : 0;
    if (width == 0) continue;
    std::uint64_t length = 0;
    std::memcpy(&length, pickle.data() + at + 1, width);
    const auto start = at + 1 + width;
    if (length <= best.size() || start >= pickle.size() || length > pickle.size() - start) continue;
    const auto bytes = pickle.substr(start, length);
    if (begins_as_object(bytes) || bytes.starts_with("CONFIG-offset:")) best = bytes;
  }
  if (best.empty()) return std::nullopt;
  return best;
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

std::string array_interface(const Tensor& tensor) {
  return fmt::format(R"({{"data": [{}, true], "shape": [{}, {}], "typestr": "<f4", "version": 3}})",
                     reinterpret_cast<std::uintptr_t>(tensor.bytes.data()), tensor.shape[0],
                     tensor.shape[1]);
}

class XgboostPredictor final : public Predictor {
 public:
  XgboostPredictor(const XgboostApi& api, Handle booster) : api_(api), booster_(booster) {}
  ~XgboostPredictor() override { api_.free(booster_); }

  const Signature& signature() const override { return signature_; }
  Joining joining() const override { return Joining::by_records; }

  // Reads `file`'s bytes; to be called once, before anything else.
  Result<> load(std::string_view bytes) {
    if (begins_as_pickle(bytes)) {
      const auto serialized = find_serialized(bytes);
      if (!serialized) return fail(ErrorCode::invalid_argument, "it is a pickle without a Booster");
      TRY_DO(check(api_.unserialize(booster_, serialized->data(), serialized->size())));
    } else {
      TRY_DO(check(api_.load(booster_, bytes.data(), bytes.size())));
    }
    TRY_DO(check(api_.set_parameter(booster_, "nthread", "1")));
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

  Result<> predict(const Tensor& input, Matrix& matrix, const Size*& shape, Size& rank,
                   const float*& values) const {
    const std::string array = array_interface(input);
    if (in_place_) {
      return check(api_.predict_dense(booster_, array.c_str(), predict_config.data(), nullptr,
                                      &shape, &rank, &values));
    }
    TRY_DO(check(
        api_.matrix_create(array.c_str(), R"({"missing": NaN, "nthread": 1})", &matrix.handle)));
    return check(api_.predict_matrix(booster_, matrix.handle, predict_config.data(), &shape, &rank,
                                     &values));
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
  Signature signature_;
  bool in_place_ = true;
};

}  // namespace

Result<std::unique_ptr<Predictor>> load_xgboost_model(const std::string& path) {
  TRY(const XgboostApi api, open_xgboost());
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

bool looks_like_xgboost(const std::string& path) {
  std::string bytes(sniffed_bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (bytes.starts_with("binf")) return true;
  return begins_as_object(bytes) && bytes.find("learner") != bytes.npos;
}

}  // namespace slipway::modelserver
