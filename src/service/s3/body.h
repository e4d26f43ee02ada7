// An object's bytes as the body of an answer.
#pragma once

#include "base/result.h"
#include "engine/objects/objects.h"
#include "net/http.h"

namespace slipway::s3 {

// Small bodies are copied, files are sent from the page cache; the files of an object of many parts
// are opened one after the other, as their turn comes.
Result<net::Body> to_body(objects::Content content);

}  // namespace slipway::s3
