#include "net/socket.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/test_folder.h"

namespace slipway::net {
namespace {

namespace fs = std::filesystem;

constexpr uid_t stranger = 54'321;

class UnixSocket : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return folder_ / name; }
  static Result<Fd> connect(const std::string& path) {
    return start_connect(Address::unix_socket(path));
  }

  const TestFolder folder_;
};

TEST_F(UnixSocket, connects_to_a_socket_and_not_through_a_link_to_it) {
  const auto listener = listen_unix(at("real"));
  ASSERT_TRUE(listener);
  EXPECT_TRUE(connect(at("real")));
  fs::create_symlink(at("real"), at("link"));
  const auto refused = connect(at("link"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied) << refused.error().message;
}

TEST_F(UnixSocket, reaches_a_folder_through_links) {
  fs::create_directory(at("folder"));
  fs::create_directory_symlink(at("folder"), at("way"));
  const auto listener = listen_unix(at("folder/real"));
  ASSERT_TRUE(listener);
  EXPECT_TRUE(connect(at("way/real")));
}

TEST_F(UnixSocket, is_unavailable_where_nobody_listens) {
  EXPECT_EQ(connect(at("nobody")).error().code, ErrorCode::unavailable);
  listen_unix(at("gone"))->reset();
  EXPECT_EQ(connect(at("gone")).error().code, ErrorCode::unavailable);
}

TEST_F(UnixSocket, in_a_strangers_folder_only_the_stranger_is_believed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has strangers";
  ASSERT_EQ(::chown(folder_.path().c_str(), stranger, stranger), 0);
  const auto ours = listen_unix(at("ours"), SocketMode::everyone);
  ASSERT_TRUE(ours);
  EXPECT_EQ(connect(at("ours")).error().code, ErrorCode::permission_denied);

  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool is_stranger = ::setgid(stranger) == 0 && ::setuid(stranger) == 0;
    const auto theirs = listen_unix(at("theirs"));
    const char state = is_stranger && theirs ? 'y' : 'n';
    if (::write(ready[1], &state, 1) == 1) ::pause();
    ::_exit(0);
  }
  char state = 'n';
  EXPECT_EQ(::read(ready[0], &state, 1), 1);
  EXPECT_EQ(state, 'y');
  EXPECT_TRUE(connect(at("theirs")));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(Peer, its_address_is_without_port_and_brackets) {
  EXPECT_EQ(address_of("127.0.0.1:52344"), "127.0.0.1");
  EXPECT_EQ(address_of("[::1]:52344"), "::1");
  EXPECT_EQ(address_of("unix"), "");
}

TEST(Peer, its_network_is_what_one_party_usually_has_all_of) {
  EXPECT_EQ(network_of("10.1.2.3"), "10.1.2.0/24");
  EXPECT_EQ(network_of("10.1.2.255"), network_of("::ffff:10.1.2.0"));
  EXPECT_NE(network_of("10.1.2.3"), network_of("10.1.3.3"));
  EXPECT_EQ(network_of("2001:db8:0:1:2:3:4:5"), "2001:db8:0:1::/64");
  EXPECT_EQ(network_of("2001:db8:0:1::"), "2001:db8:0:1::/64");
  EXPECT_NE(network_of("2001:db8:0:2::1"), "2001:db8:0:1::/64");
  EXPECT_EQ(network_of("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(network_of(""), "");
}

}  // namespace
}  // namespace slipway::net
