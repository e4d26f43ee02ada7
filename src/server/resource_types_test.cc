// Every type of resource that the doors register: its row held against CloudFormation's published
// schema (testdata/resource_types.txt) and against the operations that it names, and its whole life
// (testdata/resource_lives.json).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/text.h"
#include "server/test_doors.h"
#include "service/resources.h"

namespace slipway::server {
namespace {

namespace json = boost::json;
using service::MadeResource;
using service::Property;
using service::ResourceOperations;
using service::ResourceState;
using service::ResourceType;
using service::Step;
using testing::Contains;
using testing::IsEmpty;
using testing::Not;
using Use = Property::Use;

constexpr const char* facts_file = "src/server/testdata/resource_types.txt";
constexpr const char* lives_file = "src/server/testdata/resource_lives.json";

// What the schema says of a property: "create-only", "read-only", ...
using Facts = std::map<std::string, std::map<std::string, std::set<std::string>>>;

Facts published_facts() {
  Facts out;
  std::ifstream file(facts_file);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string type, property, mark;
    words >> type >> property;
    auto& marks = out[type][property];
    while (words >> mark) marks.insert(mark);
  }
  return out;
}

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> out;
  while (!text.empty()) out.emplace(take_until(text, ' '));
  return out;
}

// Where a row says more than the schema: no operation of the service changes these.
const std::set<std::string> replaced_all_the_same = {
    "AWS::Logs::LogGroup LogGroupClass",
    "AWS::S3::Bucket ObjectLockEnabled",
    "AWS::SageMaker::InferenceComponent InferenceComponentName",
    "AWS::SageMaker::InferenceComponent EndpointName",
    "AWS::SageMaker::InferenceComponent VariantName",
};

class ResourceRows : public testing::Test {
 protected:
  TestDoors doors_;
  const std::map<std::string_view, const ResourceType*>& types_ =
      doors_.operations().registry.types();
};

TEST_F(ResourceRows, EveryTypeHasThePropertiesOfThePublishedSchema) {
  const Facts facts = published_facts();
  for (const auto& [name, type] : types_) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(facts.contains(std::string(name)));
    std::set<std::string> published;
    for (const auto& [property, marks] : facts.at(std::string(name))) published.insert(property);
    std::set<std::string> here = words_of(type->refused);
    for (const Property& property : type->properties) here.emplace(property.name);
    EXPECT_EQ(here, published);
  }
}

TEST_F(ResourceRows, WhatMayChangeAndWhatIsReadIsAsPublished) {
  const Facts facts = published_facts();
  for (const auto& [name, type] : types_)
    for (const Property& property : type->properties) {
      SCOPED_TRACE(fmt::format("{} {}", name, property.name));
      const auto& marks = facts.at(std::string(name)).at(std::string(property.name));
      EXPECT_EQ(property.use == Use::attribute, marks.contains("read-only"));
      const bool create_only =
          marks.contains("create-only") ||
          replaced_all_the_same.contains(fmt::format("{} {}", name, property.name));
      EXPECT_EQ(property.use == Use::create_only, create_only);
      if (property.use == Use::write_only) EXPECT_TRUE(marks.contains("write-only"));
      EXPECT_EQ(property.name == type->identifier, marks.contains("id"));
    }
}

// --- Rows and operations ---

// Whether members lie at `path` in `shape`; keys of maps are free.
bool has_path(const wire::Shape& shape, std::string_view path) {
  if (path.empty() || path == ".") return true;
  if (shape.kind == wire::ShapeKind::list) return has_path(*shape.members[0].shape, path);
  if (shape.kind == wire::ShapeKind::map) {
    (void)take_until(path, '.');
    return has_path(*shape.members[1].shape, path);
  }
  if (shape.kind != wire::ShapeKind::structure) return false;
  const int slot = wire::find_member(shape, take_until(path, '.'));
  return slot >= 0 && has_path(*shape.members[static_cast<std::size_t>(slot)].shape, path);
}

enum class Side : std::uint8_t { input, output };

void check_step(const TestDoors& doors, const ResourceType& type, const Step& step, Side places) {
  if (!step) return;
  SCOPED_TRACE(step.operation);
  const wire::Operation* const operation = type.schema.find_operation(step.operation);
  ASSERT_TRUE(operation && doors.registry().find(*operation)) << "no such operation";
  for (const std::string_view id : {step.id, step.id_name})
    EXPECT_TRUE(has_path(*operation->input, id)) << id;
  for (const service::PropertyPlace& place : step.places) {
    const wire::Shape* const shape = places == Side::input ? operation->input : operation->output;
    const std::string_view path = place.path.empty() ? place.property : place.path;
    EXPECT_TRUE(shape && has_path(*shape, path)) << path;
  }
}

TEST_F(ResourceRows, EveryStepNamesOperationsAndMembersThatThereAre) {
  for (const auto& [name, type] : types_) {
    SCOPED_TRACE(name);
    const auto input = [&](const Step& step) { check_step(doors_, *type, step, Side::input); };
    const auto output = [&](const Step& step) { check_step(doors_, *type, step, Side::output); };
    input(type->create);
    input(type->probe.step);
    input(type->remove);
    input(type->list);
    for (const service::Reading& each : type->readings) output(each.step);
    for (const service::Update& each : type->updates) {
      input(each.write);
      input(each.clear);
      input(each.retire);
    }
    for (const service::Items& each : type->items) {
      input(each.add);
      input(each.remove);
      output(each.list);
      output(each.get);
    }
    input(type->tagging.add);
    input(type->tagging.remove);
    output(type->tagging.list);
  }
}

// Who sets a property after the creation.
std::set<std::string> changed_by(const ResourceType& type) {
  std::set<std::string> out;
  const auto add = [&](const Step& step) {
    for (const service::PropertyPlace& place : step.places) out.emplace(place.property);
  };
  for (const service::Update& each : type.updates) add(each.write);
  for (const service::Items& each : type.items) {
    out.emplace(each.property);
    add(each.add);
  }
  add(type.tagging.add);
  return out;
}

TEST_F(ResourceRows, EveryPropertyThatMayChangeHasAnOperationThatChangesIt) {
  for (const auto& [name, type] : types_) {
    const std::set<std::string> changed = changed_by(*type);
    for (const Property& property : type->properties)
      if (property.use == Use::settable || property.use == Use::write_only)
        EXPECT_THAT(changed, Contains(property.name)) << name;
  }
}

// --- Lives ---

// Whether `seen` has all that `wanted` has; what the service adds by itself is fine.
bool includes(const json::value& seen, const json::value& wanted) {
  if (wanted.is_object() && seen.is_object()) {
    for (const auto& [key, value] : wanted.get_object()) {
      const json::value* const found = seen.get_object().if_contains(key);
      if (!found || !includes(*found, value)) return false;
    }
    return true;
  }
  if (wanted.is_array() && seen.is_array()) {
    const json::array& a = seen.get_array();
    const json::array& b = wanted.get_array();
    return a.size() == b.size() && std::ranges::equal(a, b, includes);
  }
  return seen == wanted || (seen.is_number() && wanted.is_number() &&
                            seen.to_number<double>() == wanted.to_number<double>());
}

// One who makes resources in doors of his own.
class Life {
 public:
  const ResourceType& type(std::string_view name) {
    return *doors_.operations().registry.find_type(name);
  }
  template <typename Ask>
  auto ask(Ask ask) {
    return doors_.store().write([&](store::Transaction& tx) {
      const service::Operations operations = doors_.operations();
      ResourceOperations resources(operations, root_, tx);
      return ask(resources);
    });
  }

  std::string make(const ResourceType& type, const json::object& properties,
                   std::string_view name) {
    const auto id =
        ask([&](ResourceOperations& all) { return all.create(type, properties, name); });
    EXPECT_TRUE(id) << type.name << ": " << id.error().message;
    settle();
    return id.value_or("");
  }
  ResourceState read(const MadeResource& resource) {
    auto state = ask([&](ResourceOperations& all) { return all.read(resource); });
    EXPECT_TRUE(state) << state.error().message;
    return state.value_or(ResourceState{});
  }
  std::vector<std::string> list(const ResourceType& type) {
    const auto all = ask([&](ResourceOperations& resources) { return resources.list(type); });
    EXPECT_TRUE(all) << all.error().message;
    return all.value_or(std::vector<std::string>{});
  }
  void settle() { doors_.world().run(std::chrono::minutes(5)); }

 private:
  TestDoors doors_;
  const service::Caller root_ = TestDoors::root();
};

void expect_shown(const ResourceType& type, const ResourceState& state,
                  const json::object& wanted) {
  EXPECT_EQ(state.kind, ResourceState::Kind::stable) << state.reason;
  for (const Property& property : type.properties) {
    const json::value* const value = wanted.if_contains(property.name);
    if (!value || property.use == Use::write_only || property.use == Use::manner) continue;
    const json::value* const seen = state.properties.if_contains(property.name);
    EXPECT_TRUE(seen && includes(*seen, *value))
        << property.name << " is " << (seen ? json::serialize(*seen) : "not there") << " and not "
        << json::serialize(*value);
  }
}

const json::object* part(const json::object& life, std::string_view name) {
  const json::value* const value = life.if_contains(name);
  return value ? value->if_object() : nullptr;
}

void change(Life& life, const ResourceType& type, const std::string& id,
            const json::object& story) {
  const json::object& begun = *part(story, "create");
  const json::object& wanted = *part(story, "change");
  const MadeResource resource{type, id, begun};
  const auto changes =
      life.ask([&](ResourceOperations& all) { return all.update(resource, wanted); });
  ASSERT_TRUE(changes) << changes.error().message;
  EXPECT_THAT(changes->replacing, IsEmpty());
  EXPECT_THAT(changes->in_place, Not(IsEmpty()));
  life.settle();
  const ResourceState state = life.read({type, id, wanted});
  expect_shown(type, state, wanted);
  if (const json::object* const then = part(story, "then")) expect_shown(type, state, *then);
}

void live(std::string_view type, const json::object& story) {
  Life life;
  if (const json::value* const before = story.if_contains("before"))
    for (const json::value& each : before->as_array())
      life.make(life.type(std::string_view(each.at("type").as_string())),
                each.at("properties").as_object(), std::string_view(each.at("name").as_string()));
  const ResourceType& here = life.type(type);
  const json::object& begun = *part(story, "create");
  const std::string id = life.make(here, begun, "a-name");
  ASSERT_NE(id, "");
  expect_shown(here, life.read({here, id, begun}), begun);
  if (here.list) EXPECT_THAT(life.list(here), Contains(id));

  if (const json::object* const other = part(story, "replace")) {
    const auto changes =
        life.ask([&](ResourceOperations& all) { return all.update({here, id, begun}, *other); });
    ASSERT_TRUE(changes) << changes.error().message;
    EXPECT_THAT(changes->replacing, Not(IsEmpty()));
    expect_shown(here, life.read({here, id, begun}), begun);
  }
  const json::object* const last = part(story, "change");
  if (last) change(life, here, id, story);

  const MadeResource resource{here, id, last ? *last : begun};
  const Result<> removed = life.ask([&](ResourceOperations& all) { return all.remove(resource); });
  ASSERT_TRUE(removed) << removed.error().message;
  life.settle();
  EXPECT_EQ(life.read(resource).kind, ResourceState::Kind::gone);
  if (here.list) EXPECT_THAT(life.list(here), Not(Contains(id)));
  EXPECT_TRUE(life.ask([&](ResourceOperations& all) { return all.remove(resource); }))
      << "a second time";
}

json::object all_lives() {
  std::ifstream file(lives_file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str().empty() ? json::object() : json::parse(text.str()).as_object();
}

TEST_F(ResourceRows, EveryTypeHasALife) {
  const json::object lives = all_lives();
  for (const auto& [name, type] : types_) EXPECT_TRUE(lives.contains(name)) << name;
}

// Properties that no life sets: what stands beside each says why.
const std::set<std::string> unlived = {
    "AWS::SNS::Subscription DeliveryPolicy",              // of HTTP subscribers
    "AWS::SNS::Subscription SubscriptionRoleArn",         // of Firehose
    "AWS::SageMaker::EndpointConfig ExplainerConfig",     // refused by the operation
    "AWS::SageMaker::InferenceComponent Specifications",  // refused by the operation
};

TEST_F(ResourceRows, EveryPropertyIsSetInSomeLife) {
  const json::object lives = all_lives();
  for (const auto& [name, type] : types_) {
    std::set<std::string> lived;
    for (const json::value& story : lives.at(name).as_array())
      for (const std::string_view when : {"create", "change"})
        if (const json::object* const properties = part(story.as_object(), when))
          for (const auto& [key, value] : *properties) lived.emplace(key);
    for (const Property& property : type->properties) {
      if (property.use == Use::attribute || property.use == Use::manner) continue;
      if (property.name == type->named) continue;  // each life gives it
      const std::string full = fmt::format("{} {}", name, property.name);
      EXPECT_NE(lived.contains(std::string(property.name)), unlived.contains(full)) << full;
    }
  }
}

class ResourceLife : public testing::TestWithParam<std::string> {};

TEST_P(ResourceLife, IsMadeReadListedChangedReplacedAndRemoved) {
  const json::object lives = all_lives();
  for (const json::value& story : lives.at(GetParam()).as_array())
    live(GetParam(), story.as_object());
}

std::vector<std::string> names_of_lives() {
  std::vector<std::string> out;
  for (const auto& [name, lives] : all_lives()) out.emplace_back(name);
  return out;
}
INSTANTIATE_TEST_SUITE_P(All, ResourceLife, testing::ValuesIn(names_of_lives()),
                         [](const auto& info) {
                           std::string out;
                           for (const char c : info.param)
                             if (c != ':') out += c;
                           return out;
                         });

// --- Refusals ---

class ResourceRefusals : public testing::Test {
 protected:
  std::string refusal(std::string_view type, std::string_view properties) {
    const auto made = life_.ask([&](ResourceOperations& all) {
      return all.create(life_.type(type),
                        json::parse({properties.data(), properties.size()}).as_object(), "a-name");
    });
    return made ? "accepted" : made.error().message;
  }
  Life life_;
};

TEST_F(ResourceRefusals, NoPropertyIsDropped) {
  EXPECT_EQ(refusal("AWS::SQS::Queue", R"({"Colour":"red"})"),
            "AWS::SQS::Queue: property Colour does not exist");
  EXPECT_EQ(refusal("AWS::SQS::Queue", R"({"Arn":"arn:aws:sqs:::q"})"),
            "AWS::SQS::Queue: property Arn is read-only");
  EXPECT_EQ(refusal("AWS::S3::Bucket", R"({"ReplicationConfiguration":{}})"),
            "AWS::S3::Bucket: property ReplicationConfiguration cannot be set on this server");
  EXPECT_EQ(refusal("AWS::S3::Bucket", R"({"CorsConfiguration":{"CorsRules":[{"Size":1}]}})"),
            "CORSConfiguration.CORSRules.0.Size: there is no such member");
}

TEST_F(ResourceRefusals, WhatHasTheNameAlreadyIsNotTakenOver) {
  for (const std::string_view type :
       {"AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::IAM::User"}) {
    EXPECT_EQ(refusal(type, "{}"), "accepted") << type;
    EXPECT_THAT(refusal(type, "{}"), testing::HasSubstr("already exists")) << type;
  }
  const std::string_view policy = R"({"Bucket":"a-name","PolicyDocument":{"Version":"2012-10-17",
      "Statement":{"Effect":"Deny","Principal":"*","Action":"s3:PutObject",
                   "Resource":"arn:aws:s3:::a-name/*"}}})";
  EXPECT_EQ(refusal("AWS::S3::BucketPolicy", policy), "accepted");
  EXPECT_EQ(refusal("AWS::S3::BucketPolicy", policy),
            "AWS::S3::BucketPolicy a-name already exists");
}

TEST_F(ResourceRefusals, OfWhatFailsHalfWayNothingRemains) {
  EXPECT_NE(refusal("AWS::S3::Bucket", R"({"VersioningConfiguration":{"Status":"Perhaps"}})"),
            "accepted");
  EXPECT_THAT(life_.list(life_.type("AWS::S3::Bucket")), IsEmpty());
}

TEST_F(ResourceRefusals, WhatFailsToComeUpSaysWhy) {
  const std::string_view container =
      R"({"PrimaryContainer":{"Image":"1.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:1",)"
      R"("Environment":{"FAULT":"dies"}}})";
  const ResourceType& endpoint = life_.type("AWS::SageMaker::Endpoint");
  life_.make(life_.type("AWS::SageMaker::Model"), json::parse(container).as_object(), "m");
  const json::object config = json::parse(R"({"ProductionVariants":[{"VariantName":"all",
      "ModelName":"m","InstanceType":"ml.m5.large","InitialInstanceCount":1}]})")
                                  .as_object();
  life_.make(life_.type("AWS::SageMaker::EndpointConfig"), config, "c");
  const json::object wanted{{"EndpointConfigName", "c"}};
  const auto id =
      life_.ask([&](ResourceOperations& all) { return all.create(endpoint, wanted, "e"); }).value();
  const ResourceState begun = life_.read({endpoint, id, wanted});
  EXPECT_EQ(begun.kind, ResourceState::Kind::pending);
  EXPECT_NE(begun.topic, "");
  life_.settle();
  const ResourceState ended = life_.read({endpoint, id, wanted});
  EXPECT_EQ(ended.kind, ResourceState::Kind::failed);
  EXPECT_NE(ended.reason, "");
}

}  // namespace
}  // namespace slipway::server
