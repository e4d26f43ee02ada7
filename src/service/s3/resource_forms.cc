#include "service/s3/resource_forms.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <initializer_list>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"

namespace slipway::s3 {
namespace {

namespace json = boost::json;
using Turned = Result<json::value>;

// What a template calls it, and what S3 does.
struct Name {
  std::string_view property;
  std::string_view member;
};
enum class To : std::uint8_t { members, properties };

// `value` with the names of all its members turned, however deep they stand.
json::value with_names(const json::value& value, std::span<const Name> names, To to) {
  if (const json::array* const list = value.if_array()) {
    json::array out;
    for (const json::value& item : *list) out.push_back(with_names(item, names, to));
    return out;
  }
  const json::object* const object = value.if_object();
  if (!object) return value;
  json::object out;
  for (const auto& [key, member] : *object) {
    std::string_view name(key.data(), key.size());
    for (const Name& each : names)
      if ((to == To::members ? each.property : each.member) == name) {
        name = to == To::members ? each.member : each.property;
        break;
      }
    out[json::string_view(name.data(), name.size())] = with_names(member, names, to);
  }
  return out;
}

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message));
}

// Takes `name` out of an object; null where it is not there.
json::value take(json::object& from, json::string_view name) {
  const auto found = from.find(name);
  if (found == from.end()) return nullptr;
  json::value value = std::move(found->value());
  from.erase(found);
  return value;
}
void put_if(json::object& into, json::string_view name, json::value value) {
  if (!value.is_null()) into[name] = std::move(value);
}

// --- The constraint of a region ---

Turned constraint_of(const json::value& region) {
  if (region.is_string() && region.get_string() == "us-east-1") return json::value(nullptr);
  return region;
}

Turned is_enabled(const json::value& member) {
  return json::value(member.is_string() && member.get_string() == "Enabled");
}

// --- Names alone ---

constexpr Name encryption_names[] = {
    {"ServerSideEncryptionConfiguration", "Rules"},
    {"ServerSideEncryptionByDefault", "ApplyServerSideEncryptionByDefault"}};
constexpr Name cors_names[] = {{"CorsRules", "CORSRules"},
                               {"ExposedHeaders", "ExposeHeaders"},
                               {"Id", "ID"},
                               {"MaxAge", "MaxAgeSeconds"}};
constexpr Name logging_names[] = {{"DestinationBucketName", "TargetBucket"},
                                  {"LogFilePrefix", "TargetPrefix"}};
constexpr Name acceleration_names[] = {{"AccelerationStatus", "Status"}};

template <const auto& names>
Turned members_of(const json::value& property) {
  return with_names(property, names, To::members);
}
template <const auto& names>
Turned properties_of(const json::value& member) {
  return with_names(member, names, To::properties);
}

// S3 wants a prefix, be it empty.
Turned logging_members(const json::value& property) {
  json::value out = with_names(property, logging_names, To::members);
  if (json::object* const object = out.if_object())
    if (!object->contains("TargetPrefix")) (*object)["TargetPrefix"] = "";
  return out;
}

// --- A website: pages are named by texts ---

constexpr Name website_names[] = {{"RedirectRule", "Redirect"},
                                  {"RoutingRuleCondition", "Condition"}};

Turned website_members(const json::value& property) {
  if (!property.is_object()) return refuse("an Object is expected");
  json::object out = with_names(property, website_names, To::members).as_object();
  if (json::value page = take(out, "IndexDocument"); !page.is_null())
    out["IndexDocument"] = json::object{{"Suffix", std::move(page)}};
  if (json::value page = take(out, "ErrorDocument"); !page.is_null())
    out["ErrorDocument"] = json::object{{"Key", std::move(page)}};
  return out;
}

Turned website_properties(const json::value& member) {
  if (!member.is_object()) return member;
  json::object out = with_names(member, website_names, To::properties).as_object();
  if (json::value page = take(out, "IndexDocument"); page.is_object())
    put_if(out, "IndexDocument", take(page.get_object(), "Suffix"));
  if (json::value page = take(out, "ErrorDocument"); page.is_object())
    put_if(out, "ErrorDocument", take(page.get_object(), "Key"));
  return out;
}

// --- A life cycle: what a rule is about stands in its filter ---

constexpr Name rule_names[] = {
    {"Id", "ID"}, {"TransitionInDays", "Days"}, {"TransitionDate", "Date"}};
constexpr Name noncurrent_names[] = {{"TransitionInDays", "NoncurrentDays"}};

json::object filter_of(json::object& rule) {
  json::object parts;
  put_if(parts, "Prefix", take(rule, "Prefix"));
  put_if(parts, "ObjectSizeGreaterThan", take(rule, "ObjectSizeGreaterThan"));
  put_if(parts, "ObjectSizeLessThan", take(rule, "ObjectSizeLessThan"));
  const json::value tags = take(rule, "TagFilters");
  const std::size_t tag_count = tags.is_array() ? tags.get_array().size() : 0;
  if (parts.size() + tag_count > 1) {
    if (tag_count > 0) parts["Tags"] = tags;
    return {{"And", std::move(parts)}};
  }
  if (tag_count == 1) parts["Tag"] = tags.get_array().front();
  if (parts.empty()) parts["Prefix"] = "";
  return parts;
}

// The older properties for one transition stand beside the lists.
void join_one(json::object& rule, json::string_view one, json::string_view many) {
  json::value single = take(rule, one);
  if (single.is_null()) return;
  json::value& list = rule[many];
  if (!list.is_array()) list.emplace_array();
  list.get_array().push_back(std::move(single));
}

Result<json::object> rule_member(const json::value& property) {
  if (!property.is_object()) return refuse("Rules holds Objects");
  json::object rule = property.get_object();
  join_one(rule, "Transition", "Transitions");
  join_one(rule, "NoncurrentVersionTransition", "NoncurrentVersionTransitions");
  const json::value noncurrent = take(rule, "NoncurrentVersionTransitions");
  json::object out = with_names(rule, rule_names, To::members).as_object();
  if (!noncurrent.is_null())
    out["NoncurrentVersionTransitions"] = with_names(noncurrent, noncurrent_names, To::members);
  json::object expiration;
  put_if(expiration, "Days", take(out, "ExpirationInDays"));
  put_if(expiration, "Date", take(out, "ExpirationDate"));
  put_if(expiration, "ExpiredObjectDeleteMarker", take(out, "ExpiredObjectDeleteMarker"));
  if (!expiration.empty()) out["Expiration"] = std::move(expiration);
  if (json::value days = take(out, "NoncurrentVersionExpirationInDays"); !days.is_null())
    out["NoncurrentVersionExpiration"] = json::object{{"NoncurrentDays", std::move(days)}};
  out["Filter"] = filter_of(out);
  return out;
}

Turned lifecycle_members(const json::value& property) {
  const json::object* const given = property.if_object();
  const json::value* const rules = given ? given->if_contains("Rules") : nullptr;
  if (!rules || !rules->is_array()) return refuse("an Object with Rules is expected");
  if (given->size() > 1) return refuse("holds Rules alone on this server");
  json::array out;
  for (const json::value& rule : rules->get_array()) {
    TRY(json::object turned, rule_member(rule));
    out.push_back(std::move(turned));
  }
  return json::object{{"Rules", std::move(out)}};
}

// Times are shown in seconds.
void show_time(json::object& in, json::string_view name) {
  json::value* const time = in.if_contains(name);
  if (time && time->is_number())
    *time =
        json::string(to_iso8601(Timestamp(std::chrono::seconds(time->to_number<std::int64_t>()))));
}

void show_filter(json::object& rule) {
  json::value filter = take(rule, "Filter");
  if (!filter.is_object()) return;
  json::object parts = filter.get_object();
  if (json::value both = take(parts, "And"); both.is_object()) parts = both.get_object();
  if (json::value tag = take(parts, "Tag"); !tag.is_null())
    rule["TagFilters"] = json::array{std::move(tag)};
  put_if(rule, "TagFilters", take(parts, "Tags"));
  if (parts.contains("Prefix") && parts["Prefix"] == "") parts.erase("Prefix");
  for (auto& [key, value] : parts)  // the template's sizes are texts
    rule[key] = value.is_number() ? json::value(json::serialize(value)) : value;
}

json::object rule_property(const json::object& member) {
  json::object rule = member;
  const json::value noncurrent = take(rule, "NoncurrentVersionTransitions");
  json::value expiration = take(rule, "Expiration");
  json::object out = with_names(rule, rule_names, To::properties).as_object();
  if (!noncurrent.is_null())
    out["NoncurrentVersionTransitions"] = with_names(noncurrent, noncurrent_names, To::properties);
  if (json::value* const moves = out.if_contains("Transitions"); moves && moves->is_array())
    for (json::value& move : moves->get_array())
      if (move.is_object()) show_time(move.get_object(), "TransitionDate");
  if (json::object* const ends = expiration.if_object()) {
    put_if(out, "ExpirationInDays", take(*ends, "Days"));
    put_if(out, "ExpirationDate", take(*ends, "Date"));
    show_time(out, "ExpirationDate");
    put_if(out, "ExpiredObjectDeleteMarker", take(*ends, "ExpiredObjectDeleteMarker"));
  }
  show_filter(out);
  return out;
}

Turned lifecycle_properties(const json::value& member) {
  json::array out;
  const json::object* const given = member.if_object();
  const json::value* const rules = given ? given->if_contains("Rules") : nullptr;
  if (!rules || !rules->is_array()) return json::value(nullptr);
  for (const json::value& rule : rules->get_array())
    if (rule.is_object()) out.push_back(rule_property(rule.get_object()));
  return json::object{{"Rules", std::move(out)}};
}

// --- Notifications: a template has one event in each configuration, S3 a list ---

constexpr Name notice_names[] = {
    {"Queue", "QueueArn"}, {"Topic", "TopicArn"}, {"S3Key", "Key"}, {"Rules", "FilterRules"}};
constexpr std::string_view notice_lists[] = {"QueueConfigurations", "TopicConfigurations"};

Turned notification_members(const json::value& property) {
  if (!property.is_object()) return refuse("an Object is expected");
  json::object out = with_names(property, notice_names, To::members).as_object();
  if (out.contains("LambdaConfigurations"))
    return refuse("LambdaConfigurations cannot be set on this server");
  for (const std::string_view name : notice_lists)
    if (json::value* const list = out.if_contains(json::string_view(name.data(), name.size()));
        list && list->is_array())
      for (json::value& each : list->get_array())
        if (json::object* const notice = each.if_object())
          (*notice)["Events"] = json::array{take(*notice, "Event")};
  json::value bridge = take(out, "EventBridgeConfiguration");
  const json::value* const on =
      bridge.is_object() ? bridge.get_object().if_contains("EventBridgeEnabled") : nullptr;
  if (bridge.is_object() && (!on || *on != json::value(false)))
    out["EventBridgeConfiguration"] = json::object();
  return out;
}

// S3 shows "Prefix" where a template has "prefix".
void lower_names(json::value& value) {
  if (json::array* const list = value.if_array())
    for (json::value& item : *list) lower_names(item);
  json::object* const object = value.if_object();
  if (!object) return;
  for (auto& [key, member] : *object)
    if (key == "Name" && member.is_string())
      member = json::string(to_lower(std::string_view(member.get_string())));
    else
      lower_names(member);
}

// One configuration for each event of one of S3's.
json::array notices_of(const json::array& members) {
  json::array out;
  for (const json::value& member : members) {
    if (!member.is_object()) continue;
    json::object each = with_names(member, notice_names, To::properties).as_object();
    each.erase("Id");
    if (json::value* const filter = each.if_contains("Filter")) lower_names(*filter);
    const json::value events = take(each, "Events");
    if (!events.is_array()) continue;
    for (const json::value& event : events.get_array()) {
      json::object one = each;
      one["Event"] = event;
      out.push_back(std::move(one));
    }
  }
  return out;
}

Turned notification_properties(const json::value& member) {
  if (!member.is_object()) return json::value(nullptr);
  json::object out;
  for (const std::string_view name : notice_lists) {
    const json::string_view key(name.data(), name.size());
    const json::value* const list = member.get_object().if_contains(key);
    if (list && list->is_array() && !list->get_array().empty())
      out[key] = notices_of(list->get_array());
  }
  const json::value* const bridge = member.get_object().if_contains("EventBridgeConfiguration");
  if (bridge && bridge->is_object())
    out["EventBridgeConfiguration"] = json::object{{"EventBridgeEnabled", true}};
  return out;
}

}  // namespace

const service::Form location_form{constraint_of, nullptr};
const service::Form lock_form{nullptr, is_enabled};
const service::Form encryption_form{members_of<encryption_names>, properties_of<encryption_names>};
const service::Form cors_form{members_of<cors_names>, properties_of<cors_names>};
const service::Form logging_form{logging_members, properties_of<logging_names>};
const service::Form acceleration_form{members_of<acceleration_names>,
                                      properties_of<acceleration_names>};
const service::Form website_form{website_members, website_properties};
const service::Form lifecycle_form{lifecycle_members, lifecycle_properties};
const service::Form notification_form{notification_members, notification_properties};

}  // namespace slipway::s3
