// The way of every request: route, check the signature, decode, validate, run the handler in its
// mode, encode. One Front for each I/O loop, over one Frame that all loops share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk_room.h"
#include "base/random.h"
#include "base/worker_pool.h"
#include "engine/changes.h"
#include "net/http_server.h"
#include "service/authenticator.h"
#include "service/authorize.h"
#include "service/cross_origin.h"
#include "service/form_upload.h"
#include "service/gate.h"
#include "service/hold.h"
#include "service/registry.h"
#include "service/upload_slots.h"
#include "store/store.h"
#include "wire/route.h"

namespace slipway::service {

// Limits of bodies that are held in memory.
inline constexpr std::uint64_t control_body_bytes_max = 16ULL << 20;
inline constexpr std::uint64_t hot_body_bytes_max = 25ULL << 20;  // "25 MB", InvokeEndpoint

// A body up to this size is collected before its signature is looked at: it fits into the buffer
// that every connection has. For a larger one the head must show who sends it.
inline constexpr std::uint64_t strangers_body_bytes_max = 8 * 1024;
// How much of a refused body is still read where the head names no key of ours.
inline constexpr std::uint64_t strangers_read_on_bytes_max = 64 * 1024;

// The threads that handlers run on, by what they may wait for. All may be one pool.
struct Lanes {
  WorkerPool& control;  // the store, a moment
  WorkerPool& files;    // files, a block or a look at a time: uploads, reading an object
  WorkerPool& bulk;     // for as long as it takes: copying bytes, hashing passwords
};

// What all loops share; main makes it. Everything outlives the fronts.
struct Frame {
  const Registry& registry;
  const wire::Router& router;
  std::span<const wire::Schema* const> schemas;
  store::Store& store;
  Lanes lanes;
  engine::Changes& changes;
  const identity::KeyRing& keys;
  Ground ground;
  AuthMode auth = AuthMode::strict;
  Holding holding = Holding::on;
  std::string region;
  // Null: everyone who is known may do everything (`--authorize off`).
  const Authorizer* authorizer = nullptr;
  // Whose pages may ask where nothing is signed: with `--auth none`, for unsigned operations, and
  // for the pages under /_slipway/.
  SiteCheck sites = {};
  // What was asked so far, as the JSON of the page /_slipway/traffic: in real time, queued and in
  // batches told apart; from any thread. Only the root's keys show it. Empty: there is no such
  // page.
  std::function<std::string()> traffic = {};
  std::unique_ptr<KnownSenders> known_senders = std::make_unique<KnownSenders>();
  std::unique_ptr<identity::UseBook> uses = std::make_unique<identity::UseBook>(store);
  std::unique_ptr<UploadSlots> uploads = std::make_unique<UploadSlots>();
  // What is left of the disk that everything is written to; outlives the frame. Null: not watched.
  DiskRoom* disk = nullptr;
  // Writes the HTML page for who opens "/" in a browser, told the address that was opened:
  // "http://127.0.0.1:4566". Empty: there is none.
  std::function<std::string(std::string_view endpoint)> welcome = {};
  // Empty: no page of another origin reads an answer.
  CrossOrigin cross_origin = {};
  // What anybody may read, by path; paths begin with "/_", which no bucket's name does.
  struct Page {
    std::string_view content_type;
    std::function<std::string()> text;  // empty: not there yet
  };
  std::map<std::string, Page, std::less<>> pages = {};
  // Empty: no forms are taken.
  FormDoor forms = {};
};

// A request of a hot operation: authentic, its body at hand, not decoded.
struct HotRequest {
  net::Request request;
  net::Responder responder;
  wire::Route route;     // views into `request`
  const Caller* caller;  // until handle() returns
  std::string request_id;
};

// Answers hot operations on the I/O thread; waits for nothing. One for each loop.
class HotDoor {
 public:
  virtual ~HotDoor() = default;
  virtual void handle(HotRequest&& hot) = 0;
};

// Loop thread only.
class Front final : public net::RequestHandler {
 public:
  // `hot` answers the operations of Mode::hot. Both outlive it.
  Front(const Frame& frame, HotDoor& hot);

  net::BodyPlan on_head(const net::RequestHead& head) override;
  void on_request(net::Request&& request, net::Responder&& responder) override;
  net::Response refusal(const net::RequestHead& head, int status, std::string_view reason) override;

 private:
  wire::Route route_of(const net::RequestHead& head, std::string_view body);
  std::string make_request_id(const wire::Route& route);
  bool wants_welcome(const net::RequestHead& head, const wire::Route& route) const;
  net::Response welcome_response(const net::RequestHead& head) const;
  bool is_page(std::string_view path) const;
  void answer_page(const net::Request& request, net::Responder& responder);
  net::BodyPlan plan_collected(const net::RequestHead& head, const wire::Route& route,
                               std::uint64_t bytes_max);
  net::Refuse turn_away(const net::RequestHead& head, const wire::Route& route, const Error& error);
  net::Response traffic_response(const net::Request& request);
  net::BodyPlan plan_upload(const net::RequestHead& head, const wire::Route& route,
                            const Entry& entry);
  net::BodyPlan plan_form(const net::RequestHead& head, const wire::Route& route);

  const Frame& frame_;
  HotDoor& hot_;
  Authenticator authenticator_;
  HotGate hot_gate_;
  SeededRandom request_ids_;               // a kernel call for each request would be seen
  std::vector<wire::HeaderView> headers_;  // reused from request to request
};

// The error as the answer to what was asked, for whoever answers by itself. An answer that has no
// body by its status (304) keeps its headers alone.
net::Response error_response(const Error& error, const wire::Asked& asked, ErrorTable errors,
                             std::string_view request_id);
net::Response to_response(wire::HttpResponseParts&& parts);
// Lays what a handler gave beside its output over the encoded answer.
void put_beside(Call::Beside&& beside, net::Response& response);

}  // namespace slipway::service
