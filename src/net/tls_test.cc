#include "net/tls.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "net/blocking_client.h"
#include "net/test_certificate.h"
#include "net/test_server.h"

namespace slipway::net {
namespace {

using ::testing::HasSubstr;

TEST(Tls, carries_requests_and_large_bodies_and_files) {
  const TestCertificate certificate;
  TestServer server({}, *TlsContext::server(certificate.cert(), certificate.key()));
  server.handler.answer = [](Request&& request, Responder&& responder) {
    EXPECT_TRUE(request.head().secure);
    const auto held = std::make_shared<Request>(std::move(request));
    responder.send({.body = Body::shared(held->body(), held)});
  };
  BlockingClient client(*Origin::parse("https://" + server.address().text()), {},
                        *TlsContext::client(certificate.cert()));
  const std::string body(5'000'000, 't');
  for (int i = 0; i < 3; ++i) {
    const auto response = client.send({.method = "PUT", .body = Body::borrowed(body)});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_TRUE(response->body == body);
  }
  const Fd file(::open(certificate.cert().c_str(), O_RDONLY | O_CLOEXEC));
  const auto size = std::filesystem::file_size(certificate.cert());
  const auto sent = client.send({.method = "PUT", .body = FileRange{*file.duplicate(), 0, size}});
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_THAT(sent->body, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_EQ(server.counters().connections, 1U);
}

TEST(Tls, a_certificate_that_nobody_trusts_is_refused_by_the_client) {
  const TestCertificate certificate;
  const TestCertificate other;
  TestServer server({}, *TlsContext::server(certificate.cert(), certificate.key()));
  BlockingClient client(*Origin::parse("https://" + server.address().text()), {},
                        *TlsContext::client(other.cert()));
  EXPECT_EQ(client.send({}).error().code, ErrorCode::permission_denied);
}

TEST(Tls, the_certificate_must_be_for_the_host_that_was_asked) {
  const TestCertificate certificate;
  TestServer server({}, *TlsContext::server(certificate.cert(), certificate.key()), "0.0.0.0");
  const auto status_of = [&](const std::string& host) {
    BlockingClient client(
        *Origin::parse("https://" + host + ":" + std::to_string(server.address().port)), {},
        *TlsContext::client(certificate.cert()));
    const auto response = client.send({});
    return response ? std::to_string(response->status)
                    : std::string(name_of(response.error().code));
  };
  EXPECT_EQ(status_of("localhost"), "200");
  EXPECT_EQ(status_of("127.0.0.1"), "200");
  EXPECT_EQ(status_of("127.0.0.2"), "permission_denied");
}

TEST(Tls, a_plain_request_to_a_tls_port_is_closed_and_the_server_goes_on) {
  const TestCertificate certificate;
  TestServer server({}, *TlsContext::server(certificate.cert(), certificate.key()));
  RawClient plain(server.address());
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  plain.read_all();
  EXPECT_TRUE(plain.closed_by_server());
  BlockingClient client(*Origin::parse("https://" + server.address().text()), {},
                        *TlsContext::client(certificate.cert()));
  EXPECT_TRUE(client.send({}).has_value());
}

TEST(Tls, a_handshake_that_does_not_come_to_its_end_is_closed) {
  const TestCertificate certificate;
  TestServer server({.head_time = std::chrono::milliseconds(50)},
                    *TlsContext::server(certificate.cert(), certificate.key()));
  RawClient slow(server.address());
  slow.send("\x16\x03\x01");
  EXPECT_EQ(slow.read_all(), "");
  EXPECT_TRUE(slow.closed_by_server());
}

TEST(Tls, unusable_files_are_named) {
  const TestCertificate certificate;
  const auto missing = TlsContext::server("/nowhere/cert.pem", certificate.key());
  EXPECT_THAT(missing.error().message, HasSubstr("/nowhere/cert.pem"));
  const auto swapped = TlsContext::server(certificate.key(), certificate.cert());
  EXPECT_EQ(swapped.error().code, ErrorCode::invalid_argument);
  const TestCertificate other;
  EXPECT_FALSE(TlsContext::server(certificate.cert(), other.key()).has_value());
}

}  // namespace
}  // namespace slipway::net
