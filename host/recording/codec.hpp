// Records to bytes and back, and the rules that hold between records. Writer and reader use the
// same rules, so that nothing is written that cannot be read.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/base/result.hpp"
#include "host/recording/format.hpp"
#include "host/recording/records.hpp"

namespace gantry::host::recording {

// What must be remembered of the records so far: what may follow, and what handles mean.
class Sequence {
 public:
  // Fails with limit (a bound) or internal (an order, handle or value that cannot be).
  [[nodiscard]] Status check(const Record& record) const;
  // After check(). `encoded` is the whole record, head included.
  void add(const Record& record, ByteView encoded);
  // An optional record of an unknown type: it is part of the digest, and of nothing else.
  void add_unknown(ByteView encoded);
  // More bytes of a record that was added: those that were not known yet.
  void digest(ByteView encoded);

  [[nodiscard]] const std::vector<gantry_address>& pool_addresses() const { return pools_; }
  // What End has to say now.
  [[nodiscard]] End end() const;
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] std::optional<std::uint64_t> open_block() const { return open_block_; }
  [[nodiscard]] bool compiled() const { return compiled_; }
  // The newest, and the one before it; what a step says is what differs. Zeros: there was none.
  [[nodiscard]] const Block& last_block() const { return last_block_; }
  [[nodiscard]] const Block& block_before() const { return block_before_; }

 private:
  struct Checker;

  std::vector<gantry_address> pools_;
  End counts_;
  std::uint64_t digest_ = 0;  // CRC-64/XZ
  std::optional<std::uint64_t> open_block_;
  Block last_block_;
  Block block_before_;
  std::uint64_t records_ = 0;
  bool compiled_ = false;
  bool ended_ = false;
};

// Appends the record, head included. It has passed sequence.check().
void encode(const Record& record, const Sequence& sequence, Bytes& out);

// A record of a known type, from its payload. Every length is checked against what is there before
// it is used. Fails with format. sequence.check() is the caller's.
Result<Record> decode(RecordType type, ByteView payload, const Sequence& sequence);

// A step of a record `steps`: a block and its first changes, said by what differs from `before`,
// the block before it. Both have passed sequence.check(). Appends it without its size.
void encode_step(const Block& block, const Changes& changes, const Block& before, Bytes& out);
struct Step {
  Block block;
  Changes changes;
};
// Fails with format, as decode().
Result<Step> decode_step(ByteView encoded, const Block& before);

}  // namespace gantry::host::recording
