// The keys of issuers of tokens: fetched when first asked for, kept for a while.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/worker_pool.h"
#include "engine/changes.h"
#include "engine/federation/key_set.h"
#include "net/reach.h"

namespace slipway::federation {

inline constexpr std::size_t issuers_kept_max = 256;
inline constexpr std::size_t issuer_fetches_max = 4;  // at once; further ones wait their turn
inline constexpr std::uint64_t issuer_document_bytes_max = 256 * 1024;
inline constexpr std::chrono::seconds issuer_answer_time_max{3};  // for each of two documents
inline constexpr std::chrono::hours issuer_keys_kept{1};
inline constexpr std::chrono::seconds issuer_failure_kept{10};
inline constexpr std::chrono::seconds issuer_refresh_min{30};

// An issuer as an account has registered it.
struct Issuer {
  std::string url;                       // "https://example.org/realm": what its tokens say
  std::vector<std::string> thumbprints;  // of certificates, SHA-1 in hex
};

// Hands out the keys of an issuer, and has them fetched where they are not here yet. Thread-safe,
// and waits for nothing: whoever is told that keys are coming asks again once topic() of
// engine::Changes has moved. Everything outlives it.
class IssuerKeys {
 public:
  IssuerKeys(const Clock& clock, engine::Changes& changes, net::Reach reach)
      : clock_(clock), changes_(changes), reach_(reach) {}
  ~IssuerKeys() { stop(); }

  struct Lookup {
    enum class State : std::uint8_t { ready, coming, failed } state = State::coming;
    std::shared_ptr<const KeySet> keys = {};  // ready
    std::string why = {};                     // failed
  };
  Lookup find(const Issuer& issuer);
  // For a token that names a key that is not among those found: they are fetched anew, but for
  // those that came a moment ago, which are all there is.
  Lookup refresh(const Issuer& issuer);

  static std::string topic(const Issuer& issuer);

  // What is under way ends first: some seconds at most. Nothing is fetched after it.
  void stop();

 private:
  struct Entry {
    bool coming = false;
    std::shared_ptr<const KeySet> keys = {};
    std::string why = {};
    Instant keys_came{};
    Instant fetched{};  // when the last fetch ended, however it did
  };
  static std::string key_of(const Issuer& issuer);
  Lookup told(const Entry& entry) const;
  void begin(const Issuer& issuer, Entry& entry);
  void make_place();
  void fetch(const Issuer& issuer);
  Result<KeySet> fetched_keys(const Issuer& issuer) const;

  const Clock& clock_;
  engine::Changes& changes_;
  const net::Reach reach_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
  std::optional<WorkerPool> workers_;     // guarded by mutex_; made when first needed
};

}  // namespace slipway::federation
