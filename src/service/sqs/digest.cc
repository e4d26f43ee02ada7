#include "service/sqs/digest.h"

#include "base/encoding.h"
#include "wire/auth/checksum.h"

namespace slipway::sqs {
namespace {

using wire::Checksum;

// Four bytes of length, the highest first, then the bytes.
void add(std::string_view bytes, Checksum& md5) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const char length[] = {static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                         static_cast<char>(size >> 8), static_cast<char>(size)};
  md5.update({length, sizeof length});
  md5.update(bytes);
}

}  // namespace

std::string md5_hex(std::string_view text) {
  Checksum md5(Checksum::Algorithm::md5);
  md5.update(text);
  return to_hex(md5.digest());
}

std::string md5_hex(const events::Attributes& attributes) {
  Checksum md5(Checksum::Algorithm::md5);
  for (const events::Attribute& each : attributes) {
    add(each.name, md5);
    add(each.type, md5);
    md5.update(each.form == events::Attribute::Form::binary ? "\x02" : "\x01");
    add(each.value, md5);
  }
  return to_hex(md5.digest());
}

}  // namespace slipway::sqs
