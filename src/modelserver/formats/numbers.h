// Numbers from text and to text: the inner loop of every request.
#pragma once

#include <string>
#include <string_view>

namespace slipway::modelserver {

// Reads one float at the front of [first, last), correctly rounded; returns the end of what it
// read, or `first` where no number stands there. Takes what C's strtof takes in decimal, without
// leading blanks: "1", "-1.5", "+.5e3", "nan", "inf", "Infinity", in any case.
const char* read_float(const char* first, const char* last, float& value);
const char* read_double(const char* first, const char* last, double& value);

// Appends the shortest text that reads back as the same value, always recognisable as a float
// ("1.0", "0.1", "1e-05"); NaN and infinities as Python's JSON writes them (NaN, Infinity,
// -Infinity).
void append_float(std::string& out, float value);
void append_double(std::string& out, double value);

}  // namespace slipway::modelserver
