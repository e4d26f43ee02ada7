// The name by which `top -H`, gdb and /_slipway/threads show a thread.
#pragma once

#include <string>

namespace slipway {

// Of the calling thread; what is longer than the kernel's 15 characters is cut.
void name_this_thread(const std::string& name);

}  // namespace slipway
