// Whether the server may do something by itself, in another service, for whoever asked it to: read
// a model, write a result, publish that it is there. On AWS an execution role does it; a server
// that did it in its own name would do for everybody what it is allowed itself.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "engine/identity/directory.h"
#include "engine/objects/types.h"
#include "service/authorize.h"
#include "service/call.h"
#include "service/permissions.h"

namespace slipway::service {

// One thing that is done on behalf of somebody later, as his policies see it.
struct Errand {
  using Extent = identity::AccessRequest::Extent;

  std::string_view action;
  std::string resource;
  Extent extent = Extent::one;
  Context keys = {};  // further condition keys: s3:prefix
};

Errand read_object(const objects::ObjectName& name);
// All objects whose keys begin with `prefix.key`.
Errand read_below(const objects::ObjectName& prefix);
Errand write_object(const objects::ObjectName& name);
Errand write_below(const objects::ObjectName& prefix);
Errand list_below(const objects::ObjectName& prefix);
// What finding and reading all of them takes.
std::vector<Errand> read_all_below(const objects::ObjectName& prefix);
Errand publish(std::string_view topic_arn);

// Filled once, then only asked, from any thread. Asks in the call's transaction.
class Errands {
 public:
  // Owner and policy of the resource with that ARN; what is not there has neither.
  using Find = std::function<Result<Guarded>(store::Transaction& tx, std::string_view arn)>;

  // `directory` outlives it.
  explicit Errands(const identity::Directory& directory) : directory_(directory) {}

  // How to find the resources of a service ("s3"); what no policy stands at needs none.
  void add(std::string service, Find find);

  // Who goes: the role, where there is one of that ARN, else the caller himself. permission_denied
  // where the role cannot be assumed.
  struct Goer {
    identity::Principal principal;
    enum class Kind : std::uint8_t { caller, role } kind = Kind::caller;
  };
  Result<Goer> goer(const Call& call, std::string_view role_arn) const;

  // permission_denied of kind "not_allowed", in AWS's words, where `goer` may not.
  Result<> check(const Call& call, const Goer& goer, const Errand& errand) const;

  // Whoever asks for something that is done later, as a text to be kept with it.
  static std::string remembered(const identity::Principal& asker);
  // Who goes then, as such a text: the role of that ARN, where there is one now, else `asker`.
  static Result<std::string> remembered(store::Transaction& tx, std::string_view role_arn,
                                        std::string_view asker);
  static bool is_role(std::string_view remembered);

  // Whether he may now. A user or role that is gone may nothing, and a role must still let
  // `execution_service` assume it.
  Result<> check_later(store::Transaction& tx, Timestamp now, std::string_view remembered,
                       const Errand& errand) const;

 private:
  Result<Goer> goer_later(store::Transaction& tx, Timestamp now, std::string_view remembered) const;
  Result<> decide(store::Transaction& tx, const Goer& goer, const Errand& errand,
                  Context context) const;

  const identity::Directory& directory_;
  std::map<std::string, Find, std::less<>> services_;
  mutable PolicyTexts policies_;
};

// Asks for what is done by the server itself, long after it was asked for. A value; thread-safe.
class LaterErrands {
 public:
  // Nobody is asked.
  LaterErrands() = default;
  // `errands` may be null: then nobody is asked. Both outlive it.
  LaterErrands(const Errands* errands, const Clock& clock) : errands_(errands), clock_(&clock) {}

  // As Errands::check_later; an empty `remembered` may all: it was kept before anybody was.
  Result<> check(store::Transaction& tx, std::string_view remembered, const Errand& errand) const {
    if (!errands_ || remembered.empty()) return {};
    return errands_->check_later(tx, clock_->now(), remembered, errand);
  }

 private:
  const Errands* errands_ = nullptr;
  const Clock* clock_ = nullptr;
};

}  // namespace slipway::service
