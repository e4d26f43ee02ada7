#include "server/identity_engine.h"

#include <fmt/format.h>

#include "service/iam/iam.h"

namespace slipway::server {

Result<std::unique_ptr<IdentityEngine>> IdentityEngine::open(Foundation& base) {
  const std::string& account = base.options.account;
  const identity::Principal root{.kind = identity::Principal::Kind::root,
                                 .account = account,
                                 .name = fmt::format("arn:aws:iam::{}:root", account),
                                 .id = account};
  TRY(auto directory, identity::Directory::open(*base.store, iam::provided_policies()));
  TRY(auto keys, identity::KeyRing::open(base.options.data, root, base.random, directory.get()));
  return std::unique_ptr<IdentityEngine>(
      new IdentityEngine{.directory = std::move(directory),
                         .keys = std::move(keys),
                         .issuers = {base.clock, base.changes, base.options.delivery_reach()}});
}

}  // namespace slipway::server
