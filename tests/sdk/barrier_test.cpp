// Each function of the three C tables, of classes that throw in every call: nothing escapes, the
// status is the documented one, and what is promised to be left alone is.
#include <catch2/catch.hpp>
#include <cstring>
#include <stdexcept>

#include "gantry/dex.hpp"
#include "gantry/paymaster.hpp"
#include "gantry/strategy.hpp"

using namespace gantry;

namespace {

enum class Fault { exception, number, refusal, status };  // the last throws nothing
constexpr Fault throwing[] = {Fault::exception, Fault::number, Fault::refusal};

Fault fault = Fault::exception;
bool create_fails = false;

constexpr const char* thrown_text = "a text of the plugin's";

gantry_status fail() {
  switch (fault) {
    case Fault::exception:
      throw std::runtime_error(thrown_text);
    case Fault::number:
      throw 7;
    case Fault::refusal:
      throw Refused(thrown_text);
    case Fault::status:
      break;
  }
  return GANTRY_OUT_OF_RANGE;
}

// Each writes its answer before it fails.
class Venue final : public DexPlugin {
 public:
  Venue(Host, const Config&) {
    if (create_fails) fail();
  }
  gantry_status discover(const gantry_context&, gantry_bytes, std::span<const gantry_fact>,
                         const gantry_request_sink*, const gantry_pool_sink*,
                         gantry_buffer*) override {
    return fail();
  }
  gantry_status open_pool(const gantry_pool_spec&, StateWriter, gantry_pool_traits& out) override {
    out.flags = 1;
    return fail();
  }
  gantry_status requests(const gantry_context&, const gantry_pool_spec&, const gantry_state&,
                         std::uint32_t, const gantry_request_sink*) const override {
    return fail();
  }
  gantry_status apply(const gantry_context&, const gantry_state&, std::span<const gantry_fact>,
                      StateWriter) const override {
    return fail();
  }
  gantry_status quote(const gantry_pool_state&, const gantry_swap&, gantry_quote&,
                      gantry_buffer*) const override {
    return fail();
  }
  gantry_status limits(const gantry_pool_state&, std::uint32_t, std::uint32_t,
                       gantry_swap_limits& out) const override {
    out.in_max.limb[0] = 1;
    return fail();
  }
  std::optional<std::uint32_t> segments(const gantry_pool_state&, std::uint32_t, std::uint32_t,
                                        std::span<gantry_segment>) const override {
    fail();
    return std::nullopt;
  }
  gantry_status pool_view(const gantry_pool_state&, gantry_pool_view&) const override {
    return fail();
  }
  gantry_status build_swap(const gantry_pool_spec&, const gantry_pool_state&,
                           const gantry_swap_order&,
                           const gantry_instruction_sink*) const override {
    return fail();
  }
  const void* get_extension(const char*) const override {
    fail();
    return this;
  }
};

class Strategy final : public TradingStrategy {
 public:
  Strategy(Host, const Config&) {
    if (create_fails) fail();
  }
  gantry_status subscribe(const Market&, const gantry_subscription_sink*) override {
    return fail();
  }
  gantry_status prepare(const Market&) override { return fail(); }
  gantry_status find(const Market&, OpportunitySink) override { return fail(); }
  gantry_status validate(const Market&, const gantry_opportunity&) override { return fail(); }
  gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                     gantry_opportunity& out) override {
    out.key = 1;
    return fail();
  }
  gantry_status plan(const Market&, const gantry_opportunity&,
                     const gantry_instruction_sink*) override {
    return fail();
  }
  gantry_status on_event(const gantry_event&) override { return fail(); }
  gantry_status on_result(const gantry_result&) override { return fail(); }
  gantry_status save(gantry_buffer&) override { return fail(); }
  gantry_status load(gantry_bytes) override { return fail(); }
  const void* get_extension(const char*) const override {
    fail();
    return this;
  }
};

class Sponsor final : public Paymaster {
 public:
  Sponsor(Host, const Config&) {
    if (create_fails) fail();
  }
  gantry_status supports(const gantry_context&, const gantry_user_operation&) override {
    return fail();
  }
  gantry_status request(const gantry_context&, const gantry_user_operation&, std::uint32_t,
                        const gantry_http_sink*) override {
    return fail();
  }
  gantry_status response(const gantry_context&, const gantry_user_operation&, std::uint32_t,
                         std::uint32_t, gantry_bytes, gantry_sponsorship& out) override {
    out.outcome = GANTRY_SPONSOR_GRANTED;
    return fail();
  }
  const void* get_extension(const char*) const override {
    fail();
    return this;
  }
};

// An answer's memory, filled with a pattern that only a write disturbs.
template <class T>
class Untouched {
 public:
  Untouched() { std::memset(static_cast<void*>(&value_), 0xa5, sizeof(value_)); }
  T* get() { return &value_; }
  bool holds() const {
    Untouched fresh;
    return std::memcmp(&fresh.value_, &value_, sizeof(value_)) == 0;
  }

 private:
  T value_;
};

template <class Plugin, class Table>
const Table& table_of(const Table*) {
  return *static_cast<const Table*>(Plugin::template table<Plugin>());
}

// An instance that was created while nothing failed.
template <class Table, class Instance>
class Made {
 public:
  explicit Made(const Table& table) : table_(table) {
    create_fails = false;
    gantry_error error{};
    REQUIRE(table.create(nullptr, &config_, &instance_, &error) == GANTRY_OK);
  }
  ~Made() { table_.destroy(instance_); }
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;
  Instance* get() const { return instance_; }

 private:
  const Table& table_;
  Instance* instance_ = nullptr;
  gantry_instance_config config_{};
};

// Whether the author learns what was thrown.
bool is_told(const gantry_error& error) {
  return fault == Fault::number ? std::strlen(error.message) > 0
                                : std::strcmp(error.message, thrown_text) == 0;
}

// What every call must answer that has no text and no refusal of its own.
gantry_status faulted() {
  return fault == Fault::status ? GANTRY_OUT_OF_RANGE : GANTRY_PLUGIN_FAULT;
}

const Fault all_faults[] = {Fault::exception, Fault::number, Fault::refusal, Fault::status};

template <class Table, class Instance>
void check_create(const Table& table) {
  create_fails = true;
  for (const Fault each : throwing) {
    fault = each;
    Untouched<Instance*> out;
    const gantry_instance_config config{};
    gantry_error error{};
    const auto expected = each == Fault::refusal ? GANTRY_REFUSED : GANTRY_PLUGIN_FAULT;
    CHECK(table.create(nullptr, &config, out.get(), &error) == expected);
    CHECK(error.code == expected);
    CHECK(error.fault == (each == Fault::refusal ? GANTRY_FAULT_OPERATOR : GANTRY_FAULT_PLUGIN));
    CHECK(is_told(error));
    CHECK(out.holds());
    CHECK(table.create(nullptr, &config, out.get(), nullptr) == expected);
  }
  create_fails = false;
  table.destroy(nullptr);
}

}  // namespace

TEST_CASE("nothing that a venue throws leaves its table") {
  const auto& table = table_of<Venue>(static_cast<const gantry_dex_v1*>(nullptr));
  check_create<gantry_dex_v1, gantry_dex_instance>(table);
  const Made<gantry_dex_v1, gantry_dex_instance> made(table);
  const gantry_context context{};
  const gantry_pool_spec spec{};
  const gantry_state state{};
  const gantry_pool_state pool{};
  const gantry_swap swaps[2] = {};
  const gantry_swap_order order{};
  const gantry_state_writer writer{};
  for (const Fault each : all_faults) {
    fault = each;
    INFO(static_cast<int>(each));
    CHECK(table.discover(made.get(), &context, {}, nullptr, 0, nullptr, nullptr, nullptr) ==
          faulted());
    Untouched<gantry_pool_traits> traits;
    gantry_error error{};
    const auto opened = table.open_pool(made.get(), &spec, &writer, traits.get(), &error);
    CHECK(opened == (each == Fault::refusal ? GANTRY_REFUSED : faulted()));
    CHECK(traits.holds());
    if (each != Fault::status) {
      CHECK(error.code == opened);
      CHECK(error.fault == (each == Fault::refusal ? GANTRY_FAULT_WORLD : GANTRY_FAULT_PLUGIN));
      CHECK(is_told(error));
    }
    CHECK(table.requests(made.get(), &context, &spec, &state, 0, nullptr) == faulted());
    CHECK(table.apply(made.get(), &context, &state, nullptr, 0, &writer) == faulted());
    gantry_quote quotes[2];
    gantry_status statuses[2];
    CHECK(table.quote(made.get(), &pool, &swaps[0], &quotes[0], nullptr) == faulted());
    const auto many = table.quote_many(made.get(), &pool, swaps, 2, quotes, statuses);
    CHECK(many == (each == Fault::status ? GANTRY_OK : GANTRY_PLUGIN_FAULT));
    Untouched<gantry_swap_limits> limits;
    CHECK(table.limits(made.get(), &pool, 0, 1, limits.get()) == faulted());
    CHECK(limits.holds());
    gantry_segment segment;
    Untouched<std::uint32_t> count;
    CHECK(table.segments(made.get(), &pool, 0, 1, &segment, 1, count.get()) ==
          (each == Fault::status ? GANTRY_UNSUPPORTED : GANTRY_PLUGIN_FAULT));
    CHECK(count.holds());
    gantry_pool_view view{};
    CHECK(table.view(made.get(), &pool, &view) == faulted());
    CHECK(table.build_swap(made.get(), &spec, &pool, &order, nullptr) == faulted());
    if (each != Fault::status) CHECK(table.get_extension(made.get(), "x/1") == nullptr);
  }
}

TEST_CASE("nothing that a strategy throws leaves its table") {
  const auto& table = table_of<Strategy>(static_cast<const gantry_strategy_v1*>(nullptr));
  check_create<gantry_strategy_v1, gantry_strategy_instance>(table);
  const Made<gantry_strategy_v1, gantry_strategy_instance> made(table);
  const gantry_market market{};
  const gantry_opportunity opportunity{};
  const gantry_sizing_limits limits{};
  const gantry_event event{};
  const gantry_result result{};
  for (const Fault each : all_faults) {
    fault = each;
    INFO(static_cast<int>(each));
    CHECK(table.subscribe(made.get(), &market, nullptr) == faulted());
    gantry_error error{};
    CHECK(table.prepare(made.get(), &market, &error) == faulted());
    if (each != Fault::status) {
      CHECK(error.code == GANTRY_PLUGIN_FAULT);
      CHECK(error.fault == GANTRY_FAULT_PLUGIN);
      CHECK(is_told(error));
    }
    CHECK(table.find(made.get(), &market, nullptr) == faulted());
    CHECK(table.validate(made.get(), &market, &opportunity) == faulted());
    Untouched<gantry_opportunity> sized;
    CHECK(table.size(made.get(), &market, &opportunity, &limits, sized.get()) == faulted());
    CHECK(sized.holds());
    CHECK(table.plan(made.get(), &market, &opportunity, nullptr) == faulted());
    CHECK(table.on_event(made.get(), &event) == faulted());
    CHECK(table.on_result(made.get(), &result) == faulted());
    gantry_buffer buffer{};
    CHECK(table.save(made.get(), &buffer) == faulted());
    CHECK(table.load(made.get(), {}) == faulted());
    if (each != Fault::status) CHECK(table.get_extension(made.get(), "x/1") == nullptr);
  }
}

TEST_CASE("nothing that a paymaster throws leaves its table") {
  const auto& table = table_of<Sponsor>(static_cast<const gantry_paymaster_v1*>(nullptr));
  check_create<gantry_paymaster_v1, gantry_paymaster_instance>(table);
  const Made<gantry_paymaster_v1, gantry_paymaster_instance> made(table);
  const gantry_context context{};
  const gantry_user_operation operation{};
  for (const Fault each : all_faults) {
    fault = each;
    INFO(static_cast<int>(each));
    CHECK(table.supports(made.get(), &context, &operation) == faulted());
    CHECK(table.request(made.get(), &context, &operation, 0, nullptr) == faulted());
    Untouched<gantry_sponsorship> sponsorship;
    CHECK(table.response(made.get(), &context, &operation, 0, 200, {}, sponsorship.get()) ==
          faulted());
    CHECK(sponsorship.holds());
    if (each != Fault::status) CHECK(table.get_extension(made.get(), "x/1") == nullptr);
  }
}
