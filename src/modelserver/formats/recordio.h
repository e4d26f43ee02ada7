// RecordIO with SageMaker's records inside, application/x-recordio-protobuf: the framing, and the
// fields of the messages. Reading is decode_recordio.cc, writing selected_output.cc.
//
//   frame     magic, length (both 4 bytes, little endian), the message, zeros to a multiple of 4
//   Record    features = 1 and label = 2, maps of a name to a Value; the rest says nothing here
//   Value     one of a float32, a float64 and an int32 tensor, or bytes
//   tensor    values = 1; and of a sparse one keys = 2, the column of each value, and shape = 3
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::modelserver::recordio {

inline constexpr std::uint32_t magic = 0xCED7230A;

inline constexpr std::uint32_t field_features = 1;  // of a Record
inline constexpr std::uint32_t field_label = 2;
inline constexpr std::uint32_t field_key = 1;  // of an entry of such a map
inline constexpr std::uint32_t field_value = 2;
inline constexpr std::uint32_t field_float32 = 2;  // of a Value
inline constexpr std::uint32_t field_float64 = 3;
inline constexpr std::uint32_t field_int32 = 7;
inline constexpr std::uint32_t field_bytes = 9;
inline constexpr std::uint32_t field_values = 1;  // of a tensor
inline constexpr std::uint32_t field_keys = 2;
inline constexpr std::uint32_t field_shape = 3;

// Appends a message with its frame.
void append_frame(std::string& out, std::string_view message);

}  // namespace slipway::modelserver::recordio
