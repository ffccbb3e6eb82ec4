// New heads over sockets that fail: each way is told in one line, and heads go on.
#include "host/live/head_watch.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <sstream>

#include "host/log/log.hpp"
#include "support/rpc_server.hpp"
#include "support/temporary_folder.hpp"
#include "support/ws_server.hpp"

using namespace gantry::host;
using namespace std::chrono_literals;
using gantry::test::RpcChain;
using gantry::test::RpcServer;
using gantry::test::SelfSigned;
using gantry::test::TemporaryFolder;
using gantry::test::write_self_signed_certificate;
using gantry::test::WsFault;
using gantry::test::WsServer;

namespace {

constexpr auto patience = 20s;  // for a machine that is busy; nothing waits for it to pass

bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < end) {
    if (holds()) return true;
    std::this_thread::sleep_for(2ms);
  }
  return holds();
}

// What the host logs while it lives.
class Log {
 public:
  Log() : before_(spdlog::default_logger()) {
    set_up_log(LogSettings{}, true, false, std::make_shared<spdlog::sinks::ostream_sink_mt>(out_));
    spdlog::set_level(spdlog::level::info);
  }
  ~Log() { spdlog::set_default_logger(before_); }
  std::vector<std::string> lines() const {
    spdlog::default_logger()->flush();
    std::istringstream in(out_.str());
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  std::size_t count(const std::string& part) const {
    const auto all = lines();
    return static_cast<std::size_t>(std::ranges::count_if(
        all, [&](const std::string& line) { return line.find(part) != line.npos; }));
  }
  bool has(const std::string& part) const { return count(part) != 0; }

 private:
  // Written by one thread while another reads it: the sink's lock is not ours.
  class Text final : public std::stringbuf {
   public:
    std::string text() const {
      const std::lock_guard lock(mutex_);
      return text_;
    }

   private:
    std::streamsize xsputn(const char* bytes, std::streamsize count) override {
      const std::lock_guard lock(mutex_);
      text_.append(bytes, static_cast<std::size_t>(count));
      return count;
    }
    int overflow(int c) override {
      const char byte = static_cast<char>(c);
      xsputn(&byte, 1);
      return c;
    }
    mutable std::mutex mutex_;
    std::string text_;
  };
  class Out final : public std::ostream {
   public:
    Out() : std::ostream(&text_) {}
    std::string str() const { return text_.text(); }

   private:
    Text text_;
  };

  std::shared_ptr<spdlog::logger> before_;
  mutable Out out_;
};

// A chain with an HTTP provider, "first" and "second", which have sockets, and who listens.
class Scene {
 public:
  explicit Scene(const std::string& certificate = {}) : first(chain, certificate) {
    hide_from_logs({std::string(WsServer::key)});
    settings.id = "eip155:1";
    settings.name = "test";
    add("http", http_server.url(), 3);
    add("first", first.url(), 1);
    options.socket.message_bytes_max = 1U << 20U;
    options.behind_max = 300ms;
  }
  void with_second() { add("second", second.url(), 2); }
  void start() {
    http = make_curl_http_pool().value();
    providers =
        Providers::make(settings, {*http, clock, [](std::string_view) { return std::nullopt; }})
            .value();
    REQUIRE(providers->poll_head(patience));
    watch = std::make_unique<HeadWatch>(settings, *providers, [this](bool) { ++changes; }, options);
  }
  ~Scene() {
    watch.reset();
    if (providers) providers->stop();
  }
  // The next block is told of, by that provider.
  bool hears_from(const std::string& provider) {
    return eventually([&] {
      chain.advance();
      const std::uint64_t wanted = chain.head();
      for (int i = 0; i < 50; ++i) {
        const auto head = providers->head();
        if (head && head->number >= wanted && head->provider == provider) return true;
        std::this_thread::sleep_for(1ms);
      }
      return false;
    });
  }
  void add(const char* name, const std::string& url, std::int64_t priority) {
    RpcProviderSettings one;
    one.name = name;
    one.url = TemplatedUrl::parse(url).value();
    one.priority = priority;
    settings.providers.push_back(std::move(one));
  }

  RpcChain chain{1};
  RpcServer http_server{chain};
  WsServer first;
  WsServer second{chain};
  ChainSettings settings;
  SteadyClock clock;
  HeadWatchOptions options;
  std::atomic<int> changes{0};
  std::unique_ptr<HttpPool> http;
  std::unique_ptr<Providers> providers;
  std::unique_ptr<HeadWatch> watch;
};

struct Way {
  WsFault fault;
  const char* says;
  bool with_heads = false;  // it shows with the first head
};
constexpr Way ways[] = {
    {WsFault::http_401,
     "it refuses the key: is the one in the url valid, and paid for? (HTTP status 401)"},
    {WsFault::http_403,
     "it refuses the key: is the one in the url valid, and paid for? (HTTP status 403)"},
    {WsFault::http_404, "is the path of the url right? (HTTP status 404)"},
    {WsFault::http_429, "it wants fewer connections (HTTP status 429); it is tried again in 2 s"},
    {WsFault::http_503, "its server fails (HTTP status 503)"},
    {WsFault::http_302,
     "it redirects, which is not followed: write where to as the url (HTTP status 302)"},
    {WsFault::http_200,
     "it does not speak WebSocket there: is the url one for WebSockets? (HTTP status 200)"},
    {WsFault::no_http, "what answers speaks no HTTP: is the port of the url right?"},
    {WsFault::hangs_up, "it hung up in the handshake: is the url one for WebSockets?"},
    {WsFault::hangs, "no answer within 400 ms"},
    {WsFault::wrong_accept, "what answers speaks no WebSocket: is the url one for WebSockets?"},
    {WsFault::refuses,
     "it refuses the subscription: 'no eth_subscribe?for [secret]' (-32601). Use a url that takes "
     "eth_subscribe"},
    {WsFault::other_chain, "it is of chain 56, not of eip155:1: correct the url"},
    {WsFault::wrong_ids, "it answers what was not asked: its ids are not this host's"},
    {WsFault::no_answer, "it does not answer the subscription"},
    {WsFault::forgets, "it tells of no new block, though the chain is at block ", true},
    {WsFault::other_news, "it tells of a subscription that is not this host's", true},
    {WsFault::no_head, "a provider's block has no number, time, hash or parent", true},
    {WsFault::garbage, "it sends what is no JSON-RPC: is the url a node's?", true},
    {WsFault::binary, "it sends binary messages: is it a node's url?", true},
    {WsFault::bad_text, "it sends text that is no UTF-8", true},
    {WsFault::bad_frame, "what it sends is no WebSocket frame", true},
    {WsFault::huge, "a message is longer than 1048576 bytes", true},
    {WsFault::half, "the connection was reset", true},
    {WsFault::ends, "the connection ended without a word", true},
    {WsFault::closes_policy,
     "it closed the connection (1008, against its policy: does the key's plan allow this?, 'over "
     "quota?of [secret]')",
     true},
    {WsFault::closes_restart, "it closed the connection (1012, it restarts)", true},
};

// No line has the key, or the path that it stands in.
void check_lines(const Log& log) {
  for (const std::string& line : log.lines()) {
    CAPTURE(line);
    CHECK(line.find("s3cret") == std::string::npos);
    CHECK(line.find("/v2") == std::string::npos);
    CHECK(line.find("elsewhere") == std::string::npos);
  }
}

}  // namespace

TEST_CASE("each way in which a socket fails gives one line, and heads go on over the next") {
  const Way way = GENERATE(from_range(std::begin(ways), std::end(ways)));
  CAPTURE(way.says);
  Log log;
  Scene scene;
  scene.with_second();
  if (way.fault == WsFault::hangs || way.fault == WsFault::no_answer) {
    scene.options.socket.deadline = 400ms;
  }
  scene.first.fail(way.fault);
  scene.start();
  if (way.with_heads) {
    // Blocks come, whoever tells of them.
    REQUIRE(eventually([&] {
      scene.chain.advance();
      scene.providers->poll_head(patience);
      return log.has(way.says);
    }));
  }
  CHECK(scene.hears_from("second"));
  const std::string line = "eip155:1: no new heads from first: " + scene.first.origin() + ": ";
  REQUIRE(eventually([&] { return log.has(line); }));
  CHECK(log.count(way.says) == 1);
  CHECK(log.count(line) == 1);
  CHECK(log.count("new heads come from second") == 1);

  // When it can be had again it is used again.
  scene.first.fail(WsFault::none);
  CHECK(scene.hears_from("first"));
  CHECK(eventually([&] { return log.count("new heads come from first") == 1; }));
  CHECK(log.count("no new heads from") == 1);
  check_lines(log);
}

TEST_CASE("a server that is not there is told of once, and found when it comes back") {
  Log log;
  Scene scene;
  scene.first.die();
  scene.start();
  REQUIRE(eventually([&] {
    return log.has(scene.first.origin() +
                   ": the connection was refused: is the url right?; it is "
                   "tried again in 0.25 s, and they are asked for meanwhile");
  }));
  CHECK_FALSE(scene.watch->connected());
  // Long enough for a second attempt.
  std::this_thread::sleep_for(400ms);
  CHECK(log.count("the connection was refused") == 1);
  scene.first.come_back();
  CHECK(scene.hears_from("first"));
  CHECK(scene.watch->connected());
  check_lines(log);
}

TEST_CASE("what a server asks for with Retry-After is kept to") {
  Log log;
  Scene scene;
  scene.first.fail(WsFault::http_429);
  scene.start();
  REQUIRE(eventually([&] { return log.has("HTTP status 429"); }));
  const auto told = std::chrono::steady_clock::now();
  scene.first.fail(WsFault::none);
  REQUIRE(eventually([&] { return scene.watch->connected(); }));
  CHECK(std::chrono::steady_clock::now() - told > 1500ms);
  CHECK(scene.first.connections() == 2);
}

TEST_CASE("heads come over TLS from a server that is vouched for, and from no other") {
  TemporaryFolder folder;
  const std::string good = (folder / "good.pem").string();
  const std::string other = (folder / "other.pem").string();
  write_self_signed_certificate(good);
  struct Case {
    SelfSigned served;
    const char* says;
  };
  SECTION("vouched for") {
    Log log;
    Scene scene(good);
    scene.options.socket.certificates = good;
    scene.start();
    CHECK(scene.hears_from("first"));
    CHECK(scene.first.origin().starts_with("wss://"));
    scene.first.fail(WsFault::half);
    REQUIRE(eventually([&] {
      scene.chain.advance();
      return log.has(scene.first.origin() + ": the connection was reset");
    }));
    scene.first.fail(WsFault::none);
    CHECK(scene.hears_from("first"));
    check_lines(log);
  }
  const Case one = GENERATE(Case{{}, "its certificate is self-signed"},
                            Case{{"IP:127.0.0.2"}, "its certificate is of another host"},
                            Case{{"DNS:localhost"}, "its certificate is of another host"},
                            Case{{"IP:127.0.0.1", -60}, "its certificate is not of this date"});
  SECTION(one.says) {
    write_self_signed_certificate(other, one.served);
    Log log;
    Scene scene(other);
    scene.with_second();
    const bool known =
        one.served.name != std::string(SelfSigned{}.name) || one.served.valid_for_s < 0;
    scene.options.socket.certificates = known ? other : good;
    scene.start();
    CHECK(scene.hears_from("second"));
    CHECK(log.count(scene.first.origin() + ": " + one.says) == 1);
    check_lines(log);
  }
}

TEST_CASE("a server without TLS is no server of wss, and one with it none of ws") {
  TemporaryFolder folder;
  const std::string certificate = (folder / "server.pem").string();
  write_self_signed_certificate(certificate);
  Log log;
  Scene scene(certificate);
  WsServer plain(scene.chain);
  scene.settings.providers.pop_back();
  const auto other_scheme = [](const WsServer& server) {
    const std::string url = server.url();
    return url.starts_with("wss") ? "ws" + url.substr(3) : "wss" + url.substr(2);
  };
  scene.add("plain", other_scheme(plain), 1);
  scene.add("tls", other_scheme(scene.first), 2);
  scene.with_second();
  scene.start();
  CHECK(scene.hears_from("second"));
  CHECK(log.count("from plain: wss" + plain.origin().substr(2) +
                  ": the TLS handshake failed: is it a server of wss?") == 1);
  CHECK(
      log.count("from tls: ws" + scene.first.origin().substr(3) + ": it hung up in the handshake") +
          log.count("from tls: ws" + scene.first.origin().substr(3) +
                    ": what answers speaks no HTTP: is the port of the url right?") +
          log.count("from tls: ws" + scene.first.origin().substr(3) +
                    ": the connection was reset") ==
      1);
  check_lines(log);
}

TEST_CASE("a chain that stands still is no fault of the socket's") {
  Log log;
  Scene scene;
  scene.start();
  REQUIRE(eventually([&] { return scene.watch->connected(); }));
  std::this_thread::sleep_for(5 * scene.options.behind_max);
  CHECK(scene.watch->connected());
  CHECK_FALSE(log.has("new heads"));
  CHECK(scene.first.connections() == 1);
}

TEST_CASE("who listens ends soon, whatever the server does") {
  const WsFault fault = GENERATE(WsFault::hangs, WsFault::no_answer, WsFault::none);
  Log log;
  Scene scene;
  scene.first.fail(fault);
  scene.start();
  REQUIRE(eventually([&] { return scene.first.connections() != 0; }));
  std::this_thread::sleep_for(50ms);
  const auto begun = std::chrono::steady_clock::now();
  scene.watch.reset();
  CHECK(std::chrono::steady_clock::now() - begun < 2s);
}
