// A resolver of names that hangs, as the system's does when its servers do not answer: nobody who
// waits for it is held up beyond the deadline, nor when it is destroyed.
#include <dlfcn.h>
#include <netdb.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "host/ports/websocket.hpp"

using namespace gantry::host;
using namespace std::chrono_literals;

namespace {

std::atomic<bool> resolver_hangs{false};
std::atomic<int> lookups{0};         // that are on their way
constexpr auto hangs_at_most = 30s;  // so that a test that is held up fails, and ends
constexpr std::string_view lost = "hangs.invalid";

}  // namespace

// In place of the system's, for the whole program: every other name is the system's to find.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  if (node == nullptr || node != lost) {
    using Real = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
    static const auto real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return real(node, service, hints, found);
  }
  ++lookups;
  const auto end = std::chrono::steady_clock::now() + hangs_at_most;
  while (resolver_hangs && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(1ms);
  }
  --lookups;
  return EAI_NONAME;
}

namespace {

// The resolver hangs while it lives; at its end nobody looks up any more.
class Hanging {
 public:
  Hanging() { resolver_hangs = true; }
  ~Hanging() {
    resolver_hangs = false;
    while (lookups != 0) std::this_thread::sleep_for(1ms);
  }
};

std::string refusal(const WebSocketOptions& options) {
  const auto url = TemplatedUrl::parse("ws://hangs.invalid:8546/v2/s3cret-key")
                       .value()
                       .resolve([](std::string_view) { return std::optional<std::string>(); });
  const auto made = connect_websocket(url.value(), options);
  REQUIRE_FALSE(made);
  CHECK(made.error().error.kind == ErrorKind::io);
  return made.error().error.message;
}

}  // namespace

TEST_CASE("a resolver that hangs holds a WebSocket up until its deadline, and no longer") {
  {
    const Hanging hanging;
    CHECK(refusal({.deadline = 50ms}) ==
          "ws://hangs.invalid:8546: its host was not found within 50 ms: does this machine's "
          "resolver (DNS) work?");
    // Whoever waited is gone, and it still hangs, or only begins to on a machine that is busy.
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (lookups == 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
    CHECK(lookups == 1);
  }
  // Once it answers, what it says counts again.
  CHECK(refusal({.deadline = 30s}) ==
        "ws://hangs.invalid:8546: its host has no address: is the url right?");
}

TEST_CASE("who waits for a resolver that hangs is stopped at once") {
  const Hanging hanging;
  std::stop_source stop;
  std::thread stopper([&] {
    while (lookups == 0) std::this_thread::sleep_for(1ms);
    stop.request_stop();
  });
  CHECK(refusal({.deadline = 30s, .stop = stop.get_token()}) ==
        "ws://hangs.invalid:8546: closed by this host");
  stopper.join();
  CHECK(lookups == 1);
}

TEST_CASE("a resolver that hangs for ever is asked by a few threads, and by no more") {
  const Hanging hanging;
  std::string last;
  for (int i = 0; i < 12; ++i) last = refusal({.deadline = 10ms});
  CHECK(last ==
        "ws://hangs.invalid:8546: its host is not looked up: 8 look-ups have no answer yet. Does "
        "this machine's resolver (DNS) work?");
  CHECK(lookups <= 8);
}
