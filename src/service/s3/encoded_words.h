// Metadata beyond ASCII: headers carry it in the encoded words of RFC 2047, as S3's user guide
// says.
#pragma once

#include <string>
#include <string_view>

namespace slipway::s3 {

// What "=?UTF-8?B?YWJj?=" or "=?UTF-8?Q?caf=C3=A9?=" stands for; text that is not of such words
// alone, or not in UTF-8, as it is.
std::string decode_words(std::string_view text);

// One word where the text holds anything beyond printable ASCII: in Q, where blanks stay as S3
// writes it, or in B where half of the text is of that kind.
std::string encode_words(std::string_view text);

}  // namespace slipway::s3
