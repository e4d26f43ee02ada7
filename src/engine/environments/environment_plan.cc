#include "engine/environments/environment_plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>

#include "base/encoding.h"
#include "base/fd.h"
#include "engine/artifacts/file_names.h"
#include "wire/auth/hmac.h"

namespace slipway::environments {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr std::size_t content_digits = 32;
constexpr std::size_t name_bytes_max = 1024;
constexpr std::size_t read_bytes = 1 << 20;

// Parses `text` and hands its object to `read`; what is not there, or of another type, is
// corrupted.
template <typename Read>
auto read_document(std::string_view text, Read&& read)
    -> Result<decltype(read(std::declval<const json::object&>()))> {
  try {
    const json::value value = json::parse({text.data(), text.size()});
    return read(value.as_object());
  } catch (const std::exception& error) {
    return fail(ErrorCode::corrupted,
                fmt::format("The plan of an environment cannot be read: {}.", error.what()));
  }
}

std::string text_of(const json::object& object, std::string_view name) {
  return std::string(object.at({name.data(), name.size()}).as_string());
}

std::unexpected<Error> refuse(const fs::path& path, std::string_view why) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("The model's code names '{}', which {}.", path.string(), why));
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  const fs::path inside = path.lexically_relative(folder);
  return !inside.empty() && *inside.begin() != "..";
}

// The content that holds `path`: by its name, for other ways to a file may lead elsewhere when it
// is shown (/proc/PID/cwd), and once links are followed.
Result<place::Mount> content_of(const fs::path& path, std::span<const place::Mount> contents) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return refuse(path, "cannot be found");
  for (const place::Mount& content : contents) {
    if (path != path.lexically_normal() || !lies_in(path, content.host_path)) continue;
    if (lies_in(real, fs::canonical(content.host_path, error)) && !error) return content;
  }
  return refuse(path, "is none of its own files");
}

// `bytes_left`: how much may be read, of this file and of those that come.
Result<std::string> digest_of(const fs::path& path, std::uint64_t& bytes_left) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0) return refuse(path, "cannot be opened");
  if (!S_ISREG(facts.st_mode)) return refuse(path, "is no file");
  const auto bytes = static_cast<std::uint64_t>(facts.st_size);
  if (bytes > bytes_left)
    return fail(ErrorCode::limit_exceeded,
                fmt::format("The files that the model's code names for its packages have more than "
                            "{} GiB.",
                            environment_input_bytes_max >> 30));
  bytes_left -= bytes;
  wire::Sha256 digest;
  std::vector<char> block(read_bytes);
  for (;;) {
    const ssize_t got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(path, "cannot be read");
    if (got == 0) break;
    digest.update({block.data(), static_cast<std::size_t>(got)});
  }
  const auto sum = digest.finish();
  return to_hex({reinterpret_cast<const char*>(sum.data()), sum.size()});
}

// The files that a plan names, relative to its folder.
Result<std::vector<std::string>> names_in(const json::object& plan) {
  std::vector<std::string> names;
  if (std::string file = text_of(plan, "requirements"); !file.empty())
    names.push_back(std::move(file));
  for (const json::value& wheel : plan.at("wheels").as_array())
    names.emplace_back(wheel.as_string());
  for (std::string& name : names) {
    TRY(name, artifacts::clean_name(name, name_bytes_max));
  }
  return names;
}

// What a plan says, with nothing looked at yet.
struct Said {
  json::object plan;  // without variables
  json::object variables;
  fs::path folder;
  bool names_files = false;
  std::vector<std::string> names;
};

Result<Said> read_text(std::string_view text) {
  auto said = read_document(text, [](const json::object& object) {
    Said read{.plan = object, .folder = text_of(object, "folder")};
    read.variables = object.at("variables").as_object();
    read.plan.erase("variables");
    read.names_files = object.at("names_files").as_bool();
    for (const auto& variable : read.variables) (void)variable.value().as_string();
    return read;
  });
  if (!said) return std::unexpected(said.error());
  auto names =
      read_document(text, [](const json::object& object) { return names_in(object).value(); });
  if (!names) return std::unexpected(names.error());
  said->names = *std::move(names);
  return *std::move(said);
}

}  // namespace

// Where requirements may name further files, whoever installs sees all of the content, and the
// environment is that content's alone.
Result<EnvironmentPlan> read_plan(std::string_view text, std::span<const place::Mount> contents) {
  TRY(Said said, read_text(text));
  EnvironmentPlan plan{.text = json::serialize(said.plan)};
  json::object digested = said.plan;
  digested["variables"] = said.variables;
  if (said.names_files) {
    TRY(place::Mount content, content_of(said.folder, contents));
    plan.inputs.push_back(std::move(content));
  } else {
    digested.erase("folder");
  }
  std::string digest = json::serialize(digested);
  std::uint64_t bytes_left = environment_input_bytes_max;
  for (const std::string& name : said.names) {
    const fs::path path = said.folder / name;
    TRY_DO(content_of(path, contents));
    TRY(const std::string sum, digest_of(path, bytes_left));
    digest += fmt::format("\n{} {}", sum, name);
    if (!said.names_files) plan.inputs.push_back({.host_path = path});
  }
  plan.content = sha256_hex(digest).substr(0, content_digits);
  for (const auto& variable : said.variables)
    plan.variables[std::string(variable.key())] = std::string(variable.value().as_string());
  return plan;
}

}  // namespace slipway::environments
