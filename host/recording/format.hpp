// The layer below records: the file's first bytes, frames, and their checksums. All integers are
// little-endian. docs/recording_format.md is the specification.
#pragma once
#include <array>
#include <boost/crc.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

#include "host/base/result.hpp"
#include "host/recording/records.hpp"

namespace gantry::host::recording {

using ByteView = std::span<const std::uint8_t>;

// A byte above ASCII and both line ends, so that a copy in text mode is noticed at once.
inline constexpr std::array<std::uint8_t, 8> magic = {0x8F, 'g', 'n', 't', 'r', 'y', '\r', '\n'};
inline constexpr std::size_t file_head_bytes = 16;   // magic, version, CRC-32C of both
inline constexpr std::size_t frame_head_bytes = 32;  // see FrameHead
inline constexpr std::size_t record_head_bytes = 8;  // type, flags, two zero bytes, length

// Bounds that are checked before anything is allocated.
inline constexpr std::size_t frame_raw_bytes_max = 16U << 20U;
inline constexpr std::size_t frame_stored_bytes_max = frame_raw_bytes_max;  // else it is stored raw
inline constexpr std::size_t record_bytes_max = frame_raw_bytes_max - record_head_bytes;

inline constexpr std::uint8_t frame_records = 1;     // the only type of frame in version 1
inline constexpr std::uint8_t frame_compressed = 1;  // flag: the payload is one zstd frame
inline constexpr std::uint8_t record_optional = 1;   // flag: who does not know the type may skip it

// Never renumbered, never reused.
enum class RecordType : std::uint8_t {
  header = 1,
  token = 2,
  pool = 3,
  block = 4,
  fact = 5,
  event = 6,
  decision = 7,
  end = 8,
  compiled = 9,
  changes = 10,
  steps = 11,  // blocks, each with its first changes, in a compiled recording
};

struct FrameHead {
  std::uint8_t type = frame_records;
  std::uint8_t flags = 0;
  std::uint32_t stored_bytes = 0;
  std::uint32_t raw_bytes = 0;
  std::uint32_t records = 0;
  std::uint64_t first_record = 0;  // index of its first record: a lost frame is noticed
  std::uint32_t payload_crc = 0;   // CRC-32C of the stored bytes
};

struct RecordHead {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t length = 0;
};

using Crc32c = boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true>;

std::uint32_t crc32c(ByteView bytes);

std::array<std::uint8_t, file_head_bytes> write_file_head(std::uint32_t version);
// Returns the version. Fails with format: not a recording, damaged, or of a newer version.
Result<std::uint32_t> read_file_head(std::span<const std::uint8_t, file_head_bytes> bytes);

std::array<std::uint8_t, frame_head_bytes> write_frame_head(const FrameHead& head);
// Fails with format: its checksum, a bound, an unknown type or flag.
Result<FrameHead> read_frame_head(std::span<const std::uint8_t, frame_head_bytes> bytes);

void write_record_head(const RecordHead& head, Bytes& out);
// `bytes` starts at the record. Fails with format: too short for the head or what it announces.
Result<RecordHead> read_record_head(ByteView bytes);

// One word, at a place that the caller knows to be there.
template <class Word>
void store_word(Word value, std::uint8_t* out) {
  for (std::size_t i = 0; i < sizeof(Word); ++i) {
    out[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

template <class Word>
Word load_word(const std::uint8_t* bytes) {
  Word value = 0;
  for (std::size_t i = 0; i < sizeof(Word); ++i) {
    value = static_cast<Word>(value | static_cast<Word>(static_cast<Word>(bytes[i]) << (8 * i)));
  }
  return value;
}

// LEB128: seven bits a byte, the least significant first.
void write_number(std::uint64_t value, Bytes& out);
// From `at` on, which moves behind it. False: it does not end before `end`, or has more than 64
// bits.
inline bool read_number(const std::uint8_t*& at, const std::uint8_t* end, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at == end) return false;
    const std::uint8_t byte = *at++;
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return shift != 63 || byte <= 1;
  }
  return false;
}

}  // namespace gantry::host::recording
