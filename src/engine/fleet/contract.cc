#include "engine/fleet/contract.h"

#include <fmt/format.h>

namespace slipway::fleet {

namespace {

struct Words {
  ProbeWords operator()(const NoProbe&) const { return {"run", "running"}; }
  ProbeWords operator()(const HttpProbe& probe) const {
    return {fmt::format("answer GET {} with status 200", probe.path),
            fmt::format("answering GET {}", probe.path)};
  }
  ProbeWords operator()(const TcpProbe&) const {
    return {"accept a connection", "accepting connections"};
  }
};

}  // namespace

ProbeWords words_of(const Probe& probe) { return std::visit(Words(), probe); }

}  // namespace slipway::fleet
