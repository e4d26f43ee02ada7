// These are the JSON documents that a container engine is told and those that it answers.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "place/place.h"

namespace slipway::place {

// An engine's machine: what GET /info says.
struct EngineMachine {
  std::uint32_t cpus = 0;
  std::uint64_t memory_bytes = 0;
  std::string architecture;  // as images name it: "amd64", "arm64"
  // Containers have networks that this host's processes do not reach (rootless, a virtual machine):
  // their ports are published on the loopback address.
  bool publishes_ports = false;
};
EngineMachine machine_of(const boost::json::value& info);

// The names and labels by which the engine knows one server's containers.
struct ContainerNames {
  std::string owner;  // of the server's data directory

  std::string container(const InstanceKey& key) const;
  std::string network() const;
  // The value of the parameter `filters` that selects this owner's containers, percent-encoded.
  std::string filter() const;
};

// The body of POST /containers/create. Limits above the machine's are the machine's: engines refuse
// more processors than there are.
std::string create_document(const InstanceKey& key, const InstanceSpec& spec,
                            const ContainerNames& names, const EngineMachine& machine);
// The body of POST /networks/create: a bridge on which containers do not reach each other.
std::string network_document(const ContainerNames& names);

// A container as GET /containers/NAME/json shows it.
struct ContainerState {
  enum class Status : std::uint8_t { created, running, ended } status = Status::created;
  std::optional<int> exit_code = {};
  bool out_of_memory = false;
  std::string error = {};  // the engine's, of a start that failed
  std::uint64_t memory_bytes_max = 0;
  Labels labels = {};
  Addresses addresses = {};
};
// corrupted: it is no such document.
Result<ContainerState> state_of(const boost::json::value& inspected, const ContainerNames& names);

// The keys of the containers in an answer to GET /containers/json.
std::vector<InstanceKey> keys_in(const boost::json::value& list);

// How a program ended whose engine says so: a status above 128 is a signal's, as shells count.
Exit exit_of(const ContainerState& state);

// Returns the words of an engine that refuses something: its `message`.
std::string message_of(const boost::json::value& body);

}  // namespace slipway::place
