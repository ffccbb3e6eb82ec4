#include "host/cli/plugin_trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gantry/u256.hpp"
#include "host/base/text.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/market/market_state.hpp"
#include "host/market/market_view.hpp"
#include "host/plan/plan.hpp"
#include "host/plugin/instances.hpp"
#include "host/plugin/library.hpp"
#include "host/report/terminal.hpp"
#include "host/street/strategy_runner.hpp"

namespace gantry::host::cli {
namespace {

constexpr std::uint64_t swap_share =
    1000;  // a pool is asked to sell for a thousandth of its balance
constexpr std::size_t body_letters_max = 2000;

std::string_view text(gantry_string s) {
  return s.data == nullptr ? std::string_view() : std::string_view(s.data, s.size);
}

// The parameters that the configuration gives an instance of this library, else its defaults.
template <class Settings>
Result<Settings> settings_of(const Configuration& configuration,
                             const std::vector<Settings>& instances, const PluginFile& file) {
  const Manifest& manifest = file.manifest;
  for (const Settings& settings : instances) {
    const bool named = settings.plugin == manifest.name || settings.plugin == manifest.id;
    if (!named || !settings.installed) continue;
    if (configuration.plugins[*settings.installed].sha256 == file.sha256) return settings;
  }
  Settings settings;
  settings.name = settings.plugin = manifest.name;
  settings.chain = configuration.chains.empty() ? std::string() : configuration.chains.front().id;
  for (const ParameterSchema& schema : manifest.parameters) {
    if (schema.required) {
      return fail(ErrorKind::configuration,
                  fmt::format("{}: its parameter {} has no default: put the library into a plugin "
                              "folder, and an instance with {} into the configuration",
                              file.path.string(), schema.name, schema.name));
    }
    ParameterSetting setting{schema.name, schema.type, std::string(), false};
    if (schema.default_value) setting.value = *schema.default_value;
    settings.parameters.push_back(std::move(setting));
  }
  return settings;
}

std::string amount_of(const Topology& topology, std::uint32_t token, const gantry_amount& amount) {
  const TokenInfo& info = topology.tokens[token];
  return fmt::format("{} {}", decimal_text(u256(amount), info.decimals), short_symbol(info.symbol));
}

// What is the same for every kind.
class Trial {
 public:
  Trial(const Configuration& configuration, const TrialOptions& options,
        const std::function<void(std::string_view)>& say)
      : configuration_(configuration), options_(options), say_(say) {}

  template <class... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    say_(printable(fmt::format(format, std::forward<Arguments>(arguments)...)));
  }
  // One of those that are bounded.
  template <class... Arguments>
  void answer(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    if (answers_++ < options_.answers_max) line(format, std::forward<Arguments>(arguments)...);
  }

  // Makes a snapshot of each block and gives it to `each`.
  template <class Each>
  Status replay(std::vector<std::shared_ptr<VenueInstance>> venues, const std::string& pools_of,
                Each&& each);
  std::uint64_t finish(const Health& health, const InstanceServices& services);

 private:
  const Configuration& configuration_;
  const TrialOptions& options_;
  const std::function<void(std::string_view)>& say_;
  std::uint64_t answers_ = 0;  // of this block
};

// `pools_of`: whose the recorded pools are to be; empty: whose they were.
template <class Each>
Status Trial::replay(std::vector<std::shared_ptr<VenueInstance>> venues,
                     const std::string& pools_of, Each&& each) {
  auto feed = RecordingFeed::open(options_.recording);
  if (!feed) return std::unexpected(feed.error());
  const auto chain = configuration_.chain_of(options_.recording, feed->header().chain);
  if (!chain) return std::unexpected(chain.error());
  MarketState market(**chain, std::move(venues));
  std::uint64_t given = 0;
  while (given < options_.blocks) {
    auto input = feed->next();
    if (!input) break;
    if (!pools_of.empty()) {
      for (recording::Pool& pool : input->pools) pool.venue = pools_of;
    }
    auto snapshot = market.advance(*input);
    if (!snapshot) return std::unexpected(snapshot.error());
    ++given;
    each(*snapshot);
    if (answers_ > options_.answers_max) {
      line("  and {} more, not shown (--answers)", answers_ - options_.answers_max);
    }
    answers_ = 0;
  }
  if (given == 0) {
    return fail(ErrorKind::format, fmt::format("{}: has no whole block. {}",
                                               options_.recording.string(), feed->damage()));
  }
  line("{} of {} given", counted(given, "block"), options_.recording.string());
  return {};
}

std::uint64_t Trial::finish(const Health& health, const InstanceServices& services) {
  for (const auto& [name, value] : services.counters()) line("counted {}: {}", name, value);
  for (const auto& [name, one] : services.distributions()) {
    line("observed {}: {} times, {} to {}", name, one.count, one.min, one.max);
  }
  for (const Strike& strike : health.kept()) {
    line("strike at snapshot {}, {}: {}", strike.snapshot, to_string(strike.phase), strike.reason);
  }
  line("{}", counted(health.strikes(), "strike"));
  return health.strikes();
}

// ---- venue ----

void show_requests(Trial& trial, const VenueInstance& venue, const Snapshot& snapshot,
                   std::uint32_t handle) {
  const PoolInfo& pool = snapshot.topology->pools[handle];
  const gantry_pool_spec spec = pool.spec();
  gantry_pool_state state{};
  snapshot.pool_state(handle, state);
  const gantry_request_sink sink{
      &trial, [](void* self, const gantry_request* request) -> gantry_status {
        const std::span<const std::uint8_t> payload(request->payload.data, request->payload.size);
        static_cast<Trial*>(self)->answer(
            "  it asks for source {}, tag {}, of {}: {}", request->source, request->tag,
            address_text(request->target),
            hex_text(payload.first(std::min<std::size_t>(payload.size(), 36))));
        return GANTRY_OK;
      }};
  trial.answer("requests(pool {}, round 0)", address_text(pool.address));
  const auto status = venue.call<&gantry_dex_v1::requests>(Phase::apply, &snapshot.context, &spec,
                                                           &state.base, 0U, &sink);
  trial.answer("  {}", status_name(status));
}

void show_quotes(Trial& trial, const MarketView& view, std::uint32_t handle) {
  const Topology& topology = *view.snapshot().topology;
  const PoolInfo& pool = topology.pools[handle];
  std::vector<gantry_amount> balances(pool.tokens.size());
  gantry_pool_view seen{0, static_cast<std::uint32_t>(balances.size()), balances.data()};
  const auto known = view.view(handle, seen);
  if (known != GANTRY_OK) {
    trial.answer("view(pool {}): {}", address_text(pool.address), status_name(known));
    return;
  }
  for (std::uint32_t in = 0; in < balances.size(); ++in) {
    const std::uint32_t out = in + 1 == balances.size() ? 0 : in + 1;
    gantry_swap swap{};
    u256 share;
    static_cast<void>(div_floor(u256(balances[in]), u256(swap_share), share));
    swap.amount = share.is_zero() ? u256(1) : share;
    swap.token_in = in;
    swap.token_out = out;
    gantry_quote quote{};
    const auto status = view.quote(handle, swap, quote);
    const std::string asked = fmt::format("quote(pool {}, {})", address_text(pool.address),
                                          amount_of(topology, pool.tokens[in], swap.amount));
    if (status != GANTRY_OK) {
      trial.answer("{}: {}", asked, status_name(status));
      continue;
    }
    trial.answer(
        "{}: {}, fee {}, gas {}", asked, amount_of(topology, pool.tokens[out], quote.amount_out),
        amount_of(topology, pool.tokens[quote.fee_on_out != 0 ? out : in], quote.fee), quote.gas);
  }
}

Result<std::uint64_t> try_venue(Trial& trial, const std::shared_ptr<VenueInstance>& venue) {
  MarketView view;
  std::uint64_t quotable = 0;
  const auto each = [&](const SnapshotPtr& snapshot) {
    const Topology& topology = *snapshot->topology;
    view.bind(*snapshot, {}, true);
    if (snapshot->cold) {
      std::uint64_t refused = 0;
      quotable = 0;
      for (const PoolInfo& pool : topology.pools) {
        refused += pool.use == PoolUse::refused ? 1 : 0;
        quotable += pool.use == PoolUse::usable ? 1 : 0;
      }
      trial.line("block {}: {} opened, {} of them quotable; {} refused",
                 snapshot->context.state_block, counted(topology.pools.size() - refused, "pool"),
                 quotable, refused);
      if (!topology.pools.empty()) show_requests(trial, *venue, *snapshot, 0);
    } else {
      trial.line("block {}: {} changed", snapshot->context.state_block,
                 counted(snapshot->changed.size(), "pool"));
    }
    for (std::uint32_t pool = 0; snapshot->cold && pool < topology.pools.size(); ++pool) {
      if (topology.pools[pool].use == PoolUse::usable) show_quotes(trial, view, pool);
    }
    for (const std::uint32_t pool : snapshot->changed) show_quotes(trial, view, pool);
  };
  if (auto done = trial.replay({venue}, venue->name(), each); !done) {
    return std::unexpected(done.error());
  }
  if (quotable == 0) {
    trial.line(
        "no pool of the recording became quotable: they are of another kind of venue, or its "
        "requests are not answered by what was recorded");
  }
  return trial.finish(venue->health(), venue->services());
}

// ---- strategy ----

Result<std::uint64_t> try_strategy(Trial& trial, const Configuration& configuration,
                                   Plugins plugins) {
  const auto strategy = plugins.strategies.front();
  ChangeLog changes;
  History history;
  RunnerOptions options;
  options.opportunities_max =
      static_cast<std::uint64_t>(configuration.street.opportunities_per_snapshot);
  options.pool_share_max_bps =
      static_cast<std::uint64_t>(configuration.risk.pool_concentration_bps);
  options.position_max_eth = configuration.risk.max_position_eth;
  options.history_s_max = History::lookback_s_max;
  StrategyRunner runner(strategy, changes, history, options);
  bool first = true;
  const auto each = [&](const SnapshotPtr& snapshot) {
    if (std::exchange(first, false)) runner.subscribe(*snapshot);
    changes.add(*snapshot);
    history.add(*snapshot);
    const Batch batch = runner.run({snapshot, 0, {}, 0}, false);
    const Topology& topology = *snapshot->topology;
    trial.line("find(block {}, {}): {} emitted, {} kept", snapshot->context.state_block,
               snapshot->cold ? "every pool" : counted(snapshot->changed.size(), "changed pool"),
               batch.found, batch.ranked.size());
    for (const Ranked& ranked : batch.ranked) {
      const gantry_opportunity& o = ranked.opportunity;
      std::string route;
      for (std::uint32_t i = 0; i < o.leg_count; ++i) {
        route += fmt::format("{} > ", short_symbol(topology.tokens[o.legs[i].hop.token_in].symbol));
      }
      trial.answer("  {}{}: {} in, {} out, {:.2f} bps by its own word", route,
                   short_symbol(topology.tokens[o.token_out].symbol),
                   amount_of(topology, o.token_in, o.amount_in),
                   amount_of(topology, o.token_out, o.amount_out), o.expected_profit_bps);
    }
  };
  if (auto done = trial.replay(plugins.venues, "", each); !done) {
    return std::unexpected(done.error());
  }
  return trial.finish(strategy->health(), strategy->services());
}

// ---- paymaster ----

void show_request(Trial& trial, const gantry_http_request& request) {
  trial.answer("  it sends {} {}, waits {} ms", text(request.method), text(request.url),
               request.timeout_ms);
  for (std::uint32_t i = 0; i < request.header_count; ++i) {
    trial.answer("    {}: {}", text(request.headers[i].name), text(request.headers[i].value));
  }
  const std::string_view body(reinterpret_cast<const char*>(request.body.data), request.body.size);
  trial.answer("    {}{}", body.substr(0, body_letters_max),
               body.size() > body_letters_max ? " ..." : "");
}

// Of a wallet that moves nothing: what a sponsor is asked about, in its smallest form.
gantry_user_operation sample_operation(const Configuration& configuration,
                                       const gantry_context& context) {
  static constexpr std::array<std::uint8_t, 4> call{0xde, 0xad, 0xbe, 0xef};
  static constexpr std::array<std::uint8_t, 65> signature{};
  gantry_user_operation operation{};
  operation.entry_point = configuration.wallet.entry_point;
  operation.entry_point_version = entry_point_version(operation.entry_point);
  operation.stub_signature = 1;
  operation.sender = configuration.wallet.sender;
  operation.call_data = {call.data(), call.size()};
  operation.call_gas_limit = u256(200'000);
  operation.verification_gas_limit = u256(150'000);
  operation.pre_verification_gas = u256(60'000);
  operation.max_fee_per_gas = context.gas_price;
  operation.max_priority_fee_per_gas = u256(1);
  operation.signature = {signature.data(), signature.size()};
  operation.chain_id = evm_chain_id(text(context.chain));
  return operation;
}

Result<std::uint64_t> try_paymaster(Trial& trial, const Configuration& configuration,
                                    const PaymasterInstance& paymaster) {
  const auto each = [&](const SnapshotPtr& snapshot) {
    const gantry_context& context = snapshot->context;
    const gantry_user_operation operation = sample_operation(configuration, context);
    const auto supported =
        paymaster.call<&gantry_paymaster_v1::supports>(Phase::sponsor, &context, &operation);
    paymaster.health().accept(Phase::sponsor, supported, snapshot->id);
    trial.line("supports(block {}, EntryPoint 0.{}): {}", context.state_block,
               operation.entry_point_version, status_name(supported));
    if (supported != GANTRY_OK) return;
    trial.line("request(round 0):");
    const gantry_http_sink sink{
        &trial, [](void* self, const gantry_http_request* request) -> gantry_status {
          show_request(*static_cast<Trial*>(self), *request);
          return GANTRY_OK;
        }};
    const auto asked = paymaster.call<&gantry_paymaster_v1::request>(Phase::sponsor, &context,
                                                                     &operation, 0U, &sink);
    paymaster.health().accept(Phase::sponsor, asked, snapshot->id);
    trial.line("  {}", status_name(asked));
  };
  if (auto done = trial.replay({}, "", each); !done) return std::unexpected(done.error());
  return trial.finish(paymaster.health(), paymaster.services());
}

Status choose(Configuration& configuration, const PluginFile& file) {
  const auto take = [&](auto& instances) -> Status {
    auto settings = settings_of(configuration, instances, file);
    if (!settings) return std::unexpected(settings.error());
    settings->enabled = true;
    settings->installed = configuration.plugins.size();
    instances = {std::move(*settings)};
    return {};
  };
  Status taken;
  switch (file.manifest.kind) {
    case PluginKind::dex:
      taken = take(configuration.dexes);
      if (taken) configuration.dexes.front().min_liquidity_usd = 0;
      configuration.strategies.clear();
      configuration.paymasters.clear();
      break;
    case PluginKind::strategy:
      taken = take(configuration.strategies);
      configuration.paymasters.clear();
      break;
    case PluginKind::paymaster:
      taken = take(configuration.paymasters);
      configuration.dexes.clear();
      configuration.strategies.clear();
      break;
  }
  configuration.plugins.push_back(file);
  return taken;
}

}  // namespace

Result<std::uint64_t> run_trial(Configuration configuration, const TrialOptions& options,
                                const std::function<void(std::string_view)>& say) {
  const auto file = inspect_plugin_file(options.library);
  if (!file) return std::unexpected(file.error());
  if (auto chosen = choose(configuration, *file); !chosen) return std::unexpected(chosen.error());
  const auto store = default_plugin_store();
  if (!store) return std::unexpected(store.error());
  Plugins plugins = make_plugins(configuration, *store);
  for (const Refusal& refusal : plugins.refused) {
    if (refusal.kind == to_string(file->manifest.kind)) {
      return fail(ErrorKind::plugin, refusal.reason);
    }
  }
  Trial trial(configuration, options, say);
  trial.line("{} {} ({}) by one thread, {}", file->manifest.name, file->manifest.version,
             to_string(file->manifest.kind), file->path.string());
  switch (file->manifest.kind) {
    case PluginKind::dex:
      return try_venue(trial, plugins.venues.front());
    case PluginKind::strategy:
      return try_strategy(trial, configuration, std::move(plugins));
    case PluginKind::paymaster:
      return try_paymaster(trial, configuration, *plugins.paymasters.front());
  }
  return fail(ErrorKind::internal, "a kind that is none");
}

}  // namespace gantry::host::cli
