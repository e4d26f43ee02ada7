// Memory that many share: how much all of them may hold together, and each owner of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// Whether who holds the bytes showed who they are. What is only claimed (an access key's id is no
// secret) shares a smaller part of the budget.
enum class Standing : std::uint8_t { proven, claimed };

// Counts bytes and gives out none. Thread-safe.
class MemoryBudget : public std::enable_shared_from_this<MemoryBudget> {
 public:
  // Of `bytes_max`, what is only claimed has at most half in all; one owner has at most half
  // of what its standing has, so that whoever comes after the greediest still finds room. What has
  // several owners (the key that is claimed, the network it is claimed from) counts for each.
  static constexpr std::uint64_t claimed_divisor = 2;
  static constexpr std::uint64_t owner_divisor = 2;

  explicit MemoryBudget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  using Owners = std::vector<std::string>;  // none twice

  // A share is what its owners hold of the budget, given back when this goes. Movable; an empty one
  // is counted by no budget. One thread at a time.
  class Share {
   public:
    Share() = default;
    Share(std::shared_ptr<MemoryBudget> budget, Owners owners, Standing standing)
        : budget_(std::move(budget)), owners_(std::move(owners)), standing_(standing) {}
    Share(Share&& other) noexcept { swap(other); }
    Share& operator=(Share&& other) noexcept {
      swap(other);
      return *this;
    }
    ~Share() { release(); }

    // False, and nothing changes, where that would be more than there is room for. An empty share
    // takes what it likes.
    bool grow_to(std::uint64_t bytes);
    std::uint64_t bytes() const { return bytes_; }
    void release();

   private:
    void swap(Share& other) noexcept;

    std::shared_ptr<MemoryBudget> budget_;
    Owners owners_;
    Standing standing_ = Standing::claimed;
    std::uint64_t bytes_ = 0;
  };

  Share open(Owners owners, Standing standing) {
    return {shared_from_this(), std::move(owners), standing};
  }
  Share open(std::string_view owner, Standing standing) {
    return open(Owners{std::string(owner)}, standing);
  }

  std::uint64_t bytes_max() const { return bytes_max_; }
  std::uint64_t held() const;

 private:
  bool take(const Owners& owners, Standing standing, std::uint64_t bytes);
  void give_back(const Owners& owners, Standing standing, std::uint64_t bytes);

  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;
  std::uint64_t held_ = 0;          // guarded by mutex_
  std::uint64_t held_claimed_ = 0;  // guarded by mutex_
  // By standing and owner; guarded by mutex_.
  std::map<std::pair<Standing, std::string>, std::uint64_t, std::less<>> owners_;
};

// The memory of this machine, or of the control group that this process is in where that is less.
std::uint64_t machine_memory_bytes();

}  // namespace slipway
