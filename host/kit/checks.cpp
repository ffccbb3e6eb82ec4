// Every check, in the order in which they run: what the file says first, then what it does.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "host/kit/check.hpp"
#include "host/plugin/health.hpp"

namespace gantry::host {

std::string_view to_string(CheckStatus status) {
  switch (status) {
    case CheckStatus::passed:
      return "passed";
    case CheckStatus::failed:
      return "failed";
    case CheckStatus::skipped:
      return "skipped";
  }
  return "unknown";
}

std::string_view to_string(CheckFault fault) {
  switch (fault) {
    case CheckFault::none:
      return "none";
    case CheckFault::rule:
      return "rule";
    case CheckFault::crash:
      return "crash";
    case CheckFault::timeout:
      return "timeout";
    case CheckFault::system_call:
      return "system call";
    case CheckFault::exit:
      return "exit";
    case CheckFault::untried:
      return "untried";
  }
  return "unknown";
}

bool KitReport::passed() const { return first_failure() == nullptr; }

const CheckResult* KitReport::first_failure() const {
  const auto found = std::ranges::find(checks, CheckStatus::failed, &CheckResult::status);
  return found == checks.end() ? nullptr : &*found;
}

std::vector<std::string> check_names() {
  std::vector<std::string> names;
  for (const kit::Check& check : kit::all_checks()) names.emplace_back(check.name);
  return names;
}

namespace kit {
namespace {

char own_phase[128];
char* phase_memory = own_phase;
std::size_t phase_bytes = sizeof(own_phase);

constexpr std::array checks{
    Check{"manifest", for_all, 0, &check_manifest,
          "the manifest names its own interfaces, an SDK that the host knows, and valid defaults",
          "a host decides by the manifest before it runs anything"},
    Check{"exports", for_all, 0, &check_exports, "the library exports gantry_plugin alone",
          "another exported symbol can take the place of one of the host's or of another plugin's"},
    Check{"imports", for_all, 0, &check_imports,
          "the library needs only the language's runtime, and nothing that does I/O",
          "a plugin does no I/O: what it reads beside its arguments cannot be replayed"},
    Check{"flags", for_all, 0, &check_flags,
          "the library can be unloaded, relocated, and needs no room for static TLS",
          "one that stays mapped cannot be replaced or removed while the host runs"},
    Check{"load", for_all, runs_code, &check_load,
          "it loads with every symbol resolved, and offers what its manifest names",
          "a symbol or an interface that is missing would be missed in a trade"},
    Check{"constructors", for_all, runs_code, &check_constructors,
          "nothing is done when it is loaded", "code must not run before it was asked to"},
    Check{"create", for_all, runs_code, &check_create,
          "instances are made with any parameters in their ranges, apart from each other",
          "one library runs several times, with the operator's values"},
    Check{"unload", for_all, runs_code, &check_unload,
          "100 rounds of load and unload leave no mapping and no memory behind",
          "a host that runs for months replaces its plugins many times"},
    Check{"threads", for_all, runs_code, &check_threads, "no thread is started",
          "a thread that is still in the library when it is unmapped takes the host with it"},
    Check{"purity", for_all, runs_code, &check_purity,
          "the same questions get the same answers, in any instance, after any other calls",
          "a replay that differs from what was live proves nothing"},
    Check{"determinism", for_all, runs_code | runs_twice, &check_determinism,
          "another process, with other addresses and other bytes in fresh memory, gets the same "
          "answers",
          "a replay runs in another process, often on another machine"},
    Check{"memory", for_all, runs_code, &check_memory,
          "arguments are not written to, not read beyond, and not kept",
          "the host's snapshots are shared by all, and gone when the call returns"},
    Check{"heap", for_all, runs_code | checks_heap, &check_heap,
          "its own memory is used within its bounds, and given back once",
          "a heap that is corrupt fails later, somewhere else, in the host"},
    Check{"leaks", for_all, runs_code, &check_leaks, "what it takes it gives back",
          "a few bytes a block are gigabytes a year"},
    Check{"dex_states", for_dex, runs_code, &check_dex_states,
          "states of its pools can be made, and quoted", "without one no law of money was tried"},
    Check{"dex_quotes", for_dex, runs_code, &check_dex_quotes,
          "more in never pays less, and nothing pays more than the pool has",
          "sizing is a search that relies on it, and what a pool has not got it cannot pay"},
    Check{"dex_round_trip", for_dex, runs_code, &check_dex_round_trip,
          "there and back never gains, and loses no more than the fees",
          "a gain from nothing would be traded at once, with real money"},
    Check{"dex_split", for_dex, runs_code, &check_dex_split,
          "two halves pay no more than the whole, but for rounding",
          "otherwise every strategy splits its trades for a profit that is not there"},
    Check{"dex_next_state", for_dex, runs_code, &check_dex_next_state,
          "the state after a swap is that of the swap",
          "routes visit a pool twice, and plans are laid on the state after the first visit"},
    Check{"dex_exact_out", for_dex, runs_code, &check_dex_exact_out,
          "exact out inverts exact in, within rounding",
          "one unit too little, and the chain reverts"},
    Check{"dex_segments", for_dex, runs_code, &check_dex_segments, "segments pay what quotes pay",
          "strategies search on segments and trade on quotes"},
    Check{"dex_limits", for_dex, runs_code, &check_dex_limits,
          "what limits() says can be quoted can be, and nothing else",
          "searches begin and end there"},
    Check{"dex_amounts", for_dex, runs_code, &check_dex_amounts,
          "amounts from 0 to 2^256 - 1 get an answer, and no more than there is",
          "an overflow is a price that nobody pays"},
    Check{"dex_handles", for_dex, runs_code, &check_dex_handles,
          "tokens that the pool has not got are refused",
          "an index that is not checked reads another pool's numbers"},
    Check{"dex_bad_state", for_dex, runs_code, &check_dex_bad_state,
          "a state that is cut or random is refused, or at least promises nothing it has not got",
          "a state may come from a file, a recording or another version"},
    Check{"dex_bad_facts", for_dex, runs_code, &check_dex_bad_facts,
          "answers that are cut, random or reverts are refused",
          "providers return garbage, and a price of garbage is traded"},
    Check{"dex_room", for_dex, runs_code, &check_dex_room,
          "too little room is answered with the room that is needed",
          "what is written beyond it is the host's"},
    Check{"dex_host_faults", for_dex, runs_code, &check_dex_host_faults,
          "a host that refuses memory or requests is no reason to fail",
          "hosts have bounds, and meet them"},
    Check{"dex_build_swap", for_dex, runs_code, &check_dex_build_swap,
          "the calls of a swap carry the amounts that were ordered, where they say",
          "the host patches and checks amounts by these places"},
    Check{"dex_pending", for_dex, runs_code, &check_dex_pending,
          "calls of routers, whole, cut or random, give swaps that make sense, or none",
          "anybody can send anything to a router, and strategies believe what was read"},
    Check{"strategy_finds", for_strategy, runs_code, &check_strategy_finds,
          "what it emits is whole, and pays what the venues quote",
          "the risk gate judges by these numbers"},
    Check{"strategy_size", for_strategy, runs_code, &check_strategy_size,
          "size() keeps to every limit", "the limits are the operator's money"},
    Check{"strategy_save", for_strategy, runs_code, &check_strategy_save,
          "what was saved and loaded goes on as if nothing had been",
          "hosts restart, and a memory that is lost is a position that is forgotten"},
    Check{"strategy_host_faults", for_strategy, runs_code, &check_strategy_host_faults,
          "a host whose services refuse some calls gets whole opportunities, or none",
          "venues are retired and pools become unusable at any time"},
    Check{"strategy_bad_input", for_strategy, runs_code, &check_strategy_bad_input,
          "empty markets, handles that are not there and unknown events are no reason to fail",
          "what was found in one topology may be asked about in the next"},
    Check{"strategy_pending", for_strategy, runs_code, &check_strategy_pending,
          "pending swaps of any kind, in pools that are known or not, are survived",
          "anybody can send anything to a router"},
    Check{"paymaster_cap", for_paymaster, runs_code, &check_paymaster_cap,
          "no operation is granted above the cap, and the cost that is said is the cost",
          "the cap is what stands between a mistake and the account's balance"},
    Check{"paymaster_garbage", for_paymaster, runs_code, &check_paymaster_garbage,
          "an answer that is cut, of an error or no answer at all grants nothing",
          "an operation that nobody sponsors is paid by its sender, or fails"},
    Check{"paymaster_secrets", for_paymaster, runs_code, &check_paymaster_secrets,
          "requests name secrets as ${NAME}, and carry none",
          "a secret in a request is a secret in a log"},
    Check{
        "paymaster_bad_input", for_paymaster, runs_code, &check_paymaster_bad_input,
        "operations of any version and size, and rounds that there are not, are no reason to fail",
        "operations come from wallets that the host does not know"},
};

}  // namespace

void set_phase(const char* name) noexcept { std::strncpy(phase_memory, name, phase_bytes - 1); }
const char* phase() noexcept { return phase_memory; }
void set_phase_memory(char* shared, std::size_t size) noexcept {
  phase_memory = shared;
  phase_bytes = size;
}

std::span<const Check> all_checks() { return checks; }

const Check* find_check(std::string_view name) {
  const auto found =
      std::ranges::find_if(checks, [&](const Check& check) { return check.name == name; });
  return found == checks.end() ? nullptr : &*found;
}

unsigned kind_bit(PluginKind kind) {
  switch (kind) {
    case PluginKind::dex:
      return for_dex;
    case PluginKind::strategy:
      return for_strategy;
    case PluginKind::paymaster:
      return for_paymaster;
  }
  return 0;
}

std::string status_text(gantry_status status) {
  const std::string_view name = status_name(status);
  return name.starts_with("an ") ? fmt::format("the unknown status {}", status)
                                 : fmt::format("GANTRY_{}", name);
}

CheckResult run_check(const Check& check, Subject& subject) {
  CheckResult result{check.name, check.title, CheckStatus::passed, CheckFault::none, {}, check.why};
  set_phase("before the first call");
  try {
    check.run(subject);
  } catch (const Finding& finding) {
    result.status = CheckStatus::failed;
    result.fault = CheckFault::rule;
    result.what = finding.what;
  } catch (const Untried& untried) {
    result.status = CheckStatus::failed;
    result.fault = CheckFault::untried;
    result.what = untried.reason;
  } catch (const Skipped& skipped) {
    result.status = CheckStatus::skipped;
    result.what = skipped.reason;
  } catch (const std::exception& error) {
    result.status = CheckStatus::failed;
    result.fault = CheckFault::rule;
    result.what = fmt::format("an exception left {}: {}", phase(), error.what());
  } catch (...) {
    result.status = CheckStatus::failed;
    result.fault = CheckFault::rule;
    result.what = fmt::format("an exception left {}", phase());
  }
  return result;
}

}  // namespace kit
}  // namespace gantry::host
