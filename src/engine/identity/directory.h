// Everyone who may ask, with the policies that are in force for them: a picture in memory of this
// engine's tables, made anew by each change and read by all threads.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/identity/access.h"
#include "engine/identity/key_ring.h"
#include "engine/identity/principal.h"
#include "store/store.h"

namespace slipway::identity {

// A user, role or group as it stood after one commit. Immutable.
struct Party {
  enum class Kind : std::uint8_t { user, role, group };
  Kind kind = Kind::user;
  std::string account;
  std::string name;
  std::string id;   // never used again
  std::string arn;  // with its path
  std::vector<Tag> tags;
  Policies inline_policies;
  std::vector<std::string> attached;     // full names of policies
  std::optional<std::string> boundary;   // full name of a policy
  std::vector<std::string> groups;       // of a user: keys of parties
  std::vector<std::string> access_keys;  // of a user: ids, the inactive ones not among them
};

// A map whose copies share all that they have in common: a copy with one change costs one of many
// small buckets. Read from any thread while it is not being set.
template <typename Value>
class SharedMap {
 public:
  using Pointer = std::shared_ptr<const Value>;

  Pointer find(std::string_view key) const {
    const auto& bucket = buckets_[place_of(key)];
    if (!bucket) return nullptr;
    const auto found = bucket->find(key);
    return found == bucket->end() ? nullptr : found->second;
  }
  // A null value takes the key out.
  void set(const std::string& key, Pointer value) {
    auto& bucket = buckets_[place_of(key)];
    auto changed = bucket ? std::make_shared<Bucket>(*bucket) : std::make_shared<Bucket>();
    if (value)
      changed->insert_or_assign(key, std::move(value));
    else
      changed->erase(key);
    bucket = std::move(changed);
  }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Bucket = std::unordered_map<std::string, Pointer, Hash, std::equal_to<>>;
  static std::size_t place_of(std::string_view key) { return Hash{}(key) % buckets; }
  static constexpr std::size_t buckets = 256;
  std::array<std::shared_ptr<const Bucket>, buckets> buckets_;
};

// All parties at one moment. Immutable once published.
struct DirectorySnapshot {
  std::uint64_t generation = 0;
  SharedMap<Party> parties;    // by key: "000000000000/role/name", lower case
  SharedMap<Party> by_id;      // users and roles
  SharedMap<Key> keys;         // access keys of users that are active
  SharedMap<Policy> policies;  // those that stand by themselves, by full name

  // What is in force for `principal` now. unauthenticated of kind "unknown_key" where the user or
  // role of its id is not there any more, though another may have its name.
  Result<PrincipalPolicies> policies_of(const Principal& principal) const;

  // The same for a user, role or group itself, without a session.
  PrincipalPolicies policies_of(const Party& party) const;

  // Puts into `principal` what its user or role is now; refuses as policies_of().
  Result<> refresh(Principal& principal) const;
};

// A policy that comes with the provider: everybody may attach it, nobody may change it.
struct ProvidedPolicy {
  std::string full_name;
  std::string_view document;
};

// What one change made of the parties and policies that it touched.
struct DirectoryChange;

// Keeps the picture, and makes it anew with each change. Thread-safe where nothing else is said.
class Directory {
 public:
  // Reads all parties. `store` outlives it.
  static Result<std::unique_ptr<Directory>> open(store::Store& store,
                                                 std::span<const ProvidedPolicy> provided);

  // Moves with each change of any user, group, role, key or policy: what was decided under another
  // generation must be decided anew.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  // Whoever asks often keeps the snapshot until generation() moves, and then waits for nobody.
  std::shared_ptr<const DirectorySnapshot> snapshot() const {
    const std::scoped_lock lock(mutex_);
    return snapshot_;
  }

  Result<PrincipalPolicies> policies_of(const Principal& principal) const {
    return snapshot()->policies_of(principal);
  }

  // Ends every change of this engine's tables: reads what `tx` touched, and publishes it when the
  // change is durable, before its caller hears of it. Reads only what was touched.
  void follow(store::Transaction& tx);

 private:
  Directory() = default;
  void publish(const DirectoryChange& change);  // on the store's writer, or before anyone reads

  // Guards the pointer alone. An atomic shared_ptr would make its readers spin for as long as one
  // of them is not running.
  mutable std::mutex mutex_;
  std::shared_ptr<const DirectorySnapshot> snapshot_;
  std::atomic<std::uint64_t> generation_ = 0;
};

}  // namespace slipway::identity
