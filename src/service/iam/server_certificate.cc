// Certificates for servers: stored only. Nothing here serves with one, so the private key is held
// against the certificate when it comes, and not kept.
#include "engine/identity/account_uploads.h"
#include "engine/identity/key_material.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/tags.h"

namespace slipway::iam {
namespace {

using identity::Owner;
using identity::ServerCertificate;
using service::refuse;

Result<ServerCertificate> find(Call& call, std::string_view name) {
  return identity::find_server_certificate(call.tx(), call.account(), name);
}

void fill(const Call& call, const ServerCertificate& certificate,
          api::ServerCertificateMetadata out) {
  out.Path(certificate.path)
      .ServerCertificateName(certificate.name)
      .ServerCertificateId(certificate.id)
      .Arn(iam_arn(call, "server-certificate", certificate.path, certificate.name))
      .UploadDate(certificate.created)
      .Expiration(certificate.expires);
}

Result<Timestamp> check(const Call& call, const api::UploadServerCertificateRequest& in) {
  TRY(const identity::Certificate certificate, identity::read_certificate(in.CertificateBody()));
  TRY_DO(identity::check_private_key(in.CertificateBody(), in.PrivateKey()));
  if (in.CertificateChain())
    TRY_DO(identity::check_chain(in.CertificateBody(), *in.CertificateChain()));
  if (certificate.begins > call.now() || certificate.ends <= call.now())
    return refuse("MalformedCertificate", "The certificate is not valid at this time.");
  return certificate.ends;
}

}  // namespace

// A chain of large keys takes its time: not while everybody's changes wait.
std::any prepare_upload_server_certificate(Call& call, api::UploadServerCertificateRequest in) {
  return check(call, in);
}

Result<api::UploadServerCertificateResponse> upload_server_certificate(
    Call& call, api::UploadServerCertificateRequest in) {
  TRY(const std::vector<identity::Tag> tags, read_tags(in.Tags(), Owner::Kind::server_certificate));
  const auto checked = call.take_left<Result<Timestamp>>();
  TRY(const Timestamp expires, checked ? *checked : check(call, in));
  const ServerCertificate certificate{.account = call.account(),
                                      .name = std::string(in.ServerCertificateName()),
                                      .path = std::string(in.Path().value_or("/")),
                                      .id = make_entity_id(call, "ASCA"),
                                      .body = std::string(in.CertificateBody()),
                                      .chain = std::string(in.CertificateChain().value_or("")),
                                      .expires = expires,
                                      .created = this_second(call)};
  TRY_DO(identity::create_server_certificate(call.tx(), certificate, tags));
  auto out = call.output<api::UploadServerCertificateResponse>();
  fill(call, certificate, out.make_ServerCertificateMetadata());
  for (const auto& [key, value] : tags) out.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::GetServerCertificateResponse> get_server_certificate(
    Call& call, api::GetServerCertificateRequest in) {
  TRY(const ServerCertificate certificate, find(call, in.ServerCertificateName()));
  TRY(const auto tags,
      identity::list_tags(
          call.tx(), {Owner::Kind::server_certificate, certificate.account, certificate.name}, {}));
  auto out = call.output<api::GetServerCertificateResponse>();
  api::ServerCertificate found = out.make_ServerCertificate();
  fill(call, certificate, found.make_ServerCertificateMetadata());
  found.CertificateBody(certificate.body).Tags(wire::empty);
  if (!certificate.chain.empty()) found.CertificateChain(certificate.chain);
  for (const auto& [key, value] : tags.items) found.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::ListServerCertificatesResponse> list_server_certificates(
    Call& call, api::ListServerCertificatesRequest in) {
  TRY(PageAsked request, read_page(call, in));
  request.path_prefix = in.PathPrefix().value_or("/");
  const auto page = identity::list_server_certificates(call.tx(), call.account(), request);
  auto out = call.output<api::ListServerCertificatesResponse>();
  out.ServerCertificateMetadataList(wire::empty);
  for (const ServerCertificate& each : page.items)
    fill(call, each, out.add_ServerCertificateMetadataList());
  write_page(out, request, page, page.more ? page.items.back().name : "");
  return out;
}

Result<> update_server_certificate(Call& call, api::UpdateServerCertificateRequest in) {
  TRY(const ServerCertificate certificate, find(call, in.ServerCertificateName()));
  return identity::move_server_certificate(
      call.tx(), certificate,
      {in.NewServerCertificateName().value_or(certificate.name),
       in.NewPath().value_or(certificate.path)});
}

Result<> delete_server_certificate(Call& call, api::DeleteServerCertificateRequest in) {
  TRY(const ServerCertificate certificate, find(call, in.ServerCertificateName()));
  identity::delete_server_certificate(call.tx(), certificate);
  return {};
}

}  // namespace slipway::iam
