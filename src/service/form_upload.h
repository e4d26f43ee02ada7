// An upload that a browser's form posts (S3's POST Object): its fields stand for the headers of the
// operation that puts an object, and its file for the body.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/http_server.h"
#include "service/authenticator.h"
#include "wire/auth/form_signature.h"
#include "wire/route.h"

namespace slipway::service {

struct ServiceContext;

// The fields of a form, and where it is posted to.
struct PostedForm {
  std::string_view bucket;
  std::string_view bucket_url;  // as the form was addressed: "http://localhost:4566/bucket"
  wire::FormFields fields;
  std::optional<std::string_view> file_name;
  wire::FormSignature signature = wire::FormSignature::none;
  Timestamp now;
};

// What a form comes to.
struct FormUpload {
  std::string key;
  net::Fields headers;  // of the operation that it stands for
  // How large the file may be.
  std::uint64_t bytes_min = 0;
  std::uint64_t bytes_max = ~0ULL;
  // Makes of the operation's answer what the form asked for.
  std::function<void(net::Response&)> answer;
};

// What a door says of forms.
struct FormDoor {
  // The operation that a form stands for; null: this server takes no forms.
  const wire::Operation* operation = nullptr;
  // Reads a form whose signature holds, if it has one, and checks it against its own policy. On the
  // loop thread.
  std::function<Result<FormUpload>(const PostedForm&)> read;
};

// The bucket that a form is posted to, still encoded, and for a request that names an operation or
// anything but a bucket: empty.
std::string_view bucket_of_form(const ServiceContext& context, const wire::Route& route,
                                const net::RequestHead& head);

// A form that is about to come. `route` is that of its head, which the receiver is started with.
struct FormBegin {
  wire::Route route;
  std::string request_id;
};

// Takes the form's body; refuses what is no form. `authenticator` is the loop's, and outlives the
// receiver as the frame does.
Result<std::unique_ptr<net::BodyReceiver>> make_form_receiver(const ServiceContext& context,
                                                              Authenticator& authenticator,
                                                              const net::RequestHead& head,
                                                              FormBegin begin);

// The answer to what is posted to a bucket without being a form.
std::unexpected<Error> no_form(const net::RequestHead& head);

}  // namespace slipway::service
