// Every program may see and use these parts of the system that it runs on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::cell {

// The paths of the machine that programs in cells are shown.
struct SystemParts {
  struct Link {
    std::string path;
    std::string target;  // as it stands in the link
  };
  std::vector<std::string> folders;  // to read, each with what lies below it; files too
  std::vector<Link> links;           // "/bin", where it is one; they lead into the folders
  std::vector<std::string> devices;  // to use; accelerators among them

  // Whether a path is one of the folders or lies below one.
  bool show(std::string_view path) const;
  // Whether a path is a folder that one of them lies in.
  bool lie_in(std::string_view path) const;
};

// Returns what this machine has of it; "/proc" and "/dev/shm", which a cell may have of its own,
// are not among it. `kept_free`: a path that is none of the system's here, for what a cell is given
// appears there; empty: none.
SystemParts find_system_parts(const std::string& kept_free);

}  // namespace slipway::cell
