// Messages as SNS's subscribers get them.
// docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/events/envelope.h"
#include "service/sns/signer.h"
#include "store/store.h"

namespace slipway::sns {

// Where the certificate is served, on this server, without a signature.
inline constexpr std::string_view certificate_path = "/_slipway/sns/SimpleNotificationService.pem";

inline constexpr std::size_t signatures_kept = 16;

// Writes notifications as SNS does, and signs them. Thread-safe.
class NotificationEnvelope final : public events::Envelope {
 public:
  // `endpoint` is read when a message is made: the server's own "http://127.0.0.1:4566". All
  // outlive it.
  NotificationEnvelope(Signer& signer, Random& random, const std::string& endpoint)
      : signer_(signer), random_(random), endpoint_(endpoint) {}

  std::string wrap(const events::PublishedNotification& published,
                   const events::Subscription& subscription) override;
  events::Attribute trace(const std::string& trace) const override {
    return {.name = "AWSTraceHeader", .type = "String", .value = trace};
  }
  events::HttpDelivery http(const events::PublishedNotification& published,
                            const events::Subscription& subscription) override;
  events::HttpDelivery confirmation(const events::Subscription& subscription,
                                    Timestamp now) override;

 private:
  std::string signature_of(const std::string& text, SignatureVersion version);

  Signer& signer_;
  Random& random_;
  const std::string& endpoint_;
  // All subscribers of one message get the same signature: the last ones made, for as many
  // messages as workers may be at.
  struct Signed {
    std::string text;
    SignatureVersion version = SignatureVersion::sha1;
    std::string signature;
  };
  std::mutex mutex_;
  std::array<Signed, signatures_kept> signed_;  // guarded by mutex_, and so is the next
  std::size_t oldest_ = 0;
};

}  // namespace slipway::sns
