// What the text of a member may be made of, as the API model's patterns say it: looked at without a
// regular expression, for the I/O thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace slipway::sagemaker_runtime {

// Asks the container for a session, in place of a session's id.
inline constexpr std::string_view new_session = "NEW_SESSION";

// Says what the model lets a text consist of, as the patterns say it.
enum class TextForm : std::uint8_t {
  any,              // .*
  ascii,            // \p{ASCII}*
  printable,        // \A\S[\p{Print}]*\z
  name,             // [a-zA-Z0-9](-*[a-zA-Z0-9])*
  name_or_new_one,  // the same, or new_session
};

bool has_form(std::string_view text, TextForm form);

}  // namespace slipway::sagemaker_runtime
