// What a check is made of. Inside the kit a broken rule is an exception: it ends the check from
// however deep, and run_check() turns it into a result. None leaves the kit.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/abi.h"
#include "gantry/u256.hpp"
#include "host/kit/kit.hpp"
#include "host/recording/records.hpp"

namespace gantry::host::kit {

// A rule is broken.
struct Finding {
  std::string what;
};
// The check cannot say anything about this plugin, and it need not.
struct Skipped {
  std::string reason;
};
// The check cannot say anything about this plugin, and without it nobody can: no pass of the whole.
struct Untried {
  std::string reason;
};
[[noreturn]] inline void broken(std::string what) { throw Finding{std::move(what)}; }
inline void require(bool holds, std::string_view what) {
  if (!holds) throw Finding{std::string(what)};
}

// A pool as a recording has it, with the facts of its first block that has any.
struct RecordedPool {
  gantry_address address{};
  std::vector<gantry_address> tokens;
  std::vector<std::uint32_t> decimals;
  recording::Bytes spec;
  std::vector<recording::Fact> facts;
};

// What a check is about.
struct Subject {
  const PluginFile* file = nullptr;
  std::string library;  // what dlopen() is given
  std::uint64_t seed = 1;
  std::vector<RecordedPool> recorded;
  int maps = -1;  // /proc/self/maps and status, open
  int status = -1;
  std::string note;  // what two runs of one seed are compared by
};

// What is being done right now: named when it ends in a crash.
void set_phase(const char* phase) noexcept;
const char* phase() noexcept;
void set_phase_memory(char* shared, std::size_t size) noexcept;

enum : unsigned { for_dex = 1, for_strategy = 2, for_paymaster = 4, for_all = 7 };
enum : unsigned {
  runs_code = 1,    // in a child; without it the check reads the file alone
  runs_twice = 2,   // in two processes whose notes must be equal
  checks_heap = 4,  // with the C library's checking malloc
};

struct Check {
  const char* name;
  unsigned kinds;
  unsigned how;
  void (*run)(Subject&);
  const char* title;
  const char* why;
};
std::span<const Check> all_checks();
const Check* find_check(std::string_view name);
// Runs it here; never throws.
CheckResult run_check(const Check& check, Subject& subject);

unsigned kind_bit(PluginKind kind);

// "GANTRY_NO_LIQUIDITY".
std::string status_text(gantry_status status);
std::string amount_text(const gantry_amount& amount);

// Each in the file of its name.
void check_manifest(Subject&);
void check_exports(Subject&);
void check_imports(Subject&);
void check_flags(Subject&);
void check_load(Subject&);
void check_constructors(Subject&);
void check_unload(Subject&);
void check_create(Subject&);
void check_threads(Subject&);
void check_purity(Subject&);
void check_determinism(Subject&);
void check_memory(Subject&);
void check_heap(Subject&);
void check_leaks(Subject&);
void check_dex_states(Subject&);
void check_dex_quotes(Subject&);
void check_dex_round_trip(Subject&);
void check_dex_split(Subject&);
void check_dex_next_state(Subject&);
void check_dex_exact_out(Subject&);
void check_dex_segments(Subject&);
void check_dex_limits(Subject&);
void check_dex_amounts(Subject&);
void check_dex_handles(Subject&);
void check_dex_bad_state(Subject&);
void check_dex_bad_facts(Subject&);
void check_dex_room(Subject&);
void check_dex_host_faults(Subject&);
void check_dex_build_swap(Subject&);
void check_dex_pending(Subject&);
void check_strategy_finds(Subject&);
void check_strategy_size(Subject&);
void check_strategy_save(Subject&);
void check_strategy_host_faults(Subject&);
void check_strategy_bad_input(Subject&);
void check_strategy_pending(Subject&);
void check_paymaster_cap(Subject&);
void check_paymaster_garbage(Subject&);
void check_paymaster_secrets(Subject&);
void check_paymaster_bad_input(Subject&);

// A kind's whole repertoire, seeded; appends what it answered to `transcript`. Used by the checks
// that are about any kind.
struct Workout {
  bool guarded = false;  // arguments in memory that is read-only, then gone
  std::uint32_t rounds = 1;
  std::string* transcript = nullptr;
};

}  // namespace gantry::host::kit
