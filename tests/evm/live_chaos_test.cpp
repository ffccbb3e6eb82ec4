// A chain that is followed through providers that fail: a real node, with servers before it that do
// everything that providers do.
//
// WHAT HOLDS while one provider is good, whatever the others do:
//   - every block that the chain made is given, once and in order: none is left out, none is put
//     together with another (that is for gaps above gap_blocks_max alone);
//   - each comes within failover_deadline() of when it was mined;
//   - reserves and quotes at each of them are the contracts' own at that block;
//   - each fault is one line of the log that names provider and reason, and its end another.
// While nobody is good nothing is given, and one line says so. What was mined meanwhile is given
// block by block when somebody answers again, or where that is more than gap_blocks_max, the newest
// block alone, with every pool read anew and a line that counts what was left out.
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "evm/anvil_node.hpp"
#include "evm/integer_words.hpp"
#include "evm/live_scene.hpp"
#include "evm/uniswap_v2_reference.hpp"
#include "host/provider/board.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

// The feed's questions of a block: the head, blocks, logs.
constexpr int questions_of_a_block = 3;
constexpr milliseconds patience{60'000};  // a bound against hangs, not an expectation
constexpr std::size_t pairs = 2;
constexpr std::string_view get_reserves = "0x0902f1ac";

// Each line that is logged while it lives.
class LoggedLines {
 public:
  struct Line {
    bool trouble = false;  // a warning or an error
    std::string text;
  };
  LoggedLines() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<Sink>(*this);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::move(sink)));
  }
  ~LoggedLines() { spdlog::set_default_logger(before_); }
  std::vector<Line> all() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::size_t size() const { return all().size(); }
  std::string text() const {
    std::string text;
    for (const Line& line : all()) text += (line.trouble ? "! " : "  ") + line.text + "\n";
    return text;
  }
  // Of those from `first` on.
  std::vector<Line> that_begin(const std::string& words, std::size_t first = 0) const {
    std::vector<Line> found = all();
    found.erase(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(first));
    std::erase_if(found, [&](const Line& line) { return !line.text.starts_with(words); });
    return found;
  }

 private:
  class Sink final : public spdlog::sinks::base_sink<std::mutex> {
   public:
    explicit Sink(LoggedLines& to) : to_(to) {}

   private:
    void sink_it_(const spdlog::details::log_msg& message) override {
      const std::lock_guard lock(to_.mutex_);
      to_.lines_.push_back(
          {message.level >= spdlog::level::warn, {message.payload.data(), message.payload.size()}});
    }
    void flush_() override {}
    LoggedLines& to_;
  };

  mutable std::mutex mutex_;  // guards lines_
  std::vector<Line> lines_;
  std::shared_ptr<spdlog::logger> before_;
};

// How long a block may take while one of three providers is good: a question asks the second when
// the first is slower than 95 % of its answers, and the third with twice that patience (until there
// are such numbers, and never sooner here, `hedge_default` stands for them). Who kept silent is
// asked last from then on, so the block's other questions cost an answer each. Nothing of it is an
// operator's to set: it follows from what providers took. `machine`: by how much a thread that
// slept was late.
milliseconds failover_deadline(const host::Providers& providers, milliseconds machine) {
  double patience_ms = static_cast<double>(host::provider::hedge_default.count());
  double answer_ms = 0;
  for (const auto& one : providers.statistics().providers) {
    patience_ms = std::max(patience_ms, one.latency_p95_ms);
    answer_ms = std::max(answer_ms, one.latency_p99_ms);
  }
  const double all_ms = (1 + 2) * patience_ms + questions_of_a_block * answer_ms;
  return milliseconds(static_cast<std::int64_t>(all_ms)) + machine;
}

// The longest that this machine let a thread wait which wanted to run, while it lives.
class WorstPause {
 public:
  milliseconds so_far() const { return milliseconds(worst_ms_.load()); }

 private:
  static constexpr milliseconds step{5};
  std::atomic<std::int64_t> worst_ms_{0};
  std::jthread thread_{[this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto due = Steady::now() + step;
      std::this_thread::sleep_until(due);
      const auto late = std::chrono::ceil<milliseconds>(Steady::now() - due);
      worst_ms_ = std::max(worst_ms_.load(), static_cast<std::int64_t>(late.count()));
    }
  }};
};

// How many pauses of a provider that names no time can have ended meanwhile.
std::size_t pauses_within(milliseconds time) {
  return static_cast<std::size_t>(time / host::HealthTimes{}.pause_min);
}

template <class Done>
bool wait_until(Done done) {
  const auto end = Steady::now() + patience;
  while (!done()) {
    if (Steady::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

host::RpcProviderSettings provider_of(const std::string& name, const RpcServer& server,
                                      std::int64_t priority) {
  host::RpcProviderSettings provider;
  provider.name = name;
  provider.url = host::TemplatedUrl::parse(server.url()).value();
  provider.priority = priority;
  return provider;
}

// Two chains with pairs at the same addresses, and three providers before the first of them, which
// can also show the second: `primary` is asked first and speaks TLS, `second` next, `last` at last.
class FailingScene {
 public:
  explicit FailingScene(std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < pairs; ++i) others_.emplace_back(other_);
    // More blocks than a provider that is behind is behind.
    for (Anvil* chain : {&scene.chain(), &other_}) chain->call("anvil_mine", {"0x50"});
    std::vector<host::RpcProviderSettings> providers = {provider_of("primary", *primary, 1),
                                                        provider_of("second", *second, 2),
                                                        provider_of("last", *last, 3)};
    primary->set_other_certificate(certificate(false));
    scene.configuration().live.audit_every_blocks = 0;
    scene.ask_through(std::move(providers), {.certificates = certificate(true)});
  }
  ~FailingScene() { stop_mining(); }

  // From a thread of its own, until stop_mining(): a block every few tens of milliseconds.
  void mine_on() {
    mining_ = true;
    miner_ = std::thread([this] {
      while (mining_) {
        mine();
        std::this_thread::sleep_for(milliseconds(20 + random_() % 40));
      }
    });
  }
  void stop_mining() {
    mining_ = false;
    if (miner_.joinable()) miner_.join();
  }
  void mine() {
    scene.mine_random(random_);
    const std::lock_guard lock(mutex_);
    newest_ += 1;
    mined_at_[newest_] = Steady::now();
    for (TradedPair& pair : others_) {
      if (random_() % 4 == 0) pair.send_random(random_);
    }
    other_.call("evm_mine");
  }
  // Before mining on.
  std::uint64_t begin() { return newest_ = block_number(scene.chain()); }
  std::uint64_t newest() const {
    const std::lock_guard lock(mutex_);
    return newest_;
  }
  Steady::time_point mined_at(std::uint64_t block) const {
    const std::lock_guard lock(mutex_);
    return mined_at_.at(block);
  }
  std::vector<RpcServer*> servers() { return {primary.get(), second.get(), last.get()}; }

  LiveScene scene{pairs};

 private:
  const std::string& certificate(bool good) {
    const std::string path = (certificates_ / (good ? "good.pem" : "other.pem")).string();
    std::string& made = certificate_[good ? 0 : 1];
    if (made.empty()) write_self_signed_certificate(made = path);
    return made;
  }

  std::mt19937_64 random_;
  Anvil other_{{"--chain-id", "56"}};
  std::deque<TradedPair> others_;
  TemporaryFolder certificates_;
  std::string certificate_[2];

 public:
  AnvilNode node{scene.chain()};
  AnvilNode other_node{other_};
  std::unique_ptr<RpcServer> primary =
      std::make_unique<RpcServer>(node, other_node, certificate(true));
  std::unique_ptr<RpcServer> second = std::make_unique<RpcServer>(node, other_node);
  std::unique_ptr<RpcServer> last = std::make_unique<RpcServer>(node, other_node);

 private:
  mutable std::mutex mutex_;  // guards the two below
  std::uint64_t newest_ = 0;
  std::map<std::uint64_t, Steady::time_point> mined_at_;
  std::atomic<bool> mining_{false};
  std::thread miner_;
};

// What the feed gives, compared with the chain as it comes.
class CheckedFollower {
 public:
  struct Given {
    std::uint64_t block = 0;
    Steady::time_point at;
  };
  explicit CheckedFollower(FailingScene& failing)
      : failing_(failing),
        feed(failing.scene.follow()),
        market_(failing.scene.market()),
        random_(failing.newest()) {}

  // Takes blocks until that one came, or `stopped`.
  void go_to(std::uint64_t block) {
    while (given.empty() || given.back().block < block) {
      if (!take()) return;
    }
  }
  bool take() {
    const auto input = feed->next();
    if (!input) return false;
    given.push_back({input->block.number, Steady::now()});
    events += input->events.size();
    auto snapshot = market_.advance(*input);
    if (!snapshot) throw std::runtime_error(snapshot.error().message);
    look(**snapshot, input->block.number);
    last.store(input->block.number);
    return true;
  }
  // All that was given, when the chain stands still: a node that mines may answer a call at its
  // newest block with what the next will be.
  void compare_with_the_chain() {
    for (const Seen& seen : seen_) {
      const std::string address = failing_.scene.pair(seen.pool).contract().address();
      const json::value said = failing_.node.ask(
          "eth_call", {json::object{{"to", address}, {"data", get_reserves}}, hex_of(seen.block)});
      bool right = true;
      Integer reserve[2];
      for (std::size_t i = 0; i < 2; ++i) {
        reserve[i] = word_at(said.as_string(), i);
        right = right && seen.reserve[i] == reserve[i];
      }
      for (const Quoted& one : seen.quoted) {
        const ReferencePool reference{reserve[one.in], reserve[1 - one.in]};
        right = right && one.paid == reference_amount_out(reference, one.sold) &&
                one.cost == reference_amount_in(reference, one.bought);
      }
      if (right) continue;
      mistakes += fmt::format("pool {} at block {}: {} and {}, and the chain has {} and {}\n",
                              seen.pool, seen.block, seen.reserve[0].str(), seen.reserve[1].str(),
                              reserve[0].str(), reserve[1].str());
    }
  }

 private:
  // What was given, for compare_with_the_chain().
  struct Quoted {
    std::uint32_t in = 0;
    Integer sold;  // exact in, and what comes out
    Integer paid;
    Integer bought;  // exact out, and what goes in
    Integer cost;
  };
  struct Seen {
    std::uint64_t block = 0;
    std::uint32_t pool = 0;
    Integer reserve[2];
    Quoted quoted[2];
  };
  void look(const host::Snapshot& snapshot, std::uint64_t block) {
    host::MarketView view;
    view.bind(snapshot, {}, true);
    for (std::uint32_t pool = 0; pool < pairs; ++pool) {
      // Whoever is given the block in which an audit found it wrong does without it.
      if (snapshot.topology->pools[pool].use == host::PoolUse::quarantined) continue;
      Seen seen{block, pool, {}, {}};
      gantry_amount balances[2] = {};
      gantry_pool_view reserves{0, 2, balances};
      if (view.view(pool, reserves) != GANTRY_OK) throw std::runtime_error("a pool has no state");
      for (int i = 0; i < 2; ++i) seen.reserve[i] = to_integer(balances[i]);
      for (std::uint32_t in = 0; in < 2; ++in) {
        Quoted& quoted = seen.quoted[in];
        quoted.in = in;
        quoted.sold = (Integer(1) << (4 + random_() % 75)) + random_() % 1000;
        quoted.bought = seen.reserve[1 - in] / (2 + random_() % 100'000);
        quoted.paid = quote(view, pool, {to_amount(quoted.sold), in, 1 - in, GANTRY_EXACT_IN, 0});
        quoted.cost =
            quote(view, pool, {to_amount(quoted.bought), in, 1 - in, GANTRY_EXACT_OUT, 0});
      }
      seen_.push_back(std::move(seen));
    }
  }
  Integer quote(const host::MarketView& view, std::uint32_t pool, const gantry_swap& swap) {
    gantry_quote quote{};
    if (view.quote(pool, swap, quote) != GANTRY_OK) return -1;
    ++quotes;
    return to_integer(swap.mode == GANTRY_EXACT_IN ? quote.amount_out : quote.amount_in);
  }
  static json::string hex_of(std::uint64_t number) {
    return json::string(fmt::format("{:#x}", number));
  }

  FailingScene& failing_;

 public:
  std::shared_ptr<host::LiveFeed> feed;
  std::vector<Given> given;
  std::size_t events = 0;
  std::size_t quotes = 0;
  std::string mistakes;  // empty: none
  std::atomic<std::uint64_t> last{0};

 private:
  host::MarketState market_;
  std::mt19937_64 random_;
  std::vector<Seen> seen_;
};

// How a provider fails, and what the line that tells of it has to say.
struct Way {
  RpcFault fault = RpcFault::none;
  bool dies = false;
  std::string_view words;
};
constexpr std::array<Way, 20> ways = {{{RpcFault::none, true, "is down: "},
                                       {RpcFault::hang, false, "is down: "},
                                       {RpcFault::close, false, "is down: "},
                                       {RpcFault::reset, false, "is down: "},
                                       {RpcFault::garbage, false, "is down: "},
                                       {RpcFault::html, false, "is down: "},
                                       {RpcFault::wrong_ids, false, "is down: "},
                                       {RpcFault::twice, false, "is down: "},
                                       {RpcFault::missing, false, "is down: "},
                                       {RpcFault::huge, false, "is down: "},
                                       {RpcFault::old_block, false, "blocks behind"},
                                       {RpcFault::old_block_no_logs, false, "blocks behind"},
                                       {RpcFault::other_chain, false, "is of eip155:56"},
                                       {RpcFault::limited, false, "too many requests"},
                                       {RpcFault::limited_in_json, false, "too many requests"},
                                       {RpcFault::unavailable, false, "is down: "},
                                       {RpcFault::key_refused, false, "is down: "},
                                       {RpcFault::node_fails, false, "its node failed"},
                                       {RpcFault::no_tls, false, "is down: "},
                                       {RpcFault::other_certificate, false, "is down: "}}};

void begin_way(RpcServer& server, const Way& way) {
  if (way.dies) {
    server.die();
  } else {
    server.fail(way.fault);
  }
}
void mend(RpcServer& server) {
  server.fail(RpcFault::none);
  server.come_back();
}
std::string name_of(const Way& way) {
  return way.dies ? "dead" : std::string(to_string(way.fault));
}

// Trouble and its end take turns, in lines that a person can read, without the key.
void check_lines(const LoggedLines& log, const std::string& provider) {
  bool trouble = true;  // the first line says that it answers
  for (const auto& line : log.that_begin("provider " + provider + " ")) {
    CAPTURE(line.text);
    CHECK(line.text.find("s3cret") == std::string::npos);
    CHECK(line.text.find('\n') == std::string::npos);
    if (line.text.contains(" failed ")) continue;  // once, and asked again
    CHECK(line.trouble != trouble);
    trouble = line.trouble;
  }
}

}  // namespace

TEST_CASE("with one good provider every block comes, whole and right, however the others fail") {
  const std::uint64_t seed = GENERATE(range(1U, 7U));
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  FailingScene failing(seed);
  if (seed % 2 == 0) failing.second->know_numbers_only();
  LoggedLines log;
  const WorstPause machine;
  const std::uint64_t first = failing.begin();
  CheckedFollower follower(failing);
  follower.go_to(first);
  host::Providers& providers = failing.scene.providers();
  providers.check_now(patience);

  std::vector<Way> order(ways.begin(), ways.end());
  std::ranges::shuffle(order, dice);
  struct Told {
    std::string way;
    std::vector<LoggedLines::Line> lines;
    milliseconds lasted{0};
  };
  std::vector<Told> told;
  std::string stuck;
  failing.mine_on();
  std::thread director([&] {
    for (const Way& way : order) {
      std::this_thread::sleep_for(milliseconds(dice() % 150));
      const std::size_t mark = log.size();
      const auto began = Steady::now();
      begin_way(*failing.primary, way);
      const bool both = dice() % 2 == 0;
      if (both) {
        std::this_thread::sleep_for(milliseconds(dice() % 40));
        begin_way(*failing.second, ways[dice() % (ways.size() - 2)]);
      }
      const auto lines = [&] { return log.that_begin("provider primary ", mark); };
      bool went = wait_until([&] { return !lines().empty(); });
      const std::uint64_t seen = follower.last;
      went = went && wait_until([&] { return follower.last >= seen + 5; });
      told.push_back(
          {name_of(way), lines(), std::chrono::ceil<milliseconds>(Steady::now() - began)});
      mend(*failing.primary);
      mend(*failing.second);
      went = went && wait_until([&] {
               providers.check_now(milliseconds(2500));
               const auto all = providers.statistics().providers;
               return std::ranges::all_of(
                   all, [](const auto& one) { return one.state == host::ProviderState::ready; });
             });
      if (!went) {
        stuck = name_of(way);
        break;
      }
    }
    failing.stop_mining();
    if (!wait_until([&] { return follower.last >= failing.newest(); })) stuck += " at the end";
    follower.feed->stop();
  });
  while (follower.take()) {
  }
  director.join();
  INFO(log.text());
  CHECK(stuck == "");

  // Every block, once and in order, none late, and nothing read anew.
  const std::uint64_t newest = failing.newest();
  REQUIRE(follower.given.size() == newest - first + 1);
  milliseconds latest{0};
  for (std::size_t i = 0; i < follower.given.size(); ++i) {
    const auto& [block, at] = follower.given[i];
    REQUIRE(block == first + i);
    if (i == 0) continue;
    latest = std::max(latest, std::chrono::ceil<milliseconds>(at - failing.mined_at(block)));
  }
  const milliseconds deadline = failover_deadline(providers, machine.so_far());
  CHECK(latest <= deadline);
  CHECK(follower.events == 1);  // what begins a run; no undoing, no fresh read
  follower.compare_with_the_chain();
  CHECK(follower.mistakes == "");
  CHECK(follower.quotes >= 400);

  // One line for each fault. Two kinds may have more: a pause that ends is asked for again, which
  // is one line for each pause, and a node's own failure is told before it is down for it.
  for (const auto& [way, lines, lasted] : told) {
    const auto* const known =
        std::ranges::find_if(ways, [&](const Way& one) { return name_of(one) == way; });
    CAPTURE(way, known->words);
    REQUIRE_FALSE(lines.empty());
    CHECK(lines.front().trouble);
    CHECK(lines.front().text.contains(known->words));
    const auto told_of =
        static_cast<std::size_t>(std::ranges::count(lines, true, &LoggedLines::Line::trouble));
    const std::size_t most = known->words == "too many requests" ? 1 + pauses_within(lasted)
                             : known->words == "its node failed" ? 2
                                                                 : 1;
    CAPTURE(lasted.count());
    CHECK(told_of <= most);
    // A pause that is over is told of as well, and nothing else is while a fault lasts.
    CHECK(lines.size() - told_of <= (known->words == "too many requests" ? told_of : 0));
  }
  for (const std::string name : {"primary", "second", "last"}) check_lines(log, name);
  for (const auto& line : log.all()) {
    CAPTURE(line.text);
    CHECK((!line.trouble || line.text.starts_with("provider primary ") ||
           line.text.starts_with("provider second ")));
  }
  WARN("seed " << seed << ": " << follower.given.size() << " blocks, " << follower.quotes
               << " quotes, the latest after " << latest.count() << " ms of " << deadline.count());
}

TEST_CASE(
    "with one good provider well-formed answers without use cost a round trip, from the start") {
  const Way way = GENERATE(values<Way>(
      {{RpcFault::null_logs, false, "answers eth_getLogs with no list of logs"},
       {RpcFault::logs_of_no_block, false, "logs that are not of the block"},
       {RpcFault::logs_of_another_block, false, "logs that are not of the block"},
       {RpcFault::logs_not_in_plan, false, "is not available on your plan' (-32600)"},
       {RpcFault::block_without_parent, false, "is down: does not say its newest block"},
       {RpcFault::calls_fail, false, "'Temporary internal error. Please retry' (-32000)"},
       {RpcFault::calls_are_null, false, "answers eth_call with no bytes"}}));
  CAPTURE(to_string(way.fault));
  FailingScene failing(1);
  failing.scene.configuration().live.audit_every_blocks = 4;
  LoggedLines log;
  const WorstPause machine;
  host::Providers& providers = failing.scene.providers();
  providers.check_now(patience);
  failing.primary->fail(way.fault);
  failing.mine();
  const std::uint64_t first = failing.begin();
  CheckedFollower follower(failing);
  follower.go_to(first);
  INFO(log.text());
  REQUIRE(follower.given.size() == 1);
  milliseconds latest{0};
  for (int i = 0; i < 24; ++i) {
    failing.mine();
    follower.go_to(failing.newest());
    REQUIRE(follower.given.back().block == failing.newest());
    const auto late = follower.given.back().at - failing.mined_at(failing.newest());
    latest = std::max(latest, std::chrono::ceil<milliseconds>(late));
  }
  follower.feed->stop();
  CHECK(follower.given.size() == 25);
  CHECK(latest <= failover_deadline(providers, machine.so_far()));
  CHECK(follower.events == 1);
  follower.compare_with_the_chain();
  CHECK(follower.mistakes == "");
  CHECK(follower.feed->status().pools_audited >= 5 * pairs);
  CHECK(follower.feed->status().pools_quarantined == 0);
  // One line names who is at fault, and one more who refuses every read; none blames another or
  // the chain.
  const auto lines = log.that_begin("provider primary ");
  const auto told = std::ranges::count_if(lines, &LoggedLines::Line::trouble);
  const auto set_back = std::ranges::count_if(lines, [](const LoggedLines::Line& line) {
    return line.text.contains(" in a row: ") && line.text.contains("Others are asked before it");
  });
  const bool refuses_calls =
      way.fault == RpcFault::calls_fail || way.fault == RpcFault::calls_are_null;
  CHECK(set_back == (refuses_calls ? 1 : 0));
  CHECK(told == 1 + set_back);
  for (const auto& line : log.all()) {
    if (!line.trouble) continue;
    CAPTURE(line.text);
    CHECK(line.text.starts_with("provider primary "));
    CHECK(line.text.contains(way.words));
  }
}

TEST_CASE("calls that are refused at one audit put no pool away, and at two in a row do") {
  FailingScene failing(2);
  constexpr std::uint64_t every = 4;
  failing.scene.configuration().live.audit_every_blocks = every;
  LoggedLines log;
  failing.scene.providers().check_now(patience);
  failing.begin();
  CheckedFollower follower(failing);
  follower.go_to(failing.newest());
  const auto audits = [&](int count) {
    for (int done = 0; done < count;) {
      failing.mine();
      follower.go_to(failing.newest());
      if (failing.newest() % every == 0) ++done;
    }
  };
  const auto all_refuse = [&](RpcFault fault) {
    for (RpcServer* server : failing.servers()) server->fail(fault);
  };
  INFO(log.text());
  audits(1);
  const std::uint64_t before = follower.feed->status().pools_audited;
  all_refuse(RpcFault::calls_fail);
  audits(1);
  CHECK(follower.feed->status().pools_audited == before + pairs);
  CHECK(follower.feed->status().pools_quarantined == 0);
  CHECK(log.text().contains("what its state is read from was refused"));
  all_refuse(RpcFault::none);
  audits(1);
  all_refuse(RpcFault::calls_fail);
  audits(1);
  CHECK(follower.feed->status().pools_quarantined == 0);
  audits(1);
  CHECK(follower.feed->status().pools_quarantined == pairs);
  follower.feed->stop();
}

TEST_CASE("when nobody answers the chain is halted, and goes on by itself when somebody does") {
  const std::uint64_t seed = GENERATE(range(11U, 14U));
  CAPTURE(seed);
  constexpr std::int64_t gap_max = 40;
  std::mt19937_64 dice(seed);
  FailingScene failing(seed);
  failing.scene.configuration().live.gap_blocks_max = gap_max;
  LoggedLines log;
  const std::uint64_t first = failing.begin();
  CheckedFollower follower(failing);
  follower.go_to(first);
  failing.scene.providers().check_now(patience);

  // Ways that leave nobody to ask: neither behind the chain, which is an answer, nor a pause.
  std::vector<Way> total;
  for (const Way& way : ways) {
    if (way.words == "is down: " || way.fault == RpcFault::other_chain) total.push_back(way);
  }
  std::string stuck;
  std::string schedule;
  bool given_meanwhile = false;
  std::thread director([&] {
    for (const int blocks : {static_cast<int>(gap_max) / 4, 2 * static_cast<int>(gap_max)}) {
      for (int i = 0; i < 3; ++i) failing.mine();
      if (!wait_until([&] { return follower.last == failing.newest(); })) stuck = "before";
      const std::size_t mark = log.size();
      for (RpcServer* server : failing.servers()) {
        // Faults of TLS, which come last, are the first server's alone.
        const bool tls = server == failing.primary.get();
        const Way& way = total[dice() % (total.size() - (tls ? 0 : 2))];
        begin_way(*server, way);
        schedule += name_of(way) + " ";
      }
      const auto told = [&](const std::string& words) {
        return !log.that_begin("eip155:31337 " + words, mark).empty();
      };
      if (!wait_until([&] { return told("is HALTED"); })) stuck = "no line of the halt";
      for (int i = 0; i < blocks; ++i) failing.mine();
      given_meanwhile =
          given_meanwhile || follower.last != failing.newest() - static_cast<unsigned>(blocks);
      for (RpcServer* server : failing.servers()) mend(*server);
      if (!wait_until([&] { return told("goes on"); })) stuck = "no line of its end";
      if (!wait_until([&] { return follower.last == failing.newest(); })) stuck = "after";
    }
    follower.feed->stop();
  });
  while (follower.take()) {
  }
  director.join();
  INFO(schedule);
  INFO(log.text());
  CHECK(stuck == "");
  CHECK_FALSE(given_meanwhile);
  follower.compare_with_the_chain();
  CHECK(follower.mistakes == "");

  // The first outage's blocks all came, the second's but for the newest not.
  const std::uint64_t newest = failing.newest();
  const std::uint64_t left_out = 2 * gap_max - 1;
  REQUIRE(follower.given.size() == newest - first + 1 - left_out);
  std::size_t jumps = 0;
  for (std::size_t i = 1; i < follower.given.size(); ++i) {
    const std::uint64_t step = follower.given[i].block - follower.given[i - 1].block;
    if (step == 1) continue;
    ++jumps;
    CHECK(step == left_out + 1);
  }
  CHECK(jumps == 1);
  CHECK(follower.feed->status().fresh_reads == 1);
  CHECK(log.that_begin("anvil: 79 blocks were missed: every pool is read anew").size() == 1);
  CHECK(log.that_begin("eip155:31337 is HALTED").size() == 2);
  CHECK(log.that_begin("eip155:31337 goes on").size() == 2);
  CHECK(log.that_begin("anvil: followed again").size() <= 2);
  // The feed does not say it once more.
  const auto lines = log.all();
  CHECK(std::ranges::count_if(lines, [](const LoggedLines::Line& line) {
          return line.text.contains("is HALTED");
        }) == 2);
  for (const std::string name : {"primary", "second", "last"}) check_lines(log, name);
}

}  // namespace gantry::test
