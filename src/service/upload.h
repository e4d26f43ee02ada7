// A streamed request body on its way into a door's UploadSink: from the I/O loop through a strand
// of workers, with back-pressure, so that a slow client costs a connection and never a thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http_server.h"
#include "service/aws_request_handler.h"

namespace slipway::service {

// A body that announces no more has the lane of those that become rows (16 KiB, and what
// aws-chunked adds).
inline constexpr std::size_t quick_upload_bytes_max = 20 << 10;

// An upload whose head has come and may be carried out.
struct UploadBegin {
  wire::Route route;  // labels view into the head that on_start() brings
  const Entry& entry;
  Authenticated authenticated;
  std::string request_id;
  // Makes of the operation's answer what the client asked for instead; empty: nothing. On a worker.
  std::function<void(net::Response&)> reshape = {};
};

// On the loop thread, as every receiver.
class UploadReceiver : public net::BodyReceiver {
 public:
  // In the place of on_end(): the body is not what it should be. Nothing of it remains.
  virtual void refuse(Error error) = 0;
};

std::unique_ptr<UploadReceiver> make_upload_receiver(const ServiceContext& context,
                                                     UploadBegin begin);

}  // namespace slipway::service
