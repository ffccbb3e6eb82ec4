#include "host/live/pending_pool.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/live/signed_pending.hpp"
#include "host/log/log.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr milliseconds ask_deadline{2000};
constexpr std::chrono::minutes complain_every{1};

}  // namespace

std::optional<PendingTransaction> parse_pending(const boost::json::value& body) {
  const auto in = [&](std::string_view name) -> const boost::json::value* {
    const auto* found = member(body, name);
    return found == nullptr || found->is_null() ? nullptr : found;
  };
  const auto amount_in = [&](std::string_view name) -> std::optional<u256> {
    const auto* found = in(name);
    return found == nullptr ? std::nullopt : amount_of(*found);
  };
  const auto* to = in("to");
  const auto* from = in("from");
  const auto* hash = in("hash");
  const auto* input = in("input");
  if (input == nullptr) input = in("data");
  const auto* nonce = in("nonce");
  if (!to || !from || !hash || !input || !nonce) return std::nullopt;
  const auto receiver = evm_address_of(*to);
  const auto sender = evm_address_of(*from);
  const auto digest = bytes_of(*hash);
  const auto data = bytes_of(*input);
  const auto count = quantity(*nonce);
  const auto value = amount_in("value");
  const auto at_most = amount_in("maxFeePerGas");
  const auto price = at_most ? at_most : amount_in("gasPrice");
  const auto tip = amount_in("maxPriorityFeePerGas");
  if (!receiver || !sender || !digest || digest->size() != word_bytes || !data || !count ||
      !value || !price || data->size() > pending_input_bytes_max) {
    return std::nullopt;
  }
  PendingTransaction out;
  std::ranges::copy(*digest, out.hash.begin());
  out.from = *sender;
  out.to = *receiver;
  out.value = value->amount();
  out.gas_price = price->amount();
  out.gas_tip = (tip ? *tip : *price).amount();
  out.nonce = *count;
  out.input = *data;
  return out;
}

PendingPool::PendingPool(std::string chain, std::vector<gantry_address> routers,
                         Providers& providers)
    : chain_(std::move(chain)), routers_(std::move(routers)), providers_(providers) {
  thread_ = std::jthread([this, name = log_chain()](const std::stop_token& stop) {
    const LogChain named(name);
    run(stop);
  });
}

void PendingPool::join() {
  if (thread_.joinable()) thread_.join();
}

void PendingPool::tell(const boost::json::value& told) {
  const auto* hash = told.is_string() ? &told : member(told, "hash");
  const std::string name = hash == nullptr ? std::string() : block_hash(*hash);
  if (name.empty()) return;
  const std::lock_guard lock(mutex_);
  if (!is_new(name)) return;
  if (told.is_object()) {
    take(told);
  } else if (hashes_.size() == hashes_max) {
    dropped(1);
  } else {
    hashes_.push_back({name});
    moved_.notify_all();
  }
}

// A provider may tell twice, and so may a second one.
bool PendingPool::is_new(const std::string& hash) {
  if (!known_.insert(hash).second) return false;
  ++counts_.told;
  remembered_.push_back(hash);
  if (remembered_.size() > remembered_max) {
    known_.erase(remembered_.front());
    remembered_.pop_front();
  }
  return true;
}

void PendingPool::take(const boost::json::value& body) {
  auto transaction = parse_pending(body);
  if (!transaction) return;
  const auto is_receiver = [&](const gantry_address& router) {
    return AddressEqual{}(router, transaction->to);
  };
  if (std::ranges::none_of(routers_, is_receiver)) return;
  if (waiting_.size() == transactions_max) {
    dropped(1);
    return;
  }
  ++counts_.taken;
  keep_signed(transaction->hash, body);
  waiting_.push_back(std::move(*transaction));
}

void PendingPool::keep_signed(const Hash32& hash, const boost::json::value& body) {
  signed_.push_back({hash, signed_bytes_of(body)});
  const auto size_of = [](const Signed& one) { return one.bytes ? one.bytes->size() : 0; };
  signed_bytes_ += size_of(signed_.back());
  while (signed_.size() > signed_max || signed_bytes_ > signed_bytes_max) {
    signed_bytes_ -= size_of(signed_.front());
    signed_.pop_front();
  }
}

Result<std::vector<std::uint8_t>> PendingPool::signed_bytes(const Hash32& hash) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(signed_, hash, &Signed::hash);
  if (found == signed_.end()) {
    return fail(ErrorKind::not_found,
                fmt::format("the pending transaction {} is not known any more", hex_text(hash)));
  }
  if (found->bytes) return found->bytes;
  return fail(ErrorKind::format, fmt::format("the pending transaction {} {}", hex_text(hash),
                                             found->bytes.error().message));
}

void PendingPool::dropped(std::uint64_t count) {
  counts_.dropped += count;
  const auto now = Steady::now();
  if (complained_ != Steady::time_point{} && now - complained_ < complain_every) return;
  complained_ = now;
  spdlog::warn(
      "{}: {} pending transactions dropped so far: they come faster than they are taken, "
      "or the provider that was asked does not know them",
      chain_, counts_.dropped);
}

std::vector<PendingTransaction> PendingPool::drain() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

PendingCounts PendingPool::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void PendingPool::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<Asked> hashes;
    {
      std::unique_lock lock(mutex_);
      moved_.wait(lock, stop, [&] { return !hashes_.empty(); });
      while (!hashes_.empty() && hashes.size() < hashes_per_tick) {
        hashes.push_back(std::move(hashes_.front()));
        hashes_.pop_front();
      }
    }
    if (stop.stop_requested()) return;
    ask(std::move(hashes), stop);
    std::unique_lock lock(mutex_);
    moved_.wait_for(lock, stop, tick, [] { return false; });
  }
}

void PendingPool::ask(std::vector<Asked> hashes, const std::stop_token& stop) {
  std::vector<RpcCall> calls;
  for (const Asked& asked : hashes) {
    calls.push_back({"eth_getTransactionByHash", {boost::json::string(asked.hash)}});
  }
  const auto answers = host::ask(providers_, calls, {.deadline = ask_deadline, .hedge = false});
  if (stop.stop_requested()) return;
  const std::lock_guard lock(mutex_);
  if (!answers) {
    dropped(hashes.size());
    return;
  }
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const RpcAnswer& answer = (*answers)[i];
    const auto* hash = answer ? member(*answer, "hash") : nullptr;
    if (hash != nullptr && block_hash(*hash) == hashes[i].hash) {
      take(*answer);
    } else {
      not_known(std::move(hashes[i]));
    }
  }
}

// Another provider's, which this one may hear of yet; or gone.
void PendingPool::not_known(Asked asked) {
  if (asked.again || hashes_.size() >= hashes_max) {
    dropped(1);
    return;
  }
  asked.again = true;
  hashes_.push_back(std::move(asked));
}

}  // namespace gantry::host
