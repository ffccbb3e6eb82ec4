#include "host/cli/run_control.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <string>

#include "host/log/log.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;
using Runs = std::vector<std::unique_ptr<ChainRun>>;

constexpr std::size_t last_change_chars_max = 4096;

bool runs_trade(const Runs& runs) {
  return std::ranges::any_of(runs, [](const auto& run) { return run->trades(); });
}

// One chain's, or recording's, is told as the host's own; of several, each in its place.
void tell_runs(const Runs& runs, json::object& told) {
  if (runs.size() == 1) {
    runs.front()->tell(told);
    return;
  }
  StreetStatus sum;
  json::array chains;
  for (const auto& run : runs) {
    if (Street* street = run->street()) {
      const StreetStatus status = street->status();
      sum.snapshots += status.snapshots;
      sum.skipped += status.skipped;
      sum.opportunities += status.opportunities;
      sum.approved += status.approved;
    }
    json::object chain{{"name", printable(run->name())}};
    run->tell(chain);
    chains.push_back(std::move(chain));
  }
  told["snapshots"] = sum.snapshots;
  told["skipped"] = sum.skipped;
  told["opportunities"] = sum.opportunities;
  told["approved"] = sum.approved;
  told["chains"] = std::move(chains);
}

}  // namespace

std::unique_ptr<ControlServer> serve_runs(const Session& session, const ApiSettings& settings,
                                          const Runs& runs, Reloader* reloader,
                                          RiskKeeper* keeper) {
  ControlHandlers handlers;
  if (reloader != nullptr) {
    handlers.reload = [reloader](std::string_view request) { return reloader->answer(request); };
  }
  handlers.status = [&runs, reloader, clock = SteadyClock(), started = SteadyClock().now()] {
    const double uptime = std::chrono::duration<double>(clock.now() - started).count();
    json::object told{{"running", true},
                      {"pid", static_cast<std::uint64_t>(::getpid())},
                      {"mode", runs_trade(runs) ? "live" : "dry run"},
                      {"uptime_s", static_cast<std::uint64_t>(uptime)}};
    tell_runs(runs, told);
    if (reloader != nullptr) {
      told["last_change"] = printable(cut_to(reloader->last(), last_change_chars_max));
    }
    return json::serialize(told);
  };
  handlers.stop = [&runs, keeper] {
    json::object told{{"stopping", true}};
    if (keeper != nullptr) {
      const auto kept = keeper->stop();
      if (!kept) {
        spdlog::error("trading is stopped, but not for the next start: {}", kept.error().message);
      }
      told["trading"] = to_string(TradingMode::halted);
      told["kept"] = kept.has_value();
    }
    for (const auto& run : runs) run->stop();
    return json::serialize(told);
  };
  if (keeper != nullptr) {
    handlers.resume = [keeper, &runs] {
      const auto done = keeper->resume();
      TradingMode mode = TradingMode::active;
      for (const auto& run : runs) mode = std::max(mode, run->book().mode());
      json::object told{{"resumed", done.has_value()}, {"trading", to_string(mode)}};
      if (!done) told["reason"] = printable(done.error().message);
      return json::serialize(told);
    };
  }
  const auto socket = control_socket(settings, session.environment);
  auto server = ControlServer::start(socket, std::move(handlers));
  if (server) return std::move(*server);
  spdlog::warn("status and stop cannot reach this run: {}", server.error().message);
  return nullptr;
}

}  // namespace gantry::host::cli
