#include "server/errands.h"

#include "service/s3/s3.h"
#include "service/sns/sns.h"

namespace slipway::server {

std::unique_ptr<const service::Errands> open_errands(const ServeOptions& options,
                                                     const identity::Directory& directory,
                                                     const events::Topics& topics) {
  if (!options.enforces_policies() || options.auth_mode() == service::AuthMode::none)
    return nullptr;
  auto errands = std::make_unique<service::Errands>(directory);
  errands->add("s3", s3::guarded);
  errands->add("sns", [&topics](store::Transaction& tx, std::string_view arn) {
    return sns::guarded(topics, tx, arn);
  });
  return errands;
}

}  // namespace slipway::server
