// What the owner's transactions are, of each action of `gantry executor`.
#include <fmt/format.h>

#include "host/base/text.hpp"
#include "host/cli/executor_desk.hpp"
#include "host/cli/quoted_market.hpp"
#include "host/plan/abi.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

using deploy::OwnerAccount;
using deploy::Want;

constexpr std::uint32_t coin_decimals = 18;

bool is_coin(std::string_view token, const ChainSettings& chain) {
  return token == "native" || token == chain.native_symbol;
}

// The token, or the chain's coin as the native address.
Result<TokenInfo> find_named(deploy::ChainReads& reads, const ChainSettings& chain,
                             const std::string& text) {
  if (is_coin(text, chain)) {
    TokenInfo coin{.address = {}, .symbol = chain.native_symbol, .decimals = coin_decimals};
    coin.address.kind = GANTRY_ADDRESS_NATIVE;
    return coin;
  }
  const auto address = evm_address_of(text, "token");
  if (!address) {
    return fail(ErrorKind::usage,
                fmt::format("{}; the chain's coin is `native`", address.error().message));
  }
  return deploy::token_at(reads, *address);
}

Result<u256> balance_at(deploy::ChainReads& reads, const TokenInfo& token,
                        const gantry_address& holder) {
  if (token.address.kind == GANTRY_ADDRESS_NATIVE) return reads.balance(holder);
  return deploy::token_balance(reads, token.address, holder);
}

Result<u256> amount_to_move(const std::string& text, const TokenInfo& token, const u256& there,
                            std::string_view holder) {
  const auto amount = parse_amount_of(text, token);
  if (!amount) return std::unexpected(amount.error());
  if (*amount <= there) return *amount;
  return fail(ErrorKind::usage,
              fmt::format("{} has {}, and not {}", holder, amount_text(there, token),
                          amount_text(*amount, token)));
}

Result<std::vector<Want>> wants_to_fund(OwnerAccount& account, const ExecutorDesk& desk,
                                        const ExecutorOptions& options) {
  deploy::ChainReads& reads = account.reads();
  const auto code = deploy::executor_code_at(reads, desk.executor, desk.sender());
  if (!code) return std::unexpected(code.error());
  if (*code != deploy::CodeFound::matches) {
    return fail(ErrorKind::usage,
                fmt::format("{} is not the executor of {} that this version deploys: nothing is "
                            "sent to it. See `gantry executor status`",
                            shown(desk.executor), shown(desk.sender())));
  }
  const auto token = find_named(reads, *desk.chain, options.token);
  if (!token) return std::unexpected(token.error());
  const auto there = balance_at(reads, *token, desk.sender());
  if (!there) return std::unexpected(there.error());
  const auto amount = amount_to_move(options.amount, *token, *there, shown(desk.sender()));
  if (!amount) return std::unexpected(amount.error());
  const std::string funding =
      fmt::format("fund the executor with {}", amount_text(*amount, *token));
  std::vector<Want> wants;
  if (token->address.kind == GANTRY_ADDRESS_NATIVE) {
    wants.push_back({funding, desk.executor, *amount, deploy::fund_data({}, *amount)});
    return wants;
  }
  const auto allowed = deploy::token_allowance(reads, token->address, desk.sender(), desk.executor);
  if (!allowed) return std::unexpected(allowed.error());
  const auto approve = [&](const u256& wanted) {
    wants.push_back({fmt::format("allow the executor {}", amount_text(wanted, *token)),
                     token->address, u256(), abi::approve(desk.executor, wanted)});
  };
  if (*allowed < *amount) {
    // Some tokens, Tether among them, want an allowance to be nothing before it is changed.
    if (!allowed->is_zero()) approve(u256());
    approve(*amount);
  }
  wants.push_back({funding, desk.executor, u256(), deploy::fund_data(token->address, *amount)});
  return wants;
}

Result<std::vector<Want>> wants_to_withdraw(OwnerAccount& account, const ExecutorDesk& desk,
                                            const ExecutorOptions& options) {
  deploy::ChainReads& reads = account.reads();
  const auto owner = deploy::owner_of(reads, desk.executor);
  if (!owner) return std::unexpected(owner.error());
  if (!is_same(*owner, desk.sender())) {
    return fail(ErrorKind::usage,
                fmt::format("{} is the executor of {}, and not of {}", shown(desk.executor),
                            shown(*owner), shown(desk.sender())));
  }
  const auto token = find_named(reads, *desk.chain, options.token);
  if (!token) return std::unexpected(token.error());
  const auto there = balance_at(reads, *token, desk.executor);
  if (!there) return std::unexpected(there.error());
  const bool all = options.amount == "all";
  u256 amount = *there;
  if (all && there->is_zero()) {
    return fail(ErrorKind::usage,
                fmt::format("the executor has no {}", short_symbol(token->symbol)));
  }
  if (!all) {
    const auto asked = amount_to_move(options.amount, *token, *there, "the executor");
    if (!asked) return std::unexpected(asked.error());
    amount = *asked;
  }
  gantry_address moved{};
  if (token->address.kind != GANTRY_ADDRESS_NATIVE) moved = token->address;
  return std::vector<Want>{
      {fmt::format("withdraw {}{}", amount_text(amount, *token), all ? ", all of it," : ""),
       desk.executor, u256(), deploy::withdraw_data(moved, all ? u256::max() : amount)}};
}

}  // namespace

Result<std::vector<Want>> wants_of(ExecutorAction action, OwnerAccount& account,
                                   const ExecutorDesk& desk, const ExecutorOptions& options) {
  if (action == ExecutorAction::fund) return wants_to_fund(account, desk, options);
  if (action == ExecutorAction::withdraw) return wants_to_withdraw(account, desk, options);
  return std::vector<Want>{
      {"deploy the executor", std::nullopt, u256(), deploy::creation_data(desk.sender())}};
}

}  // namespace gantry::host::cli
