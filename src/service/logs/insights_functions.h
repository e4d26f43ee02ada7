// The functions of Insights that work on the values of one record.
#pragma once

#include <span>
#include <string_view>

#include "service/logs/insights_syntax.h"

namespace slipway::logs_door {

// What a function of `arguments_of()` that counts no rows comes to.
InsightsValue apply_function(std::string_view name, std::span<const InsightsValue> arguments);

// The beginning of the period of `text` ("5m") in which a time of insights_time() lies.
InsightsValue bin_of(const InsightsValue& time, std::string_view text);

}  // namespace slipway::logs_door
