#include "host/market/pending_swaps.hpp"

#include <algorithm>
#include <cstring>

#include "host/market/event_bytes.hpp"
#include "host/market/pending_rules.hpp"

namespace gantry::host {

namespace {

// hash, from, to, three amounts, nonce
constexpr std::size_t fixed_bytes = 32 + 2 * pending_account_bytes + 3 * sizeof(gantry_amount) + 8;

}  // namespace

recording::Bytes encode(const PendingTransaction& transaction) {
  EventWriter out(fixed_bytes + transaction.input.size());
  out.raw(transaction.hash);
  out.account(transaction.from);
  out.account(transaction.to);
  for (const auto* amount : {&transaction.value, &transaction.gas_price, &transaction.gas_tip}) {
    for (const std::uint64_t limb : amount->limb) out.word(limb);
  }
  out.word(transaction.nonce);
  out.raw(transaction.input);
  return out.take();
}

std::optional<PendingTransaction> decode_pending(const recording::Bytes& bytes) {
  if (bytes.size() < fixed_bytes || bytes.size() > fixed_bytes + pending_input_bytes_max) {
    return std::nullopt;
  }
  PendingTransaction out;
  EventReader in(bytes);
  std::memcpy(out.hash.data(), in.raw(out.hash.size()), out.hash.size());
  out.from = in.account();
  out.to = in.account();
  for (gantry_amount* amount : {&out.value, &out.gas_price, &out.gas_tip}) {
    for (std::uint64_t& limb : amount->limb) limb = in.word();
  }
  out.nonce = in.word();
  out.input.assign(bytes.begin() + fixed_bytes, bytes.end());
  return out;
}

std::vector<gantry_address> pending_routers(const VenueInstance& venue, std::uint64_t snapshot) {
  std::vector<gantry_address> routers;
  if (venue.pending == nullptr) return routers;
  const gantry_address_sink sink{&routers,
                                 [](void* self, const gantry_address* address) -> gantry_status {
                                   auto& all = *static_cast<std::vector<gantry_address>*>(self);
                                   if (!is_account(*address)) return GANTRY_BAD_ARGUMENT;
                                   if (all.size() == pending_routers_max) return GANTRY_REFUSED;
                                   all.push_back(*address);
                                   return GANTRY_OK;
                                 }};
  const auto status = [&] {
    const CallGuard guard(venue.culprit(), Phase::pending);
    return venue.pending->routers(venue.object(), &sink);
  }();
  if (!venue.health().accept(Phase::pending, status, snapshot)) routers.clear();
  return routers;
}

// One transaction, while a venue reads it.
struct PendingSwaps::Reading {
  const Topology& topology;
  std::uint32_t venue;
  const PendingTransaction& transaction;
  std::vector<gantry_pending_event> found;
  std::uint32_t emitted = 0;
  bool nonsense = false;

  static gantry_status emit(void* self, const gantry_pending_swap* swap) {
    return static_cast<Reading*>(self)->take(*swap);
  }

  std::uint32_t token(const gantry_address& address) const {
    const auto found_token = topology.token_by_address.find(address);
    return found_token == topology.token_by_address.end() ? no_handle : found_token->second;
  }

  // Of this venue alone: two may read one router, and only one has the pool.
  std::uint32_t pool(const gantry_pending_hop& hop, std::uint32_t in, std::uint32_t out) const {
    if (in == no_handle || out == no_handle) return no_handle;
    for (const std::uint32_t handle : topology.pools_of(in)) {
      const PoolInfo& one = topology.pools[handle];
      if (one.venue == venue && AddressEqual{}(one.address, hop.pool) &&
          one.index_of(out) != no_handle) {
        return handle;
      }
    }
    return no_handle;
  }

  gantry_status take(const gantry_pending_swap& swap) {
    if (emitted == GANTRY_PENDING_SWAPS_MAX) return GANTRY_REFUSED;
    ++emitted;
    if (!makes_sense(swap)) {
      nonsense = true;
      return GANTRY_BAD_ARGUMENT;
    }
    gantry_pending_event event{};
    std::ranges::copy(transaction.hash, event.transaction);
    event.from = transaction.from;
    event.gas_price = transaction.gas_price;
    event.gas_tip = transaction.gas_tip;
    event.amount_in = swap.amount_in;
    event.amount_out = swap.amount_out;
    event.deadline_s = swap.deadline_s;
    event.mode = swap.mode;
    event.flags = swap.flags;
    event.hop_count = swap.hop_count;
    event.venue = venue;
    bool known = false;
    for (std::uint32_t i = 0; i < swap.hop_count; ++i) {
      const gantry_pending_hop& hop = swap.hops[i];
      const std::uint32_t in = token(hop.token_in);
      const std::uint32_t out = token(hop.token_out);
      event.hops[i] = {pool(hop, in, out), in, out, 0};
      known = known || event.hops[i].pool != no_handle;
    }
    if (known) found.push_back(event);
    return GANTRY_OK;
  }
};

// Asked for once: they are always the same.
const std::vector<gantry_address>& PendingSwaps::routers_of(const VenueInstance& venue,
                                                            std::uint64_t snapshot) {
  const auto known = std::ranges::find(routers_, &venue, &decltype(routers_)::value_type::first);
  if (known != routers_.end()) return known->second;
  return routers_.emplace_back(&venue, pending_routers(venue, snapshot)).second;
}

void PendingSwaps::take(const std::vector<MarketEvent>& events, const Snapshot& snapshot,
                        const Accept& accept) {
  std::shared_ptr<PendingWindow> next;
  const Topology& topology = *snapshot.topology;
  const auto grow = [&] {
    if (next) return;
    next = window_ ? std::make_shared<PendingWindow>(*window_) : std::make_shared<PendingWindow>();
  };
  for (const MarketEvent& event : events) {
    if (event.kind == MarketEventKind::mined) {
      grow();
      for (const gantry_pending_event& swap : next->events) {
        if (!std::ranges::equal(swap.transaction, event.bytes)) continue;
        const bool known = std::ranges::find(next->mined, swap.sequence) != next->mined.end();
        if (!known) next->mined.push_back(swap.sequence);
      }
    }
    if (event.kind != MarketEventKind::pending) continue;
    const auto transaction = decode_pending(event.bytes);
    if (!transaction) continue;  // it was checked when it came
    grow();
    ++next->transactions;
    gantry_pending_transaction shown{};
    std::ranges::copy(transaction->hash, shown.hash);
    shown.from = transaction->from;
    shown.to = transaction->to;
    shown.value = transaction->value;
    shown.gas_price = transaction->gas_price;
    shown.gas_tip = transaction->gas_tip;
    shown.nonce = transaction->nonce;
    shown.input = {transaction->input.data(), transaction->input.size()};
    for (std::uint32_t i = 0; i < topology.venues.size(); ++i) {
      const VenueInstance& venue = *topology.venues[i];
      if (venue.pending == nullptr || !venue.health().usable(snapshot.id)) continue;
      const auto& routers = routers_of(venue, snapshot.id);
      const auto reads = [&](const gantry_address& router) {
        return AddressEqual{}(router, transaction->to);
      };
      if (std::ranges::none_of(routers, reads)) continue;
      Reading reading{topology, i, *transaction, {}, 0, false};
      const gantry_pending_sink sink{&reading, &Reading::emit};
      const auto status = [&] {
        const CallGuard guard(venue.culprit(), Phase::pending);
        return venue.pending->decode(venue.object(), &shown, &sink);
      }();
      if (reading.nonsense) {
        accept(venue, GANTRY_BAD_ARGUMENT);
      } else if (accept(venue, status)) {
        for (gantry_pending_event& swap : reading.found) {
          swap.sequence = ++next->last;
          next->events.push_back(swap);
        }
      }
    }
  }
  if (!next) return;
  auto& kept = next->events;
  if (kept.size() > pending_window_max) {
    kept.erase(kept.begin(), kept.end() - static_cast<std::ptrdiff_t>(pending_window_max));
    std::erase_if(next->mined,
                  [&](std::uint64_t sequence) { return sequence < kept.front().sequence; });
  }
  window_ = std::move(next);
}

}  // namespace gantry::host
