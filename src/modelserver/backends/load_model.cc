#include "modelserver/backends/load_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <compare>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/log.h"
#include "modelserver/backends/python_model.h"
#include "modelserver/backends/shared_library.h"
#include "modelserver/backends/tensor_model.h"
#include "modelserver/backends/xgboost_model.h"
#include "modelserver/formats/encode.h"

namespace slipway::modelserver {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t default_workers_max = 4;
constexpr std::chrono::seconds default_answer_time{60};
constexpr std::size_t answer_time_s_max = 3600;
constexpr std::string_view xgboost_extensions[] = {".json",  ".ubj", ".xgb", ".bst",
                                                   ".model", ".bin", ""};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    // Archivers of other systems put these in beside the files.
    if (name.starts_with('.') || name == "__MACOSX") continue;
    entries.push_back(it->path());
  }
  std::ranges::sort(entries);
  return entries;
}

std::vector<fs::path> files_with(const std::vector<fs::path>& entries,
                                 std::initializer_list<std::string_view> extensions) {
  std::vector<fs::path> files;
  for (const auto& entry : entries) {
    std::error_code error;
    if (std::ranges::find(extensions, entry.extension().string()) != extensions.end() &&
        fs::is_regular_file(entry, error)) {
      files.push_back(entry);
    }
  }
  return files;
}

std::string names_of(const std::vector<fs::path>& entries) {
  std::string names;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i == listed_entries_max) return names + fmt::format(" and {} more", entries.size() - i);
    std::error_code error;
    names += (i > 0 ? ", " : "") + entries[i].filename().string() +
             (fs::is_directory(entries[i], error) ? "/" : "");
  }
  return names.empty() ? "nothing" : names;
}

// AWS's fixed model folder in a variable means ours.
fs::path in_model(const std::string& path, const fs::path& model_dir) {
  constexpr std::string_view prefix = "/opt/ml/model";
  if (path == prefix) return model_dir;
  if (path.starts_with(std::string(prefix) + '/'))
    return model_dir / path.substr(prefix.size() + 1);
  return path;
}

bool has_script(const fs::path& model_dir) {
  const std::string program = variable("SAGEMAKER_PROGRAM");
  if (!program.empty()) return true;  // the worker finds it, or says where it looked
  const std::string submitted = variable("SAGEMAKER_SUBMIT_DIRECTORY");
  std::error_code error;
  return fs::exists(model_dir / "code" / "inference.py", error) ||
         fs::exists(model_dir / "inference.py", error) ||
         (!submitted.empty() && fs::exists(in_model(submitted, model_dir) / "inference.py", error));
}

// The file that is meant by its name, or the only one; nothing where there is none.
Result<std::optional<fs::path>> pick(const std::vector<fs::path>& files, std::string_view name,
                                     std::string_view kind) {
  if (files.empty()) return std::nullopt;
  for (const auto& file : files)
    if (file.filename() == name) return file;
  if (files.size() == 1) return files[0];
  return fail(ErrorCode::conflict,
              fmt::format("The model directory has {} {} files ({}); name the one that is to be "
                          "served {}.",
                          files.size(), kind, names_of(files), name));
}

Result<std::optional<Choice>> find_onnx(const std::vector<fs::path>& entries) {
  TRY(const auto file, pick(files_with(entries, {".onnx"}), "model.onnx", "ONNX"));
  if (!file) return std::nullopt;
  return Choice{Backend::onnx, {file->string()}};
}

// The boosters of a cross-validation, as AWS's image writes them, where they are to answer
// together: SAGEMAKER_INFERENCE_ENSEMBLE, which AWS's image takes for no unless it is "true". Else
// the first one.
Choice ensemble_of(const std::vector<fs::path>& files) {
  Choice choice{Backend::xgboost};
  for (const fs::path& file : files) choice.files.push_back(file.string());
  const char* const together = std::getenv("SAGEMAKER_INFERENCE_ENSEMBLE");
  if (together != nullptr && std::string_view(together) != "true") choice.files.resize(1);
  return choice;
}

Result<std::optional<Choice>> find_xgboost(const std::vector<fs::path>& entries) {
  std::vector<fs::path> files;
  std::vector<fs::path> folds;
  for (const auto& entry : entries) {
    std::error_code error;
    if (!fs::is_regular_file(entry, error)) continue;
    if (entry.filename() == "xgboost-model") return Choice{Backend::xgboost, {entry.string()}};
    if (entry.filename().string().starts_with("xgboost-model-")) folds.push_back(entry);
    const bool named = std::ranges::find(xgboost_extensions, entry.extension().string()) !=
                       std::end(xgboost_extensions);
    if (named && looks_like_xgboost(entry.string())) files.push_back(entry);
  }
  if (!folds.empty()) return ensemble_of(folds);
  TRY(const auto file, pick(files, "xgboost-model", "XGBoost"));
  if (!file) return std::nullopt;
  return Choice{Backend::xgboost, {file->string()}};
}

Result<std::optional<Choice>> find_pickle(const std::vector<fs::path>& entries) {
  TRY(const auto file,
      pick(files_with(entries, {".joblib", ".pkl", ".pickle"}), "model.joblib", "pickled"));
  if (!file) return std::nullopt;
  return Choice{Backend::python, {file->string()}};
}

Result<std::optional<Choice>> find_model(const std::vector<fs::path>& entries,
                                         const std::string& image) {
  TRY(const auto onnx, find_onnx(entries));
  if (onnx) return onnx;
  const bool pickles_first = image == "sagemaker-scikit-learn";
  TRY(const auto first, pickles_first ? find_pickle(entries) : find_xgboost(entries));
  if (first) return first;
  return pickles_first ? find_xgboost(entries) : find_pickle(entries);
}

std::size_t number_in(const char* name, std::size_t otherwise, std::size_t most) {
  const std::string text = variable(name);
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value == 0)
    return otherwise;
  return std::min(value, most);
}

// "1.7-1" of a tag like "1.7-1-cpu-py3". What a tag does not say is 0.
struct Version {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned build = 0;
  auto operator<=>(const Version&) const = default;
};

// Of the XGBoost image; of others, and without a tag, no version.
Version xgboost_version(const Options& options) {
  Version version;
  if (options.image != "sagemaker-xgboost") return version;
  const char* at = options.image_tag.data();
  const char* const last = at + options.image_tag.size();
  for (unsigned* part : {&version.major, &version.minor, &version.build}) {
    const auto [end, error] = std::from_chars(at, last, *part);
    if (error != std::errc() || end == last) break;
    at = end + 1;
  }
  return version;
}

// Without a tag nothing is guessed: a guess would move the columns of a body that happens to have
// no index 0.
bool sniffs_libsvm(const Options& options) {
  return xgboost_version(options) >= Version{.major = 3};
}

}  // namespace

PythonOptions python_options(const Options& options) {
  PythonOptions python;
  if (const auto given = variable("SLIPWAY_PYTHON"); !given.empty()) python.interpreter = given;
  python.script = library_folder() + "/slipway_python_worker.py";
  std::error_code error;
  python.model_dir = fs::absolute(options.model_dir, error).string();
  python.image = options.image;
  python.libsvm_indices = sniffs_libsvm(options) ? "sniffed" : "from zero";
  python.venv_cache = options.venv_cache;
  python.find_links = options.find_links;
  python.environment = options.environment;
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  python.workers = number_in("SAGEMAKER_MODEL_SERVER_WORKERS",
                             options.multi_model ? 1 : std::min(cores, default_workers_max), 256);
  const auto seconds =
      number_in("SAGEMAKER_MODEL_SERVER_TIMEOUT", default_answer_time.count(), answer_time_s_max);
  python.answer_time = std::chrono::seconds(
      number_in("SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", seconds, answer_time_s_max));
  return python;
}

namespace {

Flavor flavor_of(const Options& options) {
  if (options.image != "sagemaker-xgboost") return Flavor::plain;
  // AWS's image takes whatever stands there for yes.
  if (!variable("SAGEMAKER_BATCH").empty()) return Flavor::xgboost_batch;
  // With many models another server of the image answers, which kept the one line.
  const bool has_lines = xgboost_version(options) >= Version{1, 2, 2} && !options.multi_model;
  return has_lines ? Flavor::xgboost_lines : Flavor::xgboost;
}

// Returns what is answered to whoever does not say: SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT, or the
// image's own.
Result<AcceptType> unasked_accept(Flavor flavor, AnswerKind kind) {
  const std::string media = variable("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT");
  if (media.empty()) return own_accept(flavor);
  if (const auto type = accept_type_of(media, kind)) return *type;
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is '{}', which is not written here; "
                  "these are: {}.",
                  media, written_types(kind)));
}

Dialect dialect_of(const Options& options) {
  Dialect dialect;
  if (options.image == "sagemaker-xgboost") dialect.delimiters = Delimiters::sniffed;
  if (sniffs_libsvm(options)) dialect.indices = LibsvmIndices::sniffed;
  return dialect;
}

Result<Manner> manner_of(const Options& options, AnswerKind kind) {
  const Flavor flavor = flavor_of(options);
  TRY(const AcceptType accept, unasked_accept(flavor, kind));
  return Manner{.flavor = flavor, .dialect = dialect_of(options), .accept = accept};
}

std::unique_ptr<Model> as_model(std::unique_ptr<Predictor> predictor, Manner manner) {
  return std::make_unique<TensorModel>(std::move(predictor), std::move(manner));
}

Result<std::unique_ptr<Model>> load_xgboost(const Options& options,
                                            const std::vector<std::string>& files) {
  TRY(auto loaded, load_xgboost_models(files));
  const std::string keys = variable("SAGEMAKER_INFERENCE_OUTPUT");
  if (keys.empty()) {
    TRY(Manner manner, manner_of(options, AnswerKind::outputs));
    return as_model(std::move(loaded.predictor), std::move(manner));
  }
  const TensorInfo& output = loaded.predictor->signature().outputs.front();
  TRY(Manner manner, manner_of(options, AnswerKind::selected));
  TRY(manner.selected,
      SelectedOutput::read(keys, loaded.objective, static_cast<std::size_t>(output.record_size())));
  return as_model(std::move(loaded.predictor), std::move(manner));
}

// Of the XGBoost image, and of it alone: other images do not read it, and other models say nothing
// of labels and scores.
Result<> check_selection(const Options& options, const Choice& choice) {
  const std::string keys = variable("SAGEMAKER_INFERENCE_OUTPUT");
  const bool is_meant = !keys.empty() && options.image == "sagemaker-xgboost";
  if (!is_meant || choice.backend == Backend::xgboost) return {};
  if (choice.backend == Backend::python && choice.files.empty()) {
    log_info("modelserver",
             "SAGEMAKER_INFERENCE_OUTPUT has no meaning: a script answers as it likes");
    return {};
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("SAGEMAKER_INFERENCE_OUTPUT is '{}', and the model is no XGBoost model, "
                          "whose predictions it would select from.",
                          keys));
}

}  // namespace

Result<Choice> choose_backend(const Options& options) {
  fs::path folder = options.model_dir;
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return fail(ErrorCode::not_found,
                fmt::format("The model directory {} is not there.", options.model_dir));
  }
  if (has_script(folder)) return Choice{Backend::python};
  auto entries = entries_of(folder);
  TRY(const auto found, find_model(entries, options.image));
  if (found) return *found;
  const bool in_folder = entries.size() == 1 && fs::is_directory(entries[0], error);
  if (in_folder) {
    TRY(const auto inside, find_model(entries_of(entries[0]), options.image));
    if (inside && inside->backend != Backend::python) return *inside;
  }
  return fail(ErrorCode::not_found,
              fmt::format("The model directory has no model. Looked for: code/inference.py, "
                          "model.onnx or one *.onnx, xgboost-model or an XGBoost *.json, *.ubj or "
                          "*.xgb, model.joblib or one *.pkl. There is: {}.{}",
                          names_of(entries),
                          in_folder ? " Deploy that folder, or an archive of what is in it: the "
                                      "model's files lie at the top."
                                    : ""));
}

Result<std::unique_ptr<Model>> load_model(const Options& options,
                                          std::shared_ptr<const OnnxRuntime> onnx) {
  TRY(const Choice choice, choose_backend(options));
  TRY_DO(check_selection(options, choice));
  if (choice.backend == Backend::python) {
    TRY(auto model, PythonModel::start(python_options(options)));
    return model;
  }
  if (choice.backend == Backend::xgboost) return load_xgboost(options, choice.files);
  TRY(Manner manner, manner_of(options, AnswerKind::outputs));
  if (onnx == nullptr) {
    TRY(onnx, OnnxRuntime::open());
  }
  TRY(auto predictor, onnx->load(choice.files.front(),
                                 options.multi_model ? Footprint::one_of_many : Footprint::alone,
                                 options.batching.joins));
  return as_model(std::move(predictor), std::move(manner));
}

}  // namespace slipway::modelserver
