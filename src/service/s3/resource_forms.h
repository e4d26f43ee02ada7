// The documents of a bucket as a template writes them: other names, and another shape here and
// there, than S3's own.
#pragma once

#include "service/resource_type.h"

namespace slipway::s3 {

extern const service::Form location_form;  // a region ↔ the constraint that it takes
extern const service::Form lock_form;      // whether objects can be locked at all, out of "Enabled"
extern const service::Form encryption_form;
extern const service::Form cors_form;
extern const service::Form logging_form;
extern const service::Form acceleration_form;
extern const service::Form website_form;
extern const service::Form lifecycle_form;
extern const service::Form notification_form;

}  // namespace slipway::s3
