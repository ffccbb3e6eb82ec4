#include "host/execute/lenders.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "gantry/u256_convert.hpp"
#include "host/base/keccak.hpp"
#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/plan/abi_words.hpp"

namespace gantry::host {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds lender_deadline{2000};
constexpr std::uint64_t solo_markets_max = 16;

// Measured above a trade's own gas: docs/executor.md.
std::uint64_t loan_gas(LenderKind kind) {
  switch (kind) {
    case LenderKind::aave_v3:
      return 157'000;
    case LenderKind::balancer_v2:
      return 72'000;
    case LenderKind::balancer_v3:
      return 69'000;
    case LenderKind::uniswap_v2:
      return 81'000;
    case LenderKind::uniswap_v3:
      return 87'000;
    case LenderKind::dydx_solo:
      return 90'000;
  }
  return 157'000;
}

executor::FlashSource source_of(LenderKind kind) {
  switch (kind) {
    case LenderKind::aave_v3:
      return executor::FlashSource::aave_v3;
    case LenderKind::balancer_v2:
      return executor::FlashSource::balancer_v2;
    case LenderKind::balancer_v3:
      return executor::FlashSource::balancer_v3;
    case LenderKind::uniswap_v2:
      return executor::FlashSource::uniswap_v2;
    case LenderKind::uniswap_v3:
      return executor::FlashSource::uniswap_v3;
    case LenderKind::dydx_solo:
      return executor::FlashSource::dydx_solo;
  }
  return executor::FlashSource::aave_v3;
}

// eth_call of a function with words for arguments.
RpcCall view_call(const gantry_address& to, std::string_view signature,
                  std::span<const gantry_address> addresses = {},
                  std::optional<std::uint64_t> number = std::nullopt) {
  const auto selector = selector_of(signature);
  std::vector<std::uint8_t> data(selector.begin(), selector.end());
  for (const gantry_address& address : addresses) abi::append_address(data, address);
  if (number) abi::append_word(data, u256(*number));
  return {"eth_call", {json::object{{"to", address_text(to)}, {"data", hex_text(data)}}}};
}

std::optional<u256> word_at(const RpcAnswer& answer, std::size_t index) {
  if (!answer) return std::nullopt;
  const auto bytes = bytes_of(*answer);
  if (!bytes || bytes->size() < (index + 1) * abi::word_bytes) return std::nullopt;
  return load_be(bytes->data() + index * abi::word_bytes);
}

std::optional<gantry_address> address_at(const RpcAnswer& answer, std::size_t index) {
  const auto word = word_at(answer, index);
  std::array<std::uint8_t, abi::word_bytes> bytes{};
  if (!word) return std::nullopt;
  store_be(*word, bytes.data());
  return evm_address(std::span(bytes).last(abi::address_bytes));
}

bool same_address(const gantry_address& a, const gantry_address& b) { return AddressEqual{}(a, b); }

bool bit_of(const u256& word, unsigned bit) {
  return (word.limb(bit / 64) >> (bit % 64) & 1U) != 0;
}

// amount * parts / whole, rounded up.
u256 share_of(const u256& amount, const u256& parts, std::uint64_t whole) {
  u256 out;
  return mul_div_ceil(amount, parts, u256(whole), out) ? out : u256::max();
}

}  // namespace

bool Lenders::knows(const gantry_address& token) const {
  return std::ranges::any_of(
      tokens_, [&](const TokenBooks& books) { return same_address(books.token, token); });
}

bool Lenders::want(const gantry_address& token) {
  if (knows(token)) return false;
  tokens_.push_back({token, u256(), std::vector<Book>(settings_.size())});
  return true;
}

std::vector<std::pair<gantry_address, u256>> Lenders::own() const {
  std::vector<std::pair<gantry_address, u256>> out;
  for (const TokenBooks& books : tokens_) out.emplace_back(books.token, books.own);
  return out;
}

void Lenders::take(const Lenders& other) {
  for (const TokenBooks& theirs : other.tokens_) {
    const auto ours = std::ranges::find_if(
        tokens_, [&](const TokenBooks& books) { return same_address(books.token, theirs.token); });
    if (ours != tokens_.end()) {
      *ours = theirs;
    } else {
      tokens_.push_back(theirs);
    }
  }
}

// Three calls a lender, whatever it is: the answers to what a kind does not have are not looked at.
Status Lenders::learn(Providers& providers, const Head& head, TokenBooks& token) {
  std::vector<RpcCall> calls;
  std::vector<std::size_t> which;
  const auto add = [&](std::size_t lender, RpcCall call) {
    calls.push_back(std::move(call));
    which.push_back(lender);
  };
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    const LenderSettings& lender = settings_[i];
    if (!lender.enabled || token.books[i].asked) continue;
    switch (lender.source) {
      case LenderKind::aave_v3:
        add(i, view_call(lender.address, "FLASHLOAN_PREMIUM_TOTAL()"));
        add(i, view_call(lender.address, "getReserveData(address)", {&token.token, 1}));
        break;
      case LenderKind::balancer_v2:
        add(i, view_call(lender.address, "getProtocolFeesCollector()"));
        break;
      case LenderKind::balancer_v3:
        token.books[i] = {true, true, lender.address, u256(), true, 0, u256()};
        break;
      case LenderKind::uniswap_v2:
      case LenderKind::uniswap_v3:
        add(i, view_call(lender.address, "token0()"));
        add(i, view_call(lender.address, "token1()"));
        if (lender.source == LenderKind::uniswap_v3) add(i, view_call(lender.address, "fee()"));
        break;
      case LenderKind::dydx_solo:
        for (std::uint64_t market = 0; market < solo_markets_max; ++market) {
          add(i, view_call(lender.address, "getMarketTokenAddress(uint256)", {}, market));
        }
        break;
    }
  }
  if (calls.empty()) return {};
  const RpcOptions options{.deadline = lender_deadline, .pin = head.pin()};
  const auto answers = ask(providers, calls, options);
  if (!answers) return std::unexpected(answers.error());
  for (std::size_t begin = 0; begin < which.size();) {
    std::size_t end = begin;
    while (end < which.size() && which[end] == which[begin]) ++end;
    const std::size_t i = which[begin];
    take_facts(settings_[i], token.token, std::span(*answers).subspan(begin, end - begin),
               token.books[i]);
    begin = end;
  }
  // The vault's fee is its collector's to say.
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    Book& book = token.books[i];
    if (settings_[i].source != LenderKind::balancer_v2 || !book.lends) continue;
    const RpcCall call = view_call(book.holder, "getFlashLoanFeePercentage()");
    const auto fee = ask(providers, {&call, 1}, options);
    if (!fee) return std::unexpected(fee.error());
    const auto parts = word_at(fee->front(), 0);
    book.lends = parts.has_value();
    book.fee_parts = parts.value_or(u256());
    book.holder = settings_[i].address;
  }
  return {};
}

void Lenders::take_facts(const LenderSettings& lender, const gantry_address& token,
                         std::span<const RpcAnswer> answers, Book& book) {
  book.asked = true;
  book.holder = lender.address;
  switch (lender.source) {
    case LenderKind::aave_v3: {
      const auto premium = word_at(answers[0], 0);
      const auto configuration = word_at(answers[1], 0);
      const auto holder = address_at(answers[1], 8);
      if (!premium || !configuration || !holder) break;
      book.fee_parts = *premium;
      book.holder = *holder;
      // Active, not frozen, not paused, flash loans enabled.
      book.lends = bit_of(*configuration, 56) && !bit_of(*configuration, 57) &&
                   !bit_of(*configuration, 60) && bit_of(*configuration, 63);
      return;
    }
    case LenderKind::balancer_v2:
      if (const auto collector = address_at(answers[0], 0)) {
        book.holder = *collector;
        book.lends = true;
        return;
      }
      break;
    case LenderKind::balancer_v3:
      return;
    case LenderKind::uniswap_v2:
    case LenderKind::uniswap_v3: {
      const auto token0 = address_at(answers[0], 0);
      const auto token1 = address_at(answers[1], 0);
      if (!token0 || !token1) break;
      book.token_is_0 = same_address(*token0, token);
      book.lends = book.token_is_0 || same_address(*token1, token);
      if (lender.source == LenderKind::uniswap_v2) return;
      const auto fee = word_at(answers[2], 0);
      if (!fee) break;
      book.fee_parts = *fee;
      return;
    }
    case LenderKind::dydx_solo:
      for (std::size_t market = 0; market < answers.size(); ++market) {
        const auto known = address_at(answers[market], 0);
        if (!known || !same_address(*known, token)) continue;
        book.market = static_cast<std::uint32_t>(market);
        book.lends = true;
      }
      return;
  }
  book.lends = false;
  spdlog::warn(
      "lender {} ({}) does not answer as one: it lends nothing; check its address in "
      "[[chain.lender]]",
      address_text(lender.address), to_string(lender.source));
}

Status Lenders::read(Providers& providers, const Head& head) {
  std::vector<RpcCall> calls;
  std::vector<u256*> into;
  for (TokenBooks& token : tokens_) {
    if (auto learnt = learn(providers, head, token); !learnt) return learnt;
    calls.push_back(view_call(token.token, "balanceOf(address)", {&executor_, 1}));
    into.push_back(&token.own);
    for (Book& book : token.books) {
      if (!book.lends) continue;
      calls.push_back(view_call(token.token, "balanceOf(address)", {&book.holder, 1}));
      into.push_back(&book.has);
    }
  }
  if (calls.empty()) return {};
  const auto answers = ask(providers, calls, {.deadline = lender_deadline, .pin = head.pin()});
  if (!answers) return std::unexpected(answers.error());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    *into[i] = word_at((*answers)[i], 0).value_or(u256());
  }
  return {};
}

u256 Lenders::fee_of(const LenderSettings& lender, const Book& book, const u256& amount) const {
  switch (lender.source) {
    case LenderKind::aave_v3: {
      // Half up (PercentageMath.percentMul).
      u256 product;
      u256 out;
      if (!mul(amount, book.fee_parts, product) || !add(product, u256(5000), product)) {
        return u256::max();
      }
      return mul_div_floor(product, u256(1), u256(10'000), out) ? out : u256::max();
    }
    case LenderKind::balancer_v2:
      return share_of(amount, book.fee_parts, 1'000'000'000'000'000'000U);
    case LenderKind::balancer_v3:
      return u256();
    case LenderKind::uniswap_v2:
      return share_of(amount, u256(3), 997);
    case LenderKind::uniswap_v3:
      return share_of(amount, book.fee_parts, 1'000'000);
    case LenderKind::dydx_solo:
      return u256(2);
  }
  return u256::max();
}

u256 Lenders::own_of(const gantry_address& token) const {
  for (const TokenBooks& each : tokens_) {
    if (same_address(each.token, token)) return each.own;
  }
  return u256();
}

std::optional<Funding> Lenders::cheapest(const TradeRoute& route, const u256& amount,
                                         const Price& price, const u256& spoken_for) const {
  const auto token = std::ranges::find_if(tokens_, [&](const TokenBooks& books) {
    return same_address(books.token, route.tokens.front());
  });
  if (token == tokens_.end()) return std::nullopt;
  u256 free;
  if (sub(token->own, spoken_for, free) && free >= amount) return Funding{};
  std::optional<Funding> best;
  u256 least = u256::max();
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    const LenderSettings& lender = settings_[i];
    const Book& book = token->books[i];
    const auto is_lender = [&](const gantry_address& one) {
      return same_address(one, lender.address);
    };
    // A pair cannot lend all that it has.
    if (!book.lends || book.has <= amount) continue;
    if (std::ranges::any_of(route.pools, is_lender)) continue;
    // Balancer's vault lets nobody in while it lends. Aave's pool is allowed what it is owed before
    // it lends, and what the route allows it for a liquidation would end that.
    if ((lender.source == LenderKind::balancer_v2 || lender.source == LenderKind::aave_v3) &&
        std::ranges::any_of(route.targets, is_lender)) {
      continue;
    }
    const u256 fee = fee_of(lender, book, amount);
    const std::uint64_t gas = loan_gas(lender.source);
    u256 gas_wei;
    u256 gas_token;
    u256 cost;
    if (!mul(price.gas_price, u256(gas), gas_wei) || price.wei.is_zero() ||
        !mul_div_ceil(gas_wei, price.token, price.wei, gas_token) || !add(fee, gas_token, cost)) {
      continue;
    }
    if (best && cost >= least) continue;
    least = cost;
    executor::FlashLoan loan;
    loan.source = source_of(lender.source);
    loan.lender = lender.address;
    loan.executor = executor_;
    loan.token = token->token;
    loan.amount = amount;
    loan.fee = fee;
    loan.token_is_0 = book.token_is_0;
    loan.solo_market = book.market;
    best = Funding{loan, gas};
  }
  return best;
}

}  // namespace gantry::host
