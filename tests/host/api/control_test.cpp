#include "host/api/control.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "support/temporary_folder.hpp"

using namespace gantry::host;
using gantry::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

ControlHandlers handlers(std::atomic<int>* stops = nullptr) {
  return {[] { return std::string(R"({"block":7})"); },
          [stops] {
            if (stops != nullptr) ++*stops;
            return std::string(R"({"stopping":true})");
          }};
}

mode_t mode_of(const fs::path& path) {
  struct stat facts{};
  REQUIRE(::lstat(path.c_str(), &facts) == 0);
  return facts.st_mode & 0777U;
}

// A client that does as it likes.
class RawClient {
 public:
  explicit RawClient(const fs::path& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    std::copy(text.begin(), text.end(), address.sun_path);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  RawClient(RawClient&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  ~RawClient() {
    if (socket_ >= 0) ::close(socket_);
  }
  void send(const std::string& bytes) const {
    (void)::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  // All until the server closes.
  std::string receive() const {
    std::string out;
    char buffer[512];
    for (ssize_t n = 0; (n = ::recv(socket_, buffer, sizeof(buffer), 0)) > 0;) {
      out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
  }

 private:
  int socket_;
};

}  // namespace

TEST_CASE("only its user may open the control socket") {
  const TemporaryFolder folder;
  const fs::path socket = folder / "private/gantry.sock";
  const mode_t before = ::umask(0);  // the most permissive surroundings
  const auto server = ControlServer::start(socket, handlers());
  ::umask(before);
  REQUIRE(server);
  CHECK(mode_of(socket) == 0600);
  CHECK(mode_of(socket.parent_path()) == 0700);
  CHECK(mode_of(socket.string() + ".lock") == 0600);
}

TEST_CASE("a folder that others may write to is refused") {
  const TemporaryFolder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
  const auto server = ControlServer::start(folder / "gantry.sock", handlers());
  REQUIRE_FALSE(server);
  CHECK(server.error().kind == ErrorKind::io);
  CHECK(server.error().message.find("no one else may write") != std::string::npos);
}

TEST_CASE("a folder that is another user's link or a file in the way is refused") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "real");
  fs::create_directory_symlink(folder / "real", folder / "link");
  CHECK_FALSE(ControlServer::start(folder / "link/gantry.sock", handlers()));
  std::ofstream(folder / "file.sock") << "precious";
  const auto server = ControlServer::start(folder / "file.sock", handlers());
  REQUIRE_FALSE(server);
  CHECK(fs::file_size(folder / "file.sock") == 8);
}

TEST_CASE("status is answered and stop reaches the host") {
  const TemporaryFolder folder;
  std::atomic<int> stops = 0;
  const auto server = ControlServer::start(folder / "gantry.sock", handlers(&stops));
  REQUIRE(server);
  CHECK(ask_host(folder / "gantry.sock", "status") == std::string(R"({"block":7})"));
  CHECK(stops == 0);
  CHECK(ask_host(folder / "gantry.sock", "stop") == std::string(R"({"stopping":true})"));
  CHECK(stops == 1);
}

TEST_CASE("when nothing runs the client says so and how to start it") {
  const TemporaryFolder folder;
  const auto answer = ask_host(folder / "gantry.sock", "status");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().kind == ErrorKind::not_found);
  CHECK(answer.error().message.find("gantry run") != std::string::npos);
}

TEST_CASE("a second host does not take the socket of the first, and a leftover is replaced") {
  const TemporaryFolder folder;
  const fs::path socket = folder / "gantry.sock";
  {
    const auto first = ControlServer::start(socket, handlers());
    REQUIRE(first);
    const auto second = ControlServer::start(socket, handlers());
    REQUIRE_FALSE(second);
    CHECK(second.error().kind == ErrorKind::limit);
    CHECK(ask_host(socket, "status"));
  }
  CHECK_FALSE(fs::exists(socket));
  {  // as a killed host leaves it
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = socket.string();
    std::copy(text.begin(), text.end(), address.sun_path);
    REQUIRE(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    ::close(dead);
  }
  CHECK(ask_host(socket, "status").error().kind == ErrorKind::not_found);
  const auto third = ControlServer::start(socket, handlers());
  REQUIRE(third);
  CHECK(ask_host(socket, "status"));
}

TEST_CASE("garbage, oversized and vanishing clients cost themselves alone") {
  const TemporaryFolder folder;
  const fs::path socket = folder / "gantry.sock";
  std::atomic<int> stops = 0;
  const auto server = ControlServer::start(socket, handlers(&stops));
  REQUIRE(server);
  {
    const RawClient garbage(socket);
    garbage.send(std::string("\0\xFF\x1b[2J stop\n", 12));
    CHECK(garbage.receive().find("unknown request") != std::string::npos);
  }
  {
    const RawClient oversized(socket);
    oversized.send(std::string(100000, 'x'));
    const std::string answer = oversized.receive();
    CHECK((answer.empty() || answer.find("too long") != std::string::npos));
  }
  for (int i = 0; i < 100; ++i) {
    const RawClient vanishing(socket);
    vanishing.send("sta");
  }
  CHECK(stops == 0);
  CHECK(ask_host(socket, "status"));
}

TEST_CASE("clients that never finish are closed, and others are served after them") {
  const TemporaryFolder folder;
  const fs::path socket = folder / "gantry.sock";
  const auto server = ControlServer::start(socket, handlers(), {.client_timeout_ms = 50});
  REQUIRE(server);
  std::vector<RawClient> slow;
  for (std::size_t i = 0; i < control_clients_max + 4; ++i) {
    slow.emplace_back(socket).send("s");
  }
  CHECK(ask_host(socket, "status", 60000));
  for (const RawClient& client : slow) CHECK(client.receive().empty());
}

TEST_CASE("a path that is too long for a socket is an error, not a truncated name") {
  const TemporaryFolder folder;
  const auto server =
      ControlServer::start(folder.path() / std::string(120, 'x') / "gantry.sock", handlers());
  REQUIRE_FALSE(server);
  CHECK(server.error().message.find("bytes") != std::string::npos);
}

TEST_CASE(
    "the socket is the configured one, or in the user's runtime folder, or below the temporary") {
  const Environment none = [](std::string_view) { return std::nullopt; };
  const Environment runtime = [](std::string_view name) -> std::optional<std::string> {
    if (name == "XDG_RUNTIME_DIR") return "/run/user/1000";
    return std::nullopt;
  };
  CHECK(control_socket({.socket = "/somewhere/g.sock"}, runtime) == "/somewhere/g.sock");
  CHECK(control_socket({}, runtime) == "/run/user/1000/gantry.sock");
  CHECK(control_socket({}, none).filename() == "gantry.sock");
}
