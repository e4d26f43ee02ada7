#include "server/instance_files.h"

#include <cstdlib>
#include <fstream>
#include <string_view>

namespace slipway::server {

namespace fs = std::filesystem;

namespace {

std::vector<place::Mount> read_only(const std::vector<std::string>& paths) {
  std::vector<place::Mount> mounts;
  for (const std::string& path : paths) mounts.push_back({.host_path = path});
  return mounts;
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// As execvp finds it; empty where there is none.
fs::path find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return fs::absolute(name);
  const std::string path = variable("PATH");
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    const fs::path program = fs::path(folder) / name;
    if (::access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

// "home = /usr/bin" in a virtual environment's pyvenv.cfg: where its interpreter comes from.
fs::path home_of_environment(const fs::path& environment) {
  std::ifstream file(environment / "pyvenv.cfg");
  for (std::string line; std::getline(file, line);) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos || !line.starts_with("home")) continue;
    const std::size_t begin = line.find_first_not_of(' ', equals + 1);
    return begin == std::string::npos ? fs::path() : fs::path(line.substr(begin));
  }
  return {};
}

// Whether a folder is somebody's or everybody's, and not one program's.
bool holds_more(const fs::path& folder) {
  const fs::path clean = folder.lexically_normal();
  return clean == "/" || clean == "/usr" || clean == variable("HOME") ||
         clean.parent_path() == "/home" || clean.parent_path() == "/";
}

// An interpreter in PREFIX/bin has its packages in PREFIX/lib.
void add_prefix(std::vector<place::Mount>& mounts, const fs::path& program) {
  if (program.empty()) return;
  const fs::path prefix = program.parent_path().parent_path();
  if (!holds_more(prefix)) return mounts.push_back({.host_path = prefix});
  mounts.push_back({.host_path = program});
  if (prefix != "/" && prefix != "/usr") mounts.push_back({.host_path = prefix / "lib"});
}

}  // namespace

std::vector<place::Mount> model_server_files(const fs::path& model_server,
                                             const std::string& python,
                                             const std::vector<std::string>& reads) {
  std::vector<place::Mount> mounts = read_only(reads);
  const fs::path programs = model_server.parent_path();
  mounts.push_back({.host_path = programs});
  mounts.push_back({.host_path = programs.parent_path() / "lib"});
  if (const std::string library = variable("SLIPWAY_LIB"); library.starts_with('/'))
    mounts.push_back({.host_path = library});
  const fs::path interpreter = find_program(python);
  if (interpreter.empty()) return mounts;
  add_prefix(mounts, interpreter);
  std::error_code error;
  add_prefix(mounts, fs::canonical(interpreter, error));
  const fs::path environment = interpreter.parent_path().parent_path();
  if (const fs::path home = home_of_environment(environment); !home.empty())
    add_prefix(mounts, home / "python");
  return mounts;
}

std::vector<place::Mount> program_files(const fs::path& program, const fs::path& data,
                                        const std::vector<std::string>& reads) {
  std::vector<place::Mount> mounts = read_only(reads);
  const fs::path folder = program.parent_path();
  std::error_code error;
  const std::string inside = fs::relative(data, folder, error);
  const bool holds_data = !inside.empty() && !inside.starts_with("..");
  mounts.push_back({.host_path = holds_more(folder) || holds_data ? program : folder});
  return mounts;
}

void let_instances_pass(const fs::path& folder) {
  std::error_code ignored;
  fs::permissions(folder, fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add,
                  ignored);
}

}  // namespace slipway::server
