// The built-in images' instances need these files of this machine beside their model, named so that
// they can be given it and nothing else.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "place/place.h"

namespace slipway::server {

// The folder of our own programs and the libraries beside it, the interpreter `python` (a name in
// PATH or a path) with its packages, and `reads`.
std::vector<place::Mount> model_server_files(const std::filesystem::path& model_server,
                                             const std::string& python,
                                             const std::vector<std::string>& reads);

// The folder of a program that the operator named, where that folder is the program's: of a folder
// that holds more (a home, the root, `data`), the program's file alone.
std::vector<place::Mount> program_files(const std::filesystem::path& program,
                                        const std::filesystem::path& data,
                                        const std::vector<std::string>& reads);

// Lets other users, as instances are, pass through `folder` to what they were given below it; they
// can list nothing of it. Needless where an instance has a file tree of its own.
void let_instances_pass(const std::filesystem::path& folder);

}  // namespace slipway::server
