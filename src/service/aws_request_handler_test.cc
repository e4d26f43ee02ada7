#include "service/aws_request_handler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <latch>

#include "base/encoding.h"
#include "base/test_folder.h"
#include "gen/sagemaker.h"
#include "gen/services.h"
#include "service/test_context.h"

namespace slipway::service {
namespace {

namespace api = aws::sagemaker;
namespace op = api::op;

constexpr store::Migration tables[] = {
    {.room = "test", .version = 1, .sql = "CREATE TABLE made(name TEXT)"}};

// A handler over a store of its own, with three handlers of SageMaker's.
class FrontTest : public testing::Test {
 protected:
  FrontTest() : changes_(clock_) {
    store_ = store::Store::open(data_ / "state.db", tables).value();
    keys_ = identity::KeyRing::open(
                data_.path(), {identity::Principal::Kind::root, "000000000000", "arn:root", "0"},
                random_)
                .value();
    registry_.begin(api::schema(), {})
        .add<op::DescribeModel>([this](Call& call, api::DescribeModelInput in) {
          ++described_;
          if (state_ == "Creating") call.wait_for("model");
          if (state_ == "Fetching") call.poll({.topic = "model", .time_max = awaited_max_});
          auto out = call.output<api::DescribeModelOutput>();
          out.ModelName(in.ModelName()).ModelArn(state_.load());
          return Result<api::DescribeModelOutput>(out);
        })
        .add<op::CreateModel>([this](Call& call,
                                     api::CreateModelInput in) -> Result<api::CreateModelOutput> {
          if (in.ModelName() == "taker") return take_letter(call);
          call.tx().run("INSERT INTO made VALUES(?1)", in.ModelName());
          if (in.ModelName() == "refused") return refuse("ValidationException", "no");
          return call.output<api::CreateModelOutput>().ModelArn(call.arn("sagemaker", "model/x"));
        })
        .add<op::DeleteModel>(
            [](Call&, api::DeleteModelInput) -> Result<> { throw std::runtime_error("bug"); });
  }
  ~FrontTest() override {
    changes_.close();
    workers_.stop();
    store_.reset();
  }

  // As a receive of messages has it: the change takes one, or waits for one.
  Result<api::CreateModelOutput> take_letter(Call& call) {
    ++looks_;
    const bool is_there = letters_ > 0;
    if (is_there) --letters_;
    if (!is_there) call.poll({.topic = "letters", .time_max = awaited_max_});
    return call.output<api::CreateModelOutput>().ModelArn(is_there ? "taken" : "nothing");
  }
  void send_letter() {
    ++letters_;
    changes_.notify("letters");
  }
  void await_waiting(std::size_t waiting) {
    while (changes_.waiting() != waiting) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  void make_front(AuthMode auth) {
    context_ = std::make_unique<ServiceContext>(context_of(auth));
    aws_ = std::make_unique<AwsRequestHandler>(*context_, loop_);
  }

  net::Response send(std::string_view method, std::string_view target,
                     const std::vector<net::Header>& headers, std::string_view body = "") {
    std::promise<net::Response> answered;
    auto answer = answered.get_future();
    aws_->on_request(net::Request::make(method, target, headers, body),
                     net::Responder::to([&answered](net::Response&& response) {
                       answered.set_value(std::move(response));
                     }));
    return answer.get();
  }

  net::Response ask(std::string_view operation, std::string_view body, AuthMode auth,
                    std::string_view user_agent = "test", bool sign = false) {
    make_front(auth);
    const std::string target = "SageMaker." + std::string(operation);
    std::vector<net::Header> headers = {{"Host", "127.0.0.1"},
                                        {"X-Amz-Target", target},
                                        {"User-Agent", user_agent},
                                        {"Content-Type", "application/x-amz-json-1.1"}};
    const auto added = sign ? signature(headers, body) : Signature();
    for (const auto& [name, value] : added) headers.push_back({name, value});
    return send("POST", "/", headers, body);
  }

  using Signature = std::vector<std::pair<std::string, std::string>>;

  // What becomes of a request of which only the head is there yet.
  net::BodyPlan plan_of(const Signature& signature, std::uint64_t body_bytes,
                        AuthMode auth = AuthMode::strict) {
    context_ = std::make_unique<ServiceContext>(context_of(auth));
    aws_ = std::make_unique<AwsRequestHandler>(*context_, loop_);
    return plan_again(signature, body_bytes, auth);
  }
  // The same for the handler that is there.
  net::BodyPlan plan_again(const Signature& signature, std::uint64_t body_bytes,
                           AuthMode auth = AuthMode::strict) {
    std::vector<net::Header> headers = {{"Host", "127.0.0.1"},
                                        {"X-Amz-Target", "SageMaker.CreateModel"}};
    if (auth == AuthMode::none) headers.push_back({"Content-Type", "application/x-amz-json-1.1"});
    for (const auto& [name, value] : signature) headers.push_back({name, value});
    const net::Request request = net::Request::make("POST", "/", headers);
    net::RequestHead head = request.head();
    head.content_length = body_bytes;
    head.peer = "10.1.2.3:4567";
    return aws_->on_head(head);
  }

  // The headers of a signature over those of plan_of() and what `announced` adds.
  Signature signed_head(std::string_view body, Signature announced = {}) {
    std::vector<net::Header> headers = {{"Host", "127.0.0.1"},
                                        {"X-Amz-Target", "SageMaker.CreateModel"}};
    for (const auto& [name, value] : announced) headers.push_back({name, value});
    Signature all = signature(headers, body);
    all.insert(all.end(), announced.begin(), announced.end());
    return all;
  }

  ServiceContext context_of(AuthMode auth) {
    return test_context(
        {registry_, router_, *store_, workers_, changes_, *keys_, {clock_, random_}}, auth);
  }

  Signature signature(const std::vector<net::Header>& headers, std::string_view body,
                      std::string_view method = "POST", std::string_view path = "/",
                      std::string_view scope = "sagemaker") {
    std::vector<wire::HeaderPair> pairs;
    for (const net::Header& header : headers) pairs.emplace_back(header.name, header.value);
    return wire::sign({.method = method, .path = path, .query = "", .headers = pairs, .body = body},
                      {keys_->root().access_key_id, keys_->root().secret}, {"us-east-1", scope},
                      clock_.now());
  }

  std::int64_t made() {
    return *store_->read([](store::Transaction& tx) -> Result<std::int64_t> {
      auto rows = tx.query("SELECT count(*) FROM made");
      rows.next();
      return rows.integer(0);
    });
  }

  std::atomic<int> letters_ = 0;
  std::atomic<int> looks_ = 0;
  SystemClock clock_;
  std::chrono::microseconds awaited_max_ = std::chrono::seconds(20);
  SystemRandom random_;
  TestFolder data_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<identity::KeyRing> keys_;
  engine::Changes changes_;
  WorkerPool workers_{2};
  Registry registry_;
  wire::OperationRouter router_{aws::schemas()};
  net::Loop loop_;
  std::unique_ptr<ServiceContext> context_;
  std::unique_ptr<AwsRequestHandler> aws_;
  std::atomic<int> described_ = 0;
  std::atomic<const char*> state_text_ = "InService";
  struct State {
    std::atomic<const char*>& text;
    bool operator==(std::string_view other) const { return text.load() == other; }
    std::string_view load() const { return text.load(); }
  } state_{state_text_};
};

constexpr std::string_view model = R"({"ModelName":"m"})";

TEST_F(FrontTest, an_unsigned_request_is_refused_in_the_words_of_its_protocol) {
  net::Response response = ask("DescribeModel", model, AuthMode::strict);
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.view().find("MissingAuthenticationToken"), std::string_view::npos);
}

TEST_F(FrontTest, a_signed_request_is_answered) {
  net::Response response = ask("DescribeModel", model, AuthMode::strict, "test", true);
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.view().find("InService"), std::string_view::npos);
}

constexpr std::uint64_t large = 1'000'000;

TEST_F(FrontTest, a_large_body_of_a_stranger_is_refused_at_its_head) {
  const net::BodyPlan plan = plan_of({}, large);
  const auto* const refusal = std::get_if<net::Refuse>(&plan);
  ASSERT_NE(refusal, nullptr);
  EXPECT_NE(refusal->response.body.view().find("MissingAuthenticationToken"),
            std::string_view::npos);
  EXPECT_EQ(refusal->read_on_bytes_max, strangers_read_on_bytes_max);
  EXPECT_TRUE(std::holds_alternative<net::Collect>(plan_of({}, strangers_body_bytes_max)));
}

TEST_F(FrontTest, a_large_body_for_no_operation_under_the_old_signature_is_refused_at_its_head) {
  make_front(AuthMode::strict);
  const net::Request request = net::Request::make(
      "POST", "/bucket/key", {{"Host", "127.0.0.1"}, {"Authorization", "AWS AKIANOBODY:c2lnbmVk"}});
  net::RequestHead head = request.head();
  head.content_length = large;
  EXPECT_TRUE(std::holds_alternative<net::Refuse>(aws_->on_head(head)));
}

TEST_F(FrontTest, a_body_whose_hash_is_announced_is_proven_by_its_head) {
  const std::string body(large, 'x');
  const std::string hash = sha256_hex(body);
  const net::BodyPlan plan = plan_of(signed_head(body, {{"x-amz-content-sha256", hash}}), large);
  const auto* const collected = std::get_if<net::Collect>(&plan);
  ASSERT_NE(collected, nullptr);
  EXPECT_EQ(collected->standing, Standing::proven);
  EXPECT_EQ(collected->owners, MemoryBudget::Owners{keys_->root().access_key_id});
  const std::string other = sha256_hex("another body");
  Signature forged = signed_head(body, {{"x-amz-content-sha256", hash}});
  forged.back().second = other;
  EXPECT_TRUE(std::holds_alternative<net::Refuse>(plan_of(forged, large)));
}

TEST_F(FrontTest, a_body_that_only_itself_can_prove_is_counted_for_key_and_network) {
  const net::BodyPlan plan = plan_of(signed_head(std::string(large, 'x')), large);
  const auto* const collected = std::get_if<net::Collect>(&plan);
  ASSERT_NE(collected, nullptr);
  EXPECT_EQ(collected->standing, Standing::claimed);
  EXPECT_EQ(collected->owners, (MemoryBudget::Owners{keys_->root().access_key_id, "10.1.2.0/24"}));
}

TEST_F(FrontTest, a_body_that_only_itself_can_prove_is_its_owners_where_he_signed_lately) {
  const std::string body(large, 'x');
  const std::string hash = sha256_hex(body);
  const Signature shown = signed_head(body, {{"x-amz-content-sha256", hash}});
  ASSERT_TRUE(std::holds_alternative<net::Collect>(plan_of(shown, large)));
  const net::BodyPlan plan = plan_again(signed_head(body), large);
  const auto* const collected = std::get_if<net::Collect>(&plan);
  ASSERT_NE(collected, nullptr);
  EXPECT_EQ(collected->standing, Standing::proven);
  EXPECT_EQ(collected->owners, MemoryBudget::Owners{keys_->root().access_key_id + " 10.1.2.3"});
}

TEST_F(FrontTest, a_large_body_under_an_unknown_key_or_an_old_date_is_refused_at_its_head) {
  Signature unknown = signed_head("");
  for (auto& [name, value] : unknown)
    if (const auto at = value.find(keys_->root().access_key_id); at != std::string::npos)
      value.replace(at, 4, "AKIX");
  EXPECT_TRUE(std::holds_alternative<net::Refuse>(plan_of(unknown, large)));
  Signature old = signed_head("");
  for (auto& [name, value] : old)
    if (name == "X-Amz-Date" || name == "x-amz-date") value = "20200101T000000Z";
  const net::BodyPlan plan = plan_of(old, large);
  const auto* const refusal = std::get_if<net::Refuse>(&plan);
  ASSERT_NE(refusal, nullptr);
  EXPECT_GT(refusal->read_on_bytes_max, strangers_read_on_bytes_max)
      << "a client whose clock is wrong must get the answer that says so";
}

TEST_F(FrontTest, without_signatures_a_body_is_counted_for_its_address) {
  const net::BodyPlan plan = plan_of({}, large, AuthMode::none);
  const auto* const collected = std::get_if<net::Collect>(&plan);
  ASSERT_NE(collected, nullptr);
  EXPECT_EQ(collected->owners, MemoryBudget::Owners{"10.1.2.3"});
}

TEST_F(FrontTest, a_change_that_is_refused_leaves_nothing) {
  EXPECT_EQ(ask("CreateModel", R"({"ModelName":"refused"})", AuthMode::none).status, 400);
  EXPECT_EQ(made(), 0);
  EXPECT_EQ(ask("CreateModel", model, AuthMode::none).status, 200);
  EXPECT_EQ(made(), 1);
}

TEST_F(FrontTest, a_broken_constraint_is_refused_before_the_handler_runs) {
  net::Response response = ask("CreateModel", R"({"ModelName":"-"})", AuthMode::none);
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.view().find("1 validation error detected"), std::string_view::npos);
  EXPECT_EQ(made(), 0);
}

TEST_F(FrontTest, a_handler_that_throws_is_a_500_and_the_server_goes_on) {
  EXPECT_EQ(ask("DeleteModel", model, AuthMode::none).status, 500);
  EXPECT_EQ(ask("DescribeModel", model, AuthMode::none).status, 200);
}

TEST_F(FrontTest, an_operation_that_is_not_built_says_so_by_name) {
  net::Response response = ask("CreateTrainingJob", "{}", AuthMode::none);
  EXPECT_NE(response.body.view().find("CreateTrainingJob"), std::string_view::npos);
  EXPECT_EQ(ask("NoSuchThing", "{}", AuthMode::none).status, 400);
}

TEST_F(FrontTest, without_signatures_a_strangers_page_is_refused_in_the_words_of_its_protocol) {
  make_front(AuthMode::none);
  const net::Header target{"X-Amz-Target", "SageMaker.DescribeModel"};
  const net::Header json{"Content-Type", "application/x-amz-json-1.1"};
  const net::Header form{"Content-Type", "application/x-www-form-urlencoded"};
  const std::vector<std::vector<net::Header>> foreign = {
      {{"Host", "rebound.example"}, target, json},
      {{"Host", "localhost"}, {"Origin", "https://evil.example"}, target, json},
      {{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}, target, json},
      {{"Host", "localhost"}, target, form}};
  for (const auto& headers : foreign) {
    const net::Response response = send("POST", "/", headers, model);
    EXPECT_EQ(response.status, 403);
    EXPECT_NE(response.body.view().find("AccessDeniedException"), std::string_view::npos);
  }
  EXPECT_EQ(described_, 0);
  const net::Response named = send("POST", "/", foreign[0], model);
  EXPECT_NE(named.body.view().find("--allow-host rebound.example"), std::string_view::npos);
  const net::Response query = send("GET", "/?Action=GetCallerIdentity&Version=2011-06-15",
                                   {{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}});
  EXPECT_EQ(query.status, 403);
  EXPECT_NE(query.body.view().find("<Code>AccessDenied</Code>"), std::string_view::npos);
  const net::Response s3 = send("GET", "/bucket/key", {{"Host", "rebound.example"}});
  EXPECT_EQ(s3.status, 403);
  EXPECT_NE(s3.body.view().find("<Code>AccessDenied</Code>"), std::string_view::npos);
  EXPECT_EQ(send("POST", "/", {{"Host", "localhost"}, target, json}, model).status, 200);
}

TEST_F(FrontTest, a_signature_is_proof_enough_whoevers_page_sends_it) {
  make_front(AuthMode::strict);
  std::vector<net::Header> headers = {{"Host", "a-name-that-nobody-told.example"},
                                      {"Origin", "https://elsewhere.example"},
                                      {"Sec-Fetch-Site", "cross-site"},
                                      {"X-Amz-Target", "SageMaker.DescribeModel"},
                                      {"Content-Type", "application/x-amz-json-1.1"}};
  const auto added = signature(headers, model);
  for (const auto& [name, value] : added) headers.push_back({name, value});
  EXPECT_EQ(send("POST", "/", headers, model).status, 200);
}

TEST_F(FrontTest, an_operation_that_takes_no_signature_takes_no_strangers_page_either) {
  make_front(AuthMode::strict);
  constexpr std::string_view link =
      "/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn=arn:aws:sns:r:0:t:id";
  EXPECT_EQ(send("GET", link, {{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}}).status,
            403);
  EXPECT_EQ(send("GET", link, {{"Host", "localhost"}, {"Sec-Fetch-Site", "none"}}).status, 501);
}

TEST_F(FrontTest, a_waiter_is_answered_when_the_state_changes_and_others_at_once) {
  state_text_ = "Creating";
  net::Response at_once = ask("DescribeModel", model, AuthMode::none);
  EXPECT_NE(at_once.body.view().find("Creating"), std::string_view::npos);
  std::jthread later([this] {
    while (changes_.waiting() == 0) std::this_thread::yield();
    state_text_ = "InService";
    changes_.notify("model");
  });
  net::Response held = ask("DescribeModel", model, AuthMode::none, "Boto3/1 m/B");
  EXPECT_NE(held.body.view().find("InService"), std::string_view::npos);
}

TEST_F(FrontTest, a_waiter_is_answered_once_and_at_once_while_the_server_ends) {
  state_text_ = "Creating";
  changes_.close();
  net::Response answer = ask("DescribeModel", model, AuthMode::none, "Boto3/1 m/B");
  EXPECT_NE(answer.body.view().find("Creating"), std::string_view::npos);
  EXPECT_LE(described_, 2);
}

TEST_F(FrontTest, what_a_look_waits_for_is_waited_for_whoever_asks) {
  state_text_ = "Fetching";
  std::jthread later([this] {
    while (changes_.waiting() == 0) std::this_thread::yield();
    state_text_ = "Fetched";
    changes_.notify("model");
  });
  net::Response answer = ask("DescribeModel", model, AuthMode::none);
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.view().find("Fetched"), std::string_view::npos);
}

// A client that waits, and may go before it is answered.
class WaitingClient final : public net::HttpExchange {
 public:
  void send(std::uint64_t, net::Response&& response) override {
    if (!gone_) answered.set_value(std::string(response.body.view()));
  }
  void send_view(std::uint64_t, const net::ResponseView&) override {}
  void start(std::uint64_t, int, net::Fields&&) override {}
  std::size_t write(std::uint64_t, std::string_view) override { return 0; }
  void finish(std::uint64_t) override {}
  void abort(std::uint64_t) override {}
  void on_drained(std::uint64_t, Task) override {}
  void on_closed(std::uint64_t, Task task) override { closed_ = std::move(task); }
  void set_paused(std::uint64_t, bool) override {}
  void leave() {
    gone_ = true;
    closed_();
  }

  std::promise<std::string> answered;

 private:
  Task closed_;
  std::atomic<bool> gone_ = false;
};

class TakersTest : public FrontTest {
 protected:
  // One after the other: so they stand in the line.
  void stand(std::size_t takers) {
    make_front(AuthMode::none);
    while (takers_.size() < takers) {
      takers_.push_back(std::make_shared<WaitingClient>());
      aws_->on_request(net::Request::make("POST", "/",
                                          {{"Host", "127.0.0.1"},
                                           {"X-Amz-Target", "SageMaker.CreateModel"},
                                           {"Content-Type", "application/x-amz-json-1.1"}},
                                          R"({"ModelName":"taker"})"),
                       net::Responder(std::shared_ptr<net::HttpExchange>(takers_.back()), 0));
      await_waiting(takers_.size());
    }
    looks_ = 0;
  }
  std::string answer_of(std::size_t taker) { return takers_[taker]->answered.get_future().get(); }

  std::vector<std::shared_ptr<WaitingClient>> takers_;
};

TEST_F(TakersTest, what_comes_for_one_of_many_who_wait_is_looked_for_by_two_of_them) {
  stand(50);
  send_letter();
  EXPECT_NE(answer_of(0).find("taken"), std::string::npos);
  while (looks_ < 2) std::this_thread::yield();
  await_waiting(49);
  EXPECT_EQ(looks_, 2) << "who took it, and who came next and found nothing";
  for (int i = 0; i < 3; ++i) send_letter();
  // Three are answered: those who were told, or who came next and were quicker.
  while (letters_ > 0) std::this_thread::yield();
  await_waiting(46);
  EXPECT_LE(looks_, 8);
}

TEST_F(TakersTest, the_turn_of_a_client_that_has_gone_goes_to_the_next) {
  stand(4);
  takers_[0]->leave();
  takers_[1]->leave();
  send_letter();
  EXPECT_NE(answer_of(2).find("taken"), std::string::npos);
  while (looks_ < 2) std::this_thread::yield();
  await_waiting(1);
  EXPECT_EQ(letters_, 0);
}

// Whoever finds no place among those who wait is told at once, and does not look again and again.
TEST_F(FrontTest, who_waits_beyond_the_limit_is_answered_at_once) {
  state_text_ = "Fetching";
  for (std::size_t i = 0; i < engine::waiters_max; ++i)
    changes_.wait(
        "other", changes_.sequence(), Instant::max(), [](engine::WaitOutcome) {},
        TaskOwner(1 + i % 2));
  EXPECT_EQ(ask("DescribeModel", model, AuthMode::none).status, 503);
  EXPECT_EQ(described_, 1);
}

TEST_F(FrontTest, what_does_not_come_in_time_is_no_answer) {
  state_text_ = "Fetching";
  awaited_max_ = std::chrono::microseconds(0);
  EXPECT_EQ(ask("DescribeModel", model, AuthMode::none).status, 503);
  awaited_max_ = std::chrono::hours(1);
  changes_.close();
  EXPECT_EQ(ask("DescribeModel", model, AuthMode::none).status, 503);
}

}  // namespace
}  // namespace slipway::service
