#include "engine/objects/database_name.h"

namespace slipway::objects {
namespace {

Result<std::string> read_name(store::Transaction& tx) {
  auto rows = tx.query("SELECT value FROM objects_state WHERE name='database'");
  return rows.next() ? std::string(rows.text(0)) : std::string();
}

}  // namespace

Result<std::string> database_name(store::Store& store) {
  auto found = store.read(read_name);
  if (!found || !found->empty()) return found;
  return store.write([](store::Transaction& tx) {
    tx.run("INSERT INTO objects_state VALUES('database', lower(hex(randomblob(16))))");
    return read_name(tx);
  });
}

void take_database_name(store::Transaction& tx) {
  tx.run("DELETE FROM objects_state WHERE name='database'");
}

}  // namespace slipway::objects
