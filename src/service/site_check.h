// Tells what a web page of a stranger sent from what somebody on our side sent.
//
// A browser on this machine asks any address for any page, and a name that a stranger owns can be
// made to lead here (DNS rebinding). So where no signature is the proof, the Host must be a name of
// this server, and neither Origin nor Sec-Fetch-Site nor Referer may say that another site's page
// asks. Programs send none of these three. A GET counts like any other request: Query takes it.
//
// wire::loopback_zone counts as ours because nobody but its owner names anything in it, and each of
// its names leads to loopback. Who answers this machine's DNS could still make one lead elsewhere
// first; localhost is never asked of DNS.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace slipway::service {

// Answers whether a request may be taken from the page that sent it. Immutable after construction,
// so any thread may ask.
class SiteCheck {
 public:
  struct Options {
    // The address that is listened on, a literal. Every address where it is 0.0.0.0 or "::": no
    // name leads a page to an address, so no stranger can have made it lead here.
    std::string bound = "127.0.0.1";
    // Names beside localhost, localhost.localstack.cloud and what lies below them: "slipway",
    // "*.example.test", "*.amazonaws.com" where a hosts file leads AWS's names here (strangers have
    // names below it too, so it is no matter of course). Pages under these names may ask too.
    std::vector<std::string> allowed = {};
  };

  SiteCheck() : SiteCheck(Options{}) {}
  explicit SiteCheck(Options options);

  // Returns nullopt where the request may be answered; else one sentence that names what is
  // foreign, and the flag for where it is not.
  std::optional<std::string> refusal(const net::RequestHead& head) const;

 private:
  bool is_allowed(std::string_view name) const;
  bool is_own_name(std::string_view name) const;
  bool may_ask(std::string_view page, std::string_view host) const;

  Options options_;
};

}  // namespace slipway::service
