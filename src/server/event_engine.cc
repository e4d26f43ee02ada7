#include "server/event_engine.h"

#include <functional>

namespace slipway::server {

EventEngine::EventEngine(Foundation& base, const std::string& url,
                         std::unique_ptr<sns::Signer> signer_of_all)
    : queues(base.random, base.changes),
      topics(base.random),
      signer(std::move(signer_of_all)),
      senders(base.options.enforces_policies() ? Senders::Policies::asked : Senders::Policies::off),
      envelope(*signer, base.random, url),
      sender(base.bulk_loop, base.options.delivery_reach()),
      http(topics, queues, sender, *base.reconcilers,
           std::bind_front(&Senders::from_topic, &senders)),
      deliverer({.store = *base.store,
                 .queues = queues,
                 .topics = topics,
                 .envelope = envelope,
                 .clock = base.clock,
                 .workers = base.control,
                 .wake_http = std::bind_front(&events::HttpDeliveries::wake, &http),
                 .admission = std::bind_front(&Senders::from_topic, &senders)}),
      sweeper(std::bind_front(&events::Deliverer::wake, &deliverer)),
      moves(queues, base.random, *base.reconcilers) {
  topics.on_published(std::bind_front(&events::Deliverer::wake, &deliverer));
  base.reconcilers->add(sweeper);
  base.reconcilers->add(http);
  base.reconcilers->add(moves);
}

Result<std::unique_ptr<EventEngine>> EventEngine::open(Foundation& base, const std::string& url,
                                                       ServerLifecycle& life) {
  TRY(auto signer, sns::Signer::open(base.options.data));
  std::unique_ptr<EventEngine> made(new EventEngine(base, url, std::move(signer)));
  life.began([&sender = made->sender] { sender.stop(); });
  return made;
}

}  // namespace slipway::server
