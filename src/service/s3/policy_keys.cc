#include "service/s3/policy_keys.h"

#include <algorithm>

#include "base/text.h"
#include "engine/identity/policy.h"

namespace slipway::s3 {
namespace {

// Whatever is asked for comes with these, as far as policies for a bucket may say; of those about
// access points the reference lists fewer, and the guide's policies have them for all actions.
constexpr std::string_view keys_of_all[] = {
    "s3:accessgrantsinstancearn",
    "s3:accesspointnetworkorigin",
    "s3:authtype",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:resourceaccount",
    "s3:signatureage",
    "s3:signatureversion",
    "s3:tlsversion",
    "s3:x-amz-content-sha256",
};

// What AWS knows of every request, whatever the service; a name that ends in '/' is a family.
// docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
constexpr std::string_view global_keys[] = {
    "aws:assumedroot",
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:chatbotsourcearn",
    "aws:currenttime",
    "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc",
    "aws:epochtime",
    "aws:federatedprovider",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:principaltag/",
    "aws:principaltype",
    "aws:referer",
    "aws:requestedregion",
    "aws:requesttag/",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "aws:resourcetag/",
    "aws:securetransport",
    "aws:signinsessionarn",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceidentity",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:tagkeys",
    "aws:tokenissuetime",
    "aws:useragent",
    "aws:userid",
    "aws:username",
    "aws:viaawsmcpservice",
    "aws:viaawsservice",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:vpcsourceip",
};

struct KeysOfActions {
  std::string_view keys;     // each between spaces; one that ends in '/' is a family
  std::string_view actions;  // likewise
};

// docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
constexpr KeysOfActions keys_of_some[] = {
    {"s3:prefix s3:delimiter s3:max-keys", "s3:listbucket s3:listbucketversions"},
    {"s3:versionid",
     "s3:deleteobjectversion s3:deleteobjectversionannotation s3:deleteobjectversiontagging "
     "s3:getobjectversion s3:getobjectversionacl s3:getobjectversionannotation "
     "s3:getobjectversionattributes s3:getobjectversiontagging s3:getobjectversiontorrent "
     "s3:listobjectversionannotations s3:putobjectversionacl s3:putobjectversionannotation "
     "s3:putobjectversiontagging"},
    {"s3:existingobjecttag/",
     "s3:deleteobjectannotation s3:deleteobjecttagging s3:deleteobjectversionannotation "
     "s3:deleteobjectversiontagging s3:getobject s3:getobjectacl s3:getobjectannotation "
     "s3:getobjectattributes s3:getobjecttagging s3:getobjectversion s3:getobjectversionacl "
     "s3:getobjectversionannotation s3:getobjectversionattributes s3:getobjectversiontagging "
     "s3:listobjectannotations s3:listobjectversionannotations s3:putobjectacl "
     "s3:putobjectannotation s3:putobjecttagging s3:putobjectversionacl "
     "s3:putobjectversionannotation s3:putobjectversiontagging s3:updateobjectencryption"},
    {"s3:requestobjecttag/ s3:requestobjecttagkeys",
     "s3:bypassgovernanceretention s3:putobject s3:putobjecttagging s3:putobjectversiontagging"},
    {"s3:x-amz-acl s3:x-amz-grant-full-control s3:x-amz-grant-read s3:x-amz-grant-read-acp "
     "s3:x-amz-grant-write s3:x-amz-grant-write-acp",
     "s3:bypassgovernanceretention s3:createbucket s3:putbucketacl s3:putobject s3:putobjectacl "
     "s3:putobjectversionacl"},
    {"s3:x-amz-copy-source s3:x-amz-metadata-directive s3:x-amz-website-redirect-location",
     "s3:bypassgovernanceretention s3:putobject"},
    {"s3:x-amz-server-side-encryption s3:x-amz-server-side-encryption-aws-kms-key-id",
     "s3:bypassgovernanceretention s3:putobject s3:replicateobject s3:updateobjectencryption"},
    {"s3:x-amz-server-side-encryption-customer-algorithm",
     "s3:bypassgovernanceretention s3:putobject s3:replicateobject"},
    {"s3:x-amz-storage-class",
     "s3:bypassgovernanceretention s3:putobject s3:putobjectacl s3:putobjectversionacl"},
    {"s3:if-match", "s3:deleteobject s3:putobject"},
    {"s3:if-none-match s3:objectcreationoperation s3:x-amz-object-annotation-directive",
     "s3:putobject"},
    {"s3:object-lock-legal-hold", "s3:putobject s3:putobjectlegalhold"},
    {"s3:object-lock-mode s3:object-lock-remaining-retention-days "
     "s3:object-lock-retain-until-date",
     "s3:putobject s3:putobjectretention"},
    {"s3:object-lock-event-hold s3:object-lock-event-hold-duration-days",
     "s3:putobject s3:putobjectretention s3:replicateobject"},
    {"s3:annotation-prefix s3:max-annotation-results",
     "s3:listobjectannotations s3:listobjectversionannotations"},
    {"s3:x-amz-object-if-match",
     "s3:deleteobjectannotation s3:deleteobjectversionannotation s3:putobjectannotation "
     "s3:putobjectversionannotation"},
    {"s3:locationconstraint s3:x-amz-bucket-namespace s3:x-amz-object-ownership",
     "s3:createbucket"},
    {"s3:inventoryaccessibleoptionalfields", "s3:putinventoryconfiguration"},
    {"s3:destinationregion", "s3:pausereplication"},
    {"s3:isreplicationpauserequest", "s3:putreplicationconfiguration"},
    {"s3:deliverysourcearn s3:logtype s3:resourcearnbeingauthorized",
     "s3:allowvendedlogdeliveryforresource"},
};

bool is_one_of(std::string_view list, auto&& matches) {
  while (!list.empty())
    if (matches(take_until(list, ' '))) return true;
  return false;
}

}  // namespace

KeyUse use_of_key(std::string_view key, std::string_view action) {
  const std::string lower = to_lower(key);
  if (std::ranges::find(keys_of_all, lower) != std::end(keys_of_all)) return KeyUse::some;
  const auto names_key = [&](std::string_view each) {
    return each.ends_with('/') ? lower.starts_with(each) : lower == each;
  };
  if (std::ranges::any_of(global_keys, names_key)) return KeyUse::some;
  for (const auto& [keys, actions] : keys_of_some)
    if (is_one_of(keys, names_key))
      return is_one_of(
                 actions,
                 [&](std::string_view each) { return identity::matches_wildcard(action, each); })
                 ? KeyUse::some
                 : KeyUse::none;
  return KeyUse::unknown;
}

}  // namespace slipway::s3
