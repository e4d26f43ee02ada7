#include "cli/model_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "base/encoding.h"
#include "base/fd.h"
#include "cli/archive_list.h"
#include "wire/auth/hmac.h"

namespace slipway::cli {

namespace fs = std::filesystem;

namespace {

// A file's bytes, read as they are looked at. Empty where it cannot be read.
class Mapped {
 public:
  explicit Mapped(const fs::path& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat about = {};
    if (!file || ::fstat(file.get(), &about) != 0 || about.st_size == 0) return;
    size_ = static_cast<std::size_t>(about.st_size);
    at_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  }
  ~Mapped() {
    if (at_ != MAP_FAILED) ::munmap(at_, size_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  std::string_view view() const {
    return at_ == MAP_FAILED ? std::string_view()
                             : std::string_view(static_cast<const char*>(at_), size_);
  }

 private:
  void* at_ = MAP_FAILED;
  std::size_t size_ = 0;
};

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

bool is_pickle(std::string_view bytes) { return bytes.starts_with('\x80'); }

// The module of the object that was pickled, which a pickle names first: after the protocol, and a
// frame's length where there is one. Empty: the pickle begins otherwise.
std::string_view pickled_module(std::string_view bytes) {
  constexpr std::size_t protocol_bytes = 2;
  constexpr std::size_t frame_bytes = 9;
  if (!is_pickle(bytes)) return {};
  std::string_view rest = bytes.substr(std::min(protocol_bytes, bytes.size()));
  if (rest.starts_with('\x95')) rest.remove_prefix(std::min(frame_bytes, rest.size()));
  if (rest.starts_with('c')) return rest.substr(1, rest.find('\n') - 1);
  if (rest.starts_with('\x8c') && rest.size() > 1)
    return rest.substr(2, static_cast<unsigned char>(rest[1]));
  return {};
}

// A Booster, or XGBClassifier and its like: the image finds the Booster in either.
bool is_pickled_xgboost(std::string_view bytes) {
  return pickled_module(bytes).starts_with("xgboost.");
}

// torch.save writes a zip file, and wrote a pickle of a number before 1.6.
bool is_torch(const fs::path& path, std::string_view bytes) {
  const std::string extension = path.extension();
  const bool named = extension == ".pt" || extension == ".pth";
  return named && (bytes.starts_with("PK\x03\x04") || is_pickle(bytes));
}

std::unexpected<Error> refuse_torch(const fs::path& path) {
  return fail(
      ErrorCode::invalid_argument,
      fmt::format(
          "{} is a PyTorch model, which only code of its own can serve. Export it once, where "
          "torch is, and deploy model.onnx:\n\n"
          "  model.eval()\n"
          "  torch.onnx.export(model, example, \"model.onnx\", input_names=[\"x\"],\n"
          "                    dynamic_axes={{\"x\": {{0: \"batch\"}}}}, dynamo=False)\n\n"
          "Or deploy a folder with it, code/inference.py (model_fn) and code/requirements.txt "
          "that names torch.",
          path.string()));
}

// JSON and UBJSON both begin with the object whose first members are "learner" and "version".
bool is_xgboost(const fs::path& path, std::string_view bytes) {
  const bool object = bytes.starts_with('{') && (bytes.substr(0, 256).contains("learner") ||
                                                 bytes.substr(0, 256).contains("\"version\""));
  return object || bytes.starts_with("binf") || path.filename() == "xgboost-model" ||
         is_pickled_xgboost(bytes);
}

// A pickle of protocol 2 and later, or a joblib file, which is one or compressed.
bool is_sklearn(const fs::path& path, std::string_view bytes) {
  const std::string extension = path.extension();
  return (extension == ".joblib" || extension == ".pkl" || extension == ".pickle") &&
         (is_pickle(bytes) || bytes.starts_with('\x78') || is_gzip(bytes));
}

std::optional<ModelKind> kind_of(const fs::path& path, std::string_view bytes) {
  if (is_xgboost(path, bytes)) return ModelKind::xgboost;
  if (is_sklearn(path, bytes)) return ModelKind::sklearn;
  if (is_gzip(bytes)) return ModelKind::archive;
  if (is_onnx(bytes)) return ModelKind::onnx;
  return std::nullopt;
}

std::optional<RecordShape> record_of(ModelKind kind, std::string_view bytes) {
  switch (kind) {
    case ModelKind::onnx: return onnx_record(bytes);
    case ModelKind::xgboost: return xgboost_record(bytes);
    case ModelKind::sklearn: return sklearn_record(bytes);
    case ModelKind::archive:
    case ModelKind::folder: break;
  }
  return std::nullopt;
}

// Chooses as the model server does: own code, then ONNX by its name, then what the images know.
class Choice {
 public:
  void look_at(const std::string& name, std::string_view bytes) {
    script_ = script_ || name == "code/inference.py" || name == "inference.py";
    if (name.contains('/')) return;
    if (is_torch(name, bytes)) torch_ = name;
    const bool onnx = name.ends_with(".onnx");
    const auto kind = onnx ? ModelKind::onnx : kind_of(name, bytes).value_or(ModelKind::archive);
    if (kind == ModelKind::archive || (found_ && rank(*found_) <= rank(kind))) return;
    found_ = kind;
    record_ = record_of(kind, bytes);
    is_of_image_ = kind == ModelKind::xgboost || name.ends_with(".joblib") ||
                   (kind == ModelKind::sklearn && bytes.contains("sklearn"));
  }
  // Code of the model's own says itself what a record is, and needs what its model is made of: the
  // image of that brings it.
  Result<> settle(ModelFile& model) {
    if (!script_ && !found_ && !torch_.empty()) return refuse_torch(torch_);
    if (!found_ || (script_ && !(is_of_image_ && torch_.empty()))) return {};
    model.served_as = *found_;
    if (!script_) model.record = std::move(record_);
    return {};
  }

 private:
  static int rank(ModelKind kind) { return static_cast<int>(kind); }

  bool script_ = false;
  bool is_of_image_ = false;  // a pickle may hold anything, which its code knows how to load
  std::string torch_;
  std::optional<ModelKind> found_;
  std::optional<RecordShape> record_;
};

// A name by which the model server knows the file again.
std::string name_in_model(const fs::path& path, ModelKind kind) {
  const std::string name = path.filename();
  const std::string extension = path.extension();
  if (kind == ModelKind::onnx && extension != ".onnx") return "model.onnx";
  const bool known = extension == ".json" || extension == ".ubj" || extension == ".xgb";
  if (kind == ModelKind::xgboost && !known) return "xgboost-model";
  return name;
}

Result<ModelPart> read_part(const fs::path& path, std::string name) {
  ModelPart part{path, std::move(name)};
  std::ifstream file(path, std::ios::binary);
  wire::Sha256 hash;
  std::string block(1 << 20, '\0');
  while (file) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    hash.update(std::string_view(block).substr(0, count));
    part.bytes += count;
  }
  if (!file.eof()) {
    return fail(ErrorCode::permission_denied, fmt::format("{} cannot be read.", path.string()));
  }
  part.sha256 = wire::view_of(hash.finish());
  return part;
}

// The files beside an ONNX model that hold its weights, by the names that exporters give them.
std::vector<fs::path> external_data(const fs::path& path) {
  const std::string whole = path.string();
  fs::path stem = path;
  stem.replace_extension();
  std::vector<fs::path> found;
  for (const fs::path& candidate :
       {fs::path(whole + ".data"), fs::path(whole + "_data"), fs::path(stem.string() + ".data")}) {
    if (fs::is_regular_file(candidate)) found.push_back(candidate);
  }
  return found;
}

bool is_hidden(const fs::path& path) {
  return path.filename().string().starts_with('.') || path.filename() == "__pycache__";
}

Result<std::vector<ModelPart>> parts_of_folder(const fs::path& folder) {
  std::vector<ModelPart> parts;
  std::error_code error;
  fs::recursive_directory_iterator entries(folder, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    if (is_hidden(entries->path())) {
      if (entries->is_directory()) entries.disable_recursion_pending();
    } else if (entries->is_regular_file()) {
      if (parts.size() == model_files_max) {
        return fail(ErrorCode::limit_exceeded,
                    fmt::format("{} has more than {} files; deploy it as a "
                                "model.tar.gz.",
                                folder.string(), model_files_max));
      }
      TRY(ModelPart part,
          read_part(entries->path(), fs::relative(entries->path(), folder).string()));
      parts.push_back(std::move(part));
    }
  }
  if (parts.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("The folder {} has no files to deploy.", folder.string()));
  }
  return parts;
}

Result<std::vector<ModelPart>> parts_of_file(const fs::path& path, ModelKind kind) {
  std::vector<ModelPart> parts;
  TRY(ModelPart part, read_part(path, name_in_model(path, kind)));
  parts.push_back(std::move(part));
  if (kind != ModelKind::onnx) return parts;
  for (const fs::path& beside : external_data(path)) {
    TRY(ModelPart data, read_part(beside, beside.filename()));
    parts.push_back(std::move(data));
  }
  return parts;
}

Result<> look_into_folder(ModelFile& model) {
  Choice choice;
  for (const ModelPart& part : model.parts) choice.look_at(part.name, Mapped(part.path).view());
  return choice.settle(model);
}

Result<> look_into_archive(const fs::path& path, ModelFile& model) {
  TRY(const std::vector<ArchiveEntry> entries, list_archive(path));
  Choice choice;
  for (const ArchiveEntry& entry : entries) choice.look_at(entry.name, entry.content);
  return choice.settle(model);
}

void set_digest(ModelFile& model) {
  std::ranges::sort(model.parts, {}, &ModelPart::name);
  std::string all;
  for (const ModelPart& part : model.parts) all += part.name + '\0' + part.sha256;
  model.digest = sha256_hex(all);
}

}  // namespace

std::string_view name_of(ModelKind kind) {
  switch (kind) {
    case ModelKind::onnx: return "ONNX model";
    case ModelKind::xgboost: return "XGBoost model";
    case ModelKind::sklearn: return "scikit-learn model";
    case ModelKind::archive: return "model archive";
    case ModelKind::folder: return "model folder";
  }
  return "";
}

std::uint64_t ModelFile::bytes() const {
  std::uint64_t sum = 0;
  for (const ModelPart& part : parts) sum += part.bytes;
  return sum;
}

Result<ModelFile> examine_model(const fs::path& path) {
  std::error_code error;
  ModelFile model;
  if (fs::is_directory(path, error)) {
    model.kind = ModelKind::folder;
    TRY(model.parts, parts_of_folder(path));
    TRY_DO(look_into_folder(model));
  } else if (!fs::is_regular_file(path, error)) {
    return fail(ErrorCode::not_found, fmt::format("There is no file {}.", path.string()));
  } else if (const Mapped file(path); const auto kind = kind_of(path, file.view())) {
    model.kind = model.served_as = *kind;
    model.record = record_of(*kind, file.view());
    if (*kind == ModelKind::archive) TRY_DO(look_into_archive(path, model));
    TRY(model.parts, parts_of_file(path, *kind));
  } else if (is_torch(path, file.view())) {
    return refuse_torch(path);
  } else {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} is nothing that Slipway can deploy: an ONNX model, an XGBoost model (JSON, "
                    "UBJSON), a scikit-learn model (.joblib, .pkl), a model.tar.gz, or a folder "
                    "with these and code/inference.py.",
                    path.string()));
  }
  set_digest(model);
  return model;
}

std::string_view image_for(const ModelFile& model) {
  if (model.served_as == ModelKind::xgboost) return "sagemaker-xgboost";
  return model.served_as == ModelKind::sklearn ? "sagemaker-scikit-learn" : "slipway-inference";
}

std::string endpoint_name_from(const fs::path& path, std::size_t bytes_max) {
  std::string file = (path.has_filename() ? path : path.parent_path()).filename();
  for (const std::string_view ending :
       {".tar.gz", ".tgz", ".onnx", ".json", ".ubj", ".xgb", ".joblib", ".pkl", ".pickle"}) {
    if (file.ends_with(ending)) file.resize(file.size() - ending.size());
  }
  std::string name;
  for (const char c : file) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain) name += c;
    if (!plain && !name.empty() && name.back() != '-') name += '-';
  }
  name.resize(std::min(name.size(), bytes_max));
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "model" : name;
}

}  // namespace slipway::cli
