#include "store/connection.h"

namespace slipway::store {
namespace {

std::string_view view(const void* bytes, int size) {
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

}  // namespace

Rows::Rows(DatabaseConnection& connection, PreparedStatement* statement)
    : connection_(connection), statement_(statement) {}

Rows::Rows(Rows&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}

Rows::~Rows() {
  if (statement_) connection_.give_back(statement_);
}

bool Rows::next() { return connection_.step(statement_); }

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_->raw(), column) == SQLITE_NULL;
}

std::int64_t Rows::integer(int column) const {
  return sqlite3_column_int64(statement_->raw(), column);
}

double Rows::real(int column) const { return sqlite3_column_double(statement_->raw(), column); }

std::string_view Rows::text(int column) const {
  const void* const bytes = sqlite3_column_text(statement_->raw(), column);
  return bytes ? view(bytes, sqlite3_column_bytes(statement_->raw(), column)) : std::string_view();
}

std::string_view Rows::blob(int column) const {
  const void* const bytes = sqlite3_column_blob(statement_->raw(), column);
  return bytes ? view(bytes, sqlite3_column_bytes(statement_->raw(), column)) : std::string_view();
}

std::optional<std::string> Rows::optional_text(int column) const {
  if (is_null(column)) return std::nullopt;
  return std::string(text(column));
}

PreparedStatement* Transaction::prepare(std::string_view sql) { return connection_.lend(sql); }

std::int64_t Transaction::finish(PreparedStatement* statement) {
  Rows rows(connection_, statement);
  while (rows.next()) {
  }
  return sqlite3_changes64(connection_.raw());
}

std::size_t Transaction::begin_part() {
  connection_.execute("SAVEPOINT part");
  return after_commit_.size();
}

// A name stands for the innermost savepoint that has it.
void Transaction::end_part(std::size_t tasks, Part outcome) {
  if (outcome == Part::undone) {
    connection_.execute("ROLLBACK TO part");
    after_commit_.erase(after_commit_.begin() + static_cast<std::ptrdiff_t>(tasks),
                        after_commit_.end());
  }
  connection_.execute("RELEASE part");
}

std::int64_t Transaction::last_id() const { return sqlite3_last_insert_rowid(connection_.raw()); }

void Transaction::bind(PreparedStatement* statement, int index, std::nullopt_t) {
  sqlite3_bind_null(statement->raw(), index);
}

void Transaction::bind(PreparedStatement* statement, int index, std::int64_t value) {
  sqlite3_bind_int64(statement->raw(), index, value);
}

void Transaction::bind(PreparedStatement* statement, int index, double value) {
  sqlite3_bind_double(statement->raw(), index, value);
}

void Transaction::bind(PreparedStatement* statement, int index, std::string_view text) {
  const char* const bytes = text.data() ? text.data() : "";
  sqlite3_bind_text64(statement->raw(), index, bytes, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Transaction::bind(PreparedStatement* statement, int index, SqlBlob blob) {
  const char* const bytes = blob.bytes.data() ? blob.bytes.data() : "";
  sqlite3_bind_blob64(statement->raw(), index, bytes, blob.bytes.size(), SQLITE_TRANSIENT);
}

}  // namespace slipway::store
