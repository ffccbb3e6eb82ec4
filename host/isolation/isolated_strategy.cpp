#include "host/isolation/isolated_strategy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "host/market/pending_swaps.hpp"

namespace gantry::host {

using namespace isolation;

namespace {

// How soon a child's end is noticed, and a deadline.
constexpr std::uint64_t slice_ns = 2'000'000;
constexpr std::uint64_t stop_timeout_ns = 1'000'000'000;
constexpr std::uint64_t kept_payload_bytes = 1ULL << 20U;
constexpr std::size_t questions_max = 4096;
constexpr std::uint64_t beyond_max = 1'000'000;

IsolatedStrategy& self(gantry_strategy_instance* instance) {
  return *reinterpret_cast<IsolatedStrategy*>(instance);
}

// Whatever code it was in, no plugin did that.
bool is_others(const Fault& fault) {
  return fault.ending == Ending::host || fault.ending == Ending::killed;
}

}  // namespace

// The libraries' bytes, held open: the store may be cleaned while it runs.
struct IsolatedStrategy::Descriptors {
  Descriptors() = default;
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors() {
    for (const int descriptor : libraries) ::close(descriptor);
  }
  Status add(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      return fail(ErrorKind::io, fmt::format("{}: {}", path.string(), std::strerror(errno)));
    }
    libraries.push_back(descriptor);
    return {};
  }
  std::vector<int> libraries;
};

struct IsolatedStrategy::Table {
  static gantry_status create(const gantry_host*, const gantry_instance_config*,
                              gantry_strategy_instance**, gantry_error*) {
    return GANTRY_UNSUPPORTED;  // start() does it
  }
  static void destroy(gantry_strategy_instance* instance) { delete &self(instance); }
  static gantry_status subscribe(gantry_strategy_instance* instance, const gantry_market* market,
                                 const gantry_subscription_sink* sink) {
    return self(instance).subscribe(*market, *sink);
  }
  static gantry_status prepare(gantry_strategy_instance* instance, const gantry_market* market,
                               gantry_error* error) {
    return self(instance).prepare(*market, error);
  }
  static gantry_status find(gantry_strategy_instance* instance, const gantry_market* market,
                            const gantry_opportunity_sink* sink) {
    return self(instance).find(*market, *sink);
  }
  static gantry_status validate(gantry_strategy_instance* instance, const gantry_market*,
                                const gantry_opportunity* opportunity) {
    return self(instance).about(Call::validate, Phase::validate, *opportunity, {});
  }
  static gantry_status size(gantry_strategy_instance* instance, const gantry_market*,
                            const gantry_opportunity* opportunity,
                            const gantry_sizing_limits* limits, gantry_opportunity* out) {
    auto& strategy = self(instance);
    strategy.request().limits = *limits;
    const auto status = strategy.about(Call::size, Phase::size, *opportunity, {});
    if (status == GANTRY_OK) *out = strategy.reply_.sized;
    return status;
  }
  static gantry_status plan(gantry_strategy_instance* instance, const gantry_market*,
                            const gantry_opportunity* opportunity,
                            const gantry_instruction_sink* sink) {
    return self(instance).about(Call::plan, Phase::plan, *opportunity, {nullptr, sink, nullptr});
  }
  static gantry_status on_event(gantry_strategy_instance* instance, const gantry_event* event) {
    return self(instance).event(*event);
  }
  static gantry_status on_result(gantry_strategy_instance* instance, const gantry_result* result) {
    return self(instance).result(*result);
  }
  // The host calls neither yet; when it does, they become calls like the others.
  static gantry_status save(gantry_strategy_instance*, gantry_buffer*) {
    return GANTRY_UNSUPPORTED;
  }
  static gantry_status load(gantry_strategy_instance*, gantry_bytes) { return GANTRY_UNSUPPORTED; }
  static const void* get_extension(const gantry_strategy_instance*, const char*) { return nullptr; }
  static gantry_status on_pending(gantry_strategy_instance* instance, const gantry_market* market,
                                  const gantry_pending_event* events, std::uint32_t count,
                                  std::uint64_t dropped) {
    return self(instance).pending(*market, {events, count}, dropped);
  }

  static constexpr gantry_strategy_v1 functions = {
      &create, &destroy,  &subscribe, &prepare, &find, &validate,     &size,
      &plan,   &on_event, &on_result, &save,    &load, &get_extension};
  static constexpr gantry_strategy_pending_v1 pending_functions = {&on_pending};
};

IsolatedStrategy::IsolatedStrategy(IsolationOrder order) : order_(std::move(order)) {}

IsolatedStrategy::~IsolatedStrategy() {
  if (replies_) order_.nursery->leave_out(turn());
  if (!child_) return;
  request().call = Call::stop;
  request().bind = 0;
  give_turn(turn(), Side::child);
  Fault fault;
  await_answer({}, stop_timeout_ns, fault);
}

Request& IsolatedStrategy::request() const noexcept {
  return *reinterpret_cast<Request*>(requests_->data());
}
Turn& IsolatedStrategy::turn() const noexcept { return *reinterpret_cast<Turn*>(replies_->data()); }

Inside& IsolatedStrategy::inside() const noexcept {
  return *reinterpret_cast<Inside*>(replies_->data() + inside_offset);
}

Result<std::shared_ptr<StrategyInstance>> IsolatedStrategy::start(IsolationOrder order) {
  std::unique_ptr<IsolatedStrategy> strategy(new IsolatedStrategy(std::move(order)));
  const StrategySettings& settings = strategy->order_.settings;
  const PluginFile file = strategy->order_.file;
  auto services = std::make_unique<InstanceServices>(settings.name);
  strategy->services_ = services.get();
  strategy->health_ =
      std::make_shared<Health>(settings.name, file.path.string(), strategy->order_.strikes_max);
  if (auto opened = strategy->open(); !opened) return std::unexpected(opened.error());
  if (auto launched = strategy->launch(); !launched) {
    const Fault& fault = strategy->loading_fault_;
    if (!fault.text.empty()) {
      strategy->put_away(fault, strategy->phase_of_loading(), launched.error().message);
    }
    return std::unexpected(launched.error());
  }
  IsolatedStrategy* object = strategy.release();
  auto instance = std::make_shared<StrategyInstance>(
      file, std::move(services), &Table::functions,
      reinterpret_cast<gantry_strategy_instance*>(object), object->health_);
  instance->isolated = object;
  if ((object->reply_.offers & offers_pending) != 0) instance->pending = &Table::pending_functions;
  return instance;
}

Status IsolatedStrategy::open() {
  auto requests = SharedRegion::make("gantry requests", requests_bytes);
  if (!requests) return std::unexpected(requests.error());
  requests_ = std::move(*requests);
  auto replies = SharedRegion::make("gantry replies", replies_bytes(order_.opportunities_max));
  if (!replies) return std::unexpected(replies.error());
  replies_ = std::move(*replies);
  order_.nursery->add(turn());
  descriptors_ = std::make_unique<Descriptors>();
  if (auto added = descriptors_->add(order_.placed); !added) return added;
  for (const auto& venue : order_.venues) {
    if (auto added = descriptors_->add(venue->library()->mapped_path()); !added) return added;
  }
  return {};
}

Status IsolatedStrategy::launch() {
  Order order;
  order.parent = ::getpid();
  const SharedRegion& arena = order_.nursery->arena()->region();
  order.arena_address = reinterpret_cast<std::uintptr_t>(arena.data());
  order.arena_bytes = arena.size();
  order.replies_bytes = replies_->size();
  order.opportunities_max = order_.opportunities_max;
  order.memory_bytes_max = memory_bytes_max;
  order.strategy = order_of(order_.file, order_.settings);
  for (const auto& venue : order_.venues) {
    order.venues.push_back(order_of(venue->file(), venue->settings));
  }
  const auto payload = pack(order);
  if (payload.size() > requests_->size() - payload_offset) {
    return fail(ErrorKind::limit, "its parameters do not fit into the memory shared with it");
  }
  std::ranges::copy(payload, requests_->data() + payload_offset);
  request().call = Call::load;
  request().bind = 0;
  request().payload_bytes = payload.size();
  inside().slot.inner = nullptr;
  for (auto& venue : inside().venues) venue = 0;
  turn().stage = static_cast<std::uint32_t>(Stage::starting);
  turn().sleeping = 0;
  turn().side = static_cast<std::uint32_t>(Side::child);

  std::vector<int> descriptors{requests_->read_only_descriptor(), replies_->descriptor(),
                               arena.read_only_descriptor()};
  descriptors.insert(descriptors.end(), descriptors_->libraries.begin(),
                     descriptors_->libraries.end());
  loading_fault_ = {Ending::host, {}};
  auto started = order_.nursery->start(descriptors);
  if (!started) return std::unexpected(started.error());
  child_ = std::move(*started);
  topology_ = prepared_ = ~0ULL;
  series_ = 0;
  subscribed_ = false;
  fresh_ = true;
  if (!await_answer({}, load_timeout_ns, loading_fault_)) {
    loading_fault_.library = child_->last_loaded();
    loading_fault_.loading = true;
    child_.reset();
    return fail(ErrorKind::plugin, fmt::format("{}: {} its process {}", order_.file.path.string(),
                                               where_in_loading(), loading_fault_.text));
  }
  if (reply_.status == GANTRY_OK) return {};
  child_.reset();
  reply_.error.message[sizeof(reply_.error.message) - 1] = '\0';
  return fail(ErrorKind::plugin, reply_.error.message);
}

std::string IsolatedStrategy::where_in_loading() const {
  if (!loading_fault_.library) return "before it loaded any library";
  const std::uint32_t library = *loading_fault_.library;
  const bool is_venue = library > 0 && library <= order_.venues.size();
  const std::string whose = is_venue ? " of the venue " + order_.venues[library - 1]->name() : "";
  return phase_of_loading() == Phase::create
             ? fmt::format("in create(){}", whose)
             : fmt::format("while the constructors or init(){} ran", whose);
}

Phase IsolatedStrategy::phase_of_loading() const {
  const bool creating = turn().stage == static_cast<std::uint32_t>(Stage::creating);
  return creating ? Phase::create : Phase::load;
}

void IsolatedStrategy::find_whose(Fault& fault) const {
  if (fault.ending == Ending::killed) return;
  const CallSlot& slot = inside().slot;
  const auto culprit = reinterpret_cast<std::uintptr_t>(slot.inner.load());
  if (culprit == 0) {
    fault.library = 0;
    return;
  }
  const auto count = std::min(order_.venues.size(), inside().venues.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    if (inside().venues[i] != culprit) continue;
    fault.library = i + 1;
    fault.text += fmt::format("; it says that it was in {} of the venue {}",
                              to_string(slot.inner_phase.load()), order_.venues[i]->name());
    return;
  }
}

void IsolatedStrategy::put_away(const Fault& fault, Phase phase, std::string reason) const {
  if (is_others(fault) || !fault.library) return;
  if (*fault.library == 0) {
    order_.nursery->put_away(
        {order_.file, health_->instance(), fault.ending, phase, std::move(reason)});
  } else if (fault.loading && *fault.library <= order_.venues.size()) {
    const VenueInstance& venue = *order_.venues[*fault.library - 1];
    order_.nursery->put_away({venue.file(), venue.name(), fault.ending, phase, std::move(reason)});
  }
}

void IsolatedStrategy::lose(const Fault& fault, Phase phase) {
  child_.reset();
  lost_in_ = at_;
  ++losses_;
  const std::uint64_t pause =
      losses_ > 10 ? pause_snapshots_max : (std::uint64_t{1} << (losses_ - 1)) - 1;
  wake_from_ = at_ + 1 + pause;
  // What becomes of it in the end is Health's to say: it retires what has too many strikes.
  const bool was_retired = health_->retired();
  const bool own = !is_others(fault) && fault.library == 0U;
  if (own) {
    health_->strike(phase, fault.text, at_);
  } else {
    health_->strike_unproven(phase, fault.text, at_);
  }
  if (health_->retired() && !was_retired && (!own || health_->broke_contract())) {
    put_away(fault, phase,
             fmt::format("its process was lost in {} of snapshot {}: {}; {} strikes",
                         to_string(phase), at_, fault.text, health_->strikes()));
  }
}

bool IsolatedStrategy::wake(std::uint64_t snapshot) {
  at_ = snapshot;
  if (child_) return true;
  if (snapshot < wake_from_) return false;
  auto launched = launch();
  if (launched) {
    started_in_ = snapshot;
    spdlog::info("plugin {}: started again, in process {}", health_->instance(), child_->pid());
    return true;
  }
  loading_fault_.text = launched.error().message;
  lose(loading_fault_, phase_of_loading());
  return false;
}

bool IsolatedStrategy::exchange(Call what, Phase phase, const Ends& ends) {
  request().call = what;
  give_turn(turn(), Side::child);
  Fault fault;
  const auto timeout_ns = static_cast<std::uint64_t>(order_.settings.call_timeout_ms) * 1'000'000;
  if (await_answer(ends, timeout_ns, fault)) return true;
  fault.text = "its process " + fault.text;
  if (!fault.library) find_whose(fault);
  lose(fault, phase);
  return false;
}

bool IsolatedStrategy::await_answer(const Ends& ends, std::uint64_t timeout_ns, Fault& fault) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point deadline{};
  std::size_t questions = 0;
  // A venue in whose code it is stuck, or a strategy that asks venues for ever.
  std::uint64_t calls = 0;
  Clock::time_point called{};
  for (std::uint32_t looks = host_looks_max;; looks = 0) {
    if (await_turn(turn(), Side::host, looks, slice_ns)) {
      copy_from({replies_->data() + reply_offset, sizeof(reply_)}, reply_);
      if (reply_.says == Says::done) {
        deliver(ends);
        return true;
      }
      if (++questions > questions_max || !answer_question(ends)) {
        child_->kill();
        fault = {Ending::nonsense, "asked what it may not, and was ended"};
        return false;
      }
      give_turn(turn(), Side::child);
    }
    if (child_->ended()) {
      fault = child_->explain();
      return false;
    }
    const auto now = Clock::now();
    if (deadline == Clock::time_point{}) deadline = now + std::chrono::nanoseconds(timeout_ns);
    if (const auto count = inside().slot.inner_calls.load(); count != calls) {
      calls = count;
      called = now;
    }
    if (now < deadline) continue;
    child_->kill();
    fault = {Ending::hang,
             fmt::format("gave no answer for {} ms, and was ended", timeout_ns / 1'000'000)};
    if (deadline - called < std::chrono::nanoseconds(timeout_ns / 2)) fault.library = 0;
    return false;
  }
}

bool IsolatedStrategy::answer_question(const Ends& ends) {
  if (ends.subscriptions == nullptr) return false;
  const gantry_subscription_sink& sink = *ends.subscriptions;
  Answer answer{reply_.says, 0, {}, GANTRY_REFUSED};
  if (reply_.says == Says::events) {
    std::memcpy(&answer.kind, &reply_.sized, sizeof(answer.kind));
    answer.status = sink.events(sink.self, answer.kind);
  } else if (reply_.says == Says::history) {
    std::memcpy(&answer.wish, &reply_.sized, sizeof(answer.wish));
    answer.status = sink.history(sink.self, &answer.wish.query, answer.wish.lookback_s);
  } else {
    return false;
  }
  if (sink.self != this) answers_.push_back(answer);
  request().answer = answer.status;
  return true;
}

// To a child that was started again, what the first one heard: the host keeps no more series than
// at the start.
gantry_subscription_sink IsolatedStrategy::earlier_answers() {
  return {this,
          [](void* to, std::int32_t kind) -> gantry_status {
            for (const Answer& answer : static_cast<IsolatedStrategy*>(to)->answers_) {
              if (answer.to == Says::events && answer.kind == kind) return answer.status;
            }
            return GANTRY_REFUSED;
          },
          [](void* to, const gantry_history_query* query, std::uint64_t) -> gantry_status {
            for (const Answer& answer : static_cast<IsolatedStrategy*>(to)->answers_) {
              const gantry_history_query& known = answer.wish.query;
              if (answer.to == Says::history && known.what == query->what &&
                  known.token == query->token && known.quote == query->quote &&
                  known.other == query->other) {
                return answer.status;
              }
            }
            return GANTRY_REFUSED;
          }};
}

void IsolatedStrategy::deliver(const Ends& ends) {
  const std::uint64_t room = replies_->size() - records_offset;
  RecordReader records({replies_->data() + records_offset, std::min(reply_.record_bytes, room)});
  const gantry_host* host = services_->table();
  RecordHead head{};
  std::span<const std::uint8_t> body;
  gantry_opportunity opportunity{};
  bool any = false;
  while (records.next(head, body)) {
    const gantry_string text{reinterpret_cast<const char*>(body.data()), body.size()};
    switch (head.kind) {
      case RecordKind::opportunity:
        if (ends.opportunities == nullptr || !read_opportunity(body, opportunity)) break;
        any = true;
        ends.opportunities->emit(ends.opportunities->self, &opportunity);
        break;
      case RecordKind::log:
        host->log(host->self, static_cast<std::int32_t>(head.number), text);
        break;
      case RecordKind::count:
        host->count(host->self, text, head.number);
        break;
      case RecordKind::observe:
        host->observe(host->self, text, std::bit_cast<double>(head.number));
        break;
      case RecordKind::instruction: {
        gantry_instruction instruction{};
        if (ends.instructions == nullptr || !copy_from(body, instruction)) break;
        body = body.subspan(sizeof(instruction));
        if (head.number > body.size()) break;
        // Out of the other process's reach before anybody looks at them.
        const std::vector<std::uint8_t> data(
            body.begin(), body.begin() + static_cast<std::ptrdiff_t>(head.number));
        body = body.subspan(data.size());
        std::vector<gantry_account_meta> accounts(body.size() / sizeof(gantry_account_meta));
        if (accounts.size() != instruction.account_count) break;
        if (!accounts.empty()) {
          std::memcpy(accounts.data(), body.data(), accounts.size() * sizeof(accounts[0]));
        }
        instruction.data = {data.data(), data.size()};
        instruction.accounts = accounts.data();
        ends.instructions->emit(ends.instructions->self, &instruction);
        break;
      }
    }
  }
  // The sink is full, so it only counts these.
  for (std::uint64_t i = 0; any && i < std::min(reply_.beyond, beyond_max); ++i) {
    ends.opportunities->emit(ends.opportunities->self, &opportunity);
  }
}

bool IsolatedStrategy::tell(Call what, std::span<const std::uint8_t> payload, Phase phase) {
  if (payload.size() > requests_->size() - payload_offset) {
    lose({Ending::host, "the market is too large to be shown to its process", {}}, phase);
    return false;
  }
  std::ranges::copy(payload, requests_->data() + payload_offset);
  request().bind = 0;
  request().payload_bytes = payload.size();
  if (!exchange(what, phase, {})) return false;
  if (payload.size() > kept_payload_bytes) requests_->forget(kept_payload_bytes);
  if (reply_.status == GANTRY_OK) return true;
  lose({Ending::nonsense, "its process does not understand the market", 0}, phase);
  return false;
}

bool IsolatedStrategy::show(const gantry_market& market, Phase phase) {
  at_ = market.snapshot;
  if (!child_) return false;
  const MarketView& view = MarketView::of(&market);
  const Snapshot& snapshot = view.snapshot();
  if (snapshot.states.root() != nullptr &&
      !order_.nursery->arena()->holds(snapshot.states.root())) {
    lose({Ending::host, "the market's states do not lie in the memory shared with its process"},
         phase);
    return false;
  }
  if (topology_ != snapshot.topology->id) {
    if (!tell(Call::topology, pack(*snapshot.topology), phase)) return false;
    topology_ = snapshot.topology->id;
  }
  if (const History* history = view.history(); history != nullptr && history->size() != series_) {
    const auto series = history->shared();
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(series.data());
    if (!tell(Call::history, {bytes, series.size() * sizeof(series[0])}, phase)) return false;
    series_ = series.size();
  }
  Market& shown = request().market;
  shown.snapshot = snapshot.id;
  shown.topology = snapshot.topology->id;
  shown.states = snapshot.states;
  shown.context = snapshot.context;
  shown.ether_usd_e6 = snapshot.ether_usd_e6;
  shown.time_ms = snapshot.time_ms;
  shown.cold = fresh_ || market.cold != 0 ? 1 : 0;
  shown.changed_count = shown.cold != 0 ? 0 : market.changed_count;
  shown.venue_count = static_cast<std::uint32_t>(order_.venues.size());
  std::uint8_t* at = requests_->data() + payload_offset;
  for (const auto& venue : order_.venues) {
    const std::uint64_t retired_from = venue->health().retired_from();
    std::memcpy(at, &retired_from, sizeof(retired_from));
    at += sizeof(retired_from);
  }
  const PendingWindow* window = snapshot.pending.get();
  shown.mined_count = window == nullptr ? 0 : static_cast<std::uint32_t>(window->mined.size());
  if (shown.mined_count > 0) {
    std::memcpy(at, window->mined.data(), window->mined.size() * sizeof(std::uint64_t));
    at += window->mined.size() * sizeof(std::uint64_t);
  }
  if (shown.changed_count > 0) {
    std::memcpy(at, market.changed_pools, shown.changed_count * sizeof(std::uint32_t));
  }
  request().bind = 1;
  return true;
}

gantry_status IsolatedStrategy::subscribe(const gantry_market& market,
                                          const gantry_subscription_sink& sink) {
  subscribes_ = true;
  if (!show(market, Phase::prepare) ||
      !exchange(Call::subscribe, Phase::prepare, {nullptr, nullptr, &sink})) {
    return GANTRY_REFUSED;
  }
  subscribed_ = true;
  return reply_.status;
}

gantry_status IsolatedStrategy::prepare(const gantry_market& market, gantry_error* error) {
  const bool answered = show(market, Phase::prepare) && exchange(Call::prepare, Phase::prepare, {});
  if (!answered) return GANTRY_REFUSED;
  if (error != nullptr) *error = reply_.error;
  if (reply_.status == GANTRY_OK) prepared_ = topology_;
  return reply_.status;
}

bool IsolatedStrategy::catch_up(const gantry_market& market) {
  if (subscribes_ && !subscribed_) {
    const auto sink = earlier_answers();
    if (!show(market, Phase::prepare) ||
        !exchange(Call::subscribe, Phase::prepare, {nullptr, nullptr, &sink})) {
      return false;
    }
    subscribed_ = true;
  }
  const std::uint64_t topology = market.topology;
  if (prepared_ == topology) return true;
  if (!show(market, Phase::prepare) || !exchange(Call::prepare, Phase::prepare, {})) return false;
  if (reply_.status != GANTRY_OK) {
    reply_.error.message[sizeof(reply_.error.message) - 1] = '\0';
    health_->strike(
        Phase::prepare,
        fmt::format("prepare() answered {}: {}", status_name(reply_.status), reply_.error.message),
        at_);
    return false;
  }
  prepared_ = topology;
  return true;
}

gantry_status IsolatedStrategy::find(const gantry_market& market,
                                     const gantry_opportunity_sink& sink) {
  if (!child_ || !show(market, Phase::find) ||
      !exchange(Call::find, Phase::find, {&sink, nullptr, nullptr})) {
    return GANTRY_REFUSED;
  }
  fresh_ = false;
  return reply_.status;
}

gantry_status IsolatedStrategy::pending(const gantry_market& market,
                                        std::span<const gantry_pending_event> events,
                                        std::uint64_t dropped) {
  if (!child_ || !show(market, Phase::pending)) return GANTRY_REFUSED;
  const Market& shown = request().market;
  const std::uint64_t words = std::uint64_t{shown.venue_count} + shown.mined_count;
  const std::uint64_t offset =
      padded(words * sizeof(std::uint64_t) + shown.changed_count * sizeof(std::uint32_t));
  if (offset + events.size_bytes() > requests_->size() - payload_offset) return GANTRY_REFUSED;
  std::memcpy(requests_->data() + payload_offset + offset, events.data(), events.size_bytes());
  request().pending_offset = offset;
  request().pending_dropped = dropped;
  request().pending_count = static_cast<std::uint32_t>(events.size());
  return exchange(Call::pending, Phase::pending, {}) ? reply_.status : GANTRY_REFUSED;
}

// Of the snapshot that find() was shown.
gantry_status IsolatedStrategy::about(Call what, Phase phase, const gantry_opportunity& opportunity,
                                      const Ends& ends) {
  if (!child_) return GANTRY_REFUSED;
  request().bind = 0;
  request().opportunity = opportunity;
  return exchange(what, phase, ends) ? reply_.status : GANTRY_REFUSED;
}

// Prices from outside the chain alone; the host tells of no other kind.
gantry_status IsolatedStrategy::event(const gantry_event& event) {
  if (!child_) return GANTRY_REFUSED;
  if (event.kind != GANTRY_EVENT_OUTSIDE_PRICE ||
      event.payload.size != sizeof(gantry_outside_price)) {
    return GANTRY_UNSUPPORTED;
  }
  request().bind = 0;
  request().event = event;
  request().event.payload = {};
  std::memcpy(&request().price, event.payload.data, sizeof(gantry_outside_price));
  return exchange(Call::event, Phase::event, {}) ? reply_.status : GANTRY_REFUSED;
}

gantry_status IsolatedStrategy::result(const gantry_result& result) {
  // A child that was just started has emitted nothing yet.
  if (!child_ || fresh_) return GANTRY_UNSUPPORTED;
  request().bind = 0;
  request().result = result;
  return exchange(Call::result, Phase::result, {}) ? reply_.status : GANTRY_UNSUPPORTED;
}

}  // namespace gantry::host
