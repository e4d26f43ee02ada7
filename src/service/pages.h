// What this server shows beside AWS's services: its health, its figures, a word to who opens its
// address in a browser.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/gateway.h"
#include "service/authenticator.h"
#include "service/site_check.h"

namespace slipway::service {

struct Page {
  std::string path;
  std::string_view content_type;
  // From any thread. Empty text: the page is not there yet.
  std::function<std::string(const net::RequestHead& head)> text;
  // Whom it is shown to. The root signs for this service; empty: anybody reads it.
  std::string_view roots_scope = {};
  // Where the path may ask for something else too; empty, and below `/_slipway/`: it never does.
  net::Gateway::Claim claim = {};
};

// The pages of one loop: nothing under their paths is asked by a strange page of the web, and what
// is not there under `/_slipway/` is said to be none. Loop thread only.
class PageDoor final : public net::RequestHandler {
 public:
  // All of it outlives the door.
  PageDoor(const std::vector<Page>& pages, const SiteCheck& sites, Authenticator& authenticator)
      : pages_(pages), sites_(sites), authenticator_(authenticator) {}

  // Mounts every page. `claim` holds for those outside of `/_slipway/`, which is ours at each host.
  void mount_on(net::Gateway& gateway, const net::Gateway::Claim& claim);

  net::BodyPlan on_head(const net::RequestHead& head) override;
  void on_request(net::Request&& request, net::Responder&& responder) override;

 private:
  net::Response answer_to(const net::RequestHead& head);
  Result<> expect_root(const net::RequestHead& head, const Page& page);

  const std::vector<Page>& pages_;
  const SiteCheck& sites_;
  Authenticator& authenticator_;
};

}  // namespace slipway::service
