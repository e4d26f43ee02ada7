// The OCI distribution API, at /v2/: what docker, podman and skopeo push to and pull from.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/identity/key_ring.h"
#include "engine/images/images.h"
#include "engine/images/uploads.h"
#include "net/http_server.h"
#include "service/ecr/distribution_path.h"
#include "service/service_context.h"

namespace slipway::ecr {

// What all loops share; it outlives them.
struct DistributionDoor {
  // Who may ask without a password: nobody, or everyone, as the root.
  enum class Anonymous : std::uint8_t { refused, root };
  // What a push to a repository that is not there does.
  enum class AbsentRepository : std::uint8_t { refused, created };

  images::Uploads& uploads;
  objects::Bodies& bodies;
  Anonymous anonymous = Anonymous::refused;
  AbsentRepository absent = AbsentRepository::refused;
};

// One request of somebody who was let in, on its way to its answer. One thread at a time.
class DistributionCall {
 public:
  DistributionCall(const DistributionDoor& door, const service::ServiceContext& context,
                   net::Request request, service::Caller caller)
      : door_(door),
        context_(context),
        request_(std::move(request)),
        path_(parse_path(request_.head())),
        caller_(std::move(caller)) {}

  const net::RequestHead& head() const { return request_.head(); }
  const service::Caller& caller() const { return caller_; }
  const DistributionPath& path() const { return path_; }
  bool is_head() const { return head().method == "HEAD"; }

  // Answers a request whose body, if it has one, is at hand. On a worker.
  net::Response answer();

  // The streamed half: a part of an upload, or a whole one. begin() is what the path says of it;
  // end() makes the answer. On a worker.
  Result<images::UploadPart> begin_part();
  Result<net::Response> end_part(images::UploadPart part);

 private:
  using Answer = Result<net::Response>;

  Answer dispatch();
  // The methods of one path.
  Answer on_blob();
  Answer on_manifest();
  Answer on_upload();

  Answer tags();
  Answer referrers();
  // unavailable: the disk has no room for what the request brings.
  Result<> find_room() const;
  Answer get_blob();
  Answer delete_blob();
  Answer get_manifest();
  Answer put_manifest();
  Answer delete_manifest();
  Answer begin_upload();
  std::optional<net::Response> mounted(store::Transaction& tx, const images::Repository& to);
  net::Response upload_answer(int status, const images::BlobUpload& upload) const;
  net::Response blob_answer(const images::ImageBlob& blob) const;

  // Refused where the caller may not do `action` ("ecr:PutImage") to the repository.
  Result<> permit(store::Transaction& tx, std::string_view action, std::string_view name);
  // The repository of the path, for a caller who may do `action` there.
  Result<images::Repository> repository(store::Transaction& tx, std::string_view action);
  // The same; made where it is absent and the door makes such.
  Result<images::Repository> repository_for_push(store::Transaction& tx, std::string_view action);
  images::RepositoryName named(std::string_view name) const;
  Result<> check_position(const images::BlobUpload& upload) const;

  const DistributionDoor& door_;
  const service::ServiceContext& context_;
  const net::Request request_;
  const DistributionPath path_;
  const service::Caller caller_;
};

// The handler of one loop. Loop thread only.
class Distribution final : public net::RequestHandler {
 public:
  // Both outlive it.
  Distribution(const DistributionDoor& door, const service::ServiceContext& context)
      : door_(door), context_(context), reader_(context.keys, context.call.clock) {}

  net::BodyPlan on_head(const net::RequestHead& head) override;
  void on_request(net::Request&& request, net::Responder&& responder) override;
  net::Response refusal(const net::RequestHead& head, int status, std::string_view reason) override;

 private:
  Result<service::Caller> authenticate(const net::RequestHead& head);

  const DistributionDoor& door_;
  const service::ServiceContext& context_;
  identity::KeyReader reader_;
};

}  // namespace slipway::ecr
