// What of one exchange goes into a capture record.
#pragma once

#include <string_view>

#include "engine/routing/capture.h"
#include "engine/routing/request.h"
#include "engine/routing/routes.h"
#include "engine/routing/serial_pipeline.h"

namespace slipway::routing {

// Copies what the capture plan of `route`, which has one, asks for. `pipeline` is null but for
// containers in series, whose requests are not the caller's. `answer` says who answered; of a
// streamed one it is the head. A request whose body stands in files is copied without it.
CaptureRecord copy_of(const InvokeRequest& request, const SerialPipeline* pipeline,
                      const GenerationRoute& route, const InvokeAnswer& answer);

// Adds a part of a streamed answer. What has become too long for the buffer is kept so long that
// the buffer drops it.
void add_part(CaptureRecord& record, std::string_view bytes);

}  // namespace slipway::routing
