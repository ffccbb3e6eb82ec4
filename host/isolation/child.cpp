#include "host/isolation/child.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "host/isolation/channel.hpp"
#include "host/isolation/order.hpp"
#include "host/isolation/relay.hpp"
#include "host/market/market_view.hpp"
#include "host/market/pending_swaps.hpp"
#include "host/plan/instructions.hpp"
#include "host/sandbox/sandbox.hpp"
#include "host/street/opportunity_check.hpp"

namespace gantry::host {
namespace {

using namespace isolation;

// A hundred years: the host's patience with one call is what ends a child that does not answer.
constexpr std::uint64_t cpu_s_max = 100ULL * 365 * 86400;

// A null pointer and a forbidden clock are both SIGSEGV; says which of them it was, and lets the
// signal do what it does.
void on_crash(int, siginfo_t* info, void* raw) {
#if defined(__x86_64__)
  const auto* context = static_cast<const ucontext_t*>(raw);
  const auto* at = reinterpret_cast<const void*>(context->uc_mcontext.gregs[REG_RIP]);
  if (info->si_code == SI_KERNEL && reads_clock(at)) {
    constexpr char line[] = "!crash it read the clock\n";
    static_cast<void>(!::write(report_descriptor, line, sizeof(line) - 1));
  }
#else
  static_cast<void>(info);
  static_cast<void>(raw);
#endif
}

void catch_crashes() {
  static std::array<std::uint8_t, 64 * 1024> stack;
  const stack_t other{stack.data(), 0, stack.size()};
  ::sigaltstack(&other, nullptr);
  struct sigaction action{};
  action.sa_sigaction = &on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGSEGV, &action, nullptr);
}

[[noreturn]] void give_up(std::string_view reason) {
  const std::string line = fmt::format("{}: {}\n", reason, std::strerror(errno));
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
  ::_exit(1);
}

std::uint8_t* map(int descriptor, std::uint64_t bytes, int protection, std::uint64_t address) {
  const int where = address == 0 ? 0 : MAP_FIXED_NOREPLACE;
  void* data = ::mmap(reinterpret_cast<void*>(address), bytes, protection,
                      MAP_SHARED | MAP_NORESERVE | where, descriptor, 0);
  if (data == MAP_FAILED) give_up("the host's memory cannot be mapped");
  return static_cast<std::uint8_t*>(data);
}

class Child {
 public:
  Child(const std::uint8_t* requests, std::uint8_t* replies, Order order)
      : request_(*reinterpret_cast<const Request*>(requests)),
        payload_(requests + payload_offset),
        turn_(*reinterpret_cast<Turn*>(replies)),
        reply_(*reinterpret_cast<Reply*>(replies + reply_offset)),
        inside_(*reinterpret_cast<Inside*>(replies + inside_offset)),
        records_({replies + records_offset, order.replies_bytes - records_offset}),
        relay_(records_),
        order_(std::move(order)),
        view_(&history_),
        snapshot_(std::make_shared<LiveVersions>(), 0) {
    // From here on the host sees in whose code this thread is.
    own_call_slot = &inside_.slot;
  }

  // In the sandbox, the strategy last: it cannot meddle with how the venues load. An error is the
  // load's answer.
  Status load(const std::vector<PluginFile>& files) {
    libraries_.resize(files.size());
    for (std::uint32_t turn = 1; turn <= files.size(); ++turn) {
      const auto i = turn % static_cast<std::uint32_t>(files.size());
      turn_.stage = static_cast<std::uint32_t>(Stage::loading);
      const std::string line = fmt::format("{}{}\n", loads_mark, i);
      static_cast<void>(!::write(report_descriptor, line.data(), line.size()));
      const bool is_strategy = i == 0;
      const PluginOrder& plugin = is_strategy ? order_.strategy : order_.venues[i - 1];
      // What a venue says is heard in the host's own instance of it.
      const gantry_host* host = relay_.table();
      std::unique_ptr<InstanceServices> quiet;
      if (!is_strategy) {
        quiet = std::make_unique<InstanceServices>(plugin.name);
        host = quiet->table();
      }
      auto library = library_of(files, i);
      if (!library) return std::unexpected(library.error());
      turn_.stage = static_cast<std::uint32_t>(Stage::creating);
      InstanceSettings settings;
      settings.name = plugin.name;
      settings.chain = plugin.chain;
      settings.priority = plugin.priority;
      settings.parameters = plugin.parameters;
      if (is_strategy) {
        auto made = create_instance<StrategyInstance>(*library, settings, host, nullptr, 0);
        if (!made) return std::unexpected(made.error());
        strategy_ = std::move(*made);
      } else {
        auto made = create_instance<VenueInstance>(*library, settings, host, std::move(quiet), 0);
        if (!made) return std::unexpected(made.error());
        static_cast<InstanceSettings&>((*made)->settings) = settings;
        if (i <= inside_.venues.size()) {
          inside_.venues[i - 1] = reinterpret_cast<std::uintptr_t>(&(*made)->culprit());
        }
        venues_.push_back(std::move(*made));
      }
    }
    turn_.stage = static_cast<std::uint32_t>(Stage::running);
    return {};
  }

  // In the answer to the load.
  void say_offers() { reply_.offers = strategy_->pending == nullptr ? 0 : offers_pending; }
  void answer(gantry_status status) {
    reply_.says = Says::done;
    reply_.status = status;
    reply_.record_bytes = records_.bytes();
    reply_.beyond = beyond_;
    give_turn(turn_, Side::host);
  }
  void refuse(const Error& error) {
    const std::size_t size = std::min(error.message.size(), sizeof(reply_.error.message) - 1);
    std::memcpy(reply_.error.message, error.message.data(), size);
    reply_.error.message[size] = '\0';
    answer(GANTRY_REFUSED);
  }

  void serve() {
    while (true) {
      await_call(turn_);
      std::atomic_thread_fence(std::memory_order_acquire);
      records_.clear();
      relay_.clear();
      beyond_ = 0;
      reply_.error = {};
      if (request_.call == Call::stop) {
        strategy_.reset();
        answer(GANTRY_OK);
        ::_exit(0);
      }
      answer(take_call());
    }
  }

 private:
  // Several instances of one library share it, as in the host.
  Result<std::shared_ptr<Library>> library_of(const std::vector<PluginFile>& files,
                                              std::uint32_t i) {
    for (std::uint32_t before = 1; before < i; ++before) {
      if (files[before].sha256 == files[i].sha256) return libraries_[before];
    }
    auto library = Library::load_in_sandbox(files[i], sandbox_path(i, files[i]), quiet_.table());
    if (!library) return library;
    libraries_[i] = *library;
    return library;
  }

 public:
  // By a number too: a strategy and a venue could be the same bytes.
  static std::string sandbox_path(std::uint32_t i, const PluginFile& file) {
    return fmt::format("/plugins/{}/{}.so", i, file.sha256);
  }

 private:
  gantry_status take_call() {
    if (request_.bind != 0) bind();
    const gantry_strategy_v1& table = strategy_->table();
    gantry_strategy_instance* object = strategy_->object();
    const gantry_market* market = view_.market();
    switch (request_.call) {
      case Call::topology:
        return take_topology();
      case Call::history: {
        const auto* series = reinterpret_cast<const History::SharedSeries*>(payload_);
        history_.mirror({series, request_.payload_bytes / sizeof(History::SharedSeries)});
        return GANTRY_OK;
      }
      case Call::subscribe: {
        const gantry_subscription_sink sink{this, &Child::ask_events, &Child::ask_history};
        return table.subscribe(object, market, &sink);
      }
      case Call::prepare:
        return table.prepare(object, market, &reply_.error);
      case Call::find: {
        emitted_ = 0;
        const gantry_opportunity_sink sink{this, &Child::emit};
        return table.find(object, market, &sink);
      }
      case Call::validate:
        return table.validate(object, market, &request_.opportunity);
      case Call::size:
        reply_.sized = request_.opportunity;
        return table.size(object, market, &request_.opportunity, &request_.limits, &reply_.sized);
      case Call::plan:
        return plan();
      case Call::result:
        return table.on_result(object, &request_.result);
      case Call::pending:
        return take_pending();
      case Call::event: {
        gantry_event event = request_.event;
        event.payload = bytes_of_price(request_.price);
        return table.on_event(object, &event);
      }
      case Call::load:
      case Call::stop:
        break;
    }
    return GANTRY_HOST_FAULT;
  }

  static gantry_bytes bytes_of_price(const gantry_outside_price& price) {
    return {reinterpret_cast<const std::uint8_t*>(&price), sizeof(price)};
  }

  gantry_status take_pending() {
    if (strategy_->pending == nullptr) return GANTRY_UNSUPPORTED;
    const auto* events =
        reinterpret_cast<const gantry_pending_event*>(payload_ + request_.pending_offset);
    remember({events, request_.pending_count});
    const auto* words = reinterpret_cast<const std::uint64_t*>(payload_);
    note_mined({words + request_.market.venue_count, request_.market.mined_count});
    return strategy_->pending->on_pending(strategy_->object(), view_.market(), events,
                                          request_.pending_count, request_.pending_dropped);
  }

  // What a strategy may look behind, as far back as the host's own window goes.
  void remember(std::span<const gantry_pending_event> events) {
    auto window = std::make_shared<PendingWindow>();
    auto& kept = window->events;
    if (snapshot_.pending != nullptr) *window = *snapshot_.pending;
    // Its sequences are dense.
    if (!events.empty() && !kept.empty() && kept.back().sequence + 1 != events[0].sequence) {
      kept.clear();
    }
    kept.insert(kept.end(), events.begin(), events.end());
    if (kept.size() > pending_window_max) {
      kept.erase(kept.begin(), kept.end() - static_cast<std::ptrdiff_t>(pending_window_max));
    }
    if (!kept.empty()) window->last = kept.back().sequence;
    snapshot_.pending = std::move(window);
  }

  // Of the swaps that it was told of: what is in a block cannot be looked behind.
  void note_mined(std::span<const std::uint64_t> mined) {
    if (snapshot_.pending == nullptr || std::ranges::equal(snapshot_.pending->mined, mined)) return;
    auto window = std::make_shared<PendingWindow>(*snapshot_.pending);
    window->mined.assign(mined.begin(), mined.end());
    snapshot_.pending = std::move(window);
  }

  gantry_status take_topology() {
    auto topology = std::make_shared<Topology>();
    if (!unpack({payload_, request_.payload_bytes}, *topology)) return GANTRY_HOST_FAULT;
    for (const auto& venue : venues_) topology->venues.push_back(venue.get());
    snapshot_.topology = std::move(topology);
    return GANTRY_OK;
  }

  void bind() {
    const Market& market = request_.market;
    const auto* retired = reinterpret_cast<const std::uint64_t*>(payload_);
    for (std::uint32_t i = 0; i < market.venue_count && i < venues_.size(); ++i) {
      venues_[i]->health().set_retired_from(retired[i]);
    }
    snapshot_.id = market.snapshot;
    snapshot_.states = market.states;
    snapshot_.context = market.context;
    const std::string& chain = snapshot_.topology->chain;
    snapshot_.context.chain = {chain.data(), chain.size()};
    snapshot_.ether_usd_e6 = market.ether_usd_e6;
    snapshot_.time_ms = market.time_ms;
    const std::span mined(retired + market.venue_count, market.mined_count);
    note_mined(mined);
    const auto* changed = reinterpret_cast<const std::uint32_t*>(mined.data() + mined.size());
    view_.bind(snapshot_, {changed, market.changed_count}, market.cold != 0);
  }

  // As the host's own sink would answer: it looks again when the call is over.
  static gantry_status emit(void* self, const gantry_opportunity* opportunity) {
    auto& child = *static_cast<Child*>(self);
    if (child.emitted_ == child.order_.opportunities_max) {
      ++child.beyond_;
      return GANTRY_REFUSED;
    }
    const bool sense = fits_together(child.snapshot_, *opportunity);
    if (!add_opportunity(child.records_, *opportunity)) {
      return GANTRY_REFUSED;
    }
    if (sense) ++child.emitted_;
    return sense ? GANTRY_OK : GANTRY_BAD_ARGUMENT;
  }

  gantry_status plan() {
    InstructionList list;
    const gantry_instruction_sink sink = list.sink();
    const auto status =
        strategy_->table().plan(strategy_->object(), view_.market(), &request_.opportunity, &sink);
    for (const Instruction& one : list.all()) {
      const auto* accounts = reinterpret_cast<const std::uint8_t*>(one.accounts.data());
      records_.add(RecordKind::instruction, one.data.size(),
                   {bytes_of(one.head),
                    std::span(one.data),
                    {accounts, one.accounts.size() * sizeof(gantry_account_meta)}});
    }
    return status;
  }

  static gantry_status ask_events(void* self, std::int32_t kind) {
    return static_cast<Child*>(self)->ask(Says::events, bytes_of(kind));
  }
  static gantry_status ask_history(void* self, const gantry_history_query* query,
                                   std::uint64_t lookback_s) {
    const HistoryWish wish{*query, lookback_s};
    return static_cast<Child*>(self)->ask(Says::history, bytes_of(wish));
  }
  // The host answers in the request; what was noted so far stays.
  gantry_status ask(Says what, std::span<const std::uint8_t> wish) {
    reply_.says = what;
    std::memcpy(&reply_.sized, wish.data(), wish.size());
    give_turn(turn_, Side::host);
    await_call(turn_);
    return *const_cast<const volatile gantry_status*>(&request_.answer);
  }

  const Request& request_;
  const std::uint8_t* payload_;
  Turn& turn_;
  Reply& reply_;
  Inside& inside_;
  RecordWriter records_;
  Relay relay_;
  InstanceServices quiet_{"libraries"};
  Order order_;
  std::vector<std::shared_ptr<Library>> libraries_;
  std::vector<std::shared_ptr<VenueInstance>> venues_;
  std::shared_ptr<StrategyInstance> strategy_;
  History history_;
  MarketView view_;
  Snapshot snapshot_;
  std::uint64_t emitted_ = 0;
  std::uint64_t beyond_ = 0;
};

PluginFile inspect(std::uint32_t i, const PluginOrder& order) {
  const int descriptor = first_library_descriptor + static_cast<int>(i);
  auto file = inspect_plugin_file(fmt::format("/proc/self/fd/{}", descriptor));
  if (!file || file->sha256 != order.sha256) {
    errno = 0;
    give_up(file ? "a library is not the one that was checked" : file.error().message);
  }
  file->path = order.file;
  return std::move(*file);
}

}  // namespace

int run_plugin_child() {
  spdlog::set_level(spdlog::level::off);
  const std::uint8_t* requests = map(requests_descriptor, requests_bytes, PROT_READ, 0);
  const auto& first = *reinterpret_cast<const Request*>(requests);
  Order order;
  if (!unpack({requests + payload_offset, first.payload_bytes}, order)) {
    give_up("the host's order cannot be read");
  }
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != order.parent) {
    give_up("the host is gone");
  }
  std::uint8_t* replies = map(replies_descriptor, order.replies_bytes, PROT_READ | PROT_WRITE, 0);
  map(arena_descriptor, order.arena_bytes, PROT_READ, order.arena_address);

  std::vector<PluginFile> files{inspect(0, order.strategy)};
  for (std::uint32_t i = 0; i < order.venues.size(); ++i) {
    files.push_back(inspect(i + 1, order.venues[i]));
  }
  SandboxOptions options;
  options.report = report_descriptor;
  options.memory_bytes_max = order.memory_bytes_max;
  options.cpu_s_max = cpu_s_max;
  options.keep = {STDOUT_FILENO, STDERR_FILENO};
  options.writable = {STDOUT_FILENO, STDERR_FILENO};
  for (std::uint32_t i = 0; i < files.size(); ++i) {
    const int descriptor = first_library_descriptor + static_cast<int>(i);
    preload_runtimes(files[i]);
    options.keep.push_back(descriptor);
    options.files.push_back({Child::sandbox_path(i, files[i]), descriptor});
  }
  // A plugin that calls exit() ends here, and not in what the host's libraries do at their end.
  ::on_exit([](int code, void*) { ::_exit(code); }, nullptr);
  auto child = std::make_unique<Child>(requests, replies, std::move(order));
  catch_crashes();
  if (auto closed = enter_sandbox(options); !closed) {
    errno = 0;
    give_up(closed.error().message);
  }
  if (auto loaded = child->load(files); !loaded) {
    child->refuse(loaded.error());
    ::_exit(0);
  }
  child->say_offers();
  child->answer(GANTRY_OK);
  child->serve();
  return 0;
}

}  // namespace gantry::host
