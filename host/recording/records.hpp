// What a recording holds: the bytes that came in, and the host's own decisions, in the order in
// which they happened. docs/recording_format.md says how each is laid out on disk.
//
// UNITS      Amounts are 256-bit in the smallest unit. Times are seconds of the chain's clock.
// OWNERSHIP  Every record owns its bytes: it stays valid when the reader goes on.
#pragma once
#include <gantry/state.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gantry::host::recording {

using Bytes = std::vector<std::uint8_t>;

// Named bounds. The writer refuses what is above them, so the reader may too.
inline constexpr std::size_t text_bytes_max = 64;          // chain, creator, symbol, venue
inline constexpr std::size_t provenance_bytes_max = 1024;  // one line
inline constexpr std::size_t tokens_max = 1U << 20U;       // handles are dense: memory is bounded
inline constexpr std::size_t pools_max = 1U << 20U;
inline constexpr std::size_t pool_tokens_max = 64;
inline constexpr std::size_t spec_bytes_max = 1U << 16U;
inline constexpr std::size_t topics_max = 4;                 // an EVM log has at most four
inline constexpr std::size_t fact_bytes_max = 12U << 20U;    // a Solana account has at most 10 MiB
inline constexpr std::size_t payload_bytes_max = 1U << 20U;  // of an event or a decision

inline constexpr std::size_t compiled_by_bytes_max = 1U << 16U;

inline constexpr std::uint32_t format_version = 1;
inline constexpr std::uint32_t compiled_version = 2;
inline constexpr std::uint32_t no_pool = 0xFFFFFFFFU;  // a fact that belongs to no pool (an oracle)

// The first record, once.
struct Header {
  std::uint32_t version = format_version;
  std::string chain;       // CAIP-2, as "eip155:1"
  std::string provenance;  // one line: what is real, what is synthetic
  std::string creator;     // program and version that wrote it
};

// Its handle is its order of appearance among the tokens, from 0.
struct Token {
  gantry_address address{};
  std::string symbol;  // printable ASCII: whoever writes it made it so
  std::uint8_t decimals = 0;
};

// Its handle is its order of appearance among the pools, from 0.
struct Pool {
  std::string venue;  // the name of a [[dex]] instance, as "uniswap_v2"
  gantry_address address{};
  std::vector<std::uint32_t> tokens;  // handles of tokens that came before
  Bytes spec;                         // the venue's own description; may be empty
};

// Opens a block (slot): the facts after it, up to the next, are of this block, and together they
// make one snapshot.
struct Block {
  std::uint64_t number = 0;
  std::uint64_t time_s = 0;
  gantry_amount base_fee{};                // wei per gas; 0 where the chain has none
  std::optional<gantry_amount> gas_price;  // wei per gas, when it was observed
};

// Where the bytes came from. On disk as in the ABI, which never renumbers.
enum class FactKind : std::int32_t {
  evm_call = GANTRY_SOURCE_EVM_CALL,
  evm_storage = GANTRY_SOURCE_EVM_STORAGE,
  evm_log = GANTRY_SOURCE_EVM_LOG,
  solana_account = GANTRY_SOURCE_SOLANA_ACCOUNT,
  http = GANTRY_SOURCE_HTTP,
  evm_code_hash = GANTRY_SOURCE_EVM_CODE_HASH,
};

// Exactly the bytes that a provider gave.
struct Fact {
  std::uint32_t pool = no_pool;
  FactKind kind = FactKind::evm_call;
  std::uint32_t tag = 0;        // the tag of the request it answers
  std::uint32_t log_index = 0;  // within the block, for logs
  gantry_address source{};      // the contract or account; GANTRY_ADDRESS_NONE for HTTP
  Bytes topics;                 // whole words of 32 bytes, for logs
  Bytes data;
  gantry_status status = GANTRY_OK;  // or GANTRY_REFUSED: a revert, whose bytes are in data
};

// A sequenced input that is not state: a pending swap, a fill, a change of a breaker.
struct Event {
  std::int32_t kind = 0;
  Bytes payload;
};

enum class DecisionKind : std::int32_t {
  delivered = 1,   // the strategy was given the snapshot
  skipped = 2,     // the snapshot was superseded before the strategy was free
  batch = 3,       // the strategy completed the snapshot; their order is the order of completion
  verdict = 4,     // a deadline: payload is the verdict
  plugin_set = 5,  // the plugins from this snapshot on, 0: from the start
  risk = 6,        // what the risk book was told from outside before a group
  fill = 7,        // what became of an executed trade, as told before a group
};

// What the host decided, which replay obeys.
struct Decision {
  DecisionKind kind = DecisionKind::delivered;
  std::uint32_t strategy = 0;  // index within the current plugin set
  std::uint64_t snapshot = 0;  // number of the block
  Bytes payload;
};

// The last record: without it the recording is cut.
struct End {
  std::uint64_t tokens = 0;
  std::uint64_t pools = 0;
  std::uint64_t blocks = 0;
  std::uint64_t facts = 0;
  std::uint64_t events = 0;
  std::uint64_t decisions = 0;
  std::uint64_t digest = 0;  // CRC-64/XZ of every record before this one, uncompressed
};

// Right behind the header of a compiled recording, once: its blocks have changes of pools' states
// in the place of pools' facts.
struct Compiled {
  std::uint32_t version = compiled_version;
  Bytes source;          // SHA-256 of the file that it was made of, 32 bytes
  std::string venues{};  // whose changes they are: lines, see host/market/compiled_by.hpp
};

// What facts of the open block did to pools' states: whole changes, laid out as in
// host/market/state_changes.hpp. A block may have several.
struct Changes {
  std::uint32_t facts = 0;  // of the source, in whose place it stands
  std::uint64_t check = 0;  // of the states after it, 32 bits
  Bytes bytes{};
};

using Record =
    std::variant<Header, Token, Pool, Block, Fact, Event, Decision, End, Compiled, Changes>;

}  // namespace gantry::host::recording
