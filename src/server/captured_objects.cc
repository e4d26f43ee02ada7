#include "server/captured_objects.h"

#include "service/sagemaker/capture_file.h"

namespace slipway::server {

Result<> CapturedObjects::keep(const routing::CaptureFile& file) {
  const sagemaker::CaptureObject made = sagemaker::capture_object(file, random_);
  objects::Upload upload = objects_.begin();
  TRY_DO(upload.write(std::as_bytes(std::span(made.lines))));
  TRY(objects::SealedBody body, upload.seal());
  const objects::ObjectName name{.bucket = made.bucket, .key = made.key};
  return store_.write([&](store::Transaction& tx) -> Result<> {
    TRY_DO(errands_.check(tx, file.records.front().writer, service::write_object(name)));
    objects::PutOptions options;
    options.attributes.properties = {{"content-type", "application/jsonlines"}};
    TRY_DO(objects_.put(tx, name, std::move(body), std::move(options)));
    return {};
  });
}

}  // namespace slipway::server
