// The engine's failures in S3's words.
#pragma once

#include <string_view>

#include "base/result.h"
#include "service/errors.h"
#include "wire/validate.h"

namespace slipway::s3 {

// Statuses of every error code that this door names.
service::ErrorTable error_table();

// What the failing request was about.
struct Subject {
  std::string_view bucket = {};
  std::string_view key = {};
  std::string_view upload = {};
  std::string_view version = {};
};

// Leaves what is already said in S3's words as it is.
Error to_s3(Error error, const Subject& subject);

template <typename In>
Subject subject_of(const In& in) {
  Subject subject;
  if constexpr (requires { in.Bucket(); }) subject.bucket = in.Bucket();
  if constexpr (requires { in.Key(); }) subject.key = in.Key();
  if constexpr (requires { in.UploadId(); }) subject.upload = in.UploadId();
  if constexpr (requires { in.VersionId(); }) subject.version = in.VersionId().value_or("");
  return subject;
}

inline constexpr std::string_view malformed_xml = wire::s3_malformed_xml;

}  // namespace slipway::s3
