#include "base/memory_budget.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace slipway {
namespace {

// Control groups of version 2 and 1 say there how much the group of this process may have.
constexpr const char* group_limits[] = {"/sys/fs/cgroup/memory.max",
                                        "/sys/fs/cgroup/memory/memory.limit_in_bytes"};

}  // namespace

bool MemoryBudget::Share::grow_to(std::uint64_t bytes) {
  if (bytes <= bytes_) return true;
  if (budget_ && !budget_->take(owners_, standing_, bytes - bytes_)) return false;
  bytes_ = bytes;
  return true;
}

void MemoryBudget::Share::release() {
  if (budget_ && bytes_ > 0) budget_->give_back(owners_, standing_, bytes_);
  bytes_ = 0;
  budget_ = nullptr;
}

void MemoryBudget::Share::swap(Share& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(owners_, other.owners_);
  std::swap(standing_, other.standing_);
  std::swap(bytes_, other.bytes_);
}

bool MemoryBudget::take(const Owners& owners, Standing standing, std::uint64_t bytes) {
  const std::uint64_t all_max =
      standing == Standing::proven ? bytes_max_ : bytes_max_ / claimed_divisor;
  const std::lock_guard lock(mutex_);
  const std::uint64_t all_held = standing == Standing::proven ? held_ : held_claimed_;
  if (held_ + bytes > bytes_max_ || all_held + bytes > all_max) return false;
  for (const std::string& owner : owners) {
    const auto found = owners_.find(std::pair(standing, owner));
    const std::uint64_t held = found == owners_.end() ? 0 : found->second;
    if (held + bytes > all_max / owner_divisor) return false;
  }
  for (const std::string& owner : owners) owners_[{standing, owner}] += bytes;
  held_ += bytes;
  if (standing == Standing::claimed) held_claimed_ += bytes;
  return true;
}

void MemoryBudget::give_back(const Owners& owners, Standing standing, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  held_ -= bytes;
  if (standing == Standing::claimed) held_claimed_ -= bytes;
  for (const std::string& owner : owners) {
    const auto found = owners_.find(std::pair(standing, owner));
    found->second -= bytes;
    if (found->second == 0) owners_.erase(found);
  }
}

std::uint64_t MemoryBudget::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

std::uint64_t machine_memory_bytes() {
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 1L));
  std::uint64_t bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const char* const path : group_limits) {
    std::ifstream file(path);
    std::uint64_t limit = 0;  // "max" is no number, and no limit
    if (file >> limit && limit > 0) bytes = std::min(bytes, limit);
  }
  return bytes;
}

}  // namespace slipway
