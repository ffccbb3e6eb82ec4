// What a pool's code says of its variant. A pool is asked once for the hash of its code; where the
// operator names the implementation behind a minimal proxy, that one is asked for its hash, too.
//
//   contradicts       no contract, no proxy of the named implementation, another code than the
//                     metadata pin, or the code of another variant: refused by name
//   fits              the code is one that this plugin was compared with, or the one that is pinned
//   by_version_alone  of later generations each pool's code carries its own immutables; version()
//                     is asked, too, and refused where it is another
//   by_name_alone     nothing can be checked, and the log says so
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "plugins/dex/curve/variant.hpp"
#include "plugins/dex/evm/address.hpp"

namespace gantry::curve {

// Tags, and bits of `seen`, after those of the questions.
inline constexpr std::uint32_t tag_code = 30;
inline constexpr std::uint32_t tag_implementation_code = 31;

// Of code that does not depend on the pool: the source and compiler that the recorded answers in
// tests/plugins/curve name, where a test compares the two. Of so many coins.
struct KnownCode {
  std::string_view variant;
  std::uint32_t coins = 0;
  std::string_view hash;
};
inline constexpr std::array<KnownCode, 5> known_codes{{
    {"3pool", 3, "0x954a1e212c557c85043985931498ffa3e2fcbe7dfe9cd61513f36eb47d6f4dfc"},
    {"factory_plain2", 2, "0x71b6761352b447f2628386afe53224ad41bd523c54714178a60239ad5a1435ed"},
    {"factory_plain", 3, "0x7d17ad8706f7018dc420b21b4f1d81d46eb5c7a350cbfdd903e884472145cf0b"},
    {"factory_plain", 4, "0xbcabaa93a568d1c9d441d5e3314d71f7f1bba0b9984c42304efc3c11eef3fb06"},
    {"factory_meta", 2, "0xe7d60bb77eabe6b153db10a7b5bca3453de695533a254b53d2bebe3dd6853114"},
}};

// Of an account without code.
inline constexpr evm::Topic no_code{
    0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03, 0xc0,
    0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70};

// Chunk 1: what open_pool() was told of the code, for apply(), which is not told. Never changes.
struct Identity {
  static constexpr std::uint32_t has_pin = 1;
  static constexpr std::uint32_t has_implementation = 2;
  // EIP-1167, and what Vyper made of create_forwarder_to() before it took that over, twice.
  static constexpr std::size_t proxy_forms = 3;

  std::uint32_t flags;
  std::uint32_t coins;
  evm::Topic pin;                               // of the implementation, where there is one
  std::array<evm::Topic, proxy_forms> proxies;  // hashes of minimal proxies of it

  bool pins() const noexcept { return (flags & has_pin) != 0; }
  bool is_proxy() const noexcept { return (flags & has_implementation) != 0; }
  // The bits of `seen` that its answers set.
  std::uint32_t awaited() const noexcept {
    return (1U << tag_code) | (is_proxy() ? 1U << tag_implementation_code : 0U);
  }
};

// The code hashes that minimal proxies of `implementation` have.
inline std::array<evm::Topic, Identity::proxy_forms> proxies_of(
    const gantry_address& implementation) noexcept {
  struct Form {
    std::string_view before;
    std::string_view after;
  };
  using namespace std::string_view_literals;
  static constexpr Form forms[Identity::proxy_forms] = {
      {"\x36\x3d\x3d\x37\x3d\x3d\x3d\x36\x3d\x73"sv,
       "\x5a\xf4\x3d\x82\x80\x3e\x90\x3d\x91\x60\x2b\x57\xfd\x5b\xf3"sv},
      {"\x36\x60\x00\x60\x00\x37\x61\x10\x00\x60\x00\x36\x60\x00\x73"sv,
       "\x5a\xf4\x60\x2c\x57\x60\x00\x80\xfd\x5b\x61\x10\x00\x60\x00\xf3"sv},
      {"\x36\x60\x00\x60\x00\x37\x61\x10\x00\x60\x00\x36\x60\x00\x73"sv,
       "\x5a\xf4\x15\x58\x57\x61\x10\x00\x60\x00\xf3"sv},
  };
  const auto bytes = [](std::string_view text) {
    return std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  };
  std::array<evm::Topic, Identity::proxy_forms> hashes{};
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    evm::Keccak256 hash;
    hash.update(bytes(forms[i].before));
    hash.update({implementation.bytes, evm::address_bytes});
    hash.update(bytes(forms[i].after));
    hashes[i] = hash.digest();
  }
  return hashes;
}

inline const KnownCode* find_code(const evm::Topic& hash) noexcept {
  for (const KnownCode& known : known_codes) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    bool same = true;
    for (std::size_t i = 0; same && i < hash.size(); ++i) {
      same = hash[i] == digit(known.hash[2 + 2 * i]) * 16 + digit(known.hash[3 + 2 * i]);
    }
    if (same) return &known;
  }
  return nullptr;
}

// A line for the log, made where nothing may be allocated; what does not fit is cut off.
class Line {
 public:
  Line& operator<<(std::string_view text) noexcept {
    const std::size_t fits = std::min(text.size(), text_.size() - size_);
    std::copy_n(text.data(), fits, text_.data() + size_);
    size_ += fits;
    return *this;
  }
  Line& operator<<(std::uint32_t number) noexcept {
    char digits[10];
    std::size_t at = sizeof(digits);
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    return *this << std::string_view(digits + at, sizeof(digits) - at);
  }
  Line& hex(std::span<const std::uint8_t> bytes) noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    *this << "0x";
    for (const std::uint8_t byte : bytes) {
      *this << digits.substr(byte >> 4U, 1) << digits.substr(byte & 15U, 1);
    }
    return *this;
  }
  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 480> text_{};
  std::size_t size_ = 0;
};

// What an answer about the code comes to.
enum class Finding : std::uint8_t { fits, by_version_alone, by_name_alone, contradicts };

// Of the code that does the arithmetic: the pool's own, or the implementation's behind it.
inline Finding judge_logic(const Identity& identity, const Variant& named, const evm::Topic& hash,
                           Line& line) noexcept {
  const KnownCode* known = find_code(hash);
  if (known != nullptr && (known->variant != named.name || known->coins != identity.coins)) {
    line << "its code (hash ";
    line.hex(hash) << ") is that of the variant '" << known->variant << "' with " << known->coins
                   << " coins, and it is listed as '" << named.name << "' with " << identity.coins
                   << ": correct its metadata";
    return Finding::contradicts;
  }
  if (identity.pins() && identity.pin != hash) {
    line << "its code has the hash ";
    line.hex(hash) << ", and its metadata say code_hash=";
    line.hex(identity.pin) << ": it is not the contract that was meant";
    return Finding::contradicts;
  }
  if (known != nullptr || identity.pins()) return Finding::fits;
  const bool has_version = !named.version.empty();
  line << "variant '" << named.name << "' is "
       << (has_version ? "what version() says, and its code is not verified: "
                       : "named by the operator, not verified: ")
       << "code_hash=";
  line.hex(hash) << " in its metadata pins the code that it has";
  return has_version ? Finding::by_version_alone : Finding::by_name_alone;
}

// The answer with `tag`. What is wrong, or not known, is written to `line`.
inline Finding judge_code(const Identity& identity, const Variant& named, std::uint32_t tag,
                          const evm::Topic& hash, Line& line) noexcept {
  const bool of_pool = tag == tag_code;
  if (hash == no_code) {
    line << (of_pool
                 ? "there is no contract at its address: correct the list of pools"
                 : "there is no contract at the implementation's address: correct its metadata");
    return Finding::contradicts;
  }
  if (!of_pool || !identity.is_proxy()) return judge_logic(identity, named, hash, line);
  if (std::ranges::find(identity.proxies, hash) != identity.proxies.end()) return Finding::fits;
  line << "its code (hash ";
  line.hex(hash) << ") is no minimal proxy of the implementation that its metadata name: "
                    "correct or leave out implementation=0x...";
  return Finding::contradicts;
}

}  // namespace gantry::curve
