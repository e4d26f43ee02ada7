// The tables of this engine.
#include "engine/events/queues.h"
#include "engine/tags/tags.h"

namespace slipway::events {
namespace {

// Text of a message stands beside its row, so that hiding a message for a while does not write its
// text again.
constexpr std::string_view tables = R"sql(
-- What holds the messages of a queue. Emptying a queue gives it another box; the rows of a box
-- that no queue has are swept.
CREATE TABLE events_box(
  number INTEGER PRIMARY KEY AUTOINCREMENT, dropped INTEGER NOT NULL DEFAULT 0);
CREATE INDEX events_box_dropped ON events_box(number) WHERE dropped <> 0;
CREATE TABLE events_queue(
  id TEXT PRIMARY KEY, box INTEGER NOT NULL, settings TEXT NOT NULL, tags TEXT NOT NULL,
  dead_letters TEXT, retention INTEGER NOT NULL, created INTEGER NOT NULL,
  modified INTEGER NOT NULL, purged INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX events_queue_by_dead_letters ON events_queue(dead_letters, id);
CREATE TABLE events_message(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, box INTEGER NOT NULL, grp TEXT NOT NULL,
  visible INTEGER NOT NULL, receives INTEGER NOT NULL, sent INTEGER NOT NULL,
  first_received INTEGER NOT NULL);
CREATE INDEX events_message_by_visible ON events_message(box, visible, seq);
CREATE INDEX events_message_by_group ON events_message(box, grp, seq) WHERE grp <> '';
CREATE INDEX events_message_by_sent ON events_message(box, sent);
CREATE TABLE events_text(
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL, attributes BLOB NOT NULL,
  system_attributes BLOB NOT NULL, deduplication TEXT NOT NULL, sender TEXT NOT NULL,
  came_from TEXT NOT NULL);
-- The groups of strict queues: the first message of each, and when the group gives messages again.
CREATE TABLE events_group(
  box INTEGER NOT NULL, grp TEXT NOT NULL, head INTEGER NOT NULL, ready INTEGER NOT NULL,
  PRIMARY KEY(box, grp)) WITHOUT ROWID;
CREATE INDEX events_group_by_ready ON events_group(box, ready, head);
-- What was sent under a name; `owner` is 'q' or 't' and the number of the box or topic.
CREATE TABLE events_sent(
  owner TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL,
  id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(owner, scope, name)) WITHOUT ROWID;
CREATE INDEX events_sent_by_time ON events_sent(at);
-- Receives that named their attempt, and what they gave: "seq:receives" apart by blanks.
CREATE TABLE events_attempt(
  box INTEGER NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, given TEXT NOT NULL,
  PRIMARY KEY(box, name)) WITHOUT ROWID;
CREATE INDEX events_attempt_by_time ON events_attempt(at);

CREATE TABLE events_topic(
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, settings TEXT NOT NULL,
  tags TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE events_subscription(
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, topic TEXT NOT NULL,
  channel INTEGER NOT NULL, endpoint TEXT NOT NULL, owner TEXT NOT NULL, state INTEGER NOT NULL,
  token TEXT NOT NULL, settings TEXT NOT NULL, created INTEGER NOT NULL,
  UNIQUE(topic, channel, endpoint));
CREATE INDEX events_subscription_by_token ON events_subscription(token);
-- Published and not yet copied to the subscribers.
CREATE TABLE events_notification(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, id TEXT NOT NULL,
  subject TEXT NOT NULL, body TEXT NOT NULL, other_bodies TEXT NOT NULL, attributes BLOB NOT NULL,
  grp TEXT NOT NULL, deduplication TEXT NOT NULL, published INTEGER NOT NULL);
CREATE INDEX events_notification_by_topic ON events_notification(topic);
-- Copied for an HTTP subscriber and not yet taken by it. The head is one "Name: value" a line.
CREATE TABLE events_delivery(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, url TEXT NOT NULL,
  head TEXT NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL);
CREATE INDEX events_delivery_by_subscription ON events_delivery(subscription, due, seq);
)sql";

// Up to which of its topic's subscriptions, by number, a notification was looked at.
constexpr std::string_view cursors =
    "ALTER TABLE events_notification ADD COLUMN copied_to INTEGER NOT NULL DEFAULT 0";

constexpr std::string_view moves = R"sql(
-- Messages on their way out of dead letters; `last` is the newest that was there at the start.
CREATE TABLE events_move(
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL,
  target TEXT, rate INTEGER NOT NULL, state INTEGER NOT NULL, failure INTEGER NOT NULL,
  moved INTEGER NOT NULL, to_move INTEGER NOT NULL, started INTEGER NOT NULL,
  last INTEGER NOT NULL);
CREATE INDEX events_move_by_source ON events_move(source);
CREATE INDEX events_move_by_state ON events_move(state) WHERE state = 0;
-- Queues that were removed lately.
CREATE TABLE events_removed_queue(id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX events_removed_queue_by_time ON events_removed_queue(at);
)sql";

constexpr std::string_view guards = R"sql(
-- How many subscriptions a topic has, so that subscribing counts none.
ALTER TABLE events_topic ADD COLUMN subscriptions INTEGER NOT NULL DEFAULT 0;
UPDATE events_topic SET subscriptions =
  (SELECT count(*) FROM events_subscription s WHERE s.topic = events_topic.id);
-- When a pending subscription's endpoint was last asked to confirm; 0: never.
ALTER TABLE events_subscription ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
-- Says of a hidden message whether it is in flight without a look at its row.
DROP INDEX events_message_by_visible;
CREATE INDEX events_message_by_visible ON events_message(box, visible, seq, receives);
)sql";

// From here on everything that is due, hidden, kept or remembered for a while stands on the
// server's time line, which began where civil time stood: what older rows say holds on it too.
constexpr std::string_view server_time = R"sql(
-- When a message was sent, for how long it is kept; `sent` is what is shown.
ALTER TABLE events_message ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE events_message SET since = sent;
DROP INDEX events_message_by_sent;
CREATE INDEX events_message_by_since ON events_message(box, since);
-- When a move began, for how long it may take.
ALTER TABLE events_move ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE events_move SET since = started;
)sql";

constexpr std::string_view counters = R"sql(
-- How many messages a box holds, so that nobody counts its rows. A row stays in its box.
ALTER TABLE events_box ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;
UPDATE events_box SET messages =
  (SELECT count(*) FROM events_message m WHERE m.box = events_box.number);
CREATE TRIGGER events_message_put AFTER INSERT ON events_message BEGIN
  UPDATE events_box SET messages = messages + 1 WHERE number = NEW.box;
END;
CREATE TRIGGER events_message_taken AFTER DELETE ON events_message BEGIN
  UPDATE events_box SET messages = messages - 1 WHERE number = OLD.box;
END;
)sql";

constexpr std::string_view mobile_and_more = R"sql(
-- What mobile.h keeps.
CREATE TABLE events_application(id TEXT PRIMARY KEY, notes TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events_device(
  id TEXT PRIMARY KEY, application TEXT NOT NULL, token TEXT NOT NULL, state INTEGER NOT NULL,
  user_data TEXT NOT NULL, UNIQUE(application, token)) WITHOUT ROWID;
CREATE INDEX events_device_by_application ON events_device(application, id);
CREATE TABLE events_text_settings(owner TEXT PRIMARY KEY, notes TEXT NOT NULL) WITHOUT ROWID;
-- How often a dead letter was received before it became one.
ALTER TABLE events_text ADD COLUMN received_before INTEGER NOT NULL DEFAULT 0;
-- By what whoever traces requests knows a notification; empty: by nothing.
ALTER TABLE events_notification ADD COLUMN trace TEXT NOT NULL DEFAULT '';
)sql";

constexpr std::string_view http_policies_and_revisions = R"sql(
-- How HTTP subscribers are delivered to is one object, with what was said alone. A topic's word
-- never acted: it is said no longer, so that none begins to act unasked.
UPDATE events_topic SET settings = json_set(json_remove(settings, '$.notes.DeliveryPolicy'),
                                            '$.http', json('{}'), '$.overrides', 0);
UPDATE events_subscription SET settings = json_set(
  json_remove(settings, '$.retry', '$.notes.headerContentType'),
  '$.http', json_patch('{}', json_object(
    'retry', json(CASE WHEN json_extract(settings, '$.notes.DeliveryPolicy') IS NOT NULL
                       THEN json_extract(settings, '$.retry') END),
    'content_type', json_extract(settings, '$.notes.headerContentType'))));
-- Says whether a topic and its subscriptions are what they were.
ALTER TABLE events_topic ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER events_topic_changed AFTER UPDATE OF settings ON events_topic BEGIN
  UPDATE events_topic SET revision = revision + 1 WHERE number = NEW.number;
END;
CREATE TRIGGER events_subscription_made AFTER INSERT ON events_subscription BEGIN
  UPDATE events_topic SET revision = revision + 1 WHERE id = NEW.topic;
END;
CREATE TRIGGER events_subscription_changed AFTER UPDATE OF state, settings ON events_subscription
BEGIN
  UPDATE events_topic SET revision = revision + 1 WHERE id = NEW.topic;
END;
CREATE TRIGGER events_subscription_gone AFTER DELETE ON events_subscription BEGIN
  UPDATE events_topic SET revision = revision + 1 WHERE id = OLD.topic;
END;
)sql";

constexpr std::string_view subscription_lists = R"sql(
-- In the order of subscribing: of a topic, and of an account in a region, which is how a topic's id
-- begins. Few subscriptions are pending, and those are counted.
CREATE INDEX events_subscription_by_topic ON events_subscription(topic, number);
CREATE INDEX events_subscription_by_place ON events_subscription(
  substr(topic, 1, instr(topic, '/') + instr(substr(topic, instr(topic, '/') + 1), '/')), number);
CREATE INDEX events_subscription_pending ON events_subscription(topic) WHERE state = 0;
)sql";

// The tags of queues and topics went to where all tags are. Those of one thing were ordered by key.
constexpr std::string_view tags_of_all = R"sql(
INSERT INTO tag(account, region, resource, key, value, place)
  SELECT account, substr(rest, 1, instr(rest, '/') - 1),
    kind || '/' || substr(rest, instr(rest, '/') + 1), each.key, each.value,
    row_number() OVER (PARTITION BY kind, account, rest ORDER BY each.key)
  FROM (SELECT 'queue' AS kind, substr(id, 1, instr(id, '/') - 1) AS account,
          substr(id, instr(id, '/') + 1) AS rest, tags FROM events_queue
        UNION ALL
        SELECT 'topic', substr(id, 1, instr(id, '/') - 1), substr(id, instr(id, '/') + 1), tags
          FROM events_topic) AS thing, json_each(thing.tags) AS each;
ALTER TABLE events_queue DROP COLUMN tags;
ALTER TABLE events_topic DROP COLUMN tags;
)sql";

constexpr store::Migration all_migrations[] = {tags::table,
                                               {"events", 1, tables},
                                               {"events", 2, cursors},
                                               {"events", 3, moves},
                                               {"events", 4, guards},
                                               {"events", 5, server_time},
                                               {"events", 6, counters},
                                               {"events", 7, mobile_and_more},
                                               {"events", 8, http_policies_and_revisions},
                                               {"events", 9, subscription_lists},
                                               {"events", 10, tags_of_all}};

}  // namespace

std::span<const store::Migration> migrations() { return all_migrations; }

}  // namespace slipway::events
