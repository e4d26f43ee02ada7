#include "cli/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "base/encoding.h"
#include "wire/auth/hmac.h"

namespace slipway::cli {

namespace fs = std::filesystem;

namespace {

std::string first_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(sniffed_bytes_max, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

std::optional<std::uint64_t> take_varint(std::istream& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const int byte = in.get();
    if (byte < 0) return std::nullopt;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

// ONNX is a protobuf message, which has no magic number: its top-level fields are walked, and must
// be those of onnx.ModelProto with a graph among them.
bool is_onnx(const fs::path& path, std::uint64_t bytes) {
  constexpr std::uint64_t graph_field = 7;
  constexpr std::uint64_t fields[] = {1, 2, 3, 4, 5, 6, graph_field, 8, 14, 20, 25, 26};
  std::ifstream file(path, std::ios::binary);
  bool graph_seen = false;
  for (std::uint64_t at = 0; at < bytes;) {
    const auto tag = take_varint(file);
    if (!tag || std::ranges::find(fields, *tag >> 3) == std::end(fields)) return false;
    const auto value = take_varint(file);  // the number itself, or the length of what follows
    if (!value || ((*tag & 7) != 0 && (*tag & 7) != 2)) return false;
    if ((*tag & 7) == 2) {
      const auto here = static_cast<std::uint64_t>(file.tellg());
      if (*value > bytes - here) return false;
      file.seekg(static_cast<std::streamoff>(*value), std::ios::cur);
      graph_seen = graph_seen || *tag >> 3 == graph_field;
    }
    at = static_cast<std::uint64_t>(file.tellg());
  }
  return graph_seen;
}

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

// JSON and UBJSON both begin with the object whose first members are "learner" and "version".
bool is_xgboost(const fs::path& path, std::string_view bytes) {
  const bool object = bytes.starts_with('{') && (bytes.substr(0, 256).contains("learner") ||
                                                 bytes.substr(0, 256).contains("\"version\""));
  return object || bytes.starts_with("binf") || path.filename() == "xgboost-model";
}

// A pickle of protocol 2 and later, or a joblib file, which is one or compressed by zlib.
bool is_sklearn(const fs::path& path, std::string_view bytes) {
  const std::string extension = path.extension();
  return (extension == ".joblib" || extension == ".pkl" || extension == ".pickle") &&
         (bytes.starts_with('\x80') || bytes.starts_with('\x78'));
}

std::optional<ModelKind> kind_of(const fs::path& path) {
  const std::string bytes = first_bytes(path);
  if (is_gzip(bytes)) return ModelKind::archive;
  if (is_xgboost(path, bytes)) return ModelKind::xgboost;
  if (is_sklearn(path, bytes)) return ModelKind::sklearn;
  std::error_code error;
  if (is_onnx(path, fs::file_size(path, error))) return ModelKind::onnx;
  return std::nullopt;
}

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
  } else if (!fs::is_regular_file(path, error)) {
    return fail(ErrorCode::not_found, fmt::format("There is no file {}.", path.string()));
  } else if (const auto kind = kind_of(path)) {
    model.kind = *kind;
    TRY(model.parts, parts_of_file(path, *kind));
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
  if (model.kind == ModelKind::xgboost) return "sagemaker-xgboost";
  if (model.kind == ModelKind::sklearn) return "sagemaker-scikit-learn";
  if (model.kind != ModelKind::folder) return "slipway-inference";
  const auto has = [&](auto&& wanted) { return std::ranges::any_of(model.parts, wanted); };
  if (has([](const ModelPart& part) { return part.name == "code/inference.py"; })) {
    return "slipway-inference";
  }
  const auto of_kind = [](ModelKind kind) {
    return [kind](const ModelPart& part) { return kind_of(part.path) == kind; };
  };
  if (has(of_kind(ModelKind::onnx))) return "slipway-inference";
  if (has(of_kind(ModelKind::xgboost))) return "sagemaker-xgboost";
  return has(of_kind(ModelKind::sklearn)) ? "sagemaker-scikit-learn" : "slipway-inference";
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
