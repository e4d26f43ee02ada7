// POST Object: what a browser's form means as a PutObject, and how it is answered.
// docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
#pragma once

#include "service/form_upload.h"

namespace slipway::s3 {

// For the frame.
service::FormDoor form_door();

}  // namespace slipway::s3
