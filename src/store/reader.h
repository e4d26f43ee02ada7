// A look at a store's file from outside: for programs beside the server, which may be running.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "store/store.h"

namespace slipway::store {

// Changes nothing, and takes no lock that a server would wait for. One thread at a time.
class Reader {
 public:
  // not_found where there is no such file.
  static Result<std::unique_ptr<Reader>> open(const std::filesystem::path& file);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // As Store::read. No migration has run: the tables are those that the last server left.
  template <typename F>
  auto read(F&& look) -> std::invoke_result_t<F&, Transaction&> {
    using Answer = std::invoke_result_t<F&, Transaction&>;
    std::optional<Answer> answer;
    Result<> outcome = read_with([&](Transaction& tx) { answer.emplace(look(tx)); });
    if (!outcome) return std::unexpected(std::move(outcome).error());
    return std::move(*answer);
  }

  // Returns what SQLite's integrity_check finds, a sentence each; empty: the file is sound.
  Result<std::vector<std::string>> damage();

  // Writes what every transaction until now committed, and no other, to a new file, synced.
  Result<> copy_to(const std::filesystem::path& file);

 private:
  explicit Reader(std::unique_ptr<DatabaseConnection> connection);
  Result<> read_with(std::move_only_function<void(Transaction&)> look);

  std::unique_ptr<DatabaseConnection> connection_;
};

// Whether a server has the store at `file` open.
bool is_served(const std::filesystem::path& file);

}  // namespace slipway::store
