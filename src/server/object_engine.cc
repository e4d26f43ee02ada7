#include "server/object_engine.h"

#include "service/s3/s3.h"

namespace slipway::server {

ObjectEngine::ObjectEngine(Foundation& base, EventEngine& events,
                           std::unique_ptr<objects::Objects> opened)
    : objects(std::move(opened)),
      lifecycle(s3::lifecycle_needs(*objects, lifecycle_texts, *base.reconcilers)),
      notices({.queues = events.queues,
               .topics = events.topics,
               .random = base.random,
               .queue_admission =
                   [&senders = events.senders](const events::Queue& queue,
                                               const objects::Bucket& from) {
                     return senders.from_bucket(queue, from);
                   },
               .topic_admission =
                   [&senders = events.senders](const events::Topic& topic,
                                               const objects::Bucket& from) {
                     return senders.from_bucket(topic, from);
                   }}) {
  objects->use(base.disk);
  base.reconcilers->add(lifecycle);
}

Result<std::unique_ptr<ObjectEngine>> ObjectEngine::open(Foundation& base, EventEngine& events) {
  using OlderDatabase = objects::OpenOptions::OlderDatabase;
  const auto older =
      base.options.accept_older_database ? OlderDatabase::accept : OlderDatabase::refuse;
  TRY(auto opened, objects::Objects::open(*base.store, base.options.data, base.clock, base.random,
                                          {.older_database = older}));
  return std::unique_ptr<ObjectEngine>(new ObjectEngine(base, events, std::move(opened)));
}

}  // namespace slipway::server
