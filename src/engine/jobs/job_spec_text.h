// A JobSpec as the text that its row keeps.
#pragma once

#include <string>
#include <string_view>

#include "engine/jobs/jobs.h"

namespace slipway::jobs {

std::string to_text(const JobSpec& spec);
// corrupted: it is no such text, or has a member that this release does not know.
Result<JobSpec> spec_from_text(std::string_view text);

}  // namespace slipway::jobs
