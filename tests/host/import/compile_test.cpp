// A compiled recording against the one that it was made of: the same snapshots, block by block.
#include "host/import/compile.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "host/backtest/backtest_report.hpp"
#include "host/backtest/simulated_chain.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/market/compiled_by.hpp"
#include "host/market/market_state.hpp"
#include "host/market/state_changes.hpp"
#include "host/recording/reader.hpp"
#include "host/recording/writer.hpp"
#include "support/pending_market.hpp"
#include "support/small_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;
using recording::Record;

namespace {

namespace fs = std::filesystem;

const std::string every_venue =
    "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\n"
    "[[dex]]\nname = \"uniswap_v3\"\nmin_liquidity_usd = 0\n"
    "[[dex]]\nname = \"curve\"\nmin_liquidity_usd = 0\n"
    "[[dex]]\nname = \"balancer\"\nmin_liquidity_usd = 0\n";

// A configuration with its venues, as a run would have them.
struct Venues {
  explicit Venues(const std::string& dex = every_venue, const std::string& gantry = {},
                  bool is_real = true) {
    ConfigurationTexts texts;
    texts.gantry = gantry;
    texts.dex = dex;
    if (is_real) {
      texts.wrapped_native = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";
      texts.usd_token = "0x6B175474E89094C44Da98b954EedeAC495271d0F";
    }
    configuration = configure(folder.path(), texts);
    // Strategies have no part in it.
    Configuration part = configuration;
    part.strategies.clear();
    plugins = make_plugins(part, folder.path() / "store");
    REQUIRE(plugins.refused.empty());
  }
  const ChainSettings& chain() const { return configuration.chains.front(); }

  TemporaryFolder folder;
  Configuration configuration;
  Plugins plugins;
};

CompileReport compile_file(const fs::path& from, const fs::path& to,
                           const std::string& dex = every_venue, bool is_real = true) {
  const Venues venues(dex, {}, is_real);
  auto report = compile_recording(venues.chain(), venues.plugins.venues, {from, to});
  if (!report) throw std::runtime_error(report.error().message);
  return *report;
}

std::string why_not_compiled(const fs::path& from, const fs::path& to,
                             const std::string& dex = every_venue) {
  const Venues venues(dex, {}, false);
  const auto report = compile_recording(venues.chain(), venues.plugins.venues, {from, to});
  return report ? std::string() : report.error().message;
}

bool same_state(const gantry_state* a, const gantry_state* b) {
  if ((a == nullptr) != (b == nullptr)) return false;
  if (a == nullptr) return true;
  if (a->chunk_count != b->chunk_count) return false;
  for (std::uint32_t i = 0; i < a->chunk_count; ++i) {
    const gantry_bytes& one = a->chunks[i];
    const gantry_bytes& other = b->chunks[i];
    if (one.size != other.size) return false;
    if (one.size != 0 && std::memcmp(one.data, other.data, one.size) != 0) return false;
  }
  return true;
}

// What came between blocks, and with them.
void check_same_windows(const Snapshot& raw, const Snapshot& taken) {
  REQUIRE(raw.between == taken.between);
  REQUIRE(raw.time_ms == taken.time_ms);
  REQUIRE((raw.pending == nullptr) == (taken.pending == nullptr));
  if (raw.pending != nullptr) {
    REQUIRE(raw.pending->last == taken.pending->last);
    REQUIRE(raw.pending->transactions == taken.pending->transactions);
    REQUIRE(raw.pending->mined == taken.pending->mined);
    const auto& events = raw.pending->events;
    REQUIRE(events.size() == taken.pending->events.size());
    REQUIRE(std::memcmp(events.data(), taken.pending->events.data(),
                        events.size() * sizeof(events[0])) == 0);
  }
  REQUIRE((raw.prices == nullptr) == (taken.prices == nullptr));
  if (raw.prices == nullptr) return;
  REQUIRE(raw.prices->last == taken.prices->last);
  const auto& prices = raw.prices->prices;
  REQUIRE(prices.size() == taken.prices->prices.size());
  REQUIRE(std::memcmp(prices.data(), taken.prices->prices.data(),
                      prices.size() * sizeof(prices[0])) == 0);
}

void check_same(const Snapshot& raw, const Snapshot& taken, bool all_pools) {
  CAPTURE(raw.context.state_block);
  REQUIRE(raw.id == taken.id);
  REQUIRE(std::memcmp(&raw.context.base_fee, &taken.context.base_fee, sizeof(gantry_amount)) == 0);
  REQUIRE(raw.context.state_time_s == taken.context.state_time_s);
  REQUIRE(raw.cold == taken.cold);
  REQUIRE(raw.changed == taken.changed);
  REQUIRE(raw.ether_usd_e6 == taken.ether_usd_e6);
  REQUIRE(raw.topology->id == taken.topology->id);
  REQUIRE(raw.topology->pools.size() == taken.topology->pools.size());
  check_same_windows(raw, taken);
  const auto check = [&](std::uint32_t pool) {
    const bool same = same_state(raw.states.find(pool), taken.states.find(pool));
    if (!same) FAIL("the state of pool " << pool << " is another");
    if (raw.topology->pools[pool].use != taken.topology->pools[pool].use) {
      FAIL("the use of pool " << pool << " is another");
    }
  };
  for (const std::uint32_t pool : raw.changed) check(pool);
  for (std::uint32_t pool = 0; all_pools && pool < raw.topology->pools.size(); ++pool) check(pool);
}

struct Compared {
  std::size_t blocks = 0;
  std::size_t withheld = 0;  // pools that could not be seen and have been, over all blocks
  std::uint64_t facts = 0;
  std::uint64_t compiled_facts = 0;
  std::size_t between = 0;    // snapshots of no block
  std::uint64_t waiting = 0;  // swaps that were told of
  std::uint64_t prices = 0;   // from outside, that were told of
};

// Both markets go through their files in step.
Compared compare(const fs::path& raw_file, const fs::path& compiled_file,
                 const std::string& dex = every_venue, bool is_real = true) {
  const Venues raw_venues(dex, {}, is_real);
  const Venues taken_venues(dex, {}, is_real);
  MarketState raw(raw_venues.chain(), raw_venues.plugins.venues);
  MarketState taken(taken_venues.chain(), taken_venues.plugins.venues);
  auto raw_feed = RecordingFeed::open(raw_file);
  auto feed = RecordingFeed::open(compiled_file);
  REQUIRE(raw_feed);
  REQUIRE(feed);
  CHECK(raw_feed->compiled() == nullptr);
  REQUIRE(feed->compiled() != nullptr);
  Compared compared;
  while (auto input = raw_feed->next()) {
    const auto other = feed->next();
    REQUIRE(other);
    CHECK(input->block.number == other->block.number);
    const auto a = raw.advance(*input);
    const auto b = taken.advance(*other);
    INFO((b ? std::string() : b.error().message));
    REQUIRE(a);
    REQUIRE(b);
    check_same(**a, **b, compared.blocks % 64 == 0 || (*a)->topology->pools.size() < 100);
    for (const std::uint32_t pool : (*a)->changed) {
      compared.withheld += (*a)->states.find(pool) == nullptr ? 1U : 0U;
    }
    ++compared.blocks;
    compared.between += (*a)->between ? 1U : 0U;
    if ((*a)->pending != nullptr) compared.waiting = (*a)->pending->last;
    if ((*a)->prices != nullptr) compared.prices = (*a)->prices->last;
    compared.facts += input->fact_count();
    compared.compiled_facts += other->fact_count();
  }
  CHECK_FALSE(feed->next());
  CHECK(feed->damage().empty());
  return compared;
}

std::vector<Record> records_of(const fs::path& file) {
  auto reader = RecordingReader::open(file);
  REQUIRE(reader);
  std::vector<Record> all;
  while (true) {
    auto record = reader->next();
    REQUIRE(record);
    if (!*record || std::holds_alternative<recording::End>(**record)) return all;
    all.push_back(std::move(**record));
  }
}

// With right checksums.
void write_records(const fs::path& file, const std::vector<Record>& records) {
  auto writer = RecordingWriter::create(file);
  REQUIRE(writer);
  for (const Record& record : records) {
    const auto done = writer->append(record);
    INFO((done ? std::string() : done.error().message));
    REQUIRE(done);
  }
  REQUIRE(writer->finish());
}

template <class T>
T& nth(std::vector<Record>& records, std::size_t index) {
  for (Record& record : records) {
    if (std::holds_alternative<T>(record) && index-- == 0) return std::get<T>(record);
  }
  throw std::runtime_error("there are not so many of these records");
}

// Why a market with these venues does not go through it to its end; empty: it does.
std::string why_not(const fs::path& file, const std::string& dex = every_venue,
                    const std::string& gantry = {}) {
  const Venues venues(dex, gantry, false);
  MarketState market(venues.chain(), venues.plugins.venues);
  auto feed = RecordingFeed::open(file);
  if (!feed) return feed.error().message;
  while (auto input = feed->next()) {
    if (auto snapshot = market.advance(*input); !snapshot) return snapshot.error().message;
  }
  return feed->damage();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Four blocks of three pools.
void write_small(const fs::path& file) {
  write_market(
      file, 3, {{0, 1, 100'000, 40'000'000}, {0, 2, 100'000, 44'000}, {1, 2, 9'000, 900}},
      {{{0, 100'100, 39'960'000}}, {{1, 100'000, 44'010}, {2, 9'100, 890}}, {{0, 99, 77}}});
}

// A market in which all happens that a feed can tell of: events before blocks, logs that do not
// decode, pools that come later, blocks that are taken back.
void write_eventful(const fs::path& file) {
  auto inputs = market_inputs(
      4, {{0, 1, 100'000, 40'000'000}, {0, 2, 100'000, 44'000}, {1, 2, 9'000, 900}, {0, 3, 5, 700}},
      {{{0, 100'100, 39'960'000}},
       {{1, 100'000, 44'010}, {2, 9'100, 890}},
       {{1, 100'010, 44'000}},
       {{0, 100'200, 39'920'000}, {1, 100'020, 43'990}},
       {{2, 9'200, 880}},
       {{0, 100'300, 39'880'000}, {3, 6, 600}},
       {},
       {{3, 7, 500}},
       {{0, 1, 2}, {1, 3, 4}, {2, 5, 6}, {3, 7, 8}}});
  const auto event = [](MarketEventKind kind, std::uint64_t number = 0, std::uint32_t pool = 0) {
    MarketEvent out;
    out.kind = kind;
    out.number = number;
    out.pool = pool;
    out.reason = kind == MarketEventKind::quarantine ? "a test's" : "";
    return out;
  };
  inputs[0].events.push_back(event(MarketEventKind::keep, 8));
  inputs[2].facts[0].data.resize(5);  // pool 1 is withheld, and what is told next is passed over
  inputs[5].events.push_back(event(MarketEventKind::undo, inputs[2].block.number));
  inputs[6].events.push_back(event(MarketEventKind::quarantine, 0, 2));
  inputs[8].events.push_back(event(MarketEventKind::fresh));
  // Pool 3 comes late.
  const recording::Fact first = inputs[0].facts.back();
  inputs[0].facts.pop_back();
  inputs[4].pools.push_back(inputs[0].pools.back());
  inputs[0].pools.pop_back();
  inputs[4].facts.push_back(first);
  // Of no pool: what an oracle would have said.
  recording::Fact oracle;
  oracle.kind = recording::FactKind::evm_call;
  oracle.tag = 3;
  oracle.data = {1, 2, 3};
  inputs[3].facts.push_back(oracle);
  std::vector<Record> records{
      recording::Header{recording::format_version, "eip155:1", "A test's market.", "gantry tests"}};
  for (const BlockInput& input : inputs) {
    for (const auto& token : input.tokens) records.emplace_back(token);
    for (const auto& pool : input.pools) records.emplace_back(pool);
    for (const auto& one : input.events) records.emplace_back(encode(one));
    records.emplace_back(input.block);
    for (const auto& fact : input.facts) records.emplace_back(fact);
    records.emplace_back(
        recording::Decision{recording::DecisionKind::skipped, 0, input.block.number, {}});
  }
  write_records(file, records);
}

// A live chain's: between its blocks come swaps that wait, prices from outside and the clock, and a
// swap is in a block. Makes snapshots of blocks and of what came between them.
std::vector<BlockInput> between_inputs() {
  auto inputs = pending_inputs(3,
                               {{0, 1, 100'000, 40'000'000},
                                {0, 2, 100'000, 44'000},
                                {1, 2, 9'000, 900},
                                {0, 1, 200'000, 79'000'000, "other"}},
                               {{{0, 100'100, 39'960'000}},
                                {},
                                {},
                                {{1, 100'000, 44'010}, {3, 200'100, 78'900'000}},
                                {},
                                {{0, 99'000, 40'400'000}, {2, 9'100, 890}}});
  const auto event = [](MarketEventKind kind, std::uint64_t number = 0,
                        recording::Bytes bytes = {}) {
    MarketEvent out;
    out.kind = kind;
    out.number = number;
    out.bytes = std::move(bytes);
    return out;
  };
  // The second, third and fifth behind the first are of no block: they name the newest again.
  for (const std::size_t i : {2U, 3U, 5U}) {
    inputs[i].block = inputs[i - 1].block;
    inputs[i].events.push_back(event(MarketEventKind::between));
    inputs[i].events.push_back(event(MarketEventKind::clock, 1'600'000'000'000 + 100 * i));
  }
  add_pending(inputs, 1, {{0, 1}, Integer(5) * 1'000'000'000'000'000'000, 1}, 1);
  add_pending(inputs, 2, {{0, 1, 2}, Integer(900) * 1'000'000'000'000'000'000, 1}, 2);
  add_pending(inputs, 3, {{2, 0}, Integer(7) * 1'000'000'000'000'000'000, 1}, 3);
  add_mined(inputs, 4, 2);
  add_pending(inputs, 5, {{1, 0}, Integer(3) * 1'000'000'000'000'000'000, 1}, 4);
  OutsidePrice price;
  price.token = inputs[0].tokens.at(0).address;
  price.quote = inputs[0].tokens.at(1).address;
  price.bid = 399.5;
  price.ask = 401;
  price.source = "a_test";
  for (const std::size_t i : {2U, 4U, 5U}) {
    price.time_ms = 1'600'000'000'000 + i;
    price.bid += 0.25;
    inputs[i].events.push_back(event(MarketEventKind::price, 0, encode(price)));
  }
  return inputs;
}

const std::string v2 = "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\n";

}  // namespace

TEST_CASE("each shipped recording compiles to the same snapshots, to the byte of each state") {
  const TemporaryFolder folder;
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(GANTRY_DATA)) {
    if (entry.path().extension() != ".gantry") continue;
    CAPTURE(entry.path().filename().string());
    const fs::path out = folder / entry.path().filename().string();
    const CompileReport report = compile_file(entry.path(), out);
    const Compared compared = compare(entry.path(), out);
    CHECK(compared.blocks == report.blocks);
    CHECK(compared.facts == report.facts);
    CHECK(compared.compiled_facts == report.facts);
    CHECK(report.bytes == fs::file_size(out));
    ++files;
  }
  CHECK(files >= 3);
}

TEST_CASE("what a feed tells of besides facts is the same in a compiled recording") {
  const TemporaryFolder folder;
  write_eventful(folder / "raw.gantry");
  compile_file(folder / "raw.gantry", folder / "compiled.gantry", v2, false);
  const Compared compared = compare(folder / "raw.gantry", folder / "compiled.gantry", v2, false);
  CHECK(compared.blocks == 10);
  CHECK(compared.withheld > 0);
  // It was no quiet market.
  std::uint8_t marks = 0;
  std::size_t facts = 0;
  std::size_t decisions = 0;
  std::size_t events = 0;
  for (const Record& record : records_of(folder / "compiled.gantry")) {
    facts += std::holds_alternative<recording::Fact>(record) ? 1U : 0U;
    decisions += std::holds_alternative<recording::Decision>(record) ? 1U : 0U;
    events += std::holds_alternative<recording::Event>(record) ? 1U : 0U;
    const auto* changes = std::get_if<recording::Changes>(&record);
    if (changes == nullptr) continue;
    ChangeReader reader(changes->bytes);
    while (!reader.done()) {
      PoolChange change;
      REQUIRE(reader.next(change));
      marks |= change.marks;
      if ((change.marks & change_marks::written) != 0) REQUIRE(reader.skip());
    }
  }
  CHECK((marks & change_marks::changed) != 0);
  CHECK((marks & change_marks::settled) != 0);
  CHECK((marks & change_marks::withheld_now) != 0);
  CHECK((marks & change_marks::written) != 0);
  CHECK(facts == 1);  // the oracle's
  CHECK(decisions == 10);
  CHECK(events == 4);
}

TEST_CASE("a random market compiles to the same snapshots") {
  const std::uint64_t seed = GENERATE(as<std::uint64_t>{}, 1, 2, 3);
  CAPTURE(seed);
  const TemporaryFolder folder;
  write_busy_market(folder / "raw.gantry", 8, 400, seed);
  compile_file(folder / "raw.gantry", folder / "compiled.gantry", v2, false);
  CHECK(compare(folder / "raw.gantry", folder / "compiled.gantry", v2, false).blocks == 401);
  CHECK(fs::file_size(folder / "compiled.gantry") < fs::file_size(folder / "raw.gantry"));
}

TEST_CASE("a run and a backtest on a compiled recording report the same to the byte") {
  const TemporaryFolder folder;
  const fs::path raw = folder / "raw.gantry";
  const fs::path compiled = folder / "compiled.gantry";
  write_busy_market(raw, 6, 300, 4);
  compile_file(raw, compiled, v2, false);
  const auto configuration = configure(
      folder.path(), {"[risk]\nmin_confidence = 0\nmin_profit_usd = 0\nramp_successes = 0\n"
                      "ramp_hours = 0\nmax_failures = 1000\n",
                      v2});
  const auto run = [&](const fs::path& file, SimulatedChain* chain) {
    StreetOptions options;
    options.recording = file;
    options.backtest = chain;
    options.threads = chain == nullptr ? 2 : 1;
    RunReport report = run_market(configuration, options);
    report.recording = "market.gantry";
    return report;
  };
  const RunReport plain = run(raw, nullptr);
  CHECK(plain.state_hash == run(compiled, nullptr).state_hash);
  CHECK(report_text(plain) == report_text(run(compiled, nullptr)));
  std::string texts[2];
  for (const bool is_compiled : {false, true}) {
    SimulatedChain chain(SimulationSettings(), gas_overhead_of(configuration));
    BacktestResult result;
    result.run = run(is_compiled ? compiled : raw, &chain);
    result.trades = chain.trades();
    CHECK_FALSE(result.trades.empty());
    texts[is_compiled ? 1 : 0] = boost::json::serialize(backtest_json(result));
  }
  CHECK(texts[0] == texts[1]);
}

TEST_CASE("what comes between blocks is the same on a compiled recording, in runs and backtests") {
  const TemporaryFolder folder;
  const fs::path raw = folder / "raw.gantry";
  const fs::path compiled = folder / "compiled.gantry";
  write_inputs(raw, between_inputs());
  const std::string dex = pending_dex_toml();
  compile_file(raw, compiled, dex, false);
  const Compared compared = compare(raw, compiled, dex, false);
  CHECK(compared.blocks == 7);
  CHECK(compared.between == 3);
  CHECK(compared.waiting >= 4);
  CHECK(compared.prices == 3);

  const auto configuration = configure(
      folder.path(), {"[risk]\nmin_confidence = 0\nmin_profit_usd = 0\nramp_successes = 0\n"
                      "ramp_hours = 0\nmax_failures = 1000\n",
                      dex});
  const auto report_of = [&](const fs::path& file, SimulatedChain* chain) {
    StreetOptions options;
    options.recording = file;
    options.backtest = chain;
    options.threads = 1;
    RunReport report = run_market(configuration, options);
    report.recording = "market.gantry";
    return report;
  };
  const RunReport plain = report_of(raw, nullptr);
  CHECK(plain.snapshots == 7);
  CHECK(plain.state_hash == report_of(compiled, nullptr).state_hash);
  CHECK(report_text(plain) == report_text(report_of(compiled, nullptr)));
  std::string texts[2];
  for (const bool is_compiled : {false, true}) {
    SimulatedChain chain(SimulationSettings(), gas_overhead_of(configuration));
    BacktestResult result;
    result.run = report_of(is_compiled ? compiled : raw, &chain);
    result.trades = chain.trades();
    texts[is_compiled ? 1 : 0] = boost::json::serialize(backtest_json(result));
  }
  CHECK(texts[0] == texts[1]);

  // Nothing that a block does can stand between two.
  auto records = records_of(compiled);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto* event = std::get_if<recording::Event>(&records[i]);
    if (event == nullptr || event->kind != static_cast<std::int32_t>(MarketEventKind::between)) {
      continue;
    }
    while (!std::holds_alternative<recording::Block>(records[i])) ++i;
    records.insert(records.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                   nth<recording::Changes>(records, 0));
    break;
  }
  write_records(folder / "bad.gantry", records);
  CHECK(has(why_not(folder / "bad.gantry", dex), "has a block's facts"));
}

TEST_CASE("with other venues, parameters or settings a compiled recording is refused") {
  const TemporaryFolder folder;
  const fs::path raw = folder / "raw.gantry";
  const fs::path compiled = folder / "compiled.gantry";
  write_small(raw);
  compile_file(raw, compiled, v2, false);
  CHECK(why_not(compiled, v2).empty());
  // Venues that have no pool in it are nothing to it.
  CHECK(why_not(compiled).empty());
  const std::string other_fee = why_not(compiled, v2 + "fee_bps = 25\n");
  CHECK(has(other_fee, "compiled with other settings or plugins"));
  CHECK(has(other_fee, "fee_bps = 30"));
  CHECK(has(other_fee, "fee_bps = 25"));
  // Another library under that name.
  const std::string other_library =
      why_not(compiled, "[[dex]]\nname = \"uniswap_v2\"\nplugin = \"curve\"\n");
  CHECK(has(other_library, "compiled with other settings or plugins"));
  CHECK(has(other_library, "org.gantry.curve"));

  // A venue that did not run then.
  auto records = records_of(raw);
  nth<recording::Pool>(records, 1).venue = "second";
  write_records(raw, records);
  compile_file(raw, compiled, v2, false);
  CHECK(why_not(compiled, v2).empty());
  const std::string second = v2 + "[[dex]]\nname = \"second\"\nplugin = \"uniswap_v2\"\n";
  CHECK(has(why_not(compiled, second), "venue second runs now, and did not"));
  // One that does not run any more is left out, as it is on the raw one.
  compile_file(raw, compiled, second, false);
  CHECK(compare(raw, compiled, v2, false).blocks == 4);
}

TEST_CASE("another library file of the same plugin is refused") {
  const TemporaryFolder folder;
  write_small(folder / "raw.gantry");
  compile_file(folder / "raw.gantry", folder / "compiled.gantry", v2, false);
  auto records = records_of(folder / "compiled.gantry");
  auto& compiled = nth<recording::Compiled>(records, 0);
  const Venues venues(v2, {}, false);
  const std::string& hash = venues.plugins.venues.front()->file().sha256;
  const auto at = compiled.venues.find(hash);
  REQUIRE(at != std::string::npos);
  compiled.venues[at] = hash[0] == '0' ? '1' : '0';
  write_records(folder / "other.gantry", records);
  CHECK(has(why_not(folder / "other.gantry", v2), hash));
}

TEST_CASE("changes that do not decode or do not fit end a run with one clear line") {
  const TemporaryFolder folder;
  write_small(folder / "raw.gantry");
  compile_file(folder / "raw.gantry", folder / "compiled.gantry", v2, false);
  const auto whole = records_of(folder / "compiled.gantry");
  const fs::path bad = folder / "bad.gantry";
  const auto after = [&](const std::function<void(recording::Changes&)>& harm) {
    auto records = whole;
    harm(nth<recording::Changes>(records, 1));
    write_records(bad, records);
    return why_not(bad, v2);
  };
  CHECK(after([](auto&) {}).empty());
  CHECK(has(after([](auto& changes) { changes.check ^= 1; }), "changes of block 1001"));
  CHECK(has(after([](auto& changes) { changes.bytes.back() ^= 1; }), "the states after them"));
  CHECK(has(after([](auto& changes) { changes.bytes[0] = 76; }), "pool 38, which is not there"));
  CHECK(
      has(after([](auto& changes) { changes.bytes[0] = changes.bytes[1] = 0; }), "do not decode"));
  CHECK(has(after([](auto& changes) { changes.bytes = {0, 128}; }), "do not decode"));
  // Cut anywhere, but for the end of a change.
  const auto size =
      nth<recording::Changes>(const_cast<std::vector<Record>&>(whole), 1).bytes.size();
  for (std::size_t cut = 1; cut < size; ++cut) {
    CAPTURE(cut);
    CHECK_FALSE(after([&](auto& changes) { changes.bytes.resize(cut); }).empty());
  }
  // Any byte turned is found: by the decoder, or by the sum.
  std::mt19937_64 random(5);
  for (std::size_t at = 0; at < size; ++at) {
    CAPTURE(at);
    const auto bit = static_cast<std::uint8_t>(1U << (random() % 8));
    CHECK_FALSE(after([&](auto& changes) { changes.bytes[at] ^= bit; }).empty());
  }
}

TEST_CASE("a compiled recording that is cut or turned is damaged where it is") {
  const TemporaryFolder folder;
  write_busy_market(folder / "raw.gantry", 5, 60, 9);
  compile_file(folder / "raw.gantry", folder / "compiled.gantry", v2, false);
  std::ifstream in(folder / "compiled.gantry", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  std::mt19937_64 random(6);
  const auto damage_of = [&](const std::string& content) {
    std::ofstream(folder / "bad.gantry", std::ios::binary | std::ios::trunc) << content;
    return why_not(folder / "bad.gantry", v2);
  };
  REQUIRE(damage_of(bytes).empty());
  for (int trial = 0; trial < 20; ++trial) {
    const std::size_t at = random() % bytes.size();
    CAPTURE(at);
    CHECK_FALSE(damage_of(bytes.substr(0, at)).empty());
    std::string turned = bytes;
    turned[at] = static_cast<char>(turned[at] ^ (1 << (random() % 8)));
    CHECK_FALSE(damage_of(turned).empty());
  }
  CHECK(has(damage_of(bytes + "x"), "bytes follow the end"));
}

TEST_CASE("records of compiled recordings stand where they may, and nowhere else") {
  const TemporaryFolder folder;
  write_small(folder / "raw.gantry");
  compile_file(folder / "raw.gantry", folder / "compiled.gantry", v2, false);
  const auto raw = records_of(folder / "raw.gantry");
  const auto compiled = records_of(folder / "compiled.gantry");
  const auto first_error = [&](const std::vector<Record>& records) {
    auto writer = RecordingWriter::create(folder / "bad.gantry");
    REQUIRE(writer);
    for (const Record& record : records) {
      if (auto done = writer->append(record); !done) return done.error().message;
    }
    return std::string();
  };
  auto records = raw;
  records.push_back(recording::Changes{});
  CHECK(has(first_error(records), "not compiled"));
  records = raw;
  records.push_back(compiled[1]);
  CHECK(has(first_error(records), "stands not behind the header"));
  records = compiled;
  records.insert(records.begin() + 2, recording::Changes{});
  CHECK(has(first_error(records), "changes come before any block"));
  records = compiled;
  records.push_back(raw.back());
  REQUIRE(std::holds_alternative<recording::Fact>(raw.back()));
  CHECK(has(first_error(records), "a fact of a pool"));
  records = compiled;
  std::get<recording::Compiled>(records[1]).version = 1;
  CHECK(has(first_error(records), "compiled in version 1, and this gantry reads version 2"));
  std::get<recording::Compiled>(records[1]).version = recording::compiled_version;
  std::get<recording::Compiled>(records[1]).source.pop_back();
  CHECK(has(first_error(records), "SHA-256 has 31 bytes"));
}

TEST_CASE("what cannot be compiled is said, and nothing is left in its place") {
  const TemporaryFolder folder;
  const fs::path raw = folder / "raw.gantry";
  const fs::path out = folder / "out.gantry";
  write_small(raw);
  CHECK(has(why_not_compiled(folder / "none.gantry", out), "none.gantry"));
  CHECK(has(why_not_compiled(raw, raw), "raw.gantry"));
  CHECK(has(why_not_compiled(raw, out, "[[dex]]\nname = \"curve\"\n"), "no [[dex]] that runs"));
  compile_file(raw, folder / "compiled.gantry", v2, false);
  CHECK(has(why_not_compiled(folder / "compiled.gantry", out), "is compiled already"));
  fs::resize_file(raw, fs::file_size(raw) - 20);
  CHECK(has(why_not_compiled(raw, out), "it is cut"));
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("a state of many chunks and sizes survives its changes") {
  std::mt19937_64 random(11);
  StateStore store;
  StateStore copy;
  std::uint64_t version = 0;
  std::size_t rewritten = 0;
  for (int trial = 0; trial < 400; ++trial) {
    ++version;
    store.begin(version, version);
    copy.begin(version, version);
    store.open(3);
    copy.open(3);
    const auto bytes_of = [](const gantry_state& state) {
      std::vector<std::vector<std::uint8_t>> chunks;
      for (std::uint32_t i = 0; i < state.chunk_count; ++i) {
        const auto* data = state.chunks[i].data;
        chunks.emplace_back(data, data + state.chunks[i].size);
      }
      return chunks;
    };
    // What was before is kept beside: the store reuses its memory.
    const auto held = bytes_of(store.current());
    std::vector<gantry_bytes> rows;
    for (const auto& chunk : held) rows.push_back({chunk.data(), chunk.size()});
    const gantry_state before{rows.empty() ? nullptr : rows.data(),
                              static_cast<std::uint32_t>(rows.size()), 0};
    if (trial % 7 == 3) {
      store.restore(StateTree());
      ++rewritten;
    }
    const bool is_gone = trial % 21 == 3;
    for (int chunk = 0; chunk < 3 && !is_gone; ++chunk) {
      const auto index = static_cast<std::uint32_t>(random() % 6);
      const std::uint64_t size = 1 + random() % (random() % 4 == 0 ? 3000 : 40);
      const bool is_same_size = index < held.size() && random() % 2 == 0 && !held[index].empty();
      std::uint8_t* at = store.chunk(index, is_same_size ? held[index].size() : size);
      if (at == nullptr) continue;
      if (is_same_size) std::copy(held[index].begin(), held[index].end(), at);
      at[0] = static_cast<std::uint8_t>(random());
    }
    store.commit();
    const bool is_withheld = random() % 5 == 0 && store.withhold();
    const gantry_state after = store.current();
    const bool was_seen = copy.tree().find(3) != nullptr;
    ChangeWriter writer;
    PoolChange told;
    told.pool = 3;
    told.marks = change_marks::changed;
    REQUIRE(writer.add(told, {before, was_seen}, {after, store.tree().find(3) != nullptr}));
    const auto changes = writer.take(1);
    REQUIRE(changes.size() == 1);
    ChangeReader reader(changes[0].bytes);
    PoolChange change;
    REQUIRE(reader.next(change));
    if ((change.marks & change_marks::anew) != 0) copy.restore(StateTree());
    if ((change.marks & change_marks::written) != 0) REQUIRE(reader.apply(copy));
    if ((change.marks & (change_marks::written | change_marks::shown)) != 0) copy.commit();
    if ((change.marks & change_marks::withheld) != 0) copy.withhold();
    REQUIRE(reader.done());
    REQUIRE(bytes_of(copy.current()) == bytes_of(after));
    REQUIRE((copy.tree().find(3) != nullptr) == (store.tree().find(3) != nullptr));
    if (is_withheld) REQUIRE(copy.tree().find(3) == nullptr);
    REQUIRE(fold_sum(sum_state(0, 3, copy.current())) == changes[0].check);
  }
  CHECK(rewritten > 10);
}
