// A warmed parent for tests: what it forks says "warm" and goes on as a shell with the order's
// second argument; without "warm" where the order's environment has QUIET=yes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cell/warm_parent.h"

namespace {

using namespace slipway;

int run_script(const cell::Order& order) {
  std::vector<char*> variables;
  for (const std::string& variable : order.variables)
    variables.push_back(const_cast<char*>(variable.c_str()));
  variables.push_back(nullptr);
  const bool quiet = std::ranges::find(order.variables, "QUIET=yes") != order.variables.end();
  const std::string script = (quiet ? "" : "echo warm; ") + order.arguments.at(1);
  ::execle("/bin/sh", "sh", "-c", script.c_str(), nullptr, variables.data());
  return 127;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    // Started plainly.
    const std::string script = fmt::format("echo plain; {}", argv[1]);
    return ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
  }
  return cell::serve_orders(argv[argc - 1], run_script) ? 0 : 1;
}
