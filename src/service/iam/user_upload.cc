// Keys for SSH and signing certificates of users: stored only.
#include <fmt/format.h>

#include <algorithm>

#include "engine/identity/key_material.h"
#include "engine/identity/user_uploads.h"
#include "service/iam/known_policy.h"
#include "service/iam/operations.h"
#include "service/iam/user.h"

namespace slipway::iam {
namespace {

using identity::SshKey;
using identity::User;
using identity::UserUpload;
using service::refuse;
using Kind = UserUpload::Kind;
using Status = identity::AccessKey::Status;

constexpr std::size_t certificate_id_characters = 32;

// Where it stands among its user's: also once it is gone.
std::string place_of(const UserUpload& upload) {
  return fmt::format("{:020}/{}", upload.created.time_since_epoch().count(), upload.id);
}

// A few things in the order in which they came, page by page.
identity::Page<UserUpload> page_of(std::vector<UserUpload> all,
                                   const identity::PageRequest& request) {
  std::erase_if(all, [&](const UserUpload& each) { return place_of(each) <= request.after; });
  identity::Page<UserUpload> out{.items = std::move(all)};
  out.more = out.items.size() > request.items_max;
  if (out.more) out.items.resize(request.items_max);
  return out;
}

void fill(const User& user, const UserUpload& key, api::SSHPublicKey out) {
  out.UserName(user.name)
      .SSHPublicKeyId(key.id)
      .Fingerprint(key.mark)
      .SSHPublicKeyBody(key.body)
      .Status(shown(key.status))
      .UploadDate(key.created);
}

void fill(const User& user, const UserUpload& certificate, api::SigningCertificate out) {
  out.UserName(user.name)
      .CertificateId(certificate.id)
      .CertificateBody(certificate.body)
      .Status(shown(certificate.status))
      .UploadDate(certificate.created);
}

}  // namespace

// ---- Keys for SSH -------------------------------------------------------------------------------

Result<api::UploadSSHPublicKeyResponse> upload_ssh_public_key(Call& call,
                                                              api::UploadSSHPublicKeyRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY(const SshKey key, identity::read_ssh_key(in.SSHPublicKeyBody()));
  const UserUpload upload{.kind = Kind::ssh_key,
                          .id = make_entity_id(call, "APKA"),
                          .body = std::string(in.SSHPublicKeyBody()),
                          .mark = fingerprint_of(key),
                          .created = this_second(call)};
  TRY_DO(identity::add_upload(call.tx(), user, upload));
  auto out = call.output<api::UploadSSHPublicKeyResponse>();
  fill(user, upload, out.make_SSHPublicKey());
  return out;
}

// In the form that it came in, to the letter; in the other, made anew.
Result<api::GetSSHPublicKeyResponse> get_ssh_public_key(Call& call,
                                                        api::GetSSHPublicKeyRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY(UserUpload upload,
      identity::find_upload(call.tx(), user, {Kind::ssh_key, in.SSHPublicKeyId()}));
  TRY(const SshKey key, identity::read_ssh_key(upload.body));
  const auto wanted = in.Encoding() == "PEM" ? SshKey::Form::pem : SshKey::Form::ssh;
  if (key.form != wanted) upload.body = to_text(key, wanted);
  auto out = call.output<api::GetSSHPublicKeyResponse>();
  fill(user, upload, out.make_SSHPublicKey());
  return out;
}

Result<api::ListSSHPublicKeysResponse> list_ssh_public_keys(Call& call,
                                                            api::ListSSHPublicKeysRequest in) {
  TRY(const PageAsked request, read_page(call, in));
  TRY(const User user, user_in(call, in.UserName()));
  const auto page = page_of(identity::uploads(call.tx(), user, Kind::ssh_key), request);
  auto out = call.output<api::ListSSHPublicKeysResponse>();
  out.SSHPublicKeys(wire::empty);
  for (const UserUpload& each : page.items)
    out.add_SSHPublicKeys()
        .UserName(user.name)
        .SSHPublicKeyId(each.id)
        .Status(shown(each.status))
        .UploadDate(each.created);
  write_page(out, request, page, page.more ? place_of(page.items.back()) : "");
  return out;
}

Result<> update_ssh_public_key(Call& call, api::UpdateSSHPublicKeyRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY(const Status status, status_in(in.Status()));
  return identity::set_upload_status(call.tx(), user, {Kind::ssh_key, in.SSHPublicKeyId()}, status);
}

Result<> delete_ssh_public_key(Call& call, api::DeleteSSHPublicKeyRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  return identity::delete_upload(call.tx(), user, {Kind::ssh_key, in.SSHPublicKeyId()});
}

// ---- Signing certificates -----------------------------------------------------------------------

Result<api::UploadSigningCertificateResponse> upload_signing_certificate(
    Call& call, api::UploadSigningCertificateRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  const auto certificate = identity::read_certificate(in.CertificateBody());
  if (!certificate)
    return refuse("MalformedCertificate",
                  fmt::format("Certificate {} is malformed.", in.CertificateBody()));
  if (certificate->ends <= call.now())
    return refuse("InvalidCertificate", "The certificate is not valid any more.");
  const UserUpload upload{
      .kind = Kind::signing_certificate,
      .id = make_token(call.random(), certificate_id_characters, alphabet_base32),
      .body = std::string(in.CertificateBody()),
      .mark = certificate->digest,
      .created = this_second(call)};
  TRY_DO(identity::add_upload(call.tx(), user, upload));
  auto out = call.output<api::UploadSigningCertificateResponse>();
  fill(user, upload, out.make_Certificate());
  return out;
}

Result<api::ListSigningCertificatesResponse> list_signing_certificates(
    Call& call, api::ListSigningCertificatesRequest in) {
  TRY(const PageAsked request, read_page(call, in));
  TRY(const User user, user_in(call, in.UserName()));
  const auto page = page_of(identity::uploads(call.tx(), user, Kind::signing_certificate), request);
  auto out = call.output<api::ListSigningCertificatesResponse>();
  out.Certificates(wire::empty);
  for (const UserUpload& each : page.items) fill(user, each, out.add_Certificates());
  write_page(out, request, page, page.more ? place_of(page.items.back()) : "");
  return out;
}

Result<> update_signing_certificate(Call& call, api::UpdateSigningCertificateRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  TRY(const Status status, status_in(in.Status()));
  return identity::set_upload_status(call.tx(), user,
                                     {Kind::signing_certificate, in.CertificateId()}, status);
}

Result<> delete_signing_certificate(Call& call, api::DeleteSigningCertificateRequest in) {
  TRY(const User user, user_in(call, in.UserName()));
  return identity::delete_upload(call.tx(), user, {Kind::signing_certificate, in.CertificateId()});
}

}  // namespace slipway::iam
