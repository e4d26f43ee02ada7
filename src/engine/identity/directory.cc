#include "engine/identity/directory.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "engine/identity/roles.h"
#include "engine/identity/rows.h"
#include "engine/identity/stored_policies.h"
#include "engine/identity/users.h"

namespace slipway::identity {

// By the keys of the snapshot's maps; a null value: it is there no more.
struct DirectoryChange {
  struct PartyNow {
    std::string key;
    std::shared_ptr<const Party> party;
    std::vector<std::shared_ptr<const Key>> access_keys;
  };
  std::vector<PartyNow> parties;
  std::vector<std::pair<std::string, std::shared_ptr<const Policy>>> policies;
};

namespace {

std::string party_key(std::string_view account, std::string_view owner) {
  return fmt::format("{}/{}", account, owner);
}

// What was stored was checked then. What cannot be read now allows nothing and denies everything: a
// denial that it held must not be lost.
std::shared_ptr<const Policy> read_policy(std::string_view document, std::string label) {
  auto policy = Policy::parse(document, PolicyUse::permissions);
  if (!policy)
    log_error("identity", "a stored policy cannot be read and denies everything now",
              {{"policy", label}, {"why", policy.error().message}});
  Policy read = std::move(policy).value_or(Policy::closed());
  read.set_label(std::move(label));
  return std::make_shared<const Policy>(std::move(read));
}

Policies inline_policies_of(store::Transaction& tx, Owner owner) {
  Policies policies;
  auto rows = tx.query(
      "SELECT name, document FROM identity_inline_policies WHERE account = ?1 AND owner = ?2 "
      "ORDER BY name",
      owner.account, owner_key(owner));
  while (rows.next())
    policies.push_back(read_policy(
        rows.text(1), fmt::format("{}_{}_{}", name_of(owner.kind), owner.name, rows.text(0))));
  return policies;
}

std::vector<std::string> attached_to(store::Transaction& tx, Owner owner) {
  std::vector<std::string> names;
  auto rows = tx.query(
      "SELECT policy FROM identity_attachments WHERE account = ?1 AND owner = ?2 ORDER BY policy",
      owner.account, owner_key(owner));
  while (rows.next()) names.emplace_back(rows.text(0));
  return names;
}

// What users, roles and groups have in common.
template <typename Row>
std::shared_ptr<Party> party_of(store::Transaction& tx, Party::Kind kind, const Owner& owner,
                                const Row& row) {
  auto party = std::make_shared<Party>();
  party->kind = kind;
  party->account = row.account;
  party->name = row.name;
  party->id = row.id;
  const Owner named{owner.kind, row.account, row.name};
  party->arn = arn_of(named, row.path);
  party->inline_policies = inline_policies_of(tx, named);
  party->attached = attached_to(tx, named);
  return party;
}

using PartyNow = DirectoryChange::PartyNow;

PartyNow read_role(store::Transaction& tx, const Role& role) {
  const Owner owner{Owner::Kind::role, role.account, role.name};
  auto party = party_of(tx, Party::Kind::role, owner, role);
  party->tags = tags::list(tx, tagged(owner));
  party->boundary = role.permissions_boundary;
  return {party_key(role.account, owner_key(owner)), std::move(party), {}};
}

PartyNow read_group(store::Transaction& tx, const Group& group) {
  const Owner owner{Owner::Kind::group, group.account, group.name};
  return {party_key(group.account, owner_key(owner)),
          party_of(tx, Party::Kind::group, owner, group),
          {}};
}

PartyNow read_user(store::Transaction& tx, const User& user) {
  const Owner owner{Owner::Kind::user, user.account, user.name};
  auto made = party_of(tx, Party::Kind::user, owner, user);
  made->tags = tags::list(tx, tagged(owner));
  made->boundary = user.permissions_boundary;
  for (const Group& group : list_groups_of(tx, user, {}).items)
    made->groups.push_back(
        party_key(group.account, owner_key({Owner::Kind::group, group.account, group.name})));
  const auto keys = access_keys(tx, user);
  for (const AccessKey& key : keys)
    if (key.status == AccessKey::Status::active) made->access_keys.push_back(key.id);

  const std::shared_ptr<const Party> party = std::move(made);
  PartyNow now{party_key(user.account, owner_key(owner)), party, {}};
  for (const AccessKey& key : keys)
    if (key.status == AccessKey::Status::active)
      now.access_keys.push_back(std::make_shared<const Key>(
          Key{.access_key_id = key.id,
              .secret = key.secret,
              .principal = {Principal::Kind::user, user.account, party->arn, party->id, party},
              .expires = {}}));
  return now;
}

// Reads what stands under one key of the table of what was touched.
void read_touched(store::Transaction& tx, std::string_view account, std::string_view owner,
                  DirectoryChange& change) {
  const std::string_view name = owner.substr(owner.find('/') + 1);
  if (owner.starts_with(policy_prefix)) {
    const auto policy = find_policy_by_arn(tx, name);
    change.policies.emplace_back(name,
                                 policy ? read_policy(policy->document, policy->name) : nullptr);
  } else if (owner.starts_with("role/")) {
    const auto role = find_role(tx, account, name);
    change.parties.push_back(role ? read_role(tx, *role)
                                  : PartyNow{party_key(account, owner), nullptr, {}});
  } else if (owner.starts_with("user/")) {
    const auto user = find_user(tx, account, name);
    change.parties.push_back(user ? read_user(tx, *user)
                                  : PartyNow{party_key(account, owner), nullptr, {}});
  } else {
    const auto group = find_group(tx, account, name);
    change.parties.push_back(group ? read_group(tx, *group)
                                   : PartyNow{party_key(account, owner), nullptr, {}});
  }
}

// Goes through all pages of a list.
template <typename List, typename Each>
void for_all(List list, Each each) {
  PageRequest page{.items_max = identity_page_max};
  for (bool more = true; more;) {
    const auto got = list(page);
    for (const auto& item : got.items) each(item);
    more = got.more;
    if (more) page.after = got.items.back().name;
  }
}

std::vector<std::string> accounts(store::Transaction& tx) {
  std::vector<std::string> accounts;
  auto rows = tx.query(
      "SELECT account FROM identity_roles UNION SELECT account FROM identity_users "
      "UNION SELECT account FROM identity_groups UNION SELECT account FROM identity_policies");
  while (rows.next()) accounts.emplace_back(rows.text(0));
  return accounts;
}

DirectoryChange read_all(store::Transaction& tx) {
  DirectoryChange all;
  for (const std::string& account : accounts(tx)) {
    for_all([&](const PageRequest& page) { return list_roles(tx, account, page); },
            [&](const Role& role) { all.parties.push_back(read_role(tx, role)); });
    for_all([&](const PageRequest& page) { return list_users(tx, account, page); },
            [&](const User& user) { all.parties.push_back(read_user(tx, user)); });
    for_all([&](const PageRequest& page) { return list_groups(tx, account, page); },
            [&](const Group& group) { all.parties.push_back(read_group(tx, group)); });
    for_all([&](const PageRequest& page) { return list_policies(tx, account, page); },
            [&](const StoredPolicy& policy) {
              all.policies.emplace_back(
                  arn_of({Owner::Kind::policy, policy.account, policy.name}, policy.path),
                  read_policy(policy.document, policy.name));
            });
  }
  return all;
}

void apply(DirectorySnapshot& snapshot, const DirectoryChange& change) {
  for (const PartyNow& now : change.parties) {
    if (const auto before = snapshot.parties.find(now.key)) {
      // A user that was renamed stands under another key already: its id stays.
      const auto by_id = snapshot.by_id.find(before->id);
      if (by_id == before) snapshot.by_id.set(before->id, nullptr);
      for (const std::string& key : before->access_keys)
        if (const auto old = snapshot.keys.find(key); old && old->principal.party == before)
          snapshot.keys.set(key, nullptr);
    }
    snapshot.parties.set(now.key, now.party);
    if (!now.party) continue;
    snapshot.by_id.set(now.party->id, now.party);
    for (const auto& key : now.access_keys) snapshot.keys.set(key->access_key_id, key);
  }
  for (const auto& [name, policy] : change.policies) snapshot.policies.set(name, policy);
}

void add_policies(const DirectorySnapshot& snapshot, const Party& party, Policies& out) {
  out.insert(out.end(), party.inline_policies.begin(), party.inline_policies.end());
  for (const std::string& name : party.attached)
    if (auto policy = snapshot.policies.find(name)) out.push_back(std::move(policy));
}

std::unexpected<Error> gone() {
  return fail(ErrorCode::unauthenticated, "The user or role of these credentials is no more.",
              "unknown_key");
}

bool has_party(const Principal& principal) {
  return !principal.is_root() && !principal.is_stranger() &&
         principal.party_id() != principal.account;  // whom root let in
}

// What root may.
std::shared_ptr<const Policy> everything() {
  static const auto policy =
      read_policy(R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})", "everything");
  return policy;
}

}  // namespace

PrincipalPolicies DirectorySnapshot::policies_of(const Party& party) const {
  PrincipalPolicies out;
  add_policies(*this, party, out.own);
  for (const std::string& key : party.groups)
    if (const auto group = parties.find(key)) add_policies(*this, *group, out.own);
  if (!party.boundary) return out;
  // A boundary that is not there any more lets nothing through.
  out.boundary.emplace();
  if (auto policy = policies.find(*party.boundary)) out.boundary->push_back(std::move(policy));
  return out;
}

Result<PrincipalPolicies> DirectorySnapshot::policies_of(const Principal& principal) const {
  PrincipalPolicies out;
  const bool is_guest = principal.kind == Principal::Kind::federated_user;
  if (has_party(principal)) {
    const auto party = by_id.find(principal.party_id());
    if (!party) return gone();
    out = policies_of(*party);
  } else if (is_guest) {
    out.own.push_back(everything());
  }
  if (!principal.session) return out;
  const SessionTerms& terms = *principal.session;
  // Who was let in without a policy may nothing.
  if (!is_guest && !terms.policy && terms.policies.empty()) return out;
  out.session.emplace();
  if (terms.policy) out.session->push_back(terms.policy);
  for (const std::string& name : terms.policies)
    if (auto policy = policies.find(name)) out.session->push_back(std::move(policy));
  return out;
}

Result<> DirectorySnapshot::refresh(Principal& principal) const {
  if (!has_party(principal)) return {};
  auto party = by_id.find(principal.party_id());
  if (!party) return gone();
  principal.party = std::move(party);
  if (principal.kind == Principal::Kind::user_session) principal.name = principal.party->arn;
  return {};
}

Result<std::unique_ptr<Directory>> Directory::open(store::Store& store,
                                                   std::span<const ProvidedPolicy> provided) {
  TRY(DirectoryChange all, store.write([](store::Transaction& tx) -> Result<DirectoryChange> {
    tx.run("DELETE FROM identity_touched");
    return read_all(tx);
  }));
  for (const ProvidedPolicy& policy : provided) {
    const std::string_view name = policy.full_name;
    all.policies.emplace_back(
        name, read_policy(policy.document, std::string(name.substr(name.rfind('/') + 1))));
  }
  std::unique_ptr<Directory> directory(new Directory);
  directory->snapshot_ = std::make_shared<const DirectorySnapshot>();
  directory->publish(all);
  return directory;
}

void Directory::follow(store::Transaction& tx) {
  std::vector<std::pair<std::string, std::string>> touched;
  {
    auto rows = tx.query("SELECT account, owner FROM identity_touched");
    while (rows.next()) touched.emplace_back(rows.text(0), rows.text(1));
  }
  if (touched.empty()) return;
  tx.run("DELETE FROM identity_touched");
  DirectoryChange change;
  for (const auto& [account, owner] : touched) read_touched(tx, account, owner, change);
  tx.on_commit([this, change = std::move(change)] { publish(change); });
}

// Changes are published one after another on the writer's thread, each over what the one before it
// left. The generation moves last: whoever sees it move finds the snapshot.
void Directory::publish(const DirectoryChange& change) {
  auto copy = std::make_shared<DirectorySnapshot>(*snapshot());
  apply(*copy, change);
  const std::uint64_t generation = ++copy->generation;
  std::shared_ptr<const DirectorySnapshot> next = std::move(copy);
  const std::scoped_lock lock(mutex_);
  snapshot_.swap(next);  // what nobody reads any more is freed after the lock
  generation_.store(generation, std::memory_order_release);
}

}  // namespace slipway::identity
