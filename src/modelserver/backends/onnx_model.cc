#include "modelserver/backends/onnx_model.h"

#include <fmt/format.h>
#include <onnxruntime_cxx_api.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>

#include "base/log.h"
#include "modelserver/backends/onnx_warm_up_model.h"
#include "modelserver/backends/shared_library.h"
#include "modelserver/row_wise/row_wise.h"

namespace slipway::modelserver {
namespace {

// A first run slower than this is not repeated to see whether the graph was read rightly.
constexpr std::chrono::milliseconds probe_time_max{250};
// Elements of a made-up record.
constexpr std::int64_t probe_elements_max = 1 << 20;
// How many times as large as the first record those are that it is joined with.
constexpr std::array probe_scales = {1.0, 0.01, 300.0};

struct TypePair {
  ONNXTensorElementDataType onnx;
  ElementType type;
};

constexpr std::array<TypePair, 13> type_pairs = {{
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, ElementType::float32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, ElementType::float64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, ElementType::float16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, ElementType::int8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, ElementType::int16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, ElementType::int32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, ElementType::int64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, ElementType::uint8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, ElementType::uint16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, ElementType::uint32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, ElementType::uint64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, ElementType::boolean},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, ElementType::string},
}};

std::optional<ElementType> type_of(ONNXTensorElementDataType onnx) {
  for (const auto& pair : type_pairs)
    if (pair.onnx == onnx) return pair.type;
  return std::nullopt;
}

ONNXTensorElementDataType onnx_type_of(ElementType type) {
  return type_pairs[static_cast<std::size_t>(type)].onnx;
}

// The library's message without its "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : " and line breaks.
std::string plain_message(const std::string& message) {
  const auto last = message.rfind(" : ");
  std::string text = message.starts_with("[ONNXRuntimeError]") && last != message.npos
                         ? message.substr(last + 3)
                         : message;
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

Result<TensorInfo> describe_value(std::string name, const Ort::TypeInfo& info) {
  if (info.GetONNXType() != ONNX_TYPE_TENSOR) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("'{}' is no tensor; sequences, maps and optional values are not taken", name));
  }
  const auto tensor = info.GetTensorTypeAndShapeInfo();
  const auto type = type_of(tensor.GetElementType());
  if (!type) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' has an element type that neither JSON nor CSV carries "
                            "(ONNX type {})",
                            name, static_cast<int>(tensor.GetElementType())));
  }
  TensorInfo out{std::move(name), *type, tensor.GetShape()};
  for (auto& size : out.shape)
    if (size < 0) size = any_size;
  return out;
}

bool is_map_list(const Ort::TypeInfo& info) {
  if (info.GetONNXType() != ONNX_TYPE_SEQUENCE) return false;
  const auto element = info.GetSequenceTypeInfo().GetSequenceElementType();
  if (element.GetONNXType() != ONNX_TYPE_MAP) return false;
  const auto value = element.GetMapTypeInfo().GetMapValueType();
  return value.GetONNXType() == ONNX_TYPE_TENSOR &&
         value.GetTensorTypeAndShapeInfo().GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
}

// A classifier's list of {class: probability}, as scikit-learn's converter writes it, is described
// and answered as [N, classes], in the order of the classes.
TensorInfo describe_map_list(std::string name) {
  return {std::move(name), ElementType::float32, {any_size, any_size}};
}

// Tensors to the library's values, over the tensors' own memory.
Ort::Value value_over(Tensor& tensor, const Ort::MemoryInfo& memory) {
  if (tensor.type == ElementType::string) {
    Ort::AllocatorWithDefaultOptions allocator;
    auto value = Ort::Value::CreateTensor(allocator, tensor.shape.data(), tensor.shape.size(),
                                          ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
    for (std::size_t i = 0; i < tensor.strings.size(); ++i) {
      const std::string& text = tensor.strings[i];  // NULs in it are its own
      std::memcpy(value.GetResizedStringTensorElementBuffer(i, text.size()), text.data(),
                  text.size());
    }
    return value;
  }
  return Ort::Value::CreateTensor(memory, tensor.bytes.data(), tensor.bytes.size(),
                                  tensor.shape.data(), tensor.shape.size(),
                                  onnx_type_of(tensor.type));
}

void read_tensor(const Ort::Value& value, Tensor& out) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  out.clear(type_of(info.GetElementType()).value_or(ElementType::float32));
  out.shape = info.GetShape();
  const auto count = static_cast<std::size_t>(element_count(out.shape));
  if (out.type != ElementType::string) {
    out.bytes.resize(count * size_of(out.type));
    if (count > 0) std::memcpy(out.bytes.data(), value.GetTensorRawData(), out.bytes.size());
    return;
  }
  out.strings.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.strings.push_back(value.GetStringTensorElement(i));
}

// {class: probability} for one record, classes in the order of their values.
template <typename Key>
std::map<Key, float> read_map(const Tensor& keys, const Tensor& values) {
  std::map<Key, float> out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_same_v<Key, std::string>) {
      out[keys.strings[i]] = values.data<float>()[i];
    } else {
      out[keys.data<Key>()[i]] = values.data<float>()[i];
    }
  }
  return out;
}

void append_sorted(const Tensor& keys, const Tensor& values, Tensor& out) {
  const auto push_all = [&](const auto& sorted) {
    for (const auto& [key, value] : sorted)
      if (!out.push_number(value)) return;
  };
  if (keys.type == ElementType::string) {
    push_all(read_map<std::string>(keys, values));
  } else {
    push_all(read_map<std::int64_t>(keys, values));
  }
}

Result<> read_map_list(const Ort::Value& list, Tensor& out) {
  Ort::AllocatorWithDefaultOptions allocator;
  out.clear(ElementType::float32);
  const auto records = list.GetCount();
  Tensor keys;
  Tensor values;
  for (std::size_t i = 0; i < records; ++i) {
    const auto map = list.GetValue(static_cast<int>(i), allocator);
    read_tensor(map.GetValue(0, allocator), keys);
    read_tensor(map.GetValue(1, allocator), values);
    if (values.type != ElementType::float32)
      return fail(ErrorCode::internal, "The model gave a map whose values are no float32.");
    append_sorted(keys, values, out);
  }
  const auto classes = records == 0 ? 0 : out.size() / records;
  if (classes * records != out.size())
    return fail(ErrorCode::internal, "The model gave maps of different sizes.");
  out.shape = {static_cast<std::int64_t>(records), static_cast<std::int64_t>(classes)};
  return {};
}

class OnnxRuntimeImpl;

class OnnxPredictor final : public Predictor {
 public:
  OnnxPredictor(std::shared_ptr<const OnnxRuntime> runtime, Ort::Session session)
      : runtime_(std::move(runtime)),
        session_(std::move(session)),
        memory_(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault)) {}

  const ModelSignature& signature() const override { return signature_; }
  Joining joining() const override { return joining_; }

  // Reads the signature; to be called once, before anything else. `graph` is what the file says.
  Result<> learn(const Result<OnnxGraph>& graph) {
    Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < session_.GetInputCount(); ++i) {
      const std::string name = session_.GetInputNameAllocated(i, allocator).get();
      TRY(TensorInfo info, describe_value(name, session_.GetInputTypeInfo(i)));
      info.any_rank = info.shape.empty() && !(graph && graph->shapes.contains(name));
      signature_.inputs.push_back(std::move(info));
    }
    for (std::size_t i = 0; i < session_.GetOutputCount(); ++i) {
      const std::string name = session_.GetOutputNameAllocated(i, allocator).get();
      const auto type = session_.GetOutputTypeInfo(i);
      if (is_map_list(type)) {
        signature_.outputs.push_back(describe_map_list(name));
        has_lists_ = true;
        continue;
      }
      TRY(TensorInfo info, describe_value(name, type));
      signature_.outputs.push_back(std::move(info));
    }
    for (std::size_t i = 0; i < session_.GetOverridableInitializerCount(); ++i) {
      const std::string name = session_.GetOverridableInitializerNameAllocated(i, allocator).get();
      TRY(TensorInfo info, describe_value(name, session_.GetOverridableInitializerTypeInfo(i)));
      signature_.defaults.push_back(std::move(info));
    }
    for (const auto& info : signature_.inputs) input_names_.push_back(info.name.c_str());
    for (const auto& info : signature_.outputs) output_names_.push_back(info.name.c_str());
    return {};
  }

  Result<> run(std::span<Tensor> inputs, std::span<Override> overrides,
               std::vector<Tensor>& outputs) override {
    try {
      std::vector<Ort::Value> in;
      in.reserve(inputs.size() + overrides.size());
      for (auto& tensor : inputs) in.push_back(value_over(tensor, memory_));
      const std::vector<const char*> names = names_with(overrides, in);
      const auto out =
          session_.Run(run_options_, names.empty() ? input_names_.data() : names.data(), in.data(),
                       in.size(), output_names_.data(), output_names_.size());
      outputs.resize(out.size());
      for (std::size_t i = 0; i < out.size(); ++i) TRY_DO(read_output(out[i], outputs[i]));
      return {};
    } catch (const Ort::Exception& error) {
      const bool refused = error.GetOrtErrorCode() == ORT_INVALID_ARGUMENT;
      return fail(refused ? ErrorCode::invalid_argument : ErrorCode::internal,
                  fmt::format("ONNX Runtime {} the request: {}", refused ? "refused" : "failed on",
                              plain_message(error.what())));
    }
  }

  // Runs a made-up record, which warms the session up, and says whether requests may be joined; the
  // reason where they may not. What goes wrong here says only that.
  std::optional<std::string> probe(const Result<OnnxGraph>& graph, Joins joins) {
    const auto started = std::chrono::steady_clock::now();
    std::vector<Tensor> first;
    auto alone = made_up(0, 1, 1);
    const bool ran = can_make_up() && run(alone, {}, first);
    if (joins == Joins::never) return "SLIPWAY_BATCH_JOIN is never";
    if (has_lists_ || !all_open(signature_.inputs) || !all_open(signature_.outputs))
      return "an input or output has no open first size";
    if (joins == Joins::automatic) {
      if (!graph) return graph.error().message;
      if (auto reason = reason_against_joining(*graph)) return reason;
      const bool quick = std::chrono::steady_clock::now() - started <= probe_time_max;
      if (ran && quick && !bears_out(first)) return "made-up records influence each other";
    }
    joining_ = Joining::by_records;
    return std::nullopt;
  }

 private:
  // The names of all inputs where some are overrides, whose values go behind `in`; else none.
  std::vector<const char*> names_with(std::span<Override> overrides, std::vector<Ort::Value>& in) {
    if (overrides.empty()) return {};
    std::vector<const char*> names = input_names_;
    for (Override& each : overrides) {
      names.push_back(signature_.defaults[each.which].name.c_str());
      in.push_back(value_over(each.value, memory_));
    }
    return names;
  }

  static bool all_open(const std::vector<TensorInfo>& infos) {
    return !infos.empty() &&
           std::ranges::all_of(infos, [](const TensorInfo& info) { return info.open_first(); });
  }

  bool can_make_up() const {
    return std::ranges::all_of(signature_.inputs, [](const TensorInfo& info) {
      const auto size = info.record_size();
      return info.type != ElementType::string && size != any_size && size <= probe_elements_max &&
             (info.shape.empty() || info.shape[0] == any_size || info.shape[0] <= 16);
    });
  }

  // Whether `first`, the answer to record 0, is the same beside another record, be that small or
  // large.
  bool bears_out(const std::vector<Tensor>& first) {
    for (const double scale : probe_scales) {
      std::vector<Tensor> second;
      std::vector<Tensor> both;
      auto other = made_up(1, 1, scale);
      auto joined = made_up(0, 2, scale);
      if (!run(other, {}, second) || !run(joined, {}, both)) return false;
      for (std::size_t i = 0; i < both.size(); ++i)
        if (!is_joined(first[i], second[i], both[i])) return false;
    }
    return true;
  }

  // Inputs of `count` records that differ from each other; record `number` and those after it, all
  // but record 0 so many times as large.
  std::vector<Tensor> made_up(std::int64_t number, std::int64_t count, double scale) const {
    std::vector<Tensor> inputs(signature_.inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto& info = signature_.inputs[i];
      Tensor& tensor = inputs[i];
      tensor.clear(info.type);
      tensor.shape = info.shape;
      if (info.open_first()) tensor.shape[0] = count;
      const auto elements = element_count(tensor.shape);
      const auto record = std::max<std::int64_t>(info.record_size(), 1);
      for (std::int64_t at = 0; at < elements; ++at) {
        const auto which = number + at / record;
        const bool pushed =
            is_floating(info.type)
                ? tensor.push_number((which == 0 ? 0.25 : 0.25 * scale) *
                                     static_cast<double>((at % record + which * 3) % 7 - 3))
                : tensor.push_number(static_cast<double>((at % record + which) % 2));
        if (!pushed) break;
      }
    }
    return inputs;
  }

  static bool is_joined(const Tensor& first, const Tensor& second, const Tensor& both) {
    const auto rows = [](const Tensor& tensor) {
      return tensor.shape.empty() ? 0 : tensor.shape[0];
    };
    if (rows(first) != 1 || rows(second) != 1 || rows(both) != 2) return false;
    if (first.size() + second.size() != both.size()) return false;
    if (both.type == ElementType::string)
      return std::ranges::equal(first.strings, std::span(both.strings).first(first.size())) &&
             std::ranges::equal(second.strings, std::span(both.strings).last(second.size()));
    Tensor expected = first;
    expected.append(second);
    if (both.type == ElementType::float32) return is_near<float>(expected, both);
    if (both.type == ElementType::float64) return is_near<double>(expected, both);
    return expected.bytes == both.bytes;
  }

  template <typename T>
  static bool is_near(const Tensor& a, const Tensor& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      const T x = a.data<T>()[i];
      const T y = b.data<T>()[i];
      if (std::isnan(x) && std::isnan(y)) continue;
      if (x == y) continue;
      if (!(std::abs(x - y) <= T(1e-5) + T(1e-4) * std::abs(y))) return false;
    }
    return true;
  }

  static Result<> read_output(const Ort::Value& value, Tensor& out) {
    if (value.IsTensor()) {
      read_tensor(value, out);
      return {};
    }
    return read_map_list(value, out);
  }

  std::shared_ptr<const OnnxRuntime> runtime_;
  Ort::Session session_;
  Ort::MemoryInfo memory_;
  Ort::RunOptions run_options_;
  ModelSignature signature_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
  bool has_lists_ = false;
  Joining joining_ = Joining::never;
};

class OnnxRuntimeImpl final : public OnnxRuntime,
                              public std::enable_shared_from_this<OnnxRuntimeImpl> {
 public:
  OnnxRuntimeImpl() : env_(ORT_LOGGING_LEVEL_ERROR, "slipway") { env_.DisableTelemetryEvents(); }

  Result<std::unique_ptr<Predictor>> load(const std::string& path, Footprint footprint,
                                          Joins joins) const override {
    try {
      auto predictor = std::make_unique<OnnxPredictor>(
          shared_from_this(), Ort::Session(env_, path.c_str(), options(footprint)));
      const Result<OnnxGraph> graph = read_onnx_graph_of(path);
      if (auto learnt = predictor->learn(graph); !learnt) {
        return fail(ErrorCode::invalid_argument, fmt::format("The model {} cannot be served: {}.",
                                                             path, learnt.error().message));
      }
      if (const auto reason = predictor->probe(graph, joins))
        log_info("modelserver", "requests are not joined", {{"why", *reason}});
      return predictor;
    } catch (const Ort::Exception& error) {
      return fail(ErrorCode::invalid_argument, fmt::format("ONNX Runtime cannot load {}: {}", path,
                                                           plain_message(error.what())));
    }
  }

  void warm_up() const override {
    try {
      Ort::Session session(env_, onnx_warm_up_model.data(), onnx_warm_up_model.size(),
                           options(Footprint::alone));
    } catch (const Ort::Exception&) {
      // Only slower then.
    }
  }

 private:
  // One thread for each run: callers are the parallelism. No thread is started.
  static Ort::SessionOptions options(Footprint footprint) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    options.SetInterOpNumThreads(1);
    options.SetExecutionMode(ORT_SEQUENTIAL);
    if (footprint == Footprint::one_of_many) options.DisableCpuMemArena().DisableMemPattern();
    options.SetGraphOptimizationLevel(GraphOptimizationLevel::ORT_ENABLE_ALL);
    return options;
  }

  Ort::Env env_;
};

}  // namespace

void forbid_telemetry() { setenv("ORT_DISABLE_TELEMETRY", "1", 1); }

Result<std::shared_ptr<const OnnxRuntime>> OnnxRuntime::open() {
  TRY(void* const library, open_library({"libonnxruntime.so.1", "libonnxruntime.so"}));
  TRY(void* const symbol, find_symbol(library, "OrtGetApiBase"));
  const auto* const base = reinterpret_cast<const OrtApiBase* (*)()>(symbol)();
  const OrtApi* const api = base->GetApi(ORT_API_VERSION);
  if (api == nullptr) {
    return fail(ErrorCode::unavailable,
                fmt::format("ONNX Runtime {} is too old: its interface {} or newer is needed.",
                            base->GetVersionString(), ORT_API_VERSION));
  }
  Ort::InitApi(api);
  try {
    return std::make_shared<const OnnxRuntimeImpl>();
  } catch (const Ort::Exception& error) {
    return fail(ErrorCode::unavailable,
                fmt::format("ONNX Runtime does not start: {}", plain_message(error.what())));
  }
}

}  // namespace slipway::modelserver
