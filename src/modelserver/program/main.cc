// slipway-modelserver: the program. Everything is in the library beside it.
#include <string>
#include <vector>

#include "modelserver/program/server.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return slipway::modelserver::run_program(arguments);
}
