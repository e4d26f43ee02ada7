// Which copies fit on which machines: pure functions over numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace slipway::fleet {

// What a machine offers, or a copy takes. Accelerators are counted, never shared.
struct Resources {
  double cpus = 0;
  std::uint64_t memory_mib = 0;
  double accelerators = 0;

  bool operator==(const Resources&) const = default;
};

// Machines of one kind, numbered from 0.
struct Machines {
  Resources each;
  std::uint32_t count = 0;

  bool operator==(const Machines&) const = default;
};

// Says which of the machines with room a copy goes to.
enum class Spread : std::uint8_t {
  pack,    // the first machine with room
  evenly,  // of those with room the one with the fewest copies of this claim, then the first
};

// What one owner wants on these machines.
struct Claim {
  // How a claim that has no slot yet is served where not all of it fits.
  enum class Start : std::uint8_t { whole_or_none, partly };

  Resources each;
  std::uint32_t wanted = 0;
  Spread spread = Spread::pack;
  Start start = Start::partly;
  std::vector<std::uint32_t> slots;  // the machine of each copy; place() reads and changes it
};

// Gives every claim as many slots as there is room for, at most `wanted`. A slot that a claim has
// stays where it is as long as it is wanted, its machine exists and there is room on it for what a
// copy takes now; so growing one claim never moves or ends a copy of another. Among claims for new
// room the earlier one comes first. Surplus slots are given up from the end.
void place(const Machines& machines, std::span<Claim> claims);

}  // namespace slipway::fleet
