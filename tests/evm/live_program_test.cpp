// The program as its users run it, on a chain that is being traded: run, record, replay and quote.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <set>
#include <thread>

#include "evm/integer_words.hpp"
#include "evm/live_scene.hpp"
#include "evm/op_stack_chain.hpp"
#include "host/cli/program.hpp"
#include "host/feed/recording_feed.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::tests::Ended;
using host::tests::has;
using host::tests::Running;
using host::tests::Workspace;

// A configuration of the chain in place of the repository's.
class LiveWorkspace {
 public:
  LiveWorkspace() {
    const LiveFiles files =
        live_files(chain.url(), {&first.contract(), &second.contract()}, GANTRY_PLUGINS);
    host::tests::write_text(space / "config/gantry.toml", files.gantry);
    host::tests::write_text(space / "config/dex_config.toml", files.dex);
    host::tests::write_text(space / "config/strategies.toml", files.strategies);
  }
  void mine(std::mt19937_64& random) {
    first.send_random(random);
    if (random() % 2 == 0) second.send_random(random);
    chain.call("evm_mine");
  }

  Anvil chain;
  TradedPair first{chain};
  TradedPair second{chain};
  Workspace space;
};

json::object quote_of(LiveWorkspace& live, std::vector<std::string> more) {
  std::vector<std::string> words = {"quote", "--json", "--pool", live.first.contract().address()};
  words.insert(words.end(), more.begin(), more.end());
  const Ended ended = live.space.run(words);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  return json::parse(ended.out).as_object();
}

Integer units(const json::object& quote, std::string_view side) {
  return Integer(json::value_to<std::string>(quote.at(side).at("units")));
}

// Whether the contract takes `in` and pays `out`, as swap() itself says.
bool pays(LiveWorkspace& live, int token_in, const Integer& in, const Integer& out) {
  SwapProbe probe;
  for (int i = 0; i < 2; ++i) {
    probe.reserve[i] = probe.balance[i] = live.first.reserve(i);
    probe.amount_out[i] = 0;
  }
  probe.balance[token_in] += in;
  probe.amount_out[1 - token_in] = out;
  return live.first.contract().swap_would({probe}).front().accepted;
}

// Compiled, the recording has the same report.
void check_compiled(const LiveWorkspace& live, const std::string& file, const std::string& report) {
  const std::string compiled = (live.space / "compiled.gantry").string();
  const Ended done = live.space.run({"import", "recording", file, "--out", compiled});
  INFO(done.err);
  REQUIRE(done.code == 0);
  const Ended replay = live.space.run({"replay", compiled, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 0);
  CHECK(replay.out == report);
}

}  // namespace

TEST_CASE("a chain is recorded, and the replay's report is the live run's to the byte") {
  std::mt19937_64 random(7);
  LiveWorkspace live;
  const std::string file = (live.space / "chain.gantry").string();
  Running running =
      live.space.start({"record", "--out", file, "--blocks", "24", "--json", "--no-timings"});
  std::string before;
  for (int i = 0; !running.ended(); ++i) {
    // Now and then what the host has seen is taken back.
    if (i % 8 == 3) {
      before = json::value_to<std::string>(live.chain.call("evm_snapshot"));
    } else if (i % 8 == 6) {
      json::array params;
      params.push_back(json::string(before));
      live.chain.call("evm_revert", std::move(params));
      live.first.reread();
      live.second.reread();
      for (int more = 0; more < 3; ++more) live.mine(random);
    }
    live.mine(random);
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
  }
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const json::value report = json::parse(ended.out);
  CHECK(report.at("market").at("snapshots") == 24);
  CHECK(report.at("market").at("pools") == 2);
  CHECK_FALSE(has(ended.err, live.chain.url() + "/"));

  const Ended replay = live.space.run({"replay", file, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 0);
  CHECK(replay.out == ended.out);
  check_compiled(live, file, ended.out);
}

TEST_CASE("an L2's data fee is recorded, and the replay charges the same to the byte") {
  std::mt19937_64 random(17);
  LiveWorkspace live;
  OpStackChain op(live.chain);
  OpFees fees;
  op.set(OpUpgrade::fjord, fees);
  live.space.edit("gantry.toml", "block_time_s = 1", "block_time_s = 1\ndata_fee = \"op_stack\"");
  const std::string file = (live.space / "l2.gantry").string();
  Running running =
      live.space.start({"record", "--out", file, "--blocks", "12", "--json", "--no-timings"});
  while (!running.ended()) {
    fees.l1_base_fee += 10'000'000;
    op.set(OpUpgrade::fjord, fees);
    live.mine(random);
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
  }
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const json::value report = json::parse(ended.out);
  CHECK(report.at("market").at("data_fee") == "op_stack");
  // A price with each block, and not always the same.
  auto feed = host::RecordingFeed::open(file);
  REQUIRE(feed);
  std::set<std::string> prices;
  std::size_t blocks = 0;
  for (; const auto input = feed->next(); ++blocks) {
    const host::DataFee fee = host::read_data_fee(host::DataFeeKind::op_stack, input->facts);
    REQUIRE(fee.rule == host::DataFeeRule::fjord);
    prices.insert(to_string(fee.price));
  }
  CHECK(blocks == 12);
  CHECK(prices.size() > 1);
  const Ended replay = live.space.run({"replay", file, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 0);
  CHECK(replay.out == ended.out);
  check_compiled(live, file, ended.out);
}

TEST_CASE("without a recording and with providers, run follows the chain until it is stopped") {
  std::mt19937_64 random(8);
  LiveWorkspace live;
  Running running = live.space.start({"run", "--json", "--no-timings"});
  bool followed = false;
  while (!followed && !running.ended()) {
    live.mine(random);
    const Ended status = live.space.run({"status", "--json"});
    if (status.code != 0) continue;
    const json::value told = json::parse(status.out);
    CHECK(told.at("chain") == "eip155:31337");
    followed = told.at("snapshots").to_number<int>() >= 3;
  }
  CHECK(followed);
  CHECK(live.space.run({"stop"}).code == 0);
  const Ended ended = running.wait();
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK(json::parse(ended.out).at("market").at("stopped") == false);
}

TEST_CASE("a quote of a chain's pool is what the contract pays, to the last unit") {
  std::mt19937_64 random(9);
  LiveWorkspace live;
  for (int i = 0; i < 5; ++i) live.mine(random);
  live.first.reread();
  for (int in = 0; in < 2; ++in) {
    const std::string token = live.first.contract().token(in);
    for (const std::string amount : {"1000", "123456789012345678901", "90000000000000000000000"}) {
      const json::object sold = quote_of(live, {"--in", token, "--amount", amount});
      CHECK(units(sold, "in") == Integer(amount));
      CHECK(sold.at("block").to_number<std::uint64_t>() == block_number(live.chain));
      CHECK(sold.at("time_s").to_number<std::uint64_t>() > 0);
      CHECK(pays(live, in, units(sold, "in"), units(sold, "out")));
      CHECK_FALSE(pays(live, in, units(sold, "in"), units(sold, "out") + 1));

      const json::object bought =
          quote_of(live, {"--in", token, "--amount", amount, "--exact-out"});
      CHECK(units(bought, "out") == Integer(amount));
      CHECK(pays(live, in, units(bought, "in"), units(bought, "out")));
    }
  }
}

TEST_CASE("a pool that no list names is quoted by what its contract says of itself") {
  std::mt19937_64 random(10);
  LiveWorkspace live;
  live.space.edit("dex_config.toml", "[[dex.pool]]",
                  "[[dex]]\nname = \"unused\"\nenabled = false\n"
                  "[[dex.pool]]");
  const json::object quote =
      quote_of(live, {"--chain", "31337", "--dex", "uniswap_v2", "--in",
                      live.first.contract().token(0), "--amount", "5000000"});
  CHECK(pays(live, 0, units(quote, "in"), units(quote, "out")));
  const Ended none =
      live.space.run({"quote", "--chain", "31337", "--pool", live.first.contract().token(0), "--in",
                      "WETH", "--amount", "1"});
  CHECK(none.code == 1);
  CHECK(has(none.err, "does not say its tokens"));
  const Ended elsewhere =
      live.space.run({"quote", "--chain", "polygon", "--pool", live.first.contract().address(),
                      "--in", live.first.contract().token(0), "--amount", "1000"});
  CHECK(elsewhere.code == 2);
  CHECK(has(elsewhere.err, "there is no [[chain]] `polygon`"));
  const Ended old = live.space.run({"quote", "--chain", "31337", "--block", "999999", "--pool",
                                    live.first.contract().address(), "--in",
                                    live.first.contract().token(0), "--amount", "1000"});
  CHECK(old.code == 1);
  CHECK(has(old.err, "block 999999 is not there"));
}

}  // namespace gantry::test
