// Who may ask for credentials. AssumeRole is decided by the role's trust policy, which its handler
// asks together with the caller's policies; who one is, and credentials for oneself, may be asked
// by everyone who has a key.
#include "service/permissions.h"

#include "gen/sts.h"
#include "service/sts/sts.h"

namespace slipway::sts {
namespace {

using service::Need;

constexpr Need needs[] = {
    Need{"AssumeRole", "sts:AssumeRole", "{RoleArn}"}.by(Need::Asked::by_handler),
    Need{"AssumeRoleWithWebIdentity", "sts:AssumeRoleWithWebIdentity", "{RoleArn}"}.by(
        Need::Asked::by_handler),
    Need{"GetCallerIdentity", "sts:GetCallerIdentity"}.by(Need::Asked::of_nobody),
    Need{"GetSessionToken", "sts:GetSessionToken"}.by(Need::Asked::of_nobody),
    {"GetFederationToken", "sts:GetFederationToken",
     "arn:aws:sts::{account}:federated-user/{Name}"},
    Need{"GetFederationToken", "sts:TagSession", "arn:aws:sts::{account}:federated-user/{Name}"}
        .where("Tags"),
    {"GetAccessKeyInfo", "sts:GetAccessKeyInfo"},
    {"DecodeAuthorizationMessage", "sts:DecodeAuthorizationMessage"},
};

constexpr service::KeyOfMember keys[] = {
    {"aws:RequestTag/", "Tags"},
    {"aws:TagKeys", "Tags", service::KeyOfMember::Arity::many},
    {"sts:DurationSeconds", "DurationSeconds"},
};

}  // namespace

service::Permissions permissions() {
  return {.schema = aws::sts::schema(), .needs = needs, .keys = keys};
}

}  // namespace slipway::sts
