// What the executor on chain is called with: programs of steps, and run() around them.
// contracts/Executor.sol follows what is written here; docs/executor.md describes the bytes.
//
// UNITS    Amounts: 256-bit, smallest unit. Offsets and sizes: bytes.
// THREADS  Pure: any.
// ERRORS   `limit`: a size that its field cannot hold. `internal`: parts that do not fit together.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "gantry/abi.h"
#include "gantry/u256.hpp"
#include "host/base/result.hpp"

namespace gantry::host::executor {

using Bytes = std::vector<std::uint8_t>;
using Selector = std::array<std::uint8_t, 4>;

enum class Source : std::uint8_t {
  literal = 0,
  balance = 1,     // the executor's, of `token`, when the step is carried out
  returned = 2,    // the word at `offset` of what the last call returned, of its first 256 bytes
  called_with = 3  // the word at `offset` of the callback's calldata, its selector counted
};

// One term of an amount, as it is known only when its step is carried out.
struct Term {
  Source source = Source::literal;
  u256 number;                         // of a literal
  gantry_address token{};              // of a balance; native: the chain's coin
  std::uint32_t offset = 0;            // of a word
  bool negated = false;                // two's complement, as V3 pools tell what they pay
  bool subtracted = false;             // from the terms before
  std::optional<std::uint32_t> share;  // parts of a million of it, rounded down
};
using Amount = std::vector<Term>;  // their sum; empty: zero

Amount amount_of(const u256& number);
Amount balance_of(const gantry_address& token);
Amount word_called_with(std::uint32_t offset);
Amount word_returned(std::uint32_t offset, bool negated = false);

// An allowance that is given before a call, and taken back after it.
struct Approval {
  gantry_address token{};
  std::optional<gantry_address> spender;  // none: the target
  Amount amount;
};

// Who may call back while a call runs, and the program that is followed then.
struct Callback {
  Selector selector{};
  std::optional<gantry_address> caller;  // none: the target
  std::uint8_t times = 1;                // exactly
  Bytes program;
  // The venue gives the program back: where it is among the call's data, and where in the
  // callback's calldata. A venue that gives nothing back is `kept`: the executor stores the
  // program, which costs about 5,000 gas for each 32 bytes of it, and 22,100 the first time.
  bool kept = false;
  std::uint32_t data_offset = 0;
  std::uint32_t calldata_offset = 0;
};

// An amount that is written over 32 bytes of the data, behind its selector.
struct Patch {
  std::uint32_t offset = 0;
  Amount amount;
};

struct Call {
  gantry_address target{};
  Amount value;  // of the chain's coin
  std::optional<Approval> approval;
  std::optional<Callback> callback;
  Bytes data;
  std::vector<Patch> patches;
};

struct Payment {
  gantry_address token{};  // native: the chain's coin
  gantry_address to{};     // none, with the chain's coin: whoever makes the block
  Amount amount;
};

// What a callback returns to its caller.
struct Answer {
  Bytes data;
};

using Step = std::variant<Call, Payment, Answer>;

Result<Bytes> encode_program(std::span<const Step> steps);

enum class Settle : std::uint8_t {
  keep = 0,       // what was gained stays in the executor
  send_gain = 1,  // it goes to the owner
  send_all = 2    // so does what was there before
};

// What has to have become of a token by the end: no less than `least` more than there was, or with
// `may_lose` no more than `least` less.
struct Settlement {
  gantry_address token{};  // native: the chain's coin
  u256 least;
  bool may_lose = false;
  Settle settle = Settle::send_gain;
};

struct Run {
  u256 deadline_s;  // chain time
  std::vector<Settlement> settlements;
  Bytes program;
};

// Calldata of run(uint256,(address,int256,uint8)[],bytes).
Result<Bytes> encode_run(const Run& run);

// Puts a program where a call's data end with an empty `bytes` argument, as in a V3 pool's swap()
// without one: sets the length, which is the last word, and appends. Returns where it begins.
Result<std::uint32_t> append_program(Bytes& data, std::span<const std::uint8_t> program);

}  // namespace gantry::host::executor
