// Relays on loopback that answer in every way that relays do.
#include <fmt/format.h>

#include <atomic>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <list>
#include <thread>

#include "../sign/sign_fixture.hpp"
#include "host/log/log.hpp"
#include "host/sign/message.hpp"
#include "host/submit/submitter.hpp"
#include "support/http_server.hpp"

using namespace gantry;
using namespace gantry::host;
using gantry::host::test::bytes;
using gantry::host::test::signer_of;
using gantry::host::test::some_address;
using gantry::host::test::some_key;
using gantry::test::HttpCall;
using gantry::test::HttpReply;
using gantry::test::HttpServer;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view took = R"({"jsonrpc":"2.0","id":1,"result":{"bundleHash":"0x22"}})";

HttpReply says(std::string_view body, unsigned status = 200) { return {status, std::string(body)}; }

class Relays {
 public:
  // In the order in which they are added; `path` may have variables.
  HttpServer& add(const std::string& name, HttpServer::Handler handler,
                  const std::string& path = "") {
    servers_.emplace_back(std::move(handler));
    chain_.relays.push_back({name, TemplatedUrl::parse(servers_.back().url() + path).value()});
    return servers_.back();
  }
  HttpServer& add(const std::string& name, const HttpReply& reply) {
    return add(name, [reply](const HttpCall&) { return reply; });
  }
  void add_url(const std::string& name, const std::string& url) {
    chain_.relays.push_back({name, TemplatedUrl::parse(url).value()});
  }
  Result<RelaySubmitter> make(const Environment& environment = [](auto) { return std::nullopt; }) {
    return RelaySubmitter::make(*http_, chain_, environment, signer_of(some_key));
  }
  BundleReport submit(std::chrono::milliseconds wait = 5s) {
    auto submitter = make();
    REQUIRE(submitter);
    return submitter->submit(bundle, std::chrono::steady_clock::now() + wait);
  }

  Bundle bundle{{{0x02, 0x03}, {0xff}}, 12'000'001, std::nullopt, std::nullopt};

 private:
  std::list<HttpServer> servers_;
  ChainSettings chain_;
  std::unique_ptr<HttpPool> http_ = make_curl_http_pool().value();
};

// Who signed the header of a request, by what relays recover.
std::string signer_in(const HttpCall& call) {
  const std::string& header = call.headers.at("x-flashbots-signature");
  const auto colon = header.find(':');
  REQUIRE(colon != std::string::npos);
  const auto signature = sign::parse_signature(bytes(header.substr(colon + 1)));
  REQUIRE(signature);
  const std::string text = hex_text(keccak_of(call.body));
  const auto address = gantry::host::test::curve().recover(
      sign::message_hash({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}),
      *signature);
  REQUIRE(address);
  CHECK(header.substr(0, colon) == checksummed_address(*address));
  return hex_text(*address);
}

struct RelayRow {
  unsigned status;
  std::string_view body;
  SubmitVerdict verdict;
  std::string_view message;  // what it ends with, behind the relay's name
};

constexpr RelayRow relay_rows[] = {
    {200, took, SubmitVerdict::taken, ""},
    {200, R"({"jsonrpc":"2.0","id":1,"result":null})", SubmitVerdict::taken, ""},
    {200, R"({"jsonrpc":"2.0","id":1,"result":"nil"})", SubmitVerdict::taken, ""},
    {200, R"({"jsonrpc":"2.0","id":1,"result":false})", SubmitVerdict::refused,
     "answers with false"},
    {200, R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"bundle too\nlate"}})",
     SubmitVerdict::refused, "'bundle too?late' (-32000)"},
    {400, R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no block"}})",
     SubmitVerdict::refused, "'no block' (-32602)"},
    {403, R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"bad signature"}})",
     SubmitVerdict::refused, "'bad signature' (-32600)"},
    {500, R"({"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"internal"}})",
     SubmitVerdict::maybe, "'internal' (-32603)"},
    {429, "slow down", SubmitVerdict::refused, "HTTP 429: too many requests"},
    {401, "", SubmitVerdict::refused, "HTTP 401"},
    {302, "", SubmitVerdict::refused, "HTTP 302"},
    {408, "", SubmitVerdict::maybe, "HTTP 408"},
    {502, "<html>", SubmitVerdict::maybe, "HTTP 502"},
    {503, took, SubmitVerdict::maybe, "HTTP 503"},
    {200, "<html>", SubmitVerdict::maybe, "the answer is no JSON: syntax error"},
    {200, "", SubmitVerdict::maybe, "the answer is no JSON: incomplete JSON"},
    {200, R"({"jsonrpc":"2.0","id":2,"result":{"bundleHash":"0x22"}})", SubmitVerdict::maybe, ""},
    {200, R"({"jsonrpc":"2.0","id":1})", SubmitVerdict::maybe,
     "an answer has neither a result nor an error"},
};

}  // namespace

TEST_CASE("a relay is sent the bundle, and a header that proves whose request it is") {
  Relays relays;
  std::vector<HttpCall> calls;
  relays.add("a", [&](const HttpCall& call) {
    calls.push_back(call);
    return says(took);
  });
  const BundleReport report = relays.submit();
  CHECK(report.verdict == SubmitVerdict::taken);
  CHECK(report.by == std::vector<std::string>{"a"});
  CHECK(report.message.empty());
  REQUIRE(calls.size() == 1);
  CHECK(calls[0].headers.at("content-type") == "application/json");
  CHECK(signer_in(calls[0]) == some_address);
  const auto body = json::parse(calls[0].body);
  CHECK(body.at("method") == "eth_sendBundle");
  CHECK(json::serialize(body.at("params")) ==
        R"([{"txs":["0x0203","0xff"],"blockNumber":"0xb71b01","revertingTxHashes":[]}])");

  relays.bundle.time_min_s = 5;
  relays.bundle.time_max_s = 1'700'000'000;
  CHECK(relays.submit().verdict == SubmitVerdict::taken);
  REQUIRE(calls.size() == 2);
  const auto timed = json::parse(calls[1].body).at("params").at(0);
  CHECK(timed.at("minTimestamp") == 5);
  CHECK(timed.at("maxTimestamp") == 1'700'000'000);
  // Another body has another signature.
  CHECK(calls[0].headers.at("x-flashbots-signature") !=
        calls[1].headers.at("x-flashbots-signature"));
  CHECK(signer_in(calls[1]) == some_address);
}

TEST_CASE("a transaction behind another's leaves in one bundle with it, and never in front") {
  Relays relays;
  std::vector<std::string> bundles;
  relays.add("a", [&](const HttpCall& call) {
    bundles.push_back(json::serialize(json::parse(call.body).at("params").at(0).at("txs")));
    return says(took);
  });
  auto made = relays.make();
  REQUIRE(made);
  BundleLine line(std::move(*made), 5s);
  const auto ours = bytes("0x0203");
  const auto theirs = bytes("0x02ff");
  CHECK(line.submit({ours, 12, theirs}, {}).verdict == SubmitVerdict::taken);
  CHECK(line.submit({ours, 12}, {}).verdict == SubmitVerdict::taken);
  CHECK(bundles == std::vector<std::string>{R"(["0x02ff","0x0203"])", R"(["0x0203"])"});
}

TEST_CASE("each answer of a relay has its meaning") {
  for (const RelayRow& row : relay_rows) {
    INFO(row.status << " " << row.body);
    Relays relays;
    relays.add("a", says(row.body, row.status));
    const BundleReport report = relays.submit();
    REQUIRE(report.relays.size() == 1);
    const RelayAnswer& answer = report.relays[0];
    INFO(answer.message);
    CHECK(report.verdict == row.verdict);
    CHECK(answer.verdict == row.verdict);
    CHECK(answer.message.ends_with(row.message));
    CHECK(answer.message.empty() == (row.verdict == SubmitVerdict::taken));
    CHECK(report.message == (answer.message.empty() ? "" : "relay a: " + answer.message));
    CHECK(report.by.empty() == (row.verdict == SubmitVerdict::refused));
  }
}

TEST_CASE("relays are asked at once, and one that hangs delays none of the others") {
  Relays relays;
  std::mutex mutex;
  std::vector<std::chrono::steady_clock::time_point> asked;
  const auto note = [&] {
    const std::lock_guard lock(mutex);
    asked.push_back(std::chrono::steady_clock::now());
  };
  relays.add("hangs", [&](const HttpCall&) {
    note();
    HttpReply reply;
    reply.hang = true;
    return reply;
  });
  relays.add("takes", [&](const HttpCall&) {
    note();
    return says(took);
  });
  relays.add("refuses", [&](const HttpCall&) {
    note();
    return says(R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}})");
  });
  relays.add("also_takes", [&](const HttpCall&) {
    note();
    return says(took);
  });
  const auto begin = std::chrono::steady_clock::now();
  const BundleReport report = relays.submit(3s);
  CHECK(report.verdict == SubmitVerdict::taken);
  CHECK(report.by == std::vector<std::string>{"takes", "also_takes"});
  REQUIRE(report.relays.size() == 4);
  CHECK(report.relays[0].verdict == SubmitVerdict::maybe);
  CHECK(report.relays[1].verdict == SubmitVerdict::taken);
  CHECK(report.relays[2].verdict == SubmitVerdict::refused);
  CHECK(report.relays[2].message == "'no' (-32000)");
  CHECK(report.relays[3].verdict == SubmitVerdict::taken);
  CHECK(report.message.starts_with("relay hangs: "));
  CHECK(report.message.ends_with("; relay refuses: 'no' (-32000)"));
  // All had it before the one that hangs was given up.
  const std::lock_guard lock(mutex);
  REQUIRE(asked.size() == 4);
  for (const auto& when : asked) CHECK(when < begin + 3s);
}

TEST_CASE("when no relay took it, what may have is told before what has not") {
  Relays relays;
  HttpReply hang;
  hang.hang = true;
  relays.add("refuses", says("", 403));
  relays.add("hangs", hang);
  const BundleReport report = relays.submit(300ms);
  CHECK(report.verdict == SubmitVerdict::maybe);
  CHECK(report.by == std::vector<std::string>{"hangs"});
}

TEST_CASE("a relay that is not there surely has nothing") {
  Relays relays;
  std::string gone;
  {
    const HttpServer ended([](const HttpCall&) { return HttpReply{}; });
    gone = ended.url();
  }
  relays.add_url("gone", gone);
  const BundleReport report = relays.submit();
  CHECK(report.verdict == SubmitVerdict::refused);
  CHECK(report.by.empty());
  CHECK_FALSE(report.message.empty());
}

TEST_CASE("what a relay says is one printable line of a bounded length, without its url's key") {
  Relays relays;
  const std::string key = "k3y-of-the-relay-4711";
  std::string long_words(5000, 'x');
  relays.add(
      "a",
      [&](const HttpCall&) {
        const json::value words("no\x01\x1b[31m\r\n" + key + "\xc3\xa4 " + long_words);
        return says(R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":)" +
                    json::serialize(words) + "}}");
      },
      "/${RELAY_KEY}");
  const Environment environment = [&](std::string_view name) {
    return name == "RELAY_KEY" ? std::optional(key) : std::nullopt;
  };
  auto submitter = relays.make(environment);
  REQUIRE(submitter);
  const BundleReport report =
      submitter->submit(relays.bundle, std::chrono::steady_clock::now() + 5s);
  CHECK(report.verdict == SubmitVerdict::refused);
  CHECK(report.message.size() < 300);
  CHECK(std::ranges::all_of(report.message, [](char c) { return c >= 0x20 && c <= 0x7e; }));
  CHECK_THAT(report.message, Catch::Contains("no??[31m??"));
  CHECK_THAT(report.message, !Catch::Contains("4711"));
}

TEST_CASE("a bundle that no relay takes is not sent") {
  Relays relays;
  std::atomic<int> requests = 0;
  relays.add("a", [&](const HttpCall&) {
    ++requests;
    return says(took);
  });
  auto submitter = relays.make();
  REQUIRE(submitter);
  const auto soon = [] { return std::chrono::steady_clock::now() + 5s; };
  const std::vector<std::uint8_t> small(1);
  for (const Bundle& bundle :
       {Bundle{{}, 1, {}, {}}, Bundle{std::vector(bundle_transactions_max + 1, small), 1, {}, {}},
        Bundle{{std::vector<std::uint8_t>(bundle_bytes_max + 1)}, 1, {}, {}}}) {
    const BundleReport report = submitter->submit(bundle, soon());
    CHECK(report.verdict == SubmitVerdict::refused);
    CHECK_FALSE(report.message.empty());
  }
  const BundleReport late =
      submitter->submit(relays.bundle, std::chrono::steady_clock::now() - 1ms);
  CHECK(late.verdict == SubmitVerdict::refused);
  CHECK(requests == 0);
  CHECK(
      submitter->submit({std::vector(bundle_transactions_max, small), 1, {}, {}}, soon()).verdict ==
      SubmitVerdict::taken);
  CHECK(requests == 1);
}

TEST_CASE("relays that cannot be asked are told by name, never by their key") {
  const auto fault = [](const std::string& url, const Environment& environment) {
    Relays relays;
    relays.add_url("a", url);
    const auto made = relays.make(environment);
    REQUIRE_FALSE(made);
    CHECK(made.error().kind == ErrorKind::configuration);
    return made.error().message;
  };
  const Environment none = [](auto) { return std::nullopt; };
  const Environment plain = [](auto) { return std::optional<std::string>("http://a.example/k3y"); };
  CHECK_THAT(fault("https://a/${RELAY_KEY}", none), Catch::Contains("relay a: "));
  CHECK_THAT(fault("https://a/${RELAY_KEY}", none), Catch::Contains("RELAY_KEY"));
  CHECK_THAT(fault("${RELAY_URL}", plain), Catch::Contains("neither https nor on this machine"));
  CHECK_THAT(fault("${RELAY_URL}", plain), !Catch::Contains("k3y"));
  Relays relays;
  const auto made = relays.make();
  REQUIRE_FALSE(made);
  CHECK_THAT(made.error().message, Catch::Contains("has no relays"));
}

TEST_CASE("the key of the relays' header is another one at each start") {
  const auto one = make_relay_key(system_random());
  const auto other = make_relay_key(system_random());
  REQUIRE((one && other));
  CHECK((*one)->address() != (*other)->address());
  // Numbers that are no key are drawn again, as often as is likely.
  int draws = 0;
  const Random high_first = [&](std::span<std::uint8_t> out) -> Status {
    std::ranges::fill(out, ++draws < 4 ? std::uint8_t{0xff} : std::uint8_t{0x11});
    return {};
  };
  CHECK(make_relay_key(high_first).has_value());
  const Random never = [](std::span<std::uint8_t> out) -> Status {
    std::ranges::fill(out, std::uint8_t{0xff});
    return {};
  };
  REQUIRE_FALSE(make_relay_key(never));
  const Random broken = [](std::span<std::uint8_t>) -> Status {
    return fail(ErrorKind::io, "no random numbers");
  };
  CHECK(make_relay_key(broken).error().message == "no random numbers");
}

TEST_CASE("a stop that comes while a bundle waits for the one before it keeps it from leaving") {
  // Stopped or not: without a stop the second one leaves, too.
  for (const bool stops : {true, false}) {
    INFO((stops ? "stopped" : "not stopped"));
    Relays relays;
    std::atomic<int> heard = 0;
    std::atomic<bool> stopped = false;
    std::atomic<int> asked = 0;
    HttpReply silence;
    silence.hang = true;
    relays.add("silent", [&](const HttpCall&) {
      ++heard;
      return silence;
    });
    auto made = relays.make();
    REQUIRE(made);
    BundleLine line(std::move(*made), 600ms);
    const auto may_leave = [&] {
      ++asked;
      return !stopped.load();
    };
    const auto transaction = bytes("0x0203");
    const auto send = [&] { return line.submit({transaction, 12}, may_leave); };
    auto first = std::async(std::launch::async, send);
    while (heard == 0) std::this_thread::sleep_for(1ms);
    auto second = std::async(std::launch::async, send);
    // It waits behind the first one's answer, which does not come.
    CHECK(second.wait_for(100ms) == std::future_status::timeout);
    CHECK(asked == 1);
    CHECK(first.wait_for(0ms) == std::future_status::timeout);
    stopped = stops;
    CHECK(second.get().verdict == (stops ? SubmitVerdict::withheld : SubmitVerdict::maybe));
    CHECK(first.get().verdict == SubmitVerdict::maybe);
    CHECK(asked == 2);
    CHECK(heard == (stops ? 1 : 2));
  }
}
