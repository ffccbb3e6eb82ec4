// A slow decoder of what Uniswap's routers, the universal one too, are called with, written from
// their Solidity sources in the tests' own terms. It shares no code with the product.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evm/pending_scene.hpp"
#include "host/live/chain_text.hpp"

namespace gantry::test {

// What a router's calldata asks for of V2 and of V3; nothing: it reverts, whatever the state.
class RouterReference {
 public:
  std::string v2_factory;
  std::string v2_hash;
  std::string v3_factory;
  std::string v3_hash = "0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54";

  std::optional<std::vector<OrderedSwap>> read(bool v3, const std::string& data,
                                               const Integer& value) const {
    try {
      return read_call(v3, data, value, 0, false);
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }

 private:
  using Swaps = std::vector<OrderedSwap>;
  struct Bad : std::runtime_error {
    Bad() : std::runtime_error("reverts") {}
  };

  static std::size_t small(const Integer& value) {
    if (value > 1'000'000) throw Bad();
    return static_cast<std::size_t>(value);
  }
  // Digits of a word of `digits`, which begin `at` bytes in.
  static Integer at(const std::string& digits, std::size_t bytes) {
    if (digits.size() < 2 * bytes + 64) throw Bad();
    return Integer("0x" + digits.substr(2 * bytes, 64));
  }
  static std::string account(const Integer& value) {
    if (value >> 160 != 0) throw Bad();
    return "0x" + test::word(value).substr(24);
  }
  static std::string from(const std::string& digits, std::size_t bytes) {
    if (digits.size() < 2 * bytes) throw Bad();
    return digits.substr(2 * bytes);
  }
  static std::string keccak(const std::string& digits) {
    const auto hash = host::keccak(to_bytes("0x" + digits));
    return to_hex(hash).substr(2);
  }
  static std::string create2(const std::string& factory, const std::string& salt,
                             const std::string& hash) {
    std::string deployer = factory.substr(2);
    for (char& c : deployer) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return "0x" + keccak("ff" + deployer + salt + hash.substr(2)).substr(24);
  }
  static Integer deadline(const Integer& seconds) {
    const Integer most = (Integer(1) << 64) - 1;
    return seconds > most ? most : seconds == 0 ? Integer(1) : seconds;
  }
  static void check_tokens(const std::string& a, const std::string& b) {
    const std::string zero = "0x" + std::string(40, '0');
    if (a == b || a == zero || b == zero) throw Bad();
  }

  Swaps read_call(bool v3, const std::string& data, const Integer& value, const Integer& until,
                  bool inside) const {
    if (data.size() < 10) return {};
    const std::string selector = data.substr(2, 8);
    const std::string body = data.substr(10);
    if (!inside && (selector == "ac9650d8" || selector == "5ae401dc" || selector == "1f0464d1")) {
      const bool plain = selector == "ac9650d8";
      const std::string list = from(body, small(at(body, plain ? 0 : 32)));
      const Integer limit = selector == "5ae401dc" ? deadline(at(body, 0)) : Integer(0);
      Swaps all;
      const std::string items = from(list, 32);
      const std::size_t count = small(at(list, 0));
      if (items.size() < count * 64) throw Bad();
      for (std::size_t i = 0; i < count; ++i) {
        const std::string item = from(items, small(at(items, 32 * i)));
        const std::size_t size = small(at(item, 0));
        const std::string bytes = from(item, 32);
        if (bytes.size() < 2 * size) throw Bad();
        for (auto& swap : read_call(v3, "0x" + bytes.substr(0, 2 * size), value, limit, true)) {
          all.push_back(swap);
        }
      }
      return all;
    }
    if (!inside && (selector == "24856bc3" || selector == "3593564c")) {
      const bool with_deadline = selector == "3593564c";
      return read_plan(v3, body, with_deadline ? deadline(at(body, 64)) : Integer(0), 1);
    }
    return v3 ? read_v3(selector, body, until) : read_v2(selector, body, value, until, inside);
  }

  static std::string bytes_at(const std::string& digits, const Integer& where) {
    const std::string tail = from(digits, small(where));
    const std::size_t size = small(at(tail, 0));
    const std::string bytes = from(tail, 32);
    if (bytes.size() < 2 * size) throw Bad();
    return bytes.substr(0, 2 * size);
  }

  // Of the Universal Router's Dispatcher.
  Swaps read_plan(bool v3, const std::string& body, const Integer& until, int depth) const {
    const std::string commands = bytes_at(body, at(body, 0));
    const std::string list = from(body, small(at(body, 32)));
    const std::string items = from(list, 32);
    const std::size_t count = small(at(list, 0));
    if (items.size() < count * 64 || commands.size() != 2 * count) throw Bad();
    Swaps all;
    for (std::size_t i = 0; i < count; ++i) {
      const auto command =
          static_cast<unsigned>(std::stoul(commands.substr(2 * i, 2), nullptr, 16)) & 0x7fU;
      const std::string input = bytes_at(items, at(items, 32 * i));
      Swaps some;
      if (command == 0x21 && depth < 4) some = read_plan(v3, input, until, depth + 1);
      if (command == 0 || command == 1 || command == 8 || command == 9) {
        const Integer amount = at(input, 32);
        const Integer limit = at(input, 64);
        at(input, 128);
        if ((command < 8) == v3) some = read_command(command, input, amount, limit, until);
      }
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  Swaps read_command(unsigned command, const std::string& input, const Integer& amount,
                     const Integer& limit, const Integer& until) const {
    const bool exact_in = command % 8 == 0;
    OrderedSwap swap{exact_in, false, exact_in ? amount : limit, exact_in ? limit : amount,
                     until,    {}};
    const bool unknown = amount == 0 || (exact_in && amount == Integer(1) << 255);
    if (command >= 8) {
      const std::string list = from(input, small(at(input, 96)));
      const std::size_t count = small(at(list, 0));
      if (count < 2 || list.size() < 64 * (count + 1)) throw Bad();
      if (unknown || count > 9) return {};
      for (std::size_t i = 0; i + 1 < count; ++i) {
        swap.hops.push_back(
            v2_hop(account(at(list, 32 * (i + 1))), account(at(list, 32 * (i + 2)))));
      }
      return {swap};
    }
    const std::string path = bytes_at(input, at(input, 96));
    const std::size_t size = path.size() / 2;
    if (size < 43) throw Bad();
    const std::size_t hops = (size - 20) / 23;
    if (unknown || hops > 8) return {};
    if (amount >> 255 != 0) throw Bad();
    for (std::size_t i = 0; i < hops; ++i) {
      const std::string left = "0x" + path.substr(46 * i, 40);
      const std::string right = "0x" + path.substr(46 * i + 46, 40);
      const Integer fee("0x" + path.substr(46 * i + 40, 6));
      const OrderedHop hop = exact_in ? v3_hop(left, right, fee) : v3_hop(right, left, fee);
      swap.hops.insert(exact_in ? swap.hops.end() : swap.hops.begin(), hop);
    }
    return {swap};
  }

  OrderedHop v2_hop(const std::string& in, const std::string& out) const {
    check_tokens(in, out);
    const std::string salt = keccak((in < out ? in + out.substr(2) : out + in.substr(2)).substr(2));
    return {create2(v2_factory, salt, v2_hash), in, out};
  }

  Swaps read_v2(const std::string& selector, const std::string& body, const Integer& value,
                const Integer& until, bool inside) const {
    struct Shape {
      bool exact_in;
      bool pays_value;
      bool of_02;
    };
    static const std::map<std::string, Shape> shapes = {
        {"38ed1739", {true, false, false}}, {"8803dbee", {false, false, false}},
        {"7ff36ab5", {true, true, false}},  {"4a25d94a", {false, false, false}},
        {"18cbafe5", {true, false, false}}, {"fb3bdb41", {false, true, false}},
        {"5c11d795", {true, false, false}}, {"b6f9de95", {true, true, false}},
        {"791ac947", {true, false, false}}, {"472b43f3", {true, false, true}},
        {"42712a67", {false, false, true}}};
    const auto found = shapes.find(selector);
    if (found == shapes.end()) return {};
    const Shape& shape = found->second;
    if (inside && !shape.of_02) throw Bad();
    if (!shape.of_02 && !shape.pays_value && value != 0) throw Bad();
    const std::size_t path_at = shape.pays_value ? 32 : 64;
    const Integer first = at(body, 0);
    const Integer second = shape.pays_value ? value : at(body, 32);
    const std::string list = from(body, small(at(body, path_at)));
    account(at(body, path_at + 32));
    OrderedSwap swap{shape.exact_in, false, 0, 0, until, {}};
    if (!shape.of_02) swap.deadline_s = deadline(at(body, path_at + 64));
    const bool turned = shape.pays_value && shape.exact_in;
    const Integer exact = turned ? second : first;
    const Integer limit = turned ? first : second;
    swap.amount_in = shape.exact_in ? exact : limit;
    swap.amount_out = shape.exact_in ? limit : exact;
    const std::size_t count = small(at(list, 0));
    if (count < 2 || list.size() < 64 * (count + 1)) throw Bad();
    if (exact == 0 || count > 9) return {};
    for (std::size_t i = 0; i + 1 < count; ++i) {
      swap.hops.push_back(v2_hop(account(at(list, 32 * (i + 1))), account(at(list, 32 * (i + 2)))));
    }
    return {swap};
  }

  OrderedHop v3_hop(const std::string& in, const std::string& out, const Integer& fee) const {
    check_tokens(in, out);
    const std::string& low = in < out ? in : out;
    const std::string& high = in < out ? out : in;
    const std::string salt = keccak(address_word(low) + address_word(high) + test::word(fee));
    return {create2(v3_factory, salt, v3_hash), in, out};
  }

  Swaps read_v3(const std::string& selector, const std::string& body, const Integer& until) const {
    struct Shape {
      bool exact_in;
      bool single;
      bool of_02;
    };
    static const std::map<std::string, Shape> shapes = {
        {"414bf389", {true, true, false}},  {"c04b8d59", {true, false, false}},
        {"db3e2198", {false, true, false}}, {"f28c0498", {false, false, false}},
        {"04e45aaf", {true, true, true}},   {"b858183f", {true, false, true}},
        {"5023b4df", {false, true, true}},  {"09b81346", {false, false, true}}};
    const auto found = shapes.find(selector);
    if (found == shapes.end()) return {};
    const Shape& shape = found->second;
    const std::string fields = shape.single ? body : from(body, small(at(body, 0)));
    std::size_t next = shape.single ? 96 : 32;
    account(at(fields, next));
    OrderedSwap swap{shape.exact_in, false, 0, 0, until, {}};
    if (!shape.of_02) swap.deadline_s = deadline(at(fields, next += 32));
    const Integer exact = at(fields, next += 32);
    const Integer limit = at(fields, next += 32);
    if (exact >> 255 != 0) throw Bad();
    swap.amount_in = shape.exact_in ? exact : limit;
    swap.amount_out = shape.exact_in ? limit : exact;
    if (shape.single) {
      const Integer fee = at(fields, 64);
      const Integer price = at(fields, next += 32);
      if (fee >> 24 != 0 || price >> 160 != 0) throw Bad();
      swap.may_stop = price != 0;
      swap.hops.push_back(v3_hop(account(at(fields, 0)), account(at(fields, 32)), fee));
    } else {
      const std::string path = from(fields, small(at(fields, 0)));
      const std::size_t size = small(at(path, 0));
      const std::string bytes = from(path, 32);
      if (bytes.size() < 2 * size || size < 43 || (size - 20) % 23 != 0) throw Bad();
      if (size > 20 + 8 * 23) return {};
      for (std::size_t i = 0; i + 20 < size; i += 23) {
        const std::string left = "0x" + bytes.substr(2 * i, 40);
        const std::string right = "0x" + bytes.substr(2 * i + 46, 40);
        const Integer fee("0x" + bytes.substr(2 * i + 40, 6));
        const OrderedHop hop = shape.exact_in ? v3_hop(left, right, fee) : v3_hop(right, left, fee);
        swap.hops.insert(shape.exact_in ? swap.hops.end() : swap.hops.begin(), hop);
      }
    }
    return exact == 0 ? Swaps{} : Swaps{swap};
  }
};

}  // namespace gantry::test
