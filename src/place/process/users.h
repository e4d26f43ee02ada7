// Users of this machine for instances: each has one of its own while it has a run directory.
#pragma once

#include <sys/types.h>

#include <set>

#include "cell/layers.h"

namespace slipway::place {

// One thread.
class Users {
 public:
  // Without a range there is one user for all: 0, the server's own.
  explicit Users(const cell::Layers& layers)
      : first_(layers.first_user), count_(layers.user_count), next_(layers.first_user) {}

  // One that nobody has; 0 where there is no range, or no user left in it.
  uid_t take() {
    for (uid_t tries = 0; tries < count_; ++tries) {
      const uid_t user = next_;
      next_ = next_ + 1 < first_ + count_ ? next_ + 1 : first_;
      if (taken_.insert(user).second) return user;
    }
    return 0;
  }
  // A former server gave it to an instance.
  void note(uid_t user) {
    if (user != 0) taken_.insert(user);
  }
  void give_back(uid_t user) { taken_.erase(user); }
  bool is_range() const { return count_ != 0; }

 private:
  uid_t first_;
  uid_t count_;
  uid_t next_;
  std::set<uid_t> taken_;
};

}  // namespace slipway::place
