// Who may do what, by all policies together. The numbered cases are those of AWS's own rules.
#include "engine/identity/access.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "engine/identity/directory.h"

namespace slipway::identity {
namespace {

constexpr std::string_view account = "111111111111";
constexpr std::string_view other_account = "999999999999";
constexpr std::string_view user_arn = "arn:aws:iam::111111111111:user/team/ann";
constexpr std::string_view role_arn = "arn:aws:iam::111111111111:role/team/worker";
constexpr std::string_view session_arn = "arn:aws:sts::111111111111:assumed-role/worker/me";
constexpr std::string_view object = "arn:aws:s3:::b/k";

std::shared_ptr<const Party> party(Party::Kind kind, std::string_view name, std::string_view id,
                                   std::string_view arn) {
  auto made = std::make_shared<Party>();
  made->kind = kind;
  made->account = account;
  made->name = name;
  made->id = id;
  made->arn = arn;
  return made;
}

Principal user() {
  return {Principal::Kind::user, std::string(account), std::string(user_arn), "AIDAANN",
          party(Party::Kind::user, "ann", "AIDAANN", user_arn)};
}
Principal session() {
  return {Principal::Kind::role_session,
          std::string(account),
          std::string(session_arn),
          "AROAWORKER:me",
          party(Party::Kind::role, "worker", "AROAWORKER", role_arn),
          std::make_shared<const SessionTerms>()};
}
Principal root() {
  return {Principal::Kind::root, std::string(account), "arn:aws:iam::111111111111:root",
          std::string(account)};
}
Principal anonymous() { return {.kind = Principal::Kind::anonymous}; }

std::shared_ptr<const Policy> parsed(std::string_view statements, PolicyUse use,
                                     std::string_view version = "2012-10-17") {
  auto policy = Policy::parse(
      fmt::format(R"({{"Version":"{}","Statement":[{}]}})", version, statements), use);
  EXPECT_TRUE(policy) << policy.error().message << statements;
  return std::make_shared<const Policy>(std::move(policy).value_or(Policy::closed()));
}

// Everything that a decision is asked of; texts are the statements of one policy each.
struct Case {
  Principal principal = user();
  std::string own = {};
  std::optional<std::string> boundary = {};
  std::optional<std::string> session = {};
  std::string resource = {};
  std::string_view owner = {};
  std::string_view action = "s3:GetObject";
  std::string_view on = object;
  std::vector<ContextEntry> context = {};
  ResourceSide::Rule rule = ResourceSide::Rule::either_side;
  std::string_view version = "2012-10-17";
  AccessRequest::Extent extent = AccessRequest::Extent::one;
};

std::string verdict_of(const Case& c) {
  PrincipalPolicies policies;
  const auto one = [](const std::string& statements) {
    return Policies{parsed(statements, PolicyUse::permissions)};
  };
  if (!c.own.empty()) policies.own = one(c.own);
  if (c.boundary) policies.boundary = one(*c.boundary);
  if (c.session) policies.session = one(*c.session);
  std::shared_ptr<const Policy> resource;
  if (!c.resource.empty()) resource = parsed(c.resource, PolicyUse::resource, c.version);
  std::vector<ContextEntry> context = principal_context(c.principal);
  context.insert(context.end(), c.context.begin(), c.context.end());
  const Verdict verdict = decide(c.principal, policies, {c.action, c.on, context, c.extent},
                                 {c.owner, resource.get(), c.rule});
  constexpr std::string_view kinds[] = {"none",    "identity", "resource",
                                        "session", "boundary", "trust"};
  constexpr std::string_view decisions[] = {"allow", "deny", "lacks"};
  return fmt::format("{} {}", decisions[static_cast<int>(verdict.decision)],
                     kinds[static_cast<int>(verdict.kind)]);
}

const std::string allow_all = R"({"Effect":"Allow","Action":"*","Resource":"*"})";
const std::string deny_all = R"({"Effect":"Deny","Action":"*","Resource":"*"})";
const std::string allow_other = R"({"Effect":"Allow","Action":"sqs:*","Resource":"*"})";

// A statement of a resource's policy about one principal.
std::string to(std::string_view principal, std::string_view more = "",
               std::string_view effect = "Allow") {
  return fmt::format(
      R"({{"Effect":"{}","Principal":{},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"{}}})",
      effect, principal, more);
}
std::string named(std::string_view arn) { return fmt::format(R"({{"AWS":"{}"}})", arn); }

TEST(Access, Cases1To5AUserAndItsBoundaryInsideOneAccount) {
  EXPECT_EQ(verdict_of({.own = allow_all}), "allow identity");                       // 1
  EXPECT_EQ(verdict_of({.resource = to(named(user_arn))}), "allow resource");        // 2
  EXPECT_EQ(verdict_of({.resource = to(named(account))}), "lacks identity");         // 3
  EXPECT_EQ(verdict_of({.resource = to(R"("*")")}), "allow resource");               // 4
  EXPECT_EQ(verdict_of({.resource = to(R"({"AWS":"*"})")}), "allow resource");       // 4
  EXPECT_EQ(verdict_of({.boundary = allow_other, .resource = to(named(user_arn))}),  // 5
            "allow resource");
  EXPECT_EQ(verdict_of({.own = allow_all, .boundary = allow_other}), "lacks boundary");
  EXPECT_EQ(verdict_of({.own = allow_all, .boundary = deny_all}), "deny boundary");
  EXPECT_EQ(verdict_of({}), "lacks identity");
}

TEST(Access, Cases6To11ASessionOfARole) {
  EXPECT_EQ(verdict_of({.principal = session(),  // 6
                        .boundary = allow_other,
                        .resource = to(named(role_arn))}),
            "lacks boundary");
  EXPECT_EQ(verdict_of({.principal = session(),  // 7
                        .boundary = allow_other,
                        .resource = to(named(session_arn))}),
            "allow resource");
  EXPECT_EQ(verdict_of({.principal = session(),  // 8
                        .session = allow_other,
                        .resource = to(named(role_arn))}),
            "lacks session");
  EXPECT_EQ(verdict_of({.principal = session(), .resource = to(named(role_arn))}),
            "allow resource");
  EXPECT_EQ(verdict_of({.principal = session(),  // 9
                        .session = allow_other,
                        .resource = to(named(session_arn))}),
            "allow resource");
  EXPECT_EQ(verdict_of({.principal = session(), .session = allow_all}), "lacks identity");  // 10
  EXPECT_EQ(verdict_of({.principal = session(),                                             // 11
                        .session = deny_all,
                        .resource = to(named(session_arn))}),
            "deny session");
}

TEST(Access, Cases12To16AcrossAccountsAndForStrangers) {
  EXPECT_EQ(verdict_of({.resource = to(named(user_arn)), .owner = other_account}),  // 12
            "lacks identity");
  EXPECT_EQ(  // 13
      verdict_of({.own = allow_all, .resource = to(named(account)), .owner = other_account}),
      "allow identity");
  EXPECT_EQ(verdict_of({.own = allow_all, .owner = other_account}), "lacks resource");  // 14
  EXPECT_EQ(verdict_of({.principal = anonymous(), .resource = to(R"("*")")}),           // 15
            "allow resource");
  EXPECT_EQ(  // 16
      verdict_of({.principal = anonymous(),
                  .resource = to(
                      R"("*")",
                      R"(,"Condition":{"StringEquals":{"aws:PrincipalAccount":"111111111111"}})")}),
      "lacks resource");
  EXPECT_EQ(verdict_of({.principal = anonymous(), .resource = to(named(account))}),
            "lacks resource");
  EXPECT_EQ(verdict_of({.principal = root(), .owner = other_account}), "lacks resource");
}

TEST(Access, Cases17To19PrincipalsThatAreMissingOrExcepted) {
  EXPECT_EQ(verdict_of({.resource = allow_all}), "lacks identity");  // 17
  const auto deny_others = [](std::string_view spared) {
    return fmt::format(
        R"({{"Effect":"Deny","NotPrincipal":{{"AWS":[{}]}},"Action":"*","Resource":"*"}})", spared);
  };
  EXPECT_EQ(verdict_of({.principal = session(),  // 18
                        .own = allow_all,
                        .resource = deny_others(fmt::format(R"("{}")", session_arn))}),
            "deny resource");
  EXPECT_EQ(verdict_of({.principal = session(),
                        .own = allow_all,
                        .resource = deny_others(
                            fmt::format(R"("{}","{}","{}")", session_arn, role_arn, account))}),
            "allow identity");
  // A principal that is bound to its id is spared by it.
  EXPECT_EQ(verdict_of({.own = allow_all,
                        .resource = deny_others(fmt::format(R"("AIDAANN","{}")", account))}),
            "allow identity");
  EXPECT_EQ(verdict_of({.own = allow_all,
                        .resource = deny_others(fmt::format(R"("AIDABOB","{}")", account))}),
            "deny resource");
  EXPECT_EQ(verdict_of({.own = deny_all, .action = "sts:GetCallerIdentity", .on = "*"}),  // 19
            "allow identity");
}

// One statement that allows, or denies beside a permission for everything, under a condition.
std::string under(std::string_view effect, std::string_view condition,
                  std::vector<ContextEntry> context = {}) {
  std::string own = fmt::format(
      R"({{"Effect":"{}","Action":"*","Resource":"*","Condition":{{{}}}}})", effect, condition);
  if (effect == "Deny") own += "," + allow_all;
  return verdict_of({.own = own, .context = std::move(context)});
}

TEST(Access, Cases20To26ConditionsOnKeysThatAreAbsentOrHaveSeveralValues) {
  const ContextEntry tags{"aws:TagKeys", {"team"}, ContextEntry::Arity::many};
  EXPECT_EQ(under("Allow", R"("StringEquals":{"aws:x":"1"})"), "lacks identity");           // 20
  EXPECT_EQ(under("Deny", R"("StringNotEquals":{"aws:x":"1"})"), "deny identity");          // 21
  EXPECT_EQ(under("Deny", R"("StringNotEqualsIfExists":{"aws:x":"1"})"), "deny identity");  // 22
  EXPECT_EQ(under("Deny", R"("Bool":{"aws:MultiFactorAuthPresent":"false"})"),              // 23
            "allow identity");
  EXPECT_EQ(under("Deny", R"("BoolIfExists":{"aws:MultiFactorAuthPresent":"false"})"),  // 23
            "deny identity");
  EXPECT_EQ(under("Allow", R"("ForAllValues:StringEquals":{"aws:TagKeys":"team"})"),  // 24
            "allow identity");
  EXPECT_EQ(under("Allow", R"("ForAnyValue:StringEquals":{"aws:TagKeys":"team"})"),  // 25
            "lacks identity");
  EXPECT_EQ(under("Allow", R"("StringEquals":{"aws:TagKeys":"team"})", {tags}),  // 26
            "lacks identity");
  EXPECT_EQ(under("Allow", R"("ForAnyValue:StringEquals":{"aws:TagKeys":"team"})", {tags}),
            "allow identity");
  EXPECT_EQ(under("Allow", R"("ForAnyValue:StringNotEquals":{"aws:TagKeys":"team"})", {tags}),
            "lacks identity");
  EXPECT_EQ(under("Allow", R"("ForAllValues:StringNotEquals":{"aws:TagKeys":"x"})", {tags}),
            "allow identity");
}

std::string on_resource(std::string_view pattern, std::string_view resource,
                        Principal principal = user(), std::vector<ContextEntry> context = {}) {
  return verdict_of(
      {.principal = std::move(principal),
       .own = fmt::format(R"({{"Effect":"Allow","Action":"*","Resource":"{}"}})", pattern),
       .on = resource,
       .context = std::move(context)});
}

TEST(Access, Cases27To30Variables) {
  EXPECT_EQ(on_resource("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/ann/k"),
            "allow identity");
  EXPECT_EQ(on_resource("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/worker/k",  // 27
                        session()),
            "lacks identity");
  EXPECT_EQ(on_resource("arn:aws:s3:::b/${aws:PrincipalTag/team, 'x'}/*",  // 28
                        "arn:aws:s3:::b/x/k"),
            "allow identity");
  const std::string literal = R"({"Effect":"Allow","Principal":"*","Action":"*",)"
                              R"("Resource":"arn:aws:s3:::b/${aws:username}"})";
  EXPECT_EQ(verdict_of({.resource = literal, .on = "arn:aws:s3:::b/ann", .version = "2008-10-17"}),
            "lacks identity");                // 29
  EXPECT_EQ(verdict_of({.resource = literal,  // 29
                        .on = "arn:aws:s3:::b/${aws:username}",
                        .version = "2008-10-17"}),
            "allow resource");
  EXPECT_EQ(verdict_of({.resource = literal, .on = "arn:aws:s3:::b/ann"}), "allow resource");
  EXPECT_EQ(under("Deny", R"("StringNotEquals":{"aws:userid":"${aws:unset}"})"),  // 30
            "deny identity");
}

TEST(Access, Cases31To35NamesOfResources) {
  const ContextEntry source{"aws:SourceArn", {"arn:aws:s:r:9:x:1:f/d"}};
  EXPECT_EQ(under("Allow", R"("ArnLike":{"aws:SourceArn":"arn:aws:s:*:1:f/*"})", {source}),  // 31
            "lacks identity");
  EXPECT_EQ(under("Allow", R"("StringLike":{"aws:SourceArn":"arn:aws:s:*:1:f/*"})", {source}),
            "allow identity");                                                    // 31
  EXPECT_EQ(on_resource("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/2/test/3"),  // 32
            "allow identity");
  EXPECT_EQ(on_resource("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/test/x"),  // 32
            "lacks identity");
  EXPECT_EQ(on_resource("arn:aws:s3:::b", object), "lacks identity");  // 33
  EXPECT_EQ(on_resource("arn:aws:s3:::b", "*"), "lacks identity");     // 34
  EXPECT_EQ(on_resource("*", "*"), "allow identity");                  // 34
  const std::string_view no_prefix = R"("StringLike":{"s3:prefix":""})";
  EXPECT_EQ(under("Allow", no_prefix, {{"s3:prefix", {""}}}), "allow identity");  // 35
  EXPECT_EQ(under("Allow", no_prefix), "lacks identity");                         // 35
  // A wildcard of one part does not reach into the next.
  EXPECT_EQ(on_resource("arn:aws:sqs:*:1:q", "arn:aws:sqs:us-east-1:9:x:1:q"), "lacks identity");
  EXPECT_EQ(on_resource("arn:aws:s3:*", object), "allow identity");
}

TEST(Access, EverythingBelowANameIsAllowedWhereAllOfItIsAndDeniedWhereSomeOfItIs) {
  const auto ask = [](std::string own, std::string_view below) {
    return verdict_of(
        {.own = std::move(own), .on = below, .extent = AccessRequest::Extent::all_below});
  };
  const auto statement = [](std::string_view effect, std::string_view resource,
                            std::string_view word = "Resource") {
    return fmt::format(R"({{"Effect":"{}","Action":"s3:GetObject","{}":"arn:aws:s3:::{}"}})",
                       effect, word, resource);
  };
  constexpr std::string_view below = "arn:aws:s3:::b/in/";
  for (const std::string_view wide : {"*", "b/*", "b/in/*", "b/i?/*", "*/in/*"})
    EXPECT_EQ(ask(statement("Allow", wide), below), "allow identity") << wide;
  for (const std::string_view narrow : {"b/in/a*", "b/in/", "b/in/?", "b/in/*.csv", "b/other/*"})
    EXPECT_EQ(ask(statement("Allow", narrow), below), "lacks identity") << narrow;
  for (const std::string_view part : {"b/in/secret/*", "b/in/x", "b/*.key", "*", "b/in/"})
    EXPECT_EQ(ask(allow_all + "," + statement("Deny", part), below), "deny identity") << part;
  for (const std::string_view apart : {"b/out/*", "b/i", "c/*", "b/in"})
    EXPECT_EQ(ask(allow_all + "," + statement("Deny", apart), below), "allow identity") << apart;
  EXPECT_EQ(ask(statement("Allow", "b/in/x", "NotResource"), below), "lacks identity");
  EXPECT_EQ(ask(statement("Allow", "b/out/*", "NotResource"), below), "allow identity");
  EXPECT_EQ(ask(allow_all + "," + statement("Deny", "b/in/a*", "NotResource"), below),
            "deny identity");
  EXPECT_EQ(ask(allow_all + "," + statement("Deny", "b/in/*", "NotResource"), below),
            "allow identity");
}

TEST(Access, Cases36And37TheOthers) {
  EXPECT_EQ(verdict_of({.own = R"({"Effect":"Allow","NotAction":"iam:*","Resource":"*"})",  // 36
                        .action = "sqs:SendMessage"}),
            "allow identity");
  const std::string deny_rest =
      allow_all + R"(,{"Effect":"Deny","Action":"*","NotResource":"arn:aws:s3:::b/*"})";
  EXPECT_EQ(verdict_of({.own = deny_rest}), "allow identity");  // 37
  EXPECT_EQ(verdict_of({.own = deny_rest, .on = "arn:aws:s3:::c/k"}), "deny identity");
}

TEST(Access, Cases38And39AnAssumedRoleIsAskedFirst) {
  const auto trust = [](std::string_view principal) {
    return fmt::format(R"({{"Effect":"Allow","Principal":{},"Action":"sts:AssumeRole"}})",
                       principal);
  };
  const auto assume = [&](Principal who, std::string own, std::string_view trusted,
                          std::string_view owner = "") {
    return verdict_of({.principal = std::move(who),
                       .own = std::move(own),
                       .resource = trust(trusted),
                       .owner = owner,
                       .action = "sts:AssumeRole",
                       .on = role_arn,
                       .rule = ResourceSide::Rule::own_side});
  };
  EXPECT_EQ(assume(user(), "", named("arn:aws:iam::111111111111:root")), "lacks identity");  // 38
  EXPECT_EQ(assume(user(), allow_all, named(account)), "allow identity");                    // 38
  EXPECT_EQ(assume(user(), "", named(user_arn)), "allow trust");                             // 39
  EXPECT_EQ(assume(user(), "", named("AIDAANN")), "allow trust");
  EXPECT_EQ(assume(user(), "", named(user_arn), other_account), "lacks identity");  // 39
  EXPECT_EQ(assume(user(), allow_all, R"({"Service":"sagemaker.amazonaws.com"})"), "lacks trust");
  EXPECT_EQ(assume(user(), allow_all, R"({"AWS":"AIDASOMEBODYELSE"})"), "lacks trust");
  EXPECT_EQ(assume(session(), "", named(role_arn)), "allow trust");
}

TEST(Access, TheRootMayAllThatNoResourceDenies) {
  EXPECT_EQ(verdict_of({.principal = root()}), "allow identity");
  EXPECT_EQ(verdict_of({.principal = root(), .resource = to(R"("*")", "", "Deny")}),
            "deny resource");
  EXPECT_EQ(verdict_of({.principal = root(), .resource = to(named(account), "", "Deny")}),
            "deny resource");
}

TEST(Access, ACanonicalUserIsTheAccount) {
  const std::string owner = to(fmt::format(R"({{"CanonicalUser":"{}"}})", canonical_user(account)));
  EXPECT_EQ(verdict_of({.resource = owner}), "lacks identity");
  EXPECT_EQ(verdict_of({.own = allow_all, .resource = owner, .owner = other_account}),
            "allow identity");
  EXPECT_EQ(verdict_of({.principal = anonymous(), .resource = owner}), "lacks resource");
}

TEST(Access, AServiceIsLetInByAResourcesPolicyAlone) {
  const Principal service{.kind = Principal::Kind::service, .name = "sns.amazonaws.com"};
  const std::string only_mine =
      R"(,"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:1:t"}})";
  const std::string policy = to(R"({"Service":"sns.amazonaws.com"})", only_mine);
  const auto from = [&](std::string_view topic) {
    return verdict_of({.principal = service,
                       .resource = policy,
                       .owner = account,
                       .context = {{"aws:SourceArn", {std::string(topic)}}}});
  };
  EXPECT_EQ(from("arn:aws:sns:us-east-1:1:t"), "allow resource");
  EXPECT_EQ(from("arn:aws:sns:us-east-1:1:u"), "lacks resource");
  EXPECT_EQ(verdict_of({.principal = service, .owner = account}), "lacks resource");
}

TEST(Access, ATokensWordCountsForItsProviderByNameAlone) {
  const std::string provider = "arn:aws:iam::111111111111:oidc-provider/example.org";
  const auto asked = [&](const std::string& statements, std::vector<ContextEntry> context = {}) {
    return verdict_of({.principal = {.kind = Principal::Kind::web_identity,
                                     .account = {},
                                     .name = provider,
                                     .id = {}},
                       .resource = statements,
                       .owner = account,
                       .action = "sts:AssumeRoleWithWebIdentity",
                       .on = role_arn,
                       .context = std::move(context),
                       .rule = ResourceSide::Rule::own_side});
  };
  const auto statement = [](std::string_view effect, std::string_view principal,
                            std::string_view more = "") {
    return fmt::format(R"({{"Effect":"{}",{},"Action":"sts:*","Resource":"*"{}}})", effect,
                       principal, more);
  };
  const std::string named = fmt::format(R"("Principal":{{"Federated":"{}"}})", provider);
  EXPECT_EQ(asked(statement("Allow", named)), "allow trust");
  for (const std::string_view other :
       {R"("Principal":"*")", R"("Principal":{"AWS":"111111111111"})",
        R"("Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/example.org/x"})",
        R"("NotPrincipal":{"Federated":"somebody"})"})
    EXPECT_EQ(asked(statement("Allow", other)), "lacks trust") << other;
  EXPECT_EQ(asked(statement("Allow", named) + "," + statement("Deny", R"("Principal":"*")")),
            "deny trust");
  EXPECT_EQ(
      asked(statement("Allow", named) + "," +
            statement("Deny", fmt::format(R"("NotPrincipal":{{"Federated":"{}"}})", provider))),
      "allow trust");
  const std::string_view only_ann = R"(,"Condition":{"StringEquals":{"example.org:sub":"ann"}})";
  EXPECT_EQ(asked(statement("Allow", named, only_ann), {{"example.org:sub", {"ann"}}}),
            "allow trust");
  EXPECT_EQ(asked(statement("Allow", named, only_ann), {{"example.org:sub", {"bob"}}}),
            "lacks trust");
}

TEST(Access, CredentialsOfALongTermKeyLeaveKeysToIt) {
  Principal temporary = user();
  temporary.kind = Principal::Kind::user_session;
  temporary.session = std::make_shared<const SessionTerms>();
  const auto may = [&](std::string_view action) {
    return verdict_of({.principal = temporary, .own = allow_all, .action = action, .on = "*"});
  };
  EXPECT_EQ(may("s3:GetObject"), "allow identity");
  EXPECT_EQ(may("sts:AssumeRole"), "allow identity");
  EXPECT_EQ(may("sts:GetCallerIdentity"), "allow identity");
  EXPECT_EQ(may("sts:GetSessionToken"), "lacks session");
  EXPECT_EQ(may("iam:ListUsers"), "lacks session");
  EXPECT_EQ(may("iam:PassRole"), "allow identity");
  temporary.kind = Principal::Kind::federated_user;
  temporary.id += ":guest";
  EXPECT_EQ(may("sts:AssumeRole"), "lacks session");
  EXPECT_EQ(may("iam:PassRole"), "allow identity");
}

std::string value_of(const Principal& principal, std::string_view key) {
  const auto context = principal_context(principal);
  const ContextEntry* entry = find_context(context, key);
  return entry != nullptr ? entry->values.front() : "absent";
}

TEST(PrincipalContext, ASessionIsNamedByItsRoleAndHasTheTagsOfBoth) {
  Principal principal = session();
  auto role = std::make_shared<Party>(*principal.party);
  role->tags = {{"team", "blue"}, {"cost", "1"}};
  principal.party = role;
  principal.session = std::make_shared<const SessionTerms>(
      SessionTerms{.issued = Timestamp(std::chrono::seconds(1'700'000'000)),
                   .source_identity = "ann",
                   .tags = {{"TEAM", "red"}}});
  EXPECT_EQ(value_of(principal, "aws:PrincipalArn"), role_arn);
  EXPECT_EQ(value_of(principal, "aws:userid"), "AROAWORKER:me");
  EXPECT_EQ(value_of(principal, "aws:username"), "absent");
  EXPECT_EQ(value_of(principal, "aws:PrincipalType"), "AssumedRole");
  EXPECT_EQ(value_of(principal, "aws:PrincipalTag/Team"), "red");
  EXPECT_EQ(value_of(principal, "aws:PrincipalTag/cost"), "1");
  EXPECT_EQ(value_of(principal, "aws:SourceIdentity"), "ann");
  EXPECT_EQ(value_of(principal, "aws:TokenIssueTime"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(value_of(principal, "aws:MultiFactorAuthPresent"), "false");
}

TEST(PrincipalContext, AUserHasANameAndNothingOfASession) {
  EXPECT_EQ(value_of(user(), "aws:username"), "ann");
  EXPECT_EQ(value_of(user(), "aws:PrincipalArn"), user_arn);
  EXPECT_EQ(value_of(user(), "aws:PrincipalAccount"), account);
  EXPECT_EQ(value_of(user(), "aws:MultiFactorAuthPresent"), "absent");
  EXPECT_EQ(value_of(user(), "aws:TokenIssueTime"), "absent");
  EXPECT_EQ(value_of(anonymous(), "aws:userid"), "anonymous");
  EXPECT_EQ(value_of(anonymous(), "aws:PrincipalAccount"), "absent");
  EXPECT_EQ(value_of(root(), "aws:userid"), account);
}

}  // namespace
}  // namespace slipway::identity
