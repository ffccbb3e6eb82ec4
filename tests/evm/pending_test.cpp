// Swaps that wait, on a real node and through the routers' own bytecode: what is read is what was
// ordered, whatever was sent; a replay reads the same.
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

#include "evm/integer_words.hpp"
#include "evm/pending_reference.hpp"
#include "evm/recorded_blocks.hpp"
#include "host/cli/program.hpp"
#include "host/config/load.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/live/head_watch.hpp"
#include "host/live/live_feed.hpp"
#include "host/market/after_pending.hpp"
#include "host/plugin/instances.hpp"
#include "host/ports/clock.hpp"
#include "host/recording/writer.hpp"
#include "support/sanitized.hpp"

namespace gantry::test {
namespace {

using host::MarketState;
using host::SnapshotPtr;

template <class T>
T must(host::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

std::string address_digits(const gantry_address& address) {
  return to_hex({address.bytes, address.length});
}

// The host's parts on a scene's chain.
class Host {
 public:
  // `live`: more of [live].
  explicit Host(const PendingScene& scene, const std::string& live = {}) {
    const auto write = [&](const char* name, const std::string& text) {
      std::ofstream(folder_ / name) << text;
    };
    write("gantry.toml", scene.gantry_toml("\"" GANTRY_PLUGINS "\"") + live);
    write("dex_config.toml", scene.dex_toml());
    write("strategies.toml", "");
    environment_ = host::process_environment();
    auto loaded = host::load_configuration(
        host::ConfigFiles::in_folder(folder_.path()),
        host::scan_plugin_folders({std::filesystem::path(GANTRY_PLUGINS)}).plugins, environment_);
    if (!loaded) throw std::runtime_error(host::render_text(loaded.error(), false));
    configuration_ = std::move(*loaded);
    plugins_ = host::make_plugins(configuration_, folder_ / "store");
    if (!plugins_.refused.empty()) throw std::runtime_error(plugins_.refused.front().reason);
  }
  ~Host() {
    watch_.reset();
    if (providers_) providers_->stop();
  }
  void follow() {
    http_ = must(host::make_curl_http_pool());
    providers_ = must(host::Providers::make(chain(), {*http_, clock_, environment_}));
    feed = must(host::LiveFeed::open(chain(), configuration_.live, plugins_.venues, *providers_));
    std::vector<gantry_address> routers;
    for (const auto& venue : plugins_.venues) {
      for (const auto& router : host::pending_routers(*venue, 0)) routers.push_back(router);
    }
    pending = std::make_shared<host::PendingPool>("anvil", routers, *providers_);
    feed->tell_pending(pending);
    host::HeadWatchOptions options;
    options.pending = pending;
    watch_ = std::make_unique<host::HeadWatch>(
        chain(), *providers_, [this](bool connected) { feed->wake(connected); }, options);
    while (!watch_->connected()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    // The words that this node takes are found within some round trips.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  host::BlockInput next() {
    auto input = feed->next();
    if (!input) throw std::runtime_error("the feed ended: " + feed->damage());
    return std::move(*input);
  }
  const host::ChainSettings& chain() const { return configuration_.chains.front(); }
  const host::VenueInstance& venue(const std::string& name) const {
    for (const auto& one : plugins_.venues) {
      if (one->name() == name) return *one;
    }
    throw std::runtime_error("no venue " + name);
  }
  MarketState market() const { return {chain(), plugins_.venues}; }
  host::Providers& providers() { return *providers_; }

  std::shared_ptr<host::LiveFeed> feed;
  std::shared_ptr<host::PendingPool> pending;

 private:
  TemporaryFolder folder_;
  host::Configuration configuration_;
  host::Plugins plugins_;
  host::SteadyClock clock_;
  host::Environment environment_;
  std::unique_ptr<host::HttpPool> http_;
  std::unique_ptr<host::Providers> providers_;
  std::unique_ptr<host::HeadWatch> watch_;
};

OrderedSwap to_ordered(const gantry_pending_event& event, const host::Topology& topology) {
  OrderedSwap swap{event.mode == GANTRY_EXACT_IN,
                   (event.flags & GANTRY_PENDING_MAY_STOP) != 0,
                   to_integer(event.amount_in),
                   to_integer(event.amount_out),
                   event.deadline_s,
                   {}};
  for (std::uint32_t i = 0; i < event.hop_count; ++i) {
    const gantry_hop& hop = event.hops[i];
    REQUIRE(hop.pool < topology.pools.size());
    CHECK(topology.pools[hop.pool].venue == event.venue);
    swap.hops.push_back({address_digits(topology.pools[hop.pool].address),
                         address_digits(topology.tokens[hop.token_in].address),
                         address_digits(topology.tokens[hop.token_out].address)});
  }
  return swap;
}

// Those of one transaction that venues read, by its hash.
std::vector<OrderedSwap> swaps_of(const SnapshotPtr& snapshot, const std::string& hash) {
  std::vector<OrderedSwap> swaps;
  for (const gantry_pending_event& event : snapshot->pending->events) {
    if (to_hex(event.transaction) != hash) continue;
    swaps.push_back(to_ordered(event, *snapshot->topology));
  }
  return swaps;
}

// Each venue reads its own of a multicall, so the order is the venues'.
void check_same(const std::vector<OrderedSwap>& read, const std::vector<OrderedSwap>& sent) {
  CHECK(read.size() == sent.size());
  for (const OrderedSwap& swap : sent) CHECK(std::ranges::count(read, swap) == 1);
}

// The pairs that a mined transaction has swapped in, in its order; empty: it failed.
std::vector<std::string> swapped_in(PendingScene& scene, const std::string& hash) {
  static constexpr std::string_view swap_topic =
      "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822";
  const auto receipt = scene.chain().call("eth_getTransactionReceipt", {hash}).as_object();
  std::vector<std::string> pairs;
  for (const auto& log : receipt.at("logs").as_array()) {
    if (text_of(log.at("topics").at(0)) == swap_topic) pairs.push_back(text_of(log.at("address")));
  }
  return pairs;
}

bool all_arrived(const Host& one, std::uint64_t count) {
  for (int i = 0; i < 2000 && one.pending->counts().taken < count; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return one.pending->counts().taken == count;
}

}  // namespace

TEST_CASE("each function of each router is read as it was sent, and again by a replay") {
  std::mt19937_64 random(20261122);
  PendingScene scene;
  Host one(scene);
  one.follow();
  MarketState market = one.market();
  std::vector<host::BlockInput> inputs;
  std::vector<SnapshotPtr> snapshots;
  const auto take = [&] {
    inputs.push_back(one.next());
    snapshots.push_back(must(market.advance(inputs.back())));
  };
  take();
  CHECK(snapshots.back()->pending == nullptr);
  std::uint64_t sent = 0;
  std::size_t mined = 0;
  std::size_t mined_by_universal = 0;
  for (int round = 0; round < 6; ++round) {
    const auto orders = scene.orders(random);
    std::vector<std::string> hashes;
    for (const Order& order : orders) hashes.push_back(scene.send(order));
    sent += orders.size();
    REQUIRE(all_arrived(one, sent));
    scene.chain().call("evm_mine");
    take();
    const SnapshotPtr& snapshot = snapshots.back();
    REQUIRE(snapshot->pending);
    CHECK(snapshot->pending->transactions == sent);
    for (std::size_t i = 0; i < orders.size(); ++i) {
      CAPTURE(orders[i].what);
      check_same(swaps_of(snapshot, hashes[i]), orders[i].swaps);
      const auto pairs = swapped_in(scene, hashes[i]);
      if (pairs.empty() || orders[i].swaps.size() != 1) continue;
      ++mined;
      mined_by_universal += orders[i].router == scene.universal_router() ? 1U : 0U;
      std::vector<std::string> hops;
      for (const OrderedHop& hop : orders[i].swaps.front().hops) hops.push_back(hop.pool);
      CHECK(pairs == hops);
    }
    for (const gantry_pending_event& event : snapshot->pending->events) {
      CHECK(address_digits(event.from) == text_of(boost::json::value(scene.account())));
      CHECK(to_integer(event.gas_price) == 5'000'000'000U);
    }
  }
  // The contracts themselves went through the pools that were read.
  CHECK(mined >= 12);
  CHECK(mined_by_universal >= 2);
  CHECK(one.pending->counts().dropped == 0);

  MarketState again = one.market();
  std::size_t i = 0;
  for (const auto& input : through_a_file(one.feed->header(), inputs)) {
    const auto snapshot = must(again.advance(input));
    const auto& then = snapshots[i++]->pending;
    REQUIRE((snapshot->pending == nullptr) == (then == nullptr));
    if (then == nullptr) continue;
    CHECK(snapshot->pending->last == then->last);
    REQUIRE(snapshot->pending->events.size() == then->events.size());
    CHECK(std::memcmp(snapshot->pending->events.data(), then->events.data(),
                      then->events.size() * sizeof(gantry_pending_event)) == 0);
  }
  CHECK(i == snapshots.size());
}

namespace {

// What a pool holds, token by token.
std::vector<Integer> held_by(const host::MarketView& view, std::uint32_t pool) {
  std::array<gantry_amount, 2> balances{};
  gantry_pool_view out{0, 2, balances.data()};
  REQUIRE(view.view(pool, out) == GANTRY_OK);
  return {to_integer(balances[0]), to_integer(balances[1])};
}

}  // namespace

TEST_CASE(
    "what waits is told of between blocks, and the market behind it is what the chain makes") {
  std::mt19937_64 random(20261123);
  PendingScene scene;
  Host one(scene, "between_blocks_ms = 20\n");
  one.follow();
  MarketState market = one.market();
  must(market.advance(one.next()));
  std::size_t compared = 0;
  // Most fail on the chain, for they are drawn at random; some five in a hundred are swaps there.
  for (int round = 0; round < 6; ++round) {
    for (const Order& order : scene.orders(random)) {
      CAPTURE(order.what);
      const std::string hash = scene.send(order);
      const host::BlockInput told = one.next();
      REQUIRE(told.events.front().kind == host::MarketEventKind::between);
      CHECK(told.facts.empty());
      const SnapshotPtr waiting = must(market.advance(told));
      CHECK(waiting->between);
      CHECK(waiting->time_ms > 1'700'000'000'000U);
      const bool is_read = waiting->pending && !waiting->pending->events.empty() &&
                           to_hex(waiting->pending->events.back().transaction) == hash;
      const std::uint64_t sequence = waiting->pending ? waiting->pending->last : 0;
      host::AfterPending after;
      const auto status = after.bind(*waiting, sequence);
      scene.chain().call("evm_mine");
      const SnapshotPtr mined = must(market.advance(one.next()));
      CHECK_FALSE(mined->between);
      CHECK(mined->context.state_block == waiting->context.state_block + 1);
      if (!is_read) continue;
      CHECK(host::AfterPending().bind(*mined, sequence) == GANTRY_BAD_ARGUMENT);
      if (swapped_in(scene, hash).empty() || status == GANTRY_UNSUPPORTED) continue;
      REQUIRE(status == GANTRY_OK);
      ++compared;
      host::MarketView view;
      view.bind(*mined, {}, true);
      for (std::uint32_t pool = 0; pool < mined->topology->pools.size(); ++pool) {
        CHECK(held_by(after.view(), pool) == held_by(view, pool));
      }
      const auto* shown = after.view().market();
      CHECK(std::vector(shown->changed_pools, shown->changed_pools + shown->changed_count) ==
            mined->changed);
    }
  }
  CHECK(compared >= 8);
}

TEST_CASE("the window keeps the newest swaps, and their numbers tell what it has lost") {
  std::mt19937_64 random(5);
  PendingScene scene;
  Host one(scene);
  one.follow();
  MarketState market = one.market();
  REQUIRE(market.advance(one.next()));
  const auto orders = scene.orders(random);
  for (const Order& order : orders) scene.send(order);
  REQUIRE(all_arrived(one, orders.size()));
  scene.chain().call("evm_mine");
  host::BlockInput input = one.next();
  auto snapshot = must(market.advance(input));
  const std::uint64_t of_one_block = snapshot->pending->last;
  const auto events = input.events;
  for (int i = 1; i < 40; ++i) {
    input.events.insert(input.events.end(), events.begin(), events.end());
  }
  ++input.block.number;
  input.facts.clear();
  snapshot = must(market.advance(input));
  const host::PendingWindow& window = *snapshot->pending;
  CHECK(window.last == 41 * of_one_block);
  REQUIRE(window.events.size() == host::pending_window_max);
  for (std::size_t i = 0; i < window.events.size(); ++i) {
    CHECK(window.events[i].sequence == window.last - host::pending_window_max + 1 + i);
  }
}

TEST_CASE("a transaction is taken once, whole or asked for by its hash, and nothing else is") {
  std::mt19937_64 random(6);
  PendingScene scene;
  Host one(scene);
  one.follow();
  const auto orders = scene.orders(random);
  const std::string to_a_router = scene.send(orders.front());
  Order elsewhere = orders.front();
  elsewhere.router = scene.account();
  const std::string to_nobody = scene.send(elsewhere);
  host::PendingPool pool("anvil", one.pending->routers(), one.providers());
  const auto body = scene.chain().call("eth_getTransactionByHash", {to_a_router});
  const bool whole = GENERATE(true, false);
  for (int i = 0; i < 3; ++i) {
    pool.tell(whole ? body : boost::json::value(to_a_router));
    pool.tell(boost::json::value(to_nobody));
  }
  for (int i = 0; i < 400 && pool.counts().taken < 1; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(pool.counts().taken == 1);
  CHECK(pool.counts().told == 2);
  const auto taken = pool.drain();
  REQUIRE(taken.size() == 1);
  CHECK(to_hex(taken.front().hash) == to_a_router);
  CHECK(to_hex(taken.front().input) == orders.front().data);
  CHECK(to_integer(taken.front().value) == orders.front().value);
  CHECK(host::encode(*host::decode_pending(host::encode(taken.front()))) ==
        host::encode(taken.front()));
  CHECK(pool.drain().empty());
  // What could be sent behind it has its signed bytes, as the node that has it.
  const auto bytes = pool.signed_bytes(taken.front().hash);
  REQUIRE(bytes);
  CHECK(to_hex(*bytes) ==
        text_of(scene.chain().call("eth_getRawTransactionByHash", {to_a_router})));
  const auto unknown = pool.signed_bytes({});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().kind == host::ErrorKind::not_found);
  CHECK(unknown.error().message.ends_with(" is not known any more"));

  for (const char* nonsense : {"1", "{}", "[]", "null", "\"0x12\"", "{\"hash\":7}"}) {
    pool.tell(boost::json::parse(nonsense));
  }
  CHECK(pool.counts().told == 2);
  // Broken bodies are told of, and never taken.
  for (const char* field : {"to", "from", "input", "value", "nonce"}) {
    for (const boost::json::value& broken :
         {boost::json::value(), boost::json::value("0xzz"), boost::json::value(7)}) {
      auto changed = body.as_object();
      changed["hash"] = hex_word(Integer(random()) + 1);
      changed[field] = broken;
      pool.tell(changed);
    }
  }
  CHECK(pool.counts().told == 17);
  CHECK(pool.counts().taken == 1);
  // More than it asks for is dropped, and counted.
  for (int i = 1; i <= 5000; ++i) pool.tell(boost::json::value(hex_word(Integer(i) << 80)));
  CHECK(pool.counts().told == 5017);
  CHECK(pool.counts().dropped >= 2000);
}

TEST_CASE(
    "calldata that was changed at random is read as the contracts' sources say, or not at all") {
  std::mt19937_64 random(7);
  PendingScene scene;
  const Host one(scene);
  struct Read {
    std::vector<OrderedSwap> swaps;
  };
  const auto read_by = [&](const host::VenueInstance& venue, const std::vector<std::uint8_t>& input,
                           const Integer& value) {
    Read read;
    const gantry_pending_sink sink{
        &read, [](void* self, const gantry_pending_swap* swap) -> gantry_status {
          OrderedSwap ordered{swap->mode == GANTRY_EXACT_IN,
                              (swap->flags & GANTRY_PENDING_MAY_STOP) != 0,
                              to_integer(swap->amount_in),
                              to_integer(swap->amount_out),
                              swap->deadline_s,
                              {}};
          for (std::uint32_t i = 0; i < swap->hop_count; ++i) {
            const gantry_pending_hop& hop = swap->hops[i];
            ordered.hops.push_back({address_digits(hop.pool), address_digits(hop.token_in),
                                    address_digits(hop.token_out)});
          }
          static_cast<Read*>(self)->swaps.push_back(std::move(ordered));
          return GANTRY_OK;
        }};
    gantry_pending_transaction transaction{};
    transaction.value = to_amount(value);
    transaction.input = {input.data(), input.size()};
    const auto status = venue.pending->decode(venue.object(), &transaction, &sink);
    const bool known =
        status == GANTRY_OK || status == GANTRY_UNSUPPORTED || status == GANTRY_BAD_STATE;
    if (!known) FAIL("decode() answered " << status);
    if (status != GANTRY_OK) read.swaps.clear();
    return read.swaps;
  };
  RouterReference reference;
  reference.v2_factory = scene.market().factory(0).address();
  reference.v2_hash = scene.market().factory(0).init_code_hash();
  reference.v3_factory = scene.v3_factory();
  const host::VenueInstance& v2 = one.venue("uniswap_v2");
  const host::VenueInstance& v3 = one.venue("uniswap_v3");
  std::size_t swaps = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 1500; ++round) {
    for (const Order& order : scene.orders(random)) {
      std::vector<std::uint8_t> input = to_bytes(order.data);
      const Integer value = random() % 8 == 0 ? Integer(random()) : order.value;
      for (std::size_t turns = random() % 4; turns > 0; --turns) {
        const std::size_t word = 4 + random() % (input.size() / 32) * 32;
        switch (random() % 5) {
          case 0:
            input[random() % input.size()] = static_cast<std::uint8_t>(random());
            break;
          case 1:
            input[std::min(word + 31, input.size() - 1)] =
                static_cast<std::uint8_t>(random() % 9 * 32);
            break;
          case 2:
            input.resize(std::max<std::size_t>(4, random() % input.size()));
            break;
          case 3:
            for (std::size_t i = word; i < std::min(word + 32, input.size()); ++i) {
              input[i] = static_cast<std::uint8_t>(random());
            }
            break;
          default:
            input.insert(input.end(), random() % 40, static_cast<std::uint8_t>(random()));
        }
        if (input.size() < 40) break;
      }
      for (const bool is_v3 : {false, true}) {
        const auto read = read_by(is_v3 ? v3 : v2, input, value);
        const auto expected = reference.read(is_v3, to_hex(input), value);
        CAPTURE(order.what, to_hex(input), is_v3);
        if (expected) {
          REQUIRE(read == *expected);
          swaps += read.size();
        } else {
          REQUIRE(read.empty());
          ++refused;
        }
      }
    }
  }
  CHECK(swaps > 20'000);
  CHECK(refused > 2'000);
}

TEST_CASE("a strategy is told of swaps that wait, live and in the replay alike") {
  using host::tests::Ended;
  using host::tests::Running;
  using host::tests::Workspace;
  std::mt19937_64 random(3);
  PendingScene scene;
  Workspace space;
  host::tests::write_text(space / "config/gantry.toml",
                          scene.gantry_toml("\"" GANTRY_PLUGINS "\", \"" GANTRY_TEST_PLUGINS "\""));
  host::tests::write_text(space / "config/dex_config.toml", scene.dex_toml());
  host::tests::write_text(space / "config/strategies.toml", "[strategies.pending_strategy]\n");
  const std::string file = (space / "chain.gantry").string();
  Running running =
      space.start({"record", "--out", file, "--blocks", "8", "--json", "--no-timings"});
  const auto begun = std::chrono::steady_clock::now();
  while (!running.ended()) {
    for (const Order& order : scene.orders(random)) scene.send(order);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    scene.chain().call("evm_mine");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    REQUIRE(std::chrono::steady_clock::now() - begun < std::chrono::minutes(10));
  }
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const auto report = boost::json::parse(ended.out);
  bool found = false;
  for (const auto& plugin : report.at("plugins").as_array()) {
    if (plugin.at("instance") != "pending_strategy") continue;
    found = true;
    const auto& counters = plugin.at("counters").as_object();
    REQUIRE(counters.contains("swaps"));
    CHECK(counters.at("swaps").to_number<int>() >= 20);
    CHECK_FALSE(counters.contains("unknown pools"));
  }
  CHECK(found);
  // Nothing but reading came of it.
  CHECK(report.at("plugins").as_array().size() == 4);

  const Ended replay = space.run({"replay", file, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 0);
  CHECK(replay.out == ended.out);
}

TEST_CASE("a run that is stopped while pending swaps come ends whole, and its recording replays") {
  using host::tests::Ended;
  using host::tests::Running;
  using host::tests::Workspace;
  // As an operator does it, and as a terminal does.
  const bool by_signal = GENERATE(false, true);
  CAPTURE(by_signal);
  std::mt19937_64 random(by_signal ? 5 : 4);
  PendingScene scene;
  Workspace space;
  const std::string strategies = "[strategies.pending_strategy]\n";
  host::tests::write_text(space / "config/gantry.toml",
                          scene.gantry_toml("\"" GANTRY_PLUGINS "\", \"" GANTRY_TEST_PLUGINS "\""));
  host::tests::write_text(space / "config/dex_config.toml", scene.dex_toml());
  host::tests::write_text(space / "config/strategies.toml", strategies);
  const std::string file = (space / "run.gantry").string();
  Running running = space.start({"run", "--record", file, "--json", "--no-timings"});
  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t told = 0;
  bool stopping = false;
  std::optional<Running> stop;
  while (!running.ended()) {
    REQUIRE(std::chrono::steady_clock::now() - begun < std::chrono::minutes(10));
    // It comes to an end in the middle of these.
    for (const Order& order : scene.orders(random)) scene.send(order);
    if (stopping) continue;
    scene.chain().call("evm_mine");
    const Ended status = space.run({"status", "--json"});
    if (status.code != 0) continue;
    const auto said = boost::json::parse(status.out);
    REQUIRE(said.at("pending_taken").to_number<std::uint64_t>() >= told);
    told = said.at("pending_taken").to_number<std::uint64_t>();
    if (told < 40 || said.at("snapshots").to_number<int>() < 10) continue;
    stopping = true;
    if (by_signal) {
      running.signal(SIGINT);
    } else {
      stop.emplace(space.start({"stop"}));
    }
  }
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  if (stop) CHECK(stop->wait().code == 0);
  CHECK_FALSE(host::tests::has(ended.err, "error"));

  const auto counters = [](const std::string& text) {
    const auto report = boost::json::parse(text);
    for (const auto& plugin : report.at("plugins").as_array()) {
      if (plugin.at("instance") == "pending_strategy") return plugin.at("counters").as_object();
    }
    return boost::json::object();
  };
  REQUIRE(counters(ended.out).contains("swaps"));
  CHECK(counters(ended.out).at("swaps").to_number<int>() >= 20);
  CHECK_FALSE(counters(ended.out).contains("unknown pools"));

  const Ended replay = space.run({"replay", file, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 0);
  CHECK(replay.out == ended.out);

  if (sanitized) return;
  // In a process of its own it is told the same: how many, in which calls, and all they say.
  host::tests::write_text(space / "config/strategies.toml",
                          strategies + "isolation = \"process\"\n");
  const Ended isolated = space.run({"replay", file, "--json", "--no-timings"});
  INFO(isolated.err);
  CHECK(isolated.code == 0);
  CHECK(isolated.out == ended.out);

  // There it may also die of it: each time a strike with the reason, until it is retired, which the
  // code says, and the run goes on to its end.
  host::tests::write_text(space / "config/strategies.toml",
                          strategies + "isolation = \"process\"\ndies_at_call = 1\n");
  const Ended died = space.run({"replay", file, "--ignore-decisions", "--json", "--no-timings"});
  INFO(died.err);
  CHECK(died.code == 3);
  CHECK(boost::json::parse(died.out).at("market").at("snapshots") ==
        boost::json::parse(ended.out).at("market").at("snapshots"));
  CHECK(host::tests::has(died.out, "its process died of SIGABRT"));
  CHECK(counters(died.out).empty());
}

}  // namespace gantry::test
