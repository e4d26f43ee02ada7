// Finds what a request asks for: service, operation, protocol, and what its path names.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/codec.h"
#include "wire/schema.h"

namespace slipway::wire {

// Says what is asked for, as far as an answer must know it.
struct Asked {
  const Schema* schema = nullptr;
  // Null: the service was found but has no such operation; answer unknown_operation(route).
  const Operation* operation = nullptr;
  Protocol protocol = Protocol::json11;
};

// Says what a request asks for, with what its path and host name.
struct Route : Asked {
  PathLabels labels;
  // The request called the operation so, where it named one.
  std::string_view operation_name;
  // The bucket that the host names; empty where it stands in the path, or there is none.
  std::string_view virtual_bucket;

  // False: the request belongs to no service of ours.
  bool found() const { return schema != nullptr; }
};

// A zone of the public DNS whose every name leads to this machine. LocalStack's users write its
// names where AWS's own have "amazonaws.com": s3.eu-west-1.localhost.localstack.cloud.
inline constexpr std::string_view loopback_zone = "localhost.localstack.cloud";

// Finds the operation of a request among those of all services. Immutable after construction, so
// any thread may ask. find() does not allocate.
//
// A route trusts nothing: it says what a request asks for, and the signature must then have been
// made for the route's service (auth/sigv4.h). What need not be signed (content-type,
// smithy-protocol) chooses among the protocols of one service and never between services.
class OperationRouter {
 public:
  struct Options {
    // Hosts under which the first label is a bucket: "s3.localhost" for bucket.s3.localhost.
    // s3.amazonaws.com, s3.localhost.localstack.cloud and their regional forms are always known.
    std::vector<std::string> bucket_hosts = {"s3.localhost", "localhost"};
    // Services that are known by name and have no operation here; they outlive the router.
    std::span<const Schema> others = {};
  };

  // `schemas` outlive the router.
  OperationRouter(std::span<const Schema* const> schemas, Options options);
  explicit OperationRouter(std::span<const Schema* const> schemas);
  ~OperationRouter();

  // Only the head is read, and a form body where no target says what is asked. The route's texts
  // view into the request.
  //
  // With a signature, what the scope's own service has of the request comes first. Where it has
  // nothing, the route is that of the service that the request names otherwise (by target, version
  // or path), which refuses the scope in its own words.
  Route find(const HttpRequestView& request) const;

  // The bucket that a host names, whose every path is a key; empty: it names none.
  std::string_view bucket_of(std::string_view host) const;

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
  std::unique_ptr<const Tables> others_;
};

// The error for a service that has no such operation: UnknownOperationException, InvalidAction, or
// S3's MethodNotAllowed, in the protocol of the request; of a service that Slipway has not,
// not_implemented(). S3 says of the request what it was and of what.
HttpResponseParts unknown_operation(const Route& route, std::string_view request_id,
                                    const HttpRequestView& request = {});

// The error for an operation of AWS's that Slipway does not have yet, naming it.
HttpResponseParts not_implemented(const Route& route, std::string_view request_id);

}  // namespace slipway::wire
