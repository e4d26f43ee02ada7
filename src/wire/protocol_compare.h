// Compares what the codecs made with what a protocol test (botocore's form) expects. For tests
// only.
#pragma once

#include <string>
#include <string_view>

#include "wire/codec.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire::testing {

// A value of `shape` from the params or result of a test: timestamps are epoch seconds, blobs the
// bytes themselves, NaN and the infinities their names.
Node node_of(const Node& document, const Shape& shape, Arena& arena);

// Empty where `actual` is what the test expects, else what differs and where. Idempotency tokens
// that the test does not name may be anything.
std::string difference(const Node& actual, const Node& expected, const Shape& shape);

// The same for two JSON documents: numbers by value, members in any order.
std::string document_difference(const Node& actual, const Node& expected);

// `document` without what a client has to skip: members that `shape` does not have, and nulls.
Node known_part(const Node& document, const Shape& shape, Arena& arena);

// The same for two XML texts: elements of different names in any order, spaces around text, xmlns
// and request ids aside. In older cases the root's name and an error's <Type> are made up.
enum class RootName : std::uint8_t { compared, ignored };
std::string xml_difference(std::string_view actual, std::string_view expected,
                           RootName root = RootName::compared);

// Whether two texts are one time in two spellings.
bool same_time(std::string_view a, std::string_view b);

// The member of a JSON object, or null.
const Node* member_of(const Node& object, std::string_view name);
std::string_view text_member(const Node& object, std::string_view name);

}  // namespace slipway::wire::testing
