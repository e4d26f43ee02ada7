// A model server for tests, started by the process place. Environment: TEST_NAME, TEST_EXIT (ends
// with that status before it listens, and says why), TEST_START_MS (listens so much later).
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "engine/routing/test_instance.h"

namespace {

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

int main(int count, char** arguments) {
  std::string http;
  std::string link;
  for (int i = 1; i + 1 < count; ++i) {
    if (std::string(arguments[i]) == "--http-socket") http = arguments[i + 1];
    if (std::string(arguments[i]) == "--link-socket") link = arguments[i + 1];
  }
  std::printf("test instance %s starts\n", setting("TEST_NAME").c_str());
  std::fflush(stdout);
  if (const std::string status = setting("TEST_EXIT"); !status.empty()) {
    std::fprintf(stderr, "the model file is broken\n");
    return std::stoi(status);
  }
  if (const std::string wait = setting("TEST_START_MS"); !wait.empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(wait)));
  slipway::net::Loop loop;
  const slipway::routing::TestInstance instance(loop, setting("TEST_NAME"), http, link);
  loop.run();
}
