#include "host/live/audit.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "host/base/text.hpp"
#include "host/base/version.hpp"
#include "host/recording/writer.hpp"

namespace gantry::host {

namespace {

// Where one pool's state is, and who answers for it.
struct Side {
  const VenueInstance& venue;
  gantry_pool_state state{};
};

std::string amount_text(const gantry_amount& amount) { return to_string(u256(amount)); }

// Whether a swap of more than any pool has ends for another reason than what the state does not
// know of its pool, whichever the tokens.
bool knows_all(const Side& side, std::uint32_t tokens) {
  for (std::uint32_t pair = 0; pair < tokens * tokens; ++pair) {
    gantry_swap swap{};
    swap.amount.limb[3] = std::uint64_t{1} << 62;
    swap.token_in = pair / tokens;
    swap.token_out = pair % tokens;
    swap.mode = GANTRY_EXACT_IN;
    if (swap.token_in == swap.token_out) continue;
    gantry_quote quote{};
    gantry_buffer* none = nullptr;
    if (side.venue.call<&gantry_dex_v1::quote>(Phase::quote, &side.state, &swap, &quote, none) ==
        GANTRY_NEED_STATE) {
      return false;
    }
  }
  return true;
}

std::string view_difference(const Side& kept, const Side& fresh, std::uint32_t tokens) {
  std::vector<gantry_amount> balances[2] = {std::vector<gantry_amount>(tokens),
                                            std::vector<gantry_amount>(tokens)};
  gantry_pool_view views[2] = {{0, tokens, balances[0].data()}, {0, tokens, balances[1].data()}};
  const auto one = kept.venue.call<&gantry_dex_v1::view>(Phase::quote, &kept.state, &views[0]);
  const auto other = fresh.venue.call<&gantry_dex_v1::view>(Phase::quote, &fresh.state, &views[1]);
  if (one != other) {
    return fmt::format("its view: kept {}, the chain's {}", status_name(one), status_name(other));
  }
  if (one != GANTRY_OK) return {};
  if (views[0].fee != views[1].fee) {
    return fmt::format("its fee: kept {}, the chain's {}", views[0].fee, views[1].fee);
  }
  // A venue may sum what its state knows, so two that know more and less have other balances.
  if (!knows_all(kept, tokens) || !knows_all(fresh, tokens)) return {};
  for (std::size_t i = 0; i < tokens; ++i) {
    if (u256(balances[0][i]) == u256(balances[1][i])) continue;
    return fmt::format("its balance of token {}: kept {}, the chain's {}", i,
                       amount_text(balances[0][i]), amount_text(balances[1][i]));
  }
  return {};
}

std::string quote_difference(const Side& kept, const Side& fresh, const gantry_swap& swap) {
  gantry_quote quotes[2] = {};
  gantry_buffer* none = nullptr;
  const auto one =
      kept.venue.call<&gantry_dex_v1::quote>(Phase::quote, &kept.state, &swap, &quotes[0], none);
  const auto other =
      fresh.venue.call<&gantry_dex_v1::quote>(Phase::quote, &fresh.state, &swap, &quotes[1], none);
  // One state may know more of the pool than the other, and neither be wrong.
  if (one == GANTRY_NEED_STATE || other == GANTRY_NEED_STATE) return {};
  const bool same = one == other && (one != GANTRY_OK ||
                                     (u256(quotes[0].amount_in) == u256(quotes[1].amount_in) &&
                                      u256(quotes[0].amount_out) == u256(quotes[1].amount_out) &&
                                      u256(quotes[0].fee) == u256(quotes[1].fee)));
  if (same) return {};
  return fmt::format(
      "a quote of {} from token {} to {}: kept {} ({} for {}), the chain's {} ({} "
      "for {})",
      amount_text(swap.amount), swap.token_in, swap.token_out, status_name(one),
      amount_text(quotes[0].amount_out), amount_text(quotes[0].amount_in), status_name(other),
      amount_text(quotes[1].amount_out), amount_text(quotes[1].amount_in));
}

// Empty: none.
std::string difference(const Side& kept, const Side& fresh, const PoolInfo& pool) {
  const auto tokens = static_cast<std::uint32_t>(pool.tokens.size());
  if (auto found = view_difference(kept, fresh, tokens); !found.empty()) return found;
  for (std::uint32_t in = 0; in < tokens; ++in) {
    for (std::uint32_t out = 0; out < tokens; ++out) {
      if (in == out) continue;
      for (unsigned bits = 4; bits < 120; bits += 8) {
        for (const std::int32_t mode : {GANTRY_EXACT_IN, GANTRY_EXACT_OUT}) {
          if (mode == GANTRY_EXACT_OUT && (pool.traits.flags & GANTRY_POOL_EXACT_OUT) == 0)
            continue;
          gantry_swap swap{};
          swap.amount.limb[bits / 64] = std::uint64_t{1} << (bits % 64);
          swap.token_in = in;
          swap.token_out = out;
          swap.mode = mode;
          if (auto found = quote_difference(kept, fresh, swap); !found.empty()) return found;
        }
      }
    }
  }
  return {};
}

constexpr std::size_t shown_max = 36;  // bytes of a revert: a selector and a word

// What the pool asked for, and what came; empty: nothing of it was refused.
std::string refusal_of(const BlockInput& input, std::uint32_t pool) {
  const auto refused = std::ranges::find_if(input.facts, [&](const recording::Fact& fact) {
    return fact.pool == pool && fact.status != GANTRY_OK;
  });
  if (refused == input.facts.end()) return {};
  const std::string_view asked = refused->kind == recording::FactKind::evm_call ? "a call of"
                                 : refused->kind == recording::FactKind::evm_storage
                                     ? "storage of"
                                     : "the code of";
  const auto words = std::span(refused->data).first(std::min(refused->data.size(), shown_max));
  return fmt::format("{} {} (the venue's tag {:#x}) {}", asked, address_text(refused->source),
                     refused->tag,
                     words.empty() ? "brought no answer" : "reverted with " + hex_text(words));
}

}  // namespace

void Audit::note(const BlockInput& input) {
  if (settings_.audit_every_blocks == 0) return;
  for (const MarketEvent& event : input.events) {
    if (event.kind == MarketEventKind::fresh) histories_.clear();
    if (event.kind != MarketEventKind::undo) continue;
    for (auto& [pool, history] : histories_) {
      std::erase_if(history.blocks,
                    [&](const Noted& noted) { return noted.block.number > event.number; });
    }
  }
  for (const recording::Fact& fact : input.facts) {
    if (fact.pool == recording::no_pool) continue;
    History& history = histories_[fact.pool];
    if (!history.whole) continue;
    if (++history.facts > facts_kept_max) {
      history = {{}, 0, false};
      continue;
    }
    if (history.blocks.empty() || history.blocks.back().block.number != input.block.number) {
      history.blocks.push_back({input.block, {}});
    }
    history.blocks.back().facts.push_back(fact);
  }
}

bool Audit::is_due(std::uint64_t block) const {
  return settings_.audit_every_blocks != 0 &&
         block % static_cast<std::uint64_t>(settings_.audit_every_blocks) == 0;
}

std::vector<std::uint32_t> Audit::next_pools(const Snapshot& kept) {
  const auto& pools = kept.topology->pools;
  std::vector<std::uint32_t> out;
  for (std::size_t looked = 0;
       looked < pools.size() && out.size() < static_cast<std::size_t>(settings_.audit_pools);
       ++looked) {
    const std::uint32_t pool = next_pool_++ % static_cast<std::uint32_t>(pools.size());
    next_pool_ %= static_cast<std::uint32_t>(pools.size());
    // What is read at each block is the chain's.
    const bool follows = (pools[pool].traits.flags & GANTRY_POOL_FOLLOWS_LOGS) != 0;
    if (follows && pools[pool].use == PoolUse::usable && kept.states.find(pool) != nullptr) {
      out.push_back(pool);
    }
  }
  return out;
}

// The first block of a market of these pools alone.
BlockInput Audit::question(const Snapshot& kept, const recording::Block& block,
                           const std::vector<std::uint32_t>& pools) const {
  BlockInput input;
  input.block = block;
  std::unordered_map<std::uint32_t, std::uint32_t> handles;  // of tokens
  for (const std::uint32_t handle : pools) {
    const PoolInfo& info = kept.topology->pools[handle];
    recording::Pool pool{kept.topology->venue_of(info).name(), info.address, {}, info.metadata};
    for (const std::uint32_t token : info.tokens) {
      const auto [at, is_new] =
          handles.emplace(token, static_cast<std::uint32_t>(input.tokens.size()));
      if (is_new) {
        const TokenInfo& text = kept.topology->tokens[token];
        input.tokens.push_back(
            {text.address, text.symbol, static_cast<std::uint8_t>(text.decimals)});
      }
      pool.tokens.push_back(at->second);
    }
    input.pools.push_back(std::move(pool));
  }
  return input;
}

Result<std::vector<Audit::Finding>> Audit::compare(const Snapshot& kept,
                                                   const recording::Block& block,
                                                   const Suspects& suspects) {
  std::vector<Finding> findings;
  auto pools = is_due(block.number) ? next_pools(kept) : std::vector<std::uint32_t>();
  for (const auto& [pool, why] : suspects) {
    if (std::ranges::find(pools, pool) == pools.end()) pools.push_back(pool);
  }
  if (pools.empty()) return findings;
  BlockInput input = question(kept, block, pools);
  MarketState market(chain_, venues_);
  market.be_quiet();
  market.catch_up(true, venues_);
  const auto fresh = market.advance(input, fetcher_);
  if (!fresh) return std::unexpected(fresh.error());
  for (std::uint32_t i = 0; i < pools.size(); ++i) {
    const PoolInfo& info = kept.topology->pools[pools[i]];
    const VenueInstance& venue = kept.topology->venue_of(info);
    ++pools_compared_;
    Side ours{venue};
    Side theirs{venue};
    std::string reason;
    if (!kept.pool_state(pools[i], ours.state)) {
      doubted_.erase(pools[i]);
      continue;
    }
    if ((*fresh)->topology->pools[i].use == PoolUse::no_state ||
        !(*fresh)->pool_state(i, theirs.state)) {
      // What was refused may be a provider's bad minute. At the next audit it is no accident.
      const std::string refused = refusal_of(input, i);
      if (!refused.empty() && doubted_.insert(pools[i]).second) {
        spdlog::warn(
            "{}: pool {} of {} could not be audited at block {}: what its state is read from was "
            "refused: {}. It is kept, and put away if its next audit says the same",
            chain_.name, address_text(info.address), venue.name(), block.number, refused);
        continue;
      }
      reason = refused.empty()
                   ? "the venue makes no state of what the chain answers any more"
                   : fmt::format(
                         "what its state is read from was refused at two audits: {}. Either "
                         "its contract is another now, or no provider that could be asked "
                         "answers it; with one that does, start again",
                         refused);
    } else {
      reason = difference(ours, theirs, info);
    }
    if (const auto suspect = suspects.find(pools[i]); reason.empty() && suspect != suspects.end()) {
      reason = suspect->second;
    }
    doubted_.erase(pools[i]);
    History& history = histories_[pools[i]];
    if (!reason.empty()) {
      Finding finding{pools[i], reason, {}};
      if (auto file = write_case(input, pools[i], i, reason)) {
        finding.file = std::move(*file);
      } else {
        spdlog::warn("{}: the case could not be written: {}", chain_.name, file.error().message);
      }
      findings.push_back(std::move(finding));
      history = {};
      continue;
    }
    // From here on its history begins with what was read now.
    history = {};
    history.blocks.push_back({block, {}});
    for (const recording::Fact& fact : input.facts) {
      if (fact.pool != i) continue;
      history.blocks.back().facts.push_back(fact);
      history.blocks.back().facts.back().pool = pools[i];
    }
    history.facts = history.blocks.back().facts.size();
  }
  return findings;
}

// Two pools of one address: the first as its logs kept it, the second as the chain has it.
Result<std::filesystem::path> Audit::write_case(const BlockInput& fresh, std::uint32_t pool,
                                                std::uint32_t handle,
                                                const std::string& reason) const {
  const auto history = histories_.find(pool);
  if (settings_.cases.empty()) return fail(ErrorKind::configuration, "no folder is set for cases");
  if (history == histories_.end() || !history->second.whole) {
    return fail(ErrorKind::limit,
                fmt::format("more than {} facts since it was last found right", facts_kept_max));
  }
  std::error_code failed;
  std::filesystem::create_directories(settings_.cases, failed);
  std::string chain = chain_.id;
  std::ranges::replace(chain, ':', '-');
  const auto file =
      settings_.cases / fmt::format("{}-{}-{}.gantry", chain,
                                    address_text(fresh.pools[handle].address), fresh.block.number);
  auto writer = RecordingWriter::create(file);
  if (!writer) return std::unexpected(writer.error());
  Status done;
  const auto append = [&](const recording::Record& record) {
    if (done) done = writer->append(record);
  };
  recording::Header header;
  header.chain = chain_.id;
  header.provenance = fmt::format(
      "a case of an audit: pool 0 is as its logs kept it, pool 1 as the chain has it; {}", reason);
  if (header.provenance.size() > recording::provenance_bytes_max) {
    header.provenance.resize(recording::provenance_bytes_max);
  }
  header.creator = fmt::format("gantry {}", version_text);
  append(header);
  for (const auto& token : fresh.tokens) append(token);
  append(fresh.pools[handle]);
  bool last_is_there = false;
  const auto end = [&] {
    append(fresh.pools[handle]);
    append(fresh.block);
    last_is_there = true;
  };
  for (const Noted& noted : history->second.blocks) {
    if (noted.block.number == fresh.block.number) {
      end();
    } else {
      append(noted.block);
    }
    for (recording::Fact fact : noted.facts) {
      fact.pool = 0;
      append(fact);
    }
  }
  if (!last_is_there) end();
  for (recording::Fact fact : fresh.facts) {
    if (fact.pool != handle) continue;
    fact.pool = 1;
    append(fact);
  }
  if (!done) return std::unexpected(done.error());
  if (auto end_record = writer->finish(); !end_record) return std::unexpected(end_record.error());
  return file;
}

}  // namespace gantry::host
