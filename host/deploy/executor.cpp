#include "host/deploy/executor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/base/text.hpp"
#include "host/live/pool_list.hpp"
#include "host/plan/abi_words.hpp"
#include "host/sign/rlp.hpp"

namespace gantry::host::deploy {
namespace {

constexpr std::size_t watched_max = 64;  // the contract's own bound
constexpr std::uint32_t decimals_max = 77;

Bytes with_selector(std::string_view signature) {
  const auto selector = selector_of(signature);
  Bytes data;
  data.reserve(selector.size() + 2 * abi::word_bytes);
  for (const std::uint8_t byte : selector) data.push_back(byte);
  return data;
}

Bytes token_and_amount(std::string_view signature, const gantry_address& token,
                       const u256& amount) {
  Bytes data = with_selector(signature);
  abi::append_address(data, token);
  abi::append_word(data, amount);
  return data;
}

TriedCall read_of(const gantry_address& target, Bytes data) {
  return {.from = {}, .to = target, .value = {}, .data = std::move(data)};
}

Bytes data_with(std::string_view signature, std::initializer_list<gantry_address> arguments) {
  Bytes data = with_selector(signature);
  for (const gantry_address& one : arguments) abi::append_address(data, one);
  return data;
}

std::optional<u256> word_of(const std::optional<Bytes>& answer) {
  if (!answer || answer->size() < abi::word_bytes) return std::nullopt;
  return load_be(answer->data());
}

// A word whose first 12 bytes are zero.
std::optional<gantry_address> address_in(std::span<const std::uint8_t> word) {
  if (word.size() < abi::word_bytes) return std::nullopt;
  constexpr std::size_t zeros = abi::word_bytes - abi::address_bytes;
  if (std::ranges::any_of(word.first(zeros), [](std::uint8_t byte) { return byte != 0; })) {
    return std::nullopt;
  }
  sign::EvmAddress address{};
  std::ranges::copy(word.subspan(zeros, abi::address_bytes), address.begin());
  return sign::to_gantry(address);
}

TokenInfo token_info(const gantry_address& token, const std::optional<Bytes>& decimals,
                     const std::optional<Bytes>& symbol) {
  TokenInfo out{.address = token, .symbol = "?", .decimals = 0};
  const auto number = word_of(decimals);
  if (number && *number <= u256(decimals_max)) {
    out.decimals = static_cast<std::uint32_t>(number->limb(0));
  }
  if (symbol) out.symbol = symbol_of(*symbol);
  return out;
}

Result<u256> amount_said(ChainReads& chain, const gantry_address& token, Bytes data,
                         std::string_view what) {
  const auto answer = chain.call(read_of(token, std::move(data)));
  if (!answer && answer.error().kind != ErrorKind::not_found) {
    return std::unexpected(answer.error());
  }
  const auto amount = answer ? word_of(*answer) : std::nullopt;
  if (amount) return *amount;
  return fail(ErrorKind::not_found,
              fmt::format("{} does not say its {}: it is no token", address_text(token), what));
}

}  // namespace

std::string hex_digits(const u256& number) {
  std::array<std::uint8_t, abi::word_bytes> bytes{};
  store_be(number, bytes.data());
  const std::string all = hex_text(bytes).substr(2);
  const auto first = all.find_first_not_of('0');
  return first == std::string::npos ? "0" : all.substr(first);
}

Bytes creation_data(const gantry_address& owner) {
  const auto code = executor_creation_code();
  Bytes data(code.begin(), code.end());
  abi::append_address(data, owner);
  return data;
}

Bytes fund_data(const gantry_address& token, const u256& amount) {
  return token_and_amount("fund(address,uint256)", token, amount);
}

Bytes withdraw_data(const gantry_address& token, const u256& amount) {
  return token_and_amount("withdraw(address,uint256)", token, amount);
}

// keccak256(rlp(account, nonce)), its last 20 bytes (the Yellow Paper's equation 88).
sign::EvmAddress created_address(const sign::EvmAddress& account, std::uint64_t nonce) {
  const std::size_t payload = sign::rlp::size_of(account) + sign::rlp::size_of(u256(nonce));
  Bytes bytes(sign::rlp::list_header_size(payload) + payload);
  sign::rlp::Writer writer(bytes);
  writer.list(payload);
  writer.text(account);
  writer.number(u256(nonce));
  const Hash32 hash = keccak_of(bytes);
  sign::EvmAddress out{};
  std::copy(hash.end() - static_cast<std::ptrdiff_t>(out.size()), hash.end(), out.begin());
  return out;
}

std::string_view to_string(CodeFound code) {
  switch (code) {
    case CodeFound::none:
      return "none";
    case CodeFound::matches:
      return "matches";
    case CodeFound::differs:
      return "differs";
  }
  return "?";
}

Result<CodeFound> executor_code_at(ChainReads& chain, const gantry_address& executor,
                                   const gantry_address& owner) {
  const auto there = chain.code(executor);
  if (!there) return std::unexpected(there.error());
  if (there->empty()) return CodeFound::none;
  const auto made =
      chain.call({.from = owner, .to = {}, .value = {}, .data = creation_data(owner)});
  if (!made) return std::unexpected(made.error());
  return *made == *there ? CodeFound::matches : CodeFound::differs;
}

Result<gantry_address> owner_of(ChainReads& chain, const gantry_address& executor) {
  const auto answer = chain.call(read_of(executor, with_selector("owner()")));
  if (!answer && answer.error().kind != ErrorKind::not_found) {
    return std::unexpected(answer.error());
  }
  const auto owner =
      answer && answer->size() == abi::word_bytes ? address_in(*answer) : std::nullopt;
  if (owner) return *owner;
  return fail(ErrorKind::not_found,
              fmt::format("{} says no owner: there is no executor at that address of the chain",
                          address_text(executor)));
}

Result<TokenInfo> token_at(ChainReads& chain, const gantry_address& token) {
  const TriedCall calls[] = {read_of(token, with_selector("decimals()")),
                             read_of(token, with_selector("symbol()"))};
  const auto answers = chain.call_many(calls);
  if (!answers) return std::unexpected(answers.error());
  return token_info(token, (*answers)[0], (*answers)[1]);
}

Result<u256> token_balance(ChainReads& chain, const gantry_address& token,
                           const gantry_address& holder) {
  return amount_said(chain, token, data_with("balanceOf(address)", {holder}), "balances");
}

Result<u256> token_allowance(ChainReads& chain, const gantry_address& token,
                             const gantry_address& holder, const gantry_address& spender) {
  return amount_said(chain, token, data_with("allowance(address,address)", {holder, spender}),
                     "allowances");
}

Result<std::vector<Held>> watched_by(ChainReads& chain, const gantry_address& executor) {
  const auto answer = chain.call(read_of(executor, with_selector("watchedTokens()")));
  if (!answer) return std::unexpected(answer.error());
  const auto odd = [&] {
    return fail(ErrorKind::format, fmt::format("{} does not say which tokens it watches: it is no "
                                               "executor of this version",
                                               address_text(executor)));
  };
  // The list's place, its length, and a word for each.
  if (answer->size() < 2 * abi::word_bytes || load_be(answer->data()) != u256(abi::word_bytes)) {
    return odd();
  }
  const u256 count = load_be(answer->data() + abi::word_bytes);
  if (count > u256(watched_max) ||
      answer->size() != (2 + static_cast<std::size_t>(count.limb(0))) * abi::word_bytes) {
    return odd();
  }
  std::vector<gantry_address> tokens;
  for (std::size_t i = 0; i < count.limb(0); ++i) {
    const auto token =
        address_in(std::span(*answer).subspan((2 + i) * abi::word_bytes, abi::word_bytes));
    if (!token) return odd();
    tokens.push_back(*token);
  }
  std::vector<TriedCall> calls;
  for (const gantry_address& token : tokens) {
    calls.push_back(read_of(token, with_selector("decimals()")));
    calls.push_back(read_of(token, with_selector("symbol()")));
    calls.push_back(read_of(token, data_with("balanceOf(address)", {executor})));
  }
  const auto said = chain.call_many(calls);
  if (!said) return std::unexpected(said.error());
  std::vector<Held> out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    out.push_back(
        {token_info(tokens[i], (*said)[3 * i], (*said)[3 * i + 1]), word_of((*said)[3 * i + 2])});
  }
  return out;
}

}  // namespace gantry::host::deploy
