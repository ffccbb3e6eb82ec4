#include "host/live/token_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"

namespace gantry::host {
namespace {

u256 amount_of(const HeldToken& held) { return probe_amount(held.balance.value_or(u256(0))); }

bool is_too_little(const HeldToken& held) { return amount_of(held) == u256(0); }

bool same(const gantry_address& a, const gantry_address& b) { return AddressEqual()(a, b); }

// A pool's contract, of an id too.
gantry_address contract_of(const gantry_address& pool) {
  return evm_address(std::span(pool.bytes).first<address_bytes>());
}

// Most contracts have no vault, and a refusal is dear to read (one call each): it is asked for less
// and less often, and never for the last time, as what was refused may have been a node's bad
// minute.
bool asks_for_vault(std::uint32_t turn) { return (turn & (turn - 1)) == 0; }

std::string clause(const HeldToken& held, std::string_view what) {
  return fmt::format("token {} {}", address_text(held.token), what);
}

// Of probes that were lost so often.
std::size_t trip_size(std::uint32_t lost) {
  return lost == 0 ? TokenCheck::probes_per_trip : lost == 1 ? TokenCheck::probes_per_trip / 10 : 1;
}

bool nobody_tried(std::span<const RpcAnswer> answers) {
  return std::ranges::none_of(answers, is_tried);
}

}  // namespace

struct TokenCheck::Held : HeldToken {
  std::size_t pool = 0;
  std::uint32_t lost = 0;
  bool in_reserve = false;  // a holder of its own, not the pool's
};

bool TokenCheck::is_allowed(const gantry_address& token) const {
  return std::ranges::any_of(chain_.odd_tokens,
                             [&](const gantry_address& allowed) { return same(allowed, token); });
}

// And how much lies there.
Status TokenCheck::find_holders(const gantry_context& context, std::span<const Pool> pools,
                                std::span<Held> held) {
  std::vector<HeldToken*> read;
  for (Held& each : held) read.push_back(&each);
  if (auto done = read_balances(fetcher_, context, read); !done) return done;
  std::vector<HeldToken*> in_vaults;
  std::vector<HeldToken*> unknown;
  for (Held& each : held) {
    if (!is_too_little(each)) continue;
    const Pool& pool = pools[each.pool];
    if (const auto vault = vaults_.find(pool.address); vault != vaults_.end()) {
      each.holder = vault->second;
      in_vaults.push_back(&each);
    } else if (asks_for_vault(pool.turn)) {
      unknown.push_back(&each);
    }
  }
  if (auto done = read_balances(fetcher_, context, in_vaults); !done) return done;
  if (auto done = read_in_vaults(fetcher_, context, unknown); !done) return done;
  std::vector<HeldToken*> in_reserves;
  for (Held& each : held) {
    const gantry_address& pool = pools[each.pool].address;
    each.in_reserve = pool.kind == GANTRY_ADDRESS_ID32 && is_too_little(each) &&
                      same(each.holder, contract_of(pool));
    if (each.in_reserve) in_reserves.push_back(&each);
  }
  if (auto done = read_in_reserves(fetcher_, context, in_reserves); !done) return done;
  for (const Held& each : held) {
    const gantry_address& pool = pools[each.pool].address;
    if (!each.in_reserve && !same(each.holder, contract_of(pool)))
      vaults_.insert_or_assign(pool, each.holder);
  }
  return {};
}

Result<TokenCheck::Trip> TokenCheck::probe(const BlockPin& pin, std::span<Held* const> held,
                                           std::vector<PoolTrial>& trials) {
  std::vector<TokenProbe> probes;
  std::vector<RpcCall> calls;
  for (const Held* each : held) {
    probes.push_back({each->token, each->holder, amount_of(*each)});
    calls.push_back(probe_call(probes.back()));
  }
  RpcOptions options;
  options.pin = pin;
  auto answers = ask(providers_, calls, options);
  if (!answers && answers.error().kind == ErrorKind::not_found) return Trip::gone;
  // A node that hangs up at the word of a trial, or wants a pause after so many of them, must not
  // keep the chain from being followed.
  if (!answers && answers.error().kind != ErrorKind::io) return std::unexpected(answers.error());
  if (!answers) {
    for (const Held* each : held) {
      PoolTrial& trial = trials[each->pool];
      if (trial.outcome == TrialOutcome::odd) continue;
      trial = {TrialOutcome::refused,
               clause(*each, "could not be tried: " + answers.error().message), true};
    }
    return Trip::lost;
  }
  for (std::size_t i = 0; i < held.size(); ++i) {
    const TokenVerdict verdict = read_probe(probes[i], (*answers)[i]);
    PoolTrial& trial = trials[held[i]->pool];
    if (verdict.conduct == TokenConduct::plain || trial.outcome == TrialOutcome::odd) continue;
    if (verdict.conduct == TokenConduct::unknown) {
      trial = {TrialOutcome::refused, clause(*held[i], verdict.reason), trial.lost};
    } else {
      trial = {
          TrialOutcome::odd,
          clause(*held[i], fmt::format("is {}: {}", to_string(verdict.conduct), verdict.reason)),
          false};
    }
  }
  return nobody_tried(*answers) ? Trip::refused : Trip::tried;
}

Status TokenCheck::probe_all(const BlockPin& pin, std::span<Held* const> held,
                             std::vector<PoolTrial>& trials) {
  for (std::size_t trips = 0; !held.empty(); ++trips) {
    goes_on_ = trips == trips_max;
    if (goes_on_) break;
    const auto others = std::ranges::find_if(
        held, [&](const Held* each) { return each->lost != held.front()->lost; });
    const auto alike = static_cast<std::size_t>(others - held.begin());
    const std::size_t count = std::min(trip_size(held.front()->lost), alike);
    const auto trip = probe(pin, held.first(count), trials);
    if (!trip) return std::unexpected(trip.error());
    if (*trip == Trip::gone && trips == 0) {
      return fail(ErrorKind::not_found,
                  fmt::format("the tokens of new pools cannot be tried at block {}: its state is "
                              "not there",
                              pin.number));
    }
    if (*trip != Trip::gone) held = held.subspan(count);
    if (*trip == Trip::tried) continue;
    // Where nobody at all can be asked there is no haste; nor with one that was lost alone.
    goes_on_ = *trip == Trip::gone ||
               (*trip == Trip::lost && count > 1 && !providers_.statistics().halted);
    break;
  }
  for (const Held* each : held) {
    PoolTrial& trial = trials[each->pool];
    if (trial.outcome == TrialOutcome::let_in) trial.outcome = TrialOutcome::not_reached;
  }
  return {};
}

Result<std::vector<PoolTrial>> TokenCheck::check(const gantry_context& context, const BlockPin& pin,
                                                 std::span<const Pool> pools) {
  std::vector<PoolTrial> trials(pools.size());
  goes_on_ = false;
  if (!chain_.check_tokens) return trials;
  std::vector<Held> all;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    for (const gantry_address& token : pools[i].tokens) {
      if (token.kind != GANTRY_ADDRESS_EVM || is_allowed(token)) continue;
      Held held;
      held.token = token;
      held.holder = contract_of(pools[i].address);
      held.pool = i;
      held.lost = pools[i].lost;
      all.push_back(held);
    }
  }
  fetcher_.read_at(pin);
  if (auto done = find_holders(context, pools, all); !done) return std::unexpected(done.error());
  for (const Held& each : all) {
    if (!is_too_little(each)) continue;
    trials[each.pool] = {TrialOutcome::empty,
                         clause(each, each.balance ? "could not be tried: the pool holds too "
                                                     "little of it"
                                                   : "does not tell what the pool holds of it")};
  }
  std::vector<Held*> held;
  for (Held& each : all) {
    if (trials[each.pool].outcome != TrialOutcome::empty) held.push_back(&each);
  }
  std::ranges::stable_sort(held, {}, &Held::lost);
  if (auto done = probe_all(pin, held, trials); !done) return std::unexpected(done.error());
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const TrialOutcome outcome = trials[i].outcome;
    if (outcome == TrialOutcome::let_in || outcome == TrialOutcome::odd) {
      vaults_.erase(pools[i].address);
    }
  }
  return trials;
}

}  // namespace gantry::host
