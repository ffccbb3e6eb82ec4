#include "host/deploy/owner_account.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "host/base/text.hpp"
#include "host/deploy/executor.hpp"
#include "host/submit/fees.hpp"

namespace gantry::host::deploy {
namespace {

constexpr std::uint32_t wei_decimals = 18;
constexpr std::chrono::milliseconds send_deadline{20000};
constexpr std::chrono::milliseconds poll_least{100};
constexpr std::chrono::milliseconds poll_most{2000};

std::string coins(const u256& wei, const ChainSettings& chain) {
  return fmt::format("{} {}", decimal_text(wei, wei_decimals), chain.native_symbol);
}

// An account of a key may run a contract's code (EIP-7702): 0xef0100 and that contract's address.
bool is_delegation(const Bytes& code) {
  return code.size() == 23 && code[0] == 0xef && code[1] == 0x01 && code[2] == 0x00;
}

std::optional<std::uint64_t> chain_number(std::string_view id) {
  constexpr std::string_view evm = "eip155:";
  if (!id.starts_with(evm)) return std::nullopt;
  id.remove_prefix(evm.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size() || number == 0) return std::nullopt;
  return number <= sign::chain_id_max ? std::optional(number) : std::nullopt;
}

// False: above all numbers.
bool cost_of(const sign::Transaction& transaction, u256& out) {
  u256 gas;
  return mul(price_max(transaction), transaction.gas_limit, gas) &&
         add(gas, transaction.value, out);
}

}  // namespace

u256 price_max(const sign::Transaction& transaction) {
  return transaction.type == sign::TransactionType::dynamic_fee ? transaction.max_fee
                                                                : transaction.gas_price;
}

Result<OwnerAccount> OwnerAccount::open(const ChainSettings& chain, Providers& providers,
                                        const gantry_address& sender) {
  OwnerAccount out(chain, providers, sender);
  const auto number = chain_number(chain.id);
  if (!number) {
    return fail(ErrorKind::usage, fmt::format("{} is no EVM chain: it has no executor", chain.id));
  }
  out.chain_number_ = *number;
  if (auto begun = out.reads_.begin(); !begun) return std::unexpected(begun.error());
  const auto code = out.reads_.code(sender);
  if (!code) return std::unexpected(code.error());
  if (!code->empty() && !is_delegation(*code)) {
    return fail(ErrorKind::usage,
                fmt::format("sender {} of [wallet] is a smart account, which sends no transactions "
                            "itself: an executor of its own cannot be managed here yet",
                            address_text(sender)));
  }
  const auto next = out.reads_.nonce(sender);
  if (!next) return std::unexpected(next.error());
  const auto pending = out.reads_.pending_nonce(sender);
  if (!pending) return std::unexpected(pending.error());
  if (*pending > *next) {
    return fail(ErrorKind::usage,
                fmt::format("{} of {} wait to be included: begin again when they are",
                            with_unit(fmt::to_string(*pending - *next), "transactions"),
                            address_text(sender)));
  }
  const auto balance = out.reads_.balance(sender);
  if (!balance) return std::unexpected(balance.error());
  out.next_nonce_ = *next;
  out.balance_ = *balance;
  return out;
}

Status OwnerAccount::price(sign::Transaction& transaction) {
  const ExecutionSettings settings = chain_.execution.value_or(ExecutionSettings{});
  const auto base_fee = reads_.base_fee();
  if (!base_fee) return std::unexpected(base_fee.error());
  if (*base_fee) {
    const auto fees = fees_for(**base_fee, settings);
    if (!fees) return std::unexpected(fees.error());
    transaction.type = sign::TransactionType::dynamic_fee;
    transaction.max_fee = fees->max_fee;
    transaction.max_priority_fee = fees->priority;
    return {};
  }
  const auto price = reads_.gas_price();
  if (!price) return std::unexpected(price.error());
  if (*price > fee_bound(settings)) {
    return fail(ErrorKind::limit,
                fmt::format("the chain's gas price is {} gwei, and max_fee_gwei allows {}",
                            decimal_text(*price, 9), settings.max_fee_gwei));
  }
  transaction.type = sign::TransactionType::legacy;
  transaction.gas_price = *price;
  return {};
}

Result<std::vector<Draft>> OwnerAccount::draft(std::span<const Want> wants) {
  sign::Transaction common;
  common.chain_id = chain_number_;
  if (auto priced = price(common); !priced) return std::unexpected(priced.error());
  std::vector<Draft> out;
  u256 sum;
  for (const Want& want : wants) {
    Draft draft{.what = want.what, .transaction = common, .cost_max = {}};
    draft.transaction.nonce = next_nonce_ + out.size();
    if (want.to) draft.transaction.to = sign::evm_address(*want.to);
    draft.transaction.value = want.value;
    draft.transaction.data = want.data;
    const auto gas = reads_.estimate_gas({sender_, want.to, want.value, want.data});
    if (gas) {
      // A fifth more, for what a block in between may change.
      draft.transaction.gas_limit = *gas + *gas / 5;
    } else if (!out.empty() && gas.error().kind == ErrorKind::not_found) {
      draft.gas_known = false;
    } else if (gas.error().kind != ErrorKind::not_found || want.value <= balance_) {
      return fail(gas.error().kind == ErrorKind::not_found ? ErrorKind::usage : gas.error().kind,
                  fmt::format("cannot {}: {}", want.what, gas.error().message));
    }
    if (!cost_of(draft.transaction, draft.cost_max) || !add(sum, draft.cost_max, sum) ||
        sum > balance_) {
      const bool value_alone = draft.transaction.value > balance_;
      return fail(ErrorKind::usage,
                  fmt::format("{} has {}, and to {} takes {}{}: send it more of the coin, or wait "
                              "until gas is cheaper",
                              address_text(sender_), coins(balance_, chain_), want.what,
                              value_alone ? "" : "up to ",
                              coins(value_alone ? draft.transaction.value : sum, chain_)));
    }
    out.push_back(std::move(draft));
  }
  return out;
}

Result<SentTransaction> OwnerAccount::send(const Draft& draft, sign::Signer& signer,
                                           const Before& before) {
  std::vector<std::uint8_t> buffer(sign::TransactionEncoder::buffer_size(draft.transaction));
  const auto made = signer.sign(draft.transaction, buffer);
  if (!made) return std::unexpected(made.error());
  SentTransaction sent{
      .hash = made->hash, .nonce = draft.transaction.nonce, .by = {}, .message = {}};
  if (auto noted = before(sent); !noted) return std::unexpected(noted.error());
  const SubmitReport report = submit_transaction(providers_, made->bytes, send_deadline);
  if (report.verdict == SubmitVerdict::refused) {
    return fail(ErrorKind::io, fmt::format("nobody took transaction {}, to {}: {}",
                                           hex_text(sent.hash), draft.what, report.message));
  }
  if (!report.by.empty()) sent.by = report.by.front();
  sent.message = report.message;
  next_nonce_ = sent.nonce + 1;
  return sent;
}

Result<std::optional<IncludedIn>> OwnerAccount::wait_for(const SentTransaction& sent,
                                                         std::chrono::seconds most,
                                                         const std::function<void()>& waiting) {
  const auto end = std::chrono::steady_clock::now() + most;
  const auto quarter =
      std::chrono::milliseconds(static_cast<std::int64_t>(chain_.block_time_s * 1000 / 4));
  for (;;) {
    const auto found = reads_.included(sent.hash);
    // A provider that fails for a moment does not end the waiting.
    if (found && *found) {
      if (auto begun = reads_.begin((*found)->block); !begun) return std::unexpected(begun.error());
      const auto balance = reads_.balance(sender_);
      if (!balance) return std::unexpected(balance.error());
      balance_ = *balance;
      return *found;
    }
    if (std::chrono::steady_clock::now() >= end) {
      if (!found) return std::unexpected(found.error());
      return std::optional<IncludedIn>();
    }
    waiting();
    std::this_thread::sleep_for(std::clamp(quarter, poll_least, poll_most));
  }
}

}  // namespace gantry::host::deploy
