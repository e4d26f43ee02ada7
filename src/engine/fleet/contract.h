// What a program is written for: where it finds its files, how one knows that it is well, and how
// it is asked. The door that knows for whom its images were made says so; this engine assumes
// nothing.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/routing/traffic.h"

namespace slipway::fleet {

// The instance is healthy for as long as it runs.
struct NoProbe {
  bool operator==(const NoProbe&) const = default;
};
// It is healthy while it answers GET `path` with status 200.
struct HttpProbe {
  std::string path;
  bool operator==(const HttpProbe&) const = default;
};
// It is healthy while it accepts connections.
struct TcpProbe {
  bool operator==(const TcpProbe&) const = default;
};
// A command that is run inside of an instance is no probe yet: no place can run one.
using Probe = std::variant<NoProbe, HttpProbe, TcpProbe>;

// What the probe asks for, as a sentence goes on after "did not" and after "stopped": "answer GET
// /health with status 200", "answering GET /health".
struct ProbeWords {
  std::string demand;
  std::string habit;
};
ProbeWords words_of(const Probe& probe);

// Says what a program is written for. The door fills it beside the Program.
struct Contract {
  // Where an instance sees what its program is given. A built-in program also hears the host's
  // paths of its model and its code (BuiltInProgram).
  std::string model_path = {};   // Program::model
  std::string models_path = {};  // the folder in which the models of Program::models appear
  std::string code_path = {};    // Program::code

  // Of an image; a built-in program is told which sockets to listen on.
  std::vector<std::string> default_arguments = {};  // where Program::arguments says none
  std::vector<std::uint16_t> ports = {};            // the first is probed and asked

  Probe probe = NoProbe();
  routing::RequestForm request = {};

  bool operator==(const Contract&) const = default;
};

}  // namespace slipway::fleet
