// Sources of prices on loopback that answer in every way that sources do.
#include "host/live/price_watch.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "support/http_server.hpp"

using namespace gantry::host;
using gantry::test::HttpCall;
using gantry::test::HttpReply;
using gantry::test::HttpServer;
using namespace std::chrono_literals;

namespace {

gantry_address address(std::uint8_t last) {
  gantry_address out{GANTRY_ADDRESS_EVM, 20, {}, {}};
  out.bytes[19] = last;
  return out;
}

PriceSettings source(const std::string& name, const std::string& url) {
  PriceSettings out;
  out.name = name;
  out.token = address(1);
  out.quote = address(2);
  out.url = TemplatedUrl::parse(url).value();
  out.bid = "/data/0/bid";
  out.ask = "/data/0/ask";
  out.every_ms = 50;
  return out;
}

std::uint64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

const Environment nothing = [](std::string_view) -> std::optional<std::string> { return {}; };

struct Watched {
  explicit Watched(std::vector<PriceSettings> prices) {
    chain.id = "eip155:1";
    chain.name = "a test's";
    chain.prices = std::move(prices);
    http = std::move(make_curl_http_pool().value());
    watch = PriceWatch::make(chain, *http, nothing).value();
  }
  // What comes within some seconds; empty: nothing does.
  std::vector<OutsidePrice> next() {
    for (int i = 0; i < 1000; ++i) {
      auto found = watch->drain();
      if (!found.empty()) return found;
      std::this_thread::sleep_for(5ms);
    }
    return {};
  }

  ChainSettings chain;
  std::unique_ptr<HttpPool> http;
  std::shared_ptr<PriceWatch> watch;
};

}  // namespace

TEST_CASE("prices are asked for over and over, and have the time of the question") {
  std::atomic<int> asked{0};
  HttpServer server([&](const HttpCall&) -> HttpReply {
    const int n = ++asked;
    std::this_thread::sleep_for(10ms);
    return {200, R"({"data":[{"bid":")" + std::to_string(1000 + n) + R"(.5","ask":2000}]})"};
  });
  const std::uint64_t before = now_ms();
  Watched watched({source("first", server.url()), source("second", server.url())});
  double newest = 0;
  for (int i = 0; i < 3; ++i) {
    const auto found = watched.next();
    REQUIRE_FALSE(found.empty());
    for (const OutsidePrice& price : found) {
      CHECK(price.token.bytes[19] == 1);
      CHECK(price.quote.bytes[19] == 2);
      CHECK(price.bid >= 1001.5);
      CHECK(price.ask == 2000);
      CHECK(price.time_ms >= before);
      CHECK(price.time_ms <= now_ms() - 10);
      CHECK((price.source == "first" || price.source == "second"));
      newest = std::max(newest, price.bid);
    }
  }
  CHECK(newest > 1002);
  CHECK(watched.watch->counts().told >= 3);
  watched.watch->stop();
  watched.watch->drain();
  const int then = asked;
  std::this_thread::sleep_for(200ms);
  CHECK(asked == then);
  CHECK(watched.watch->drain().empty());
}

TEST_CASE("a source that fails tells nothing, and others go on") {
  const std::string good = R"({"data":[{"bid":1,"ask":2}]})";
  const auto reply =
      GENERATE_COPY(HttpReply{500, good}, HttpReply{200, "no JSON"}, HttpReply{200, "{}"},
                    HttpReply{200, R"({"data":[{"bid":3,"ask":2}]})"}, HttpReply{200, "", true},
                    HttpReply{200, "", false, true});
  HttpServer bad([&](const HttpCall&) { return reply; });
  HttpServer fine([&](const HttpCall&) { return HttpReply{200, good}; });
  Watched watched({source("bad", bad.url()), source("fine", fine.url())});
  for (int i = 0; i < 3; ++i) {
    const auto found = watched.next();
    REQUIRE(found.size() == 1);
    CHECK(found.front().source == "fine");
  }
  for (int i = 0; i < 1000 && watched.watch->counts().failed == 0; ++i) {
    std::this_thread::sleep_for(5ms);
  }
  CHECK(watched.watch->counts().failed > 0);
}

TEST_CASE("an answer is a price only where its bid and ask are numbers that can be") {
  const PriceSettings of = source("a", "https://a");
  const auto parse = [&](const std::string& bid, const std::string& ask) {
    return parse_price(of, R"({"data":[{"bid":)" + bid + R"(,"ask":)" + ask + "}]}");
  };
  CHECK(parse("1", "2"));
  CHECK(parse("\"1.25\"", "1.25"));
  CHECK(parse("1e3", "\"2e3\""));
  for (const char* bad : {"0", "-1", "null", "true", "[]", "\"\"", "\"1x\"", "\" 1\"", "\"nan\"",
                          "\"inf\"", "\"0x10\""}) {
    CAPTURE(bad);
    CHECK_FALSE(parse(bad, "1e308"));
  }
  CHECK_FALSE(parse("2", "1"));
  CHECK_FALSE(parse_price(of, "[]"));
  CHECK_FALSE(parse_price(of, ""));
}

TEST_CASE("a source whose url lacks a variable, or that others could speak for, is refused") {
  ChainSettings chain;
  chain.id = "eip155:1";
  const auto http = std::move(make_curl_http_pool().value());
  chain.prices = {source("a", "https://a/${NOT_SET}")};
  auto made = PriceWatch::make(chain, *http, nothing);
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == ErrorKind::configuration);
  CHECK(made.error().message.contains("price a"));
  chain.prices = {source("a", "http://prices.example")};
  made = PriceWatch::make(chain, *http, nothing);
  REQUIRE_FALSE(made);
  CHECK(made.error().message.contains("neither https nor on this machine"));
}
