// What this server shows beside AWS's services: its health, its figures, a word to who opens its
// address in a browser.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/worker_pool.h"
#include "net/gateway.h"
#include "service/authenticator.h"
#include "service/site_check.h"

namespace slipway::service {

// One page: where it is, what it says, and to whom.
struct ServerPage {
  // What the page says: text for 200, else what a JSON service would answer. `head` is the
  // request's: of a query the page reads what it knows.
  using Text = std::function<Result<std::string>(const net::RequestHead& head)>;
  // Where the text is made.
  enum class Lane : std::uint8_t {
    loop,    // at once: what is at hand in memory
    worker,  // what the store is asked for
  };

  std::string path;
  std::string_view content_type;
  // From any thread. Empty text: the page is not there yet.
  Text text;
  // Whom it is shown to. The root signs for this service; empty: anybody reads it.
  std::string_view roots_scope = {};
  // Where the path may ask for something else too; empty, and below `/_slipway/`: it never does.
  net::Gateway::Claim claim = {};
  // What PUT does; empty: the page is only read. Says the page as it is then.
  Text put = {};
  Lane lane = Lane::loop;
};

// The pages of one loop: nothing under their paths is asked by a strange page of the web, and what
// is not there under `/_slipway/` is said to be none. Loop thread only.
class PageDoor final : public net::RequestHandler {
 public:
  // All of it outlives the door.
  PageDoor(const std::vector<ServerPage>& pages, const SiteCheck& sites,
           Authenticator& authenticator, WorkerPool& workers)
      : pages_(pages), sites_(sites), authenticator_(authenticator), workers_(workers) {}

  // Mounts every page. `claim` holds for those outside of `/_slipway/`, which is ours at each host.
  void mount_on(net::Gateway& gateway, const net::Gateway::Claim& claim);

  net::BodyPlan on_head(const net::RequestHead& head) override;
  void on_request(net::Request&& request, net::Responder&& responder) override;

 private:
  using Found = std::expected<const ServerPage*, net::Response>;
  Found find(const net::RequestHead& head, net::Responder& responder);
  Result<> expect_root(const net::RequestHead& head, const ServerPage& page,
                       net::Responder& responder);

  const std::vector<ServerPage>& pages_;
  const SiteCheck& sites_;
  Authenticator& authenticator_;
  WorkerPool& workers_;
};

}  // namespace slipway::service
