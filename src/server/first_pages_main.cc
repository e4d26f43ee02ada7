// Run by the build: makes a store with every table and writes its pages down as C++, so that a
// server in a new directory need not make each table, and change it as each release did.
//
//     write_first_pages OUT.cc
#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "engine/objects/database_name.h"
#include "server/tables.h"

namespace slipway::server {
namespace {

namespace fs = std::filesystem;

std::string read_whole(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return std::move(out).str();
}

// A folder for one store, gone with it.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "slipway-first-pages-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make a temporary folder");
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string new_store() {
  const Folder folder;
  auto bytes = store::bytes_of_new(folder.path(), all_migrations(), objects::take_database_name);
  if (!bytes) throw std::runtime_error(bytes.error().message);
  return *std::move(bytes);
}

// What a migration draws by lot or takes from the clock would be the same in every data directory.
std::string reproducible_store() {
  std::string store = new_store();
  if (store == new_store()) return store;
  throw std::runtime_error(
      "a migration writes something else each time that it runs: let it be written when the store "
      "is opened first, as objects::take_database_name() does");
}

// A string literal; three digits each, so that no byte reaches into the next.
std::string literal(std::string_view bytes) {
  std::string out = "\"";
  for (const char byte : bytes)
    out += fmt::format("\\{:03o}", static_cast<unsigned>(static_cast<unsigned char>(byte)));
  return out + '"';
}

std::string source_of(std::string_view store) {
  std::string out =
      "#include \"server/tables.h\"\n\nnamespace slipway::server {\nnamespace {\n\n"
      "constexpr std::string_view pages[] = {\n";
  for (; !store.empty(); store.remove_prefix(store::page_bytes)) {
    const std::string_view page = store.substr(0, store::page_bytes);
    const std::size_t bytes = page.find_last_not_of('\0') + 1;
    out += fmt::format("    {{{}, {}}},\n", literal(page.substr(0, bytes)), bytes);
  }
  return out +
         "};\n\n}  // namespace\n\n"
         "store::Pages first_pages() { return pages; }\n\n"
         "}  // namespace slipway::server\n";
}

}  // namespace
}  // namespace slipway::server

int main(int count, char** arguments) try {
  if (count != 2) throw std::runtime_error("usage: write_first_pages OUT.cc");
  const std::string source = slipway::server::source_of(slipway::server::reproducible_store());
  // Left alone where it says so already, so that nothing is compiled again.
  if (slipway::server::read_whole(arguments[1]) == source) return 0;
  std::ofstream out(arguments[1], std::ios::binary);
  if (!(out << source).flush()) throw std::runtime_error("cannot write the source");
  return 0;
} catch (const std::exception& error) {
  std::cerr << "write_first_pages: " << error.what() << '\n';
  return 1;
}
