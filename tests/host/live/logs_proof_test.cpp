// Logs of a block whose header is there before they are: what is asked again, of whom, how often.
#include "host/live/logs_proof.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "host/base/keccak.hpp"
#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/provider/fixture.hpp"

using namespace gantry::host;
using namespace std::chrono_literals;
using gantry::test::RpcFault;
using gantry::test::Street;
namespace json = boost::json;

namespace {

const std::string pool_one = "0x" + std::string(40, '1');
const std::string pool_two = "0x" + std::string(40, '3');  // RpcFault::logs_of_another_emitter
const std::string stranger = "0x" + std::string(40, '5');
const std::string traded = "0x" + std::string(64, '2');
const std::string other_topic = "0x" + std::string(64, '4');

// The yellow paper's M3:2048, written once more.
std::string bloom_of(const std::vector<std::string>& items) {
  recording::Bytes bytes(256);
  for (const std::string& item : items) {
    const Hash32 hash = keccak_of(*bytes_of(std::string_view(item)));
    for (const std::size_t pair : {0U, 2U, 4U}) {
      const unsigned bit = (256U * hash[pair] + hash[pair + 1]) % 2048U;
      bytes[255 - bit / 8] = static_cast<std::uint8_t>(bytes[255 - bit / 8] | 1U << bit % 8U);
    }
  }
  return hex_text(bytes);
}

struct SaidLog {
  std::string emitter;
  std::string topic;
};

// Two pools that wait for one topic, and a chain whose newest block has these logs and this bloom.
class BloomScene {
 public:
  explicit BloomScene(std::size_t servers, std::vector<SaidLog> logs, json::value bloom)
      : logs_(std::move(logs)), bloom_(std::move(bloom)), street(servers) {
    street.by_priority();
    // On a busy machine too the first one's answer is there before the second's.
    if (servers > 1) street.server(1).delay(700ms);
    street.chain.answer_first([this](const std::string& method, const json::array& params) {
      return answer(method, params);
    });
    auto& requests = standing.emplace_back();
    std::uint32_t pool = 0;
    for (const std::string& address : {pool_one, pool_two}) {
      requests.push_back({pool++, GANTRY_SOURCE_EVM_LOG, 0, *evm_address_of(json::string(address)),
                          *bytes_of(std::string_view(traded))});
    }
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(said);
    before_ = spdlog::default_logger();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::move(sink)));
    street.start();
  }
  ~BloomScene() { spdlog::set_default_logger(before_); }

  // How many logs came, each of a pool that waits; -1: an error, which is `error`.
  int read() {
    const std::uint64_t head = street.chain.head();
    const auto blocks = read_blocks(*street.providers, {head, head});
    REQUIRE(blocks);
    const LogRoutes routes(standing);
    BesideLogs nothing;
    const std::uint64_t asked = street.providers->statistics().asked;
    const auto logs = read_logs(*street.providers, routes, blocks->blocks, blooms, nothing);
    batches = street.providers->statistics().asked - asked;
    if (!logs) {
      error = logs.error();
      return -1;
    }
    facts.clear();
    for (const ChainLog& log : logs->front()) routes.give(log, facts);
    return static_cast<int>(facts.size());
  }
  std::uint64_t refuted(const std::string& provider) const {
    return street.stats(provider).failures[static_cast<std::size_t>(FailureCause::node)];
  }
  std::size_t lines_with(const std::string& words) const {
    std::istringstream in(said.str());
    std::size_t count = 0;
    for (std::string line; std::getline(in, line);) count += line.contains(words) ? 1U : 0U;
    return count;
  }

  std::ostringstream said;
  MarketState::Standing standing;

 private:
  // Servers answer from these to their end.
  const std::vector<SaidLog> logs_;
  const json::value bloom_;

 public:
  Street street;
  LogBlooms blooms{"test"};
  std::uint64_t batches = 0;  // that the last read() took
  std::optional<Error> error;
  std::vector<recording::Fact> facts;

 private:
  std::optional<json::value> answer(const std::string& method, const json::array& params) const {
    if (method == "eth_gasPrice" || method == "eth_getBlockTransactionCountByHash") return "0x1";
    if (method == "eth_getBlockByNumber") {
      const std::uint64_t head = street.chain.head();
      json::object block{{"number", fmt::format("{:#x}", head)},
                         {"hash", street.chain.hash(head)},
                         {"parentHash", street.chain.hash(head - 1)},
                         {"timestamp", "0x5"}};
      if (!bloom_.is_null()) block["logsBloom"] = bloom_;
      return block;
    }
    if (method != "eth_getLogs") return std::nullopt;
    const json::object& filter = params.at(0).as_object();
    const auto in = [](const json::value* list, const std::string& one) {
      return list == nullptr || std::ranges::count(list->as_array(), json::value(one)) != 0;
    };
    json::array found;
    for (const SaidLog& log : logs_) {
      const json::value* topics = filter.if_contains("topics");
      if (!in(filter.if_contains("address"), log.emitter)) continue;
      if (!in(topics == nullptr ? nullptr : &topics->as_array().at(0), log.topic)) continue;
      found.push_back(json::object{{"address", log.emitter},
                                   {"topics", json::array{json::string(log.topic)}},
                                   {"data", "0x"},
                                   {"blockNumber", fmt::format("{:#x}", street.chain.head())},
                                   {"blockHash", filter.at("blockHash")},
                                   {"logIndex", fmt::format("{:#x}", found.size())}});
    }
    return found;
  }

  std::shared_ptr<spdlog::logger> before_;
};

json::value all_of(const std::vector<SaidLog>& logs, std::vector<std::string> more = {}) {
  for (const SaidLog& log : logs) more.insert(more.end(), {log.emitter, log.topic});
  return json::string(bloom_of(more));
}

const std::vector<SaidLog> one_trade = {{stranger, other_topic}, {pool_one, traded}};

}  // namespace

TEST_CASE("a bloom's bits are those of go-ethereum's own test of a hundred items") {
  LogsBloom bloom;
  CHECK(bloom.is_empty());
  for (int i = 0; i < 100; ++i) {
    const std::string item = fmt::format("xxxxxxxxxx data {} yyyyyyyyyyyyyy", i);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(item.data());
    const LogsBloom::Bits bits = LogsBloom::bits_of({bytes, item.size()});
    bloom.add(bits);
    CHECK(bloom.may_hold(bits));
  }
  CHECK(hex_text(keccak_of(bloom.bytes())) ==
        "0xc8d3ca65cdb4874300a9e39475508f23ed6da09fdbc487f89a2dcf50b09eb263");
  CHECK_FALSE(bloom.is_empty());
  CHECK_FALSE(bloom.is_full());
}

TEST_CASE("a header's bloom is 256 bytes or none") {
  CHECK(LogsBloom::parse(json::string(bloom_of({traded}))));
  CHECK(LogsBloom::parse(json::string("0x" + std::string(512, 'f')))->is_full());
  for (const json::value& none :
       {json::value(), json::value("0x"), json::value(5), json::value("0x" + std::string(510, '0')),
        json::value("0x" + std::string(512, 'g'))}) {
    CHECK_FALSE(LogsBloom::parse(none));
  }
}

TEST_CASE("logs that come cost one request, and so do those that the bloom rules out") {
  SECTION("they come") {
    BloomScene scene(2, one_trade, all_of(one_trade));
    CHECK(scene.read() == 1);
    CHECK(scene.batches == 1);
  }
  // Whatever of them a block has, it has no trade of a pool.
  const auto none = GENERATE(values<std::vector<std::string>>(
      {{}, {stranger, other_topic}, {pool_one, other_topic}, {stranger, traded}}));
  CAPTURE(none);
  BloomScene scene(2, {}, none.empty() ? json::value() : json::value(bloom_of(none)));
  CHECK(scene.read() == 0);
  CHECK(scene.batches == 1);
}

TEST_CASE(
    "of two providers the one that has a block and not yet its logs is passed over and told") {
  BloomScene scene(2, one_trade, all_of(one_trade));
  scene.street.server(0).fail(RpcFault::no_logs_yet);
  CHECK(scene.read() == 1);
  CHECK(scene.facts.front().pool == 0);
  CHECK(scene.refuted("a") == 1);
  CHECK(scene.refuted("b") == 0);
  CHECK(scene.street.events.count_told(ProviderEventKind::stumbled, "a") == 1);
  const auto events = scene.street.events.all();
  CHECK(std::ranges::count_if(events, [](const auto& event) {
          return event.message.contains("with no logs of a block that has some");
        }) == 1);
}

TEST_CASE("a provider that is alone and behind with its logs is asked until it has them") {
  BloomScene scene(1, one_trade, all_of(one_trade));
  scene.street.server(0).fail(RpcFault::no_logs_yet);
  std::thread later([&] {
    std::this_thread::sleep_for(300ms);
    scene.street.server(0).fail(RpcFault::none);
  });
  const int logs = scene.read();
  later.join();
  CHECK(logs == 1);
  CHECK(scene.refuted("a") == 1);
  CHECK_FALSE(scene.blooms.in_vain());
}

TEST_CASE("two that are behind at once do not outvote the block's header") {
  BloomScene scene(2, one_trade, all_of(one_trade));
  for (const std::size_t i : {0U, 1U}) scene.street.server(i).fail(RpcFault::no_logs_yet);
  const std::uint64_t before = scene.street.server(0).requests();
  CHECK(scene.read() == -1);
  CHECK(scene.error->kind == ErrorKind::io);
  CHECK(scene.error->message.contains(
      "has no logs of block 1000, whose header says that it has some"));
  // Within two seconds, and each wait longer than the one before.
  CHECK(scene.street.server(0).requests() - before <= 16);
  CHECK_FALSE(scene.blooms.in_vain());
  scene.blooms.not_found();
  scene.blooms.not_found();
  CHECK(scene.blooms.in_vain());
  scene.street.server(1).fail(RpcFault::none);
  CHECK(scene.read() == 1);
  CHECK_FALSE(scene.blooms.in_vain());
  // A bloom that has shown a log is believed ever after.
  scene.blooms.give_up();
  CHECK(scene.blooms.believed());
}

TEST_CASE("a bloom that is wrong costs one request more, or two without a log of the topics") {
  const bool same_topic = GENERATE(true, false);
  const std::vector<SaidLog> logs = {{stranger, same_topic ? traded : other_topic}};
  BloomScene scene(2, logs, all_of(logs, {pool_one, traded}));
  for (int i = 0; i < 3; ++i) {
    CHECK(scene.read() == 0);
    CHECK(scene.batches == (same_topic ? 2 : 3));
  }
  CHECK(scene.refuted("a") == 0);
  CHECK(scene.said.str().empty());
}

TEST_CASE("where all logs of a block are not to be had a second voice counts, or a third time") {
  const std::size_t servers = GENERATE(1U, 2U);
  BloomScene scene(servers, {{stranger, traded}}, all_of({{stranger, traded}}, {pool_one}));
  for (std::size_t i = 0; i < servers; ++i) {
    scene.street.server(i).fail(RpcFault::emitters_wanted);
  }
  CHECK(scene.read() == 0);
  CHECK(scene.batches == 3);
  CHECK(scene.street.stats("a").failures_total() - scene.refuted("a") <= 1);
}

TEST_CASE("a log whose emitter the bloom does not hold is not believed, and who gave it is told") {
  BloomScene scene(2, one_trade, all_of(one_trade));
  scene.street.server(0).fail(RpcFault::logs_of_another_emitter);
  CHECK(scene.read() == 1);
  CHECK(scene.facts.front().pool == 0);
  CHECK(scene.refuted("a") == 1);
  const auto events = scene.street.events.all();
  CHECK(std::ranges::any_of(events, [](const auto& event) {
    return event.message.contains("with a log that is not in the block's logsBloom");
  }));
  // Nobody has others: no logs rather than those.
  scene.street.server(1).fail(RpcFault::logs_of_another_emitter);
  CHECK(scene.read() == -1);
}

TEST_CASE("a chain that leaves its blooms empty is followed without them, and told of once") {
  BloomScene scene(1, one_trade, json::string(bloom_of({})));
  CHECK(scene.read() == 1);
  CHECK_FALSE(scene.blooms.believed());
  CHECK(scene.read() == 1);
  CHECK(scene.batches == 1);
  scene.street.server(0).fail(RpcFault::no_logs_yet);
  CHECK(scene.read() == 0);
  CHECK(scene.batches == 1);
  CHECK(scene.lines_with("logsBloom is empty where there are logs") == 1);
}

TEST_CASE("a chain whose blocks come without blooms is followed as ever, and told of once") {
  BloomScene scene(1, one_trade, json::value());
  CHECK(scene.read() == 1);
  CHECK(scene.read() == 1);
  CHECK(scene.batches == 1);
  CHECK(scene.lines_with("its blocks come without logsBloom") == 1);
}

TEST_CASE("of a provider that leaves blooms blank the others' logs are taken, and told of once") {
  BloomScene blank(2, one_trade, json::string(bloom_of({})));
  BloomScene usual(1, one_trade, all_of(one_trade));
  std::swap(blank.blooms, usual.blooms);
  CHECK(usual.read() == 1);
  std::swap(blank.blooms, usual.blooms);
  for (int i = 0; i < 3; ++i) {
    CHECK(blank.read() == 1);
    CHECK(blank.batches == 1);
  }
  for (const char* provider : {"a", "b"}) CHECK(blank.street.stats(provider).failures_total() == 0);
  CHECK(blank.lines_with("its header came with an empty logsBloom") +
            usual.lines_with("its header came with an empty logsBloom") ==
        1);
  // The others' blooms are believed as before.
  CHECK(blank.blooms.believed());
  std::swap(blank.blooms, usual.blooms);
  usual.street.server(0).fail(RpcFault::no_logs_yet);
  CHECK(usual.read() == -1);
}

TEST_CASE("blooms that never showed a log are given up, and a full one says nothing") {
  LogBlooms blooms("test");
  blooms.give_up();
  CHECK_FALSE(blooms.believed());
  BloomScene scene(1, {}, json::string("0x" + std::string(512, 'f')));
  CHECK(scene.read() == 0);
  CHECK(scene.batches == 1);
}

TEST_CASE("above 256 emitters logs are asked for by topics alone, and strangers' are dropped") {
  const bool named = GENERATE(true, false);
  const std::size_t count = LogRoutes::emitters_max + (named ? 0 : 1);
  MarketState::Standing standing;
  for (std::uint32_t pool = 0; pool < count; ++pool) {
    gantry_address address{};
    address.kind = GANTRY_ADDRESS_EVM;
    address.length = 20;
    address.bytes[0] = static_cast<std::uint8_t>(pool);
    address.bytes[1] = static_cast<std::uint8_t>(pool >> 8U);
    standing.push_back({{pool, GANTRY_SOURCE_EVM_LOG, 3, address,
                         *bytes_of(std::string_view(pool % 2 == 0 ? traded : other_topic))}});
  }
  const LogRoutes routes(standing);
  const json::object filter = routes.filter();
  CHECK(json::serialize(filter.at("topics")) ==
        fmt::format(R"([["{}","{}"]])", traded, other_topic));
  CHECK(filter.contains("address") == named);
  if (named) CHECK(filter.at("address").as_array().size() == count);
  CHECK(routes.topics_filter().contains("topics") == named);

  ChainLog log;
  log.emitter = standing.back().front().target;
  log.topics = standing.back().front().payload;
  std::vector<recording::Fact> facts;
  routes.give(log, facts);
  REQUIRE(facts.size() == 1);
  CHECK(facts.front().pool == count - 1);
  CHECK(routes.wants(log));
  log.emitter.bytes[19] = 1;
  routes.give(log, facts);
  CHECK(facts.size() == 1);
  CHECK_FALSE(routes.wants(log));
  CHECK_FALSE(routes.follows(log.emitter));
}
